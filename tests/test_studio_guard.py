"""Who may speak with the studio's server, and that nothing that is sent brings it down."""

import json
import random
import socket
import time

import psutil
import pytest
from starlette.websockets import WebSocketDisconnect

import audioviz as av
from audioviz.studio.guard import POLICY
from audioviz.studio.messages import LONGEST, REQUESTS
from audioviz.studio.outbox import Outbox, key_of, sent
from audioviz.studio.session import Session
from tests.studio_page import studio_process
from tests.studio_server import ADDRESS, PORT, TOKEN, client, joined, page, song_file


@pytest.fixture
def session(tmp_path):
    return Session(av.Project(song_file(tmp_path / "song.wav")))


@pytest.mark.parametrize(
    ("path", "headers", "status", "line"),
    [
        (f"/{TOKEN}/", {"host": "music.example"}, 403, "this server answers at 127.0.0.1 alone"),
        (f"/{TOKEN}/", {"host": f"127.0.0.1:{PORT + 1}"}, 403, "this server answers at 127.0.0.1 alone"),
        (f"/{TOKEN}/", {"origin": "http://music.example"}, 403, "a page of another site cannot ask"),
        (f"/{TOKEN}/", {"origin": "null"}, 403, "a page of another site cannot ask"),
        ("/", {}, 404, "open the address that the terminal shows"),
        ("/wrong/", {}, 404, "open the address that the terminal shows"),
        ("/page/main.js", {}, 404, "open the address that the terminal shows"),
        (f"/{TOKEN}x/page/main.js", {}, 404, "open the address that the terminal shows"),
        (f"//{TOKEN}/", {}, 404, "open the address that the terminal shows"),
        ("/%ff%00/", {}, 404, "open the address that the terminal shows"),
    ],
)
def test_strangers_are_refused_in_one_line(session, path, headers, status, line):
    with client(session) as http:
        answer = http.get(f"{ADDRESS}{path}", headers=headers)
        assert answer.status_code == status and line in answer.text and answer.text.count("\n") == 1


def test_nothing_beside_the_page_is_served(session):
    with client(session) as http:
        for path in ("page/../app.py", "page/%2e%2e/app.py", "page/..%2fapp.py", "page//etc/passwd", "app.py"):
            assert http.get(f"/{TOKEN}/{path}").status_code == 404
        assert http.post(f"/{TOKEN}/").status_code == 405


def test_every_answer_says_what_its_page_may_do(session):
    with client(session) as http:
        for path in (f"/{TOKEN}/", f"/{TOKEN}/page/main.js", "/wrong"):
            headers = http.get(path).headers
            assert headers["content-security-policy"] == POLICY
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert http.get(f"/{TOKEN}/", headers={"host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [(f"127.0.0.1:{PORT}", "http://music.example"), (f"127.0.0.1:{PORT}", None), ("music.example", ADDRESS)],
)
def test_a_page_of_another_site_gets_no_socket_and_uploads_nothing(session, tmp_path, host, origin):
    headers = {"host": host} | ({"origin": origin} if origin else {})
    with client(session) as http:
        del http.headers["origin"]
        with (
            pytest.raises(WebSocketDisconnect),
            http.websocket_connect(f"ws://127.0.0.1:{PORT}/{TOKEN}/ws", headers=headers),
        ):
            pass
        assert http.put(f"/{TOKEN}/upload?name=a.wav", content=b"x", headers=headers).status_code == 403
    assert [file.name for file in tmp_path.iterdir()] == ["song.wav"]


def bad_messages():
    """What a page should never send: systematic for each field, then at random from a seed."""
    yield from ("", "{", "nonsense", "[]", "null", "3", '"text"', '{"id": 1, "id": 2', "\x00", '{"a": "\\ud800"}')
    yield from ("[" * 100_000, '{"id": 1, "do": ' + "[" * 3000 + "]" * 3000 + "}", "9" * 10_000, '{"id": 1e999}')
    yield from (" " * (LONGEST + 1), '{"id": 1, "do": "files", "folder": "' + "x" * LONGEST + '"}')
    for number in (None, -1, 1.5, "1", True, [], {}, 2**60, float("nan")):
        yield json.dumps({"id": number, "do": "undo"})
    for do in (None, 1, [], {}, "", "Undo", "chang", "__class__", "close", "x" * 5000):
        yield json.dumps({"id": 1, "do": do})
    yield json.dumps({"id": 1})
    wrong = (
        None,
        0,
        -1,
        1e300,
        True,
        "",
        "x" * 20_000,
        [],
        [[]],
        {},
        {"place": []},
        [{"place": [True]}],
        [1],
    )
    for do in REQUESTS:
        yield json.dumps({"id": 1, "do": do, "surprise": 1})
        yield json.dumps({"id": 1, "do": do, "self": 1})
    good = {"edits": [{"place": ["negative"], "value": "x"}], "name": "change"}
    for value in wrong:
        yield json.dumps({"id": 1, "do": "change", **good, "edits": value})
        yield json.dumps({"id": 1, "do": "change", **good, "name": value or 5})
        yield json.dumps({"id": 1, "do": "save", "over": value if value is not True else "yes"})
        yield json.dumps({"id": 1, "do": "open", "path": value})
        yield json.dumps({"id": 1, "do": "files", "folder": value if value is not None else 7})
        yield json.dumps({"id": 1, "do": "frame", "frame": value if value != 0 else 0.5})
        yield json.dumps({"id": 1, "do": "render", "duration": value if value is not None and value != 1e300 else 0})
    for name in ("song", "fps", "schedule", "lanes", "prompts", "look", "guides", "finish", "version"):
        for value in (None, 5e9, -1, [[]], {"x": 1}, [{}], {"__proto__": {"x": 1}}, {"path": 5}):
            yield json.dumps({"id": 1, "do": "change", "name": "x", "edits": [{"place": [name], "value": value}]})
    chance, words = random.Random(20), ["id", "do", "change", "edits", "place", "value", "look", "negative", 1, -1, 2.5]
    for _ in range(120):
        keys = [str(word) for word in chance.choices(words, k=4)]
        inside = {key: chance.choice([words, {"a": None}, -1, "x"]) for key in keys}
        place = [*chance.choices([*words, None, True, "x" * 900], k=chance.randrange(1, 14)), "nowhere"]
        yield json.dumps({"id": 1, "do": "change", "name": "x", "edits": [{"place": place, **inside}]})


def test_three_hundred_bad_messages_get_one_clear_error_each(session, capsys):
    messages = list(bad_messages())
    assert len(messages) >= 300
    with page(session) as one:
        before = one.state
        for message in messages:
            one.socket.send_text(message)
            reply = one.reply()
            assert reply.keys() in ({"error"}, {"re", "error"}), (message[:200], reply)
            assert reply["error"].strip() and "\n" not in reply["error"] and len(reply["error"]) < 1000
            assert "defect" not in reply["error"], (message[:200], reply)
        one.socket.send_bytes(b"\x00\x01")
        assert one.reply() == {"error": "message: bytes, expected text, a JSON object"}
        assert session.state() == before
        assert one.change("negative", value="grey") == {}
        assert one.state["project"]["negative"] == "grey"
    assert capsys.readouterr().err == ""


def test_a_page_that_does_not_read_is_kept_the_newest_alone():
    outbox = Outbox()
    for number in range(10_000):
        for event in ({"on": "state", "n": number}, {"on": "picture", "frame": number, "of": "preview"}):
            outbox.put(key_of(event), sent(event))
        outbox.put(key_of(b"\x20\x00\x00\x00" + b'{"on": "plan", "n": 1}'), b"%d" % number)
        outbox.put(key_of({"on": "notice"}), "notice")
    waiting = list(outbox._waiting.values())
    assert len(waiting) < 600
    assert waiting.count('{"on":"state","n":9999}') == waiting.count(b"9999") == 1
    pictures = [json.loads(text)["frame"] for text in waiting if '"picture"' in str(text)]
    assert pictures == list(range(9_500, 10_000))


def test_replies_are_never_dropped_and_hold_up_what_is_read(session):
    with client(session) as http, joined(http) as one:
        for number in range(1500):
            one.socket.send_text(json.dumps({"id": number, "do": "redo"}))
        assert [one.reply()["re"] for _ in range(1500)] == list(range(1500))


def test_a_socket_that_is_not_read_costs_the_server_no_memory(tmp_path):
    song_file(tmp_path / "song.wav")
    with studio_process(tmp_path) as (process, address):
        host, token = address.removeprefix("http://").split("/")[:2]
        name, port = host.split(":")
        with socket.create_connection((name, int(port))) as line:
            line.sendall(
                f"GET /{token}/ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            assert b"101" in line.recv(15)
            line.settimeout(0.5)
            payload = json.dumps({"id": 1, "do": "files"}).ljust(120).encode()
            frame = b"\x81\xf8" + bytes(4) + payload  # masked by zeros
            try:
                for _ in range(20):  # 50 MB of replies are asked for
                    line.sendall(frame * 10_000)
            except TimeoutError:
                pass
            else:
                pytest.fail("all was read though nothing was taken")
            time.sleep(0.3)
            assert psutil.Process(process.pid).memory_info().rss < 400e6
