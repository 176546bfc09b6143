"""The studio as a process: it is killed in mid-edit, interrupted, and told of files that other programs write."""

import asyncio
import json
import signal
import socket
import sys
import time

import pytest
from websockets.sync.client import connect

import audioviz as av
from audioviz.command.studio import studio
from audioviz.errors import InputError
from audioviz.studio.session import Session
from audioviz.studio.watching import Watch
from tests.loops import finished
from tests.studio_page import read_errors, studio_process
from tests.studio_server import song_file


def ask(line, number, do, **fields):
    line.send(json.dumps({"id": number, "do": do, **fields}))
    while True:
        message = line.recv(timeout=10)
        if isinstance(message, str) and (reply := json.loads(message)).get("re") == number:
            return reply


def page(address):
    origin = address[: address.index("/", 8)]
    return connect(f"ws{address[4:]}ws", origin=origin, max_size=None)


def first_state(line):
    while True:
        message = line.recv(timeout=10)
        if isinstance(message, str) and (event := json.loads(message)).get("on") == "state":
            return event


def test_killed_in_mid_edit_the_last_autosave_opens_and_ctrl_c_ends_it_at_once_and_quietly(tmp_path):
    song_file(tmp_path / "song.wav")
    kept = tmp_path / "song.autosave.avz"
    with studio_process(tmp_path, "song.wav") as (process, address), page(address) as line:
        number, begun = 0, time.monotonic()
        while not kept.exists():  # within a second where the machine does nothing else
            number += 1
            edits = [{"place": ["negative"], "value": f"edit {number}"}]
            assert "error" not in ask(line, number, "change", edits=edits, name="steer")
            assert time.monotonic() - begun < 10
        process.kill()
        process.wait()
    held = av.load_project(kept).negative
    assert held.startswith("edit ")
    with studio_process(tmp_path, "song.wav") as (process, address), page(address) as line:
        state = first_state(line)
        assert state["autosaved"] and state["project"]["negative"] == ""
        assert "error" not in ask(line, 1, "restore")
        assert "error" not in ask(line, 2, "save")
        assert av.load_project(tmp_path / "song.avz").negative == held
        if sys.platform == "win32":  # which sends no such signal
            return
        ask(line, 3, "change", edits=[{"place": ["negative"], "value": "grey"}], name="steer")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - begun < 3
        assert read_errors(process) == ""
    assert av.load_project(kept).negative == "grey"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.wav"], "gone.wav cannot be read (No such file or directory)"),
        (["gone.avz"], "gone.avz: cannot be read (No such file or directory)"),
        (["song.wav", "other.wav"], "other.wav: expected one song or project, and folders beside it"),
        (["--schedule", "cuts"], "--schedule cuts: expected a song or a project too"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    song_file(tmp_path / "song.wav")
    song_file(tmp_path / "other.wav")
    with pytest.raises(InputError) as refused:
        studio.main([*arguments, "--no-browser"], standalone_mode=False)
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


def test_a_busy_port_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with pytest.raises(InputError, match=f"--port {port}: another program listens there: give another, or none"):
            studio.main(["--no-browser", "--port", port], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "allowed"), [([], False), (["--trust"], True), (["--schedule", "mine.py"], True)]
)
def test_a_script_runs_where_it_is_named_at_the_start(tmp_path, monkeypatch, arguments, allowed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    av.save_project(av.Project(song_file(tmp_path / "song.wav"), schedule="mine.py"), "song.avz")
    served = []
    monkeypatch.setattr("audioviz.studio.serve.serve", lambda session, **_: served.append(session))
    studio.main(["song.avz", *arguments], standalone_mode=False)
    assert served[0].project.schedule.trusted is allowed
    assert served[0].state()["script"] == {"path": "mine.py", "allowed": allowed}


def test_files_that_other_programs_write_are_noticed(tmp_path):
    song, script = song_file(tmp_path / "song.wav"), tmp_path / "mine.py"
    script.write_text("x = 1\n")
    told = []

    async def watched():
        session = Session(av.Project(song, schedule=str(script)))
        watch = Watch(session, lambda: told.append(time.monotonic()))
        work = asyncio.create_task(watch.work())

        async def written(act):
            told.clear()
            for _ in range(40):
                act()
                await asyncio.sleep(0.25)
                if told:
                    return True
            return False

        assert await written(lambda: script.write_text(f"x = {time.monotonic()}\n"))
        new = tmp_path / "new.py"

        def replace():  # as editors save
            new.write_text(f"x = {time.monotonic()}\n")
            new.replace(script)

        assert await written(replace)
        await asyncio.sleep(0.5)
        told.clear()
        (tmp_path / "other.py").write_text("y = 1\n")
        await asyncio.sleep(0.5)
        assert not told
        (tmp_path / "inside").mkdir()
        picture = tmp_path / "inside" / "init.png"
        picture.write_bytes(b"x")
        session.change([{"place": ["guides", "init"], "value": str(picture)}], "init")
        assert await written(lambda: picture.write_bytes(b"y"))
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    finished(watched())
