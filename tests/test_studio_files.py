"""Files of the studio: what the page may see, write and read, and what is kept until it is saved."""

import contextlib
import errno
import os
import sys
import time
from pathlib import Path

import pytest

import audioviz as av
from audioviz.errors import InputError
from audioviz.studio import autosave, uploads
from audioviz.studio.places import Places, clean_name, free_name
from audioviz.studio.session import Session
from tests.studio_server import TOKEN, client, joined, page, song_file


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(autosave, "PAUSE", 0.01)
    monkeypatch.setattr(autosave, "_AGAIN", 0.05)


@pytest.fixture
def song(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    return song_file(folder / "song.wav")


@pytest.fixture
def session(song):
    return Session(av.Project(song))


posix = pytest.mark.skipif(os.name != "posix", reason="links need rights there")


def until(happens, what=""):
    end = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("song.mp3", "song.mp3"),
        ("../../etc/passwd.wav", "passwd.wav"),
        ("C:\\music\\my song.mp3", "my song.mp3"),
        ("a\x00b\nc.wav", "abc.wav"),
        ('who? "me": <1|2>*.ogg', "who me 12.ogg"),
        ("..hidden.wav", "hidden.wav"),
        ("song.wav. . ", "song.wav"),
        ("CON.wav", "_CON.wav"),
        ("com1.tar.mp3", "_com1.tar.mp3"),
        ("e\u0301te\u0301.mp3", "\u00e9t\u00e9.mp3"),
        ("x\u202egpj.wav", "xgpj.wav"),
        ("n" * 300 + ".flac", "n" * 116 + ".flac"),
    ],
)
def test_names_are_cleaned(sent, name):
    assert clean_name(sent) == name


@pytest.mark.parametrize("sent", ["", "/", "..", "\x00", "???", "a/"])
def test_what_is_no_name_is_refused(sent):
    with pytest.raises(InputError, match="expected the name of a file"):
        clean_name(sent)


def test_a_long_name_of_many_bytes_fits_every_disk(tmp_path):
    (tmp_path / clean_name("\U0001f3b5" * 300 + ".mp3")).touch()


@posix
def test_places_end_where_links_lead_out(tmp_path, song):
    (song.parent / "link").symlink_to(tmp_path)
    places = Places([song.parent])
    for text in ("..", "../x.wav", "link/x.wav", "/etc/passwd", str(tmp_path), "a\x00b"):
        with pytest.raises(InputError, match="lies outside of the folders that are open|no such path can be"):
            places.path(text)
    assert places.path("song.wav").resolve() == song.resolve()


def test_files_are_listed_with_their_kinds_and_hidden_ones_left_out(tmp_path):
    for name in ("b.wav", "A.MP3", "x.avz", "x.py", "x.csv", "x.PNG", "x.mp4", "x.lrc", "notes.md", ".secret.wav"):
        (tmp_path / name).touch()
    (tmp_path / "inside").mkdir()
    places = Places([tmp_path])
    found = places.listing()
    kinds = {file["name"]: file["kind"] for file in found["files"]}
    assert list(kinds)[:2] == ["A.MP3", "b.wav"]
    assert kinds == {
        "A.MP3": "song",
        "b.wav": "song",
        "notes.md": "other",
        "x.avz": "project",
        "x.csv": "schedule",
        "x.lrc": "lyrics",
        "x.mp4": "video",
        "x.PNG": "image",
        "x.py": "schedule",
    }
    assert found["folders"] == [str(tmp_path.resolve() / "inside")]
    assert places.listing("inside")["folders"] == [str(tmp_path.resolve())]


def test_the_page_names_no_file_outside(tmp_path, session):
    outside = song_file(tmp_path / "other.wav")
    with page(session) as one:
        begun = one.state["revision"]
        for place in (["song", "path"], ["guides", "init"], ["finish", "font"], ["look", "lora_dir"], ["look", "vae"]):
            assert "lies outside of the folders" in one.change(*place, value=str(outside))["error"]
        for prompts in ([str(outside.with_suffix(".txt"))], ["neon", "../words.lrc"]):
            assert "lies outside of the folders" in one.change("prompts", value=prompts)["error"]
        for path in ("../other.wav", str(outside)):
            assert "lies outside of the folders" in one.ask("open", path=path)["error"]
            assert "lies outside of the folders" in one.ask("save", path=path.replace("wav", "avz"))["error"]
        assert "lies outside of the folders" in one.ask("files", folder="..")["error"]
        (session.folder / "sly.avz").write_text('{"version": 1, "song": {"path": "../other.wav"}}')
        assert "sly.avz: " in (error := one.ask("open", path="sly.avz")["error"]) and "lies outside" in error
        assert one.state["revision"] == begun


def test_a_tilde_behind_a_dot_is_the_home_folder_and_refused(tmp_path, session, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(session.folder)
    with page(session) as one:
        for source in ("~/plan.json", "./~/plan.json", "././~/plan.json"):
            error = one.change("schedule", "source", value=source)["error"]
            assert str(tmp_path / "home" / "plan.json") in error and "lies outside of the folders" in error
        assert one.change("prompts", value=["~nobody-of-this-name dreams"]) == {}


@posix
def test_what_cannot_be_told_or_read_is_left_out_of_a_listing(tmp_path):
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "song.wav").touch()
    if sys.platform != "win32":  # which type checkers read
        os.mkfifo(tmp_path / "pipe.avz")
    with contextlib.suppress(OSError):  # where names must be text
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav")).touch()
    found = Places([tmp_path]).listing()
    assert [file["name"] for file in found["files"]] == ["song.wav"] and found["folders"] == []
    with pytest.raises(InputError, match="there is no such project"):
        Session(places=Places([tmp_path])).open("pipe.avz")
    with pytest.raises(InputError, match="holds bytes that are no text: rename it"):
        Session(av.Project(Path(os.fsdecode(b"bad\xff.wav"))))


def test_what_the_user_named_himself_may_lie_elsewhere(tmp_path, session):
    elsewhere = song_file(tmp_path / "other.wav")
    av.save_project(av.Project(elsewhere), session.folder / "mine.avz")
    project = av.load_project(session.folder / "mine.avz")
    with page(Session(project, path=session.folder / "mine.avz")) as one:
        assert one.change("negative", value="grey") == {}
        assert one.ask("open", path="song.wav") == {}
        assert one.ask("open", path="mine.avz") == {}
        assert one.state["project"]["song"]["path"].endswith("other.wav") and one.state["saved"]


def test_uploads_never_replace_a_file(session, song):
    with client(session) as http:

        def put(name, content):
            answer = http.put(f"/{TOKEN}/upload", params={"name": name}, content=content)
            return answer.status_code, answer.json()

        before = song.read_bytes()
        assert put("song.wav", before) == (200, {"path": str(song)})
        assert put("song.wav", b"another") == (200, {"path": str(song.with_name("song-2.wav"))})
        assert put("../song.wav", b"a third") == (200, {"path": str(song.with_name("song-3.wav"))})
        assert song.read_bytes() == before and song.with_name("song-2.wav").read_bytes() == b"another"
        for name in ("evil.py", "evil.PY", "evil.exe", "evil", "x.py\x00", "x.pyc", "model.ckpt"):
            status, reply = put(name, b"code")
            assert status == 400 and "expected a song, an image" in reply["error"], name
        assert put("empty.wav", b"") == (400, {"error": "empty.wav: is empty"})
        assert put("", b"x")[0] == 400
    assert not list(song.parent.glob(".*"))


@posix
def test_uploads_follow_no_link(session, song):
    (song.parent / "dangling.wav").symlink_to(song.parent.parent / "outside.wav")
    with client(session) as http:
        answer = http.put(f"/{TOKEN}/upload?name=dangling.wav", content=b"x")
    assert answer.json() == {"path": str(song.with_name("dangling-2.wav"))}
    assert not (song.parent.parent / "outside.wav").exists()


def test_an_upload_that_is_too_large_leaves_nothing(session, song, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 1000)
    with client(session) as http:
        answer = http.put(f"/{TOKEN}/upload?name=big.wav", content=b"x" * 1001)
        assert answer.status_code == 400 and "big.wav: expected 1e-06 GB at most" in answer.json()["error"]
    assert list(song.parent.iterdir()) == [song]


def test_what_a_killed_server_left_of_an_upload_is_removed_at_the_next_start(session, song):
    left, under_way = (song.with_name(f".audioviz-upload-{name}") for name in ("left", "under-way"))
    for part in (left, under_way):
        part.touch()
    os.utime(left, (time.time() - 3600, time.time() - 3600))
    with client(session):
        assert not left.exists() and under_way.exists()


def test_a_project_of_gigabytes_is_refused_unread(session, song):
    with song.with_name("huge.avz").open("wb") as file:
        file.truncate(2 * 10**9)
    with page(session) as one:
        error = one.ask("open", path="huge.avz")["error"]
        assert error.endswith("huge.avz: 2,000 MB, expected 100 MB at most")


def test_an_upload_to_a_full_disk_is_said(session, song, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(uploads, "_settle", full)
    with client(session) as http:
        answer = http.put(f"/{TOKEN}/upload?name=new.wav", content=b"x")
        assert answer.json() == {"error": f"{song.with_name('new.wav')}: cannot be written (No space left on device)"}
    assert list(song.parent.iterdir()) == [song]


def test_save_writes_beside_the_song_and_over_nothing_unasked(session, song):
    theirs = song.with_suffix(".avz")
    theirs.write_text("theirs")
    with page(session) as one:
        assert not one.state["path"] and one.state["home"] == str(theirs)
        one.change("negative", value="grey")
        error = one.ask("save")["error"]
        assert error == f"{theirs}: is there already: save over it, or give another name"
        assert theirs.read_text() == "theirs"
        assert one.ask("save", path="mine.avz") == {"path": str(song.with_name("mine.avz"))}
        assert one.state["saved"] and one.state["path"] == str(song.with_name("mine.avz"))
        assert one.state["command"] == f"audioviz render {song.with_name('mine.avz')}"
        one.change("negative", value="mud")
        assert not one.state["saved"]
        assert one.ask("save") == {"path": str(song.with_name("mine.avz"))}  # its own file
        assert one.ask("save", path="song.avz", over=True) == {"path": str(theirs)}
        for name in ("x.py", "song.wav", "x", ".hidden.avz", "song.autosave.avz", "nul.avz", "a:b.avz"):
            assert "error" in one.ask("save", path=name, over=True), name
    assert av.load_project(theirs).negative == "mud"
    assert song.read_bytes()[:4] == b"RIFF"


def test_a_project_whose_song_is_missing_opens_and_takes_another(session, song):
    av.save_project(av.Project(song.with_name("gone.wav"), negative="kept"), song.with_name("old.avz"))
    with page(session) as one:
        assert one.ask("open", path="old.avz") == {}
        assert one.state["missing"] == [str(song.with_name("gone.wav"))]
        assert one.change("song", "path", value=str(song)) == {}
        assert one.state["missing"] == [] and one.state["project"]["negative"] == "kept"
        assert one.ask("open", path="gone.wav") == {"error": f"{song.with_name('gone.wav')}: there is no such song"}
        assert "expected a song, or a project" in one.ask("open", path="old.txt")["error"]


def test_what_is_not_saved_is_kept_beside_the_project(session, song):
    kept = song.with_name("song.autosave.avz")
    with page(session) as one:
        one.change("negative", value="grey")
        until(kept.exists)
        assert av.load_project(kept).negative == "grey" and not song.with_suffix(".avz").exists()
        one.ask("undo")
        until(lambda: not kept.exists())
        one.ask("redo")
        until(kept.exists)
        one.ask("save")
        until(lambda: not kept.exists())
        one.change("negative", value="mud")
    assert av.load_project(kept).negative == "mud"  # the server ended at once


def test_an_autosave_is_offered_and_restored_or_discarded(session, song):
    project, kept = song.with_suffix(".avz"), song.with_name("song.autosave.avz")
    av.save_project(av.Project(song), project)
    for choice in ("restore", "discard"):
        av.save_project(av.Project(song, negative="not saved"), kept)
        with page(session) as one:
            one.ask("open", path="song.avz")
            assert one.state["autosaved"] and one.state["saved"] and one.state["project"]["negative"] == ""
            assert one.ask(choice) == {} and not one.state["autosaved"]
            if choice == "restore":
                assert one.state["project"]["negative"] == "not saved" and not one.state["saved"]
                assert one.state["undo"] == "restore what was not saved"
                assert kept.exists()
            else:
                assert not kept.exists()
    assert av.load_project(project).negative == ""


@pytest.mark.parametrize("name", ["song.avz", "other.wav"])
def test_edits_are_kept_and_offered_when_another_project_is_opened(session, song, name, monkeypatch):
    monkeypatch.setattr(autosave, "PAUSE", 0.01)
    av.save_project(av.Project(song), song.with_suffix(".avz"))
    song_file(song.with_name("other.wav"))
    with page(session) as one:
        one.change("negative", value="grey")
        one.ask("open", path=name)
        time.sleep(0.1)  # what is stale is removed
        if name == "other.wav":
            one.ask("open", path="song.avz")
        assert one.state["autosaved"] and one.ask("restore") == {}
        assert one.state["project"]["negative"] == "grey"


def test_edits_beside_an_offer_do_not_lose_it(session, song):
    kept = song.with_name("song.autosave.avz")
    aside = song.with_name("song.autosave-2.avz")
    av.save_project(av.Project(song, negative="not saved"), kept)
    with page(Session(av.Project(song))) as one:
        assert one.state["autosaved"]
        one.change("negative", value="new")
        assert one.wait_for("notice")["text"] == f"what was not saved before is kept in {aside}"
        until(kept.exists)
    assert av.load_project(kept).negative == "new"
    assert av.load_project(aside).negative == "not saved"


def test_two_studios_on_one_project_keep_their_own(song):
    one_session, other_session = (Session(av.Project(song)) for _ in range(2))
    kept, own = song.with_name("song.autosave.avz"), song.with_name("song.autosave-2.avz")
    with page(one_session) as one, page(other_session) as other:
        time.sleep(0.05)  # each has looked what is there
        one.change("negative", value="of one")
        until(kept.exists)
        other.change("negative", value="of the other")
        text = f"another studio has this project open: what is not saved here is kept in {own}"
        assert other.wait_for("notice")["text"] == text
        until(own.exists)
        one.change("negative", value="of one, again")
        until(lambda: av.load_project(kept).negative == "of one, again")
        assert av.load_project(own).negative == "of the other"
        other.ask("undo")
        until(lambda: not own.exists())
        assert kept.exists()


def test_an_autosave_can_be_opened_itself(session, song):
    av.save_project(av.Project(song, negative="not saved"), song.with_name("song.autosave.avz"))
    with page(session) as one:
        one.ask("open", path="song.autosave.avz")
        assert not one.state["saved"] and one.state["path"] == str(song.with_suffix(".avz"))
        one.ask("save")
    assert av.load_project(song.with_suffix(".avz")).negative == "not saved"


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_said_and_edits_go_on(session, song, monkeypatch, reason):
    def fails(*_):
        raise OSError(reason, os.strerror(reason))

    kept = song.with_name("song.autosave.avz")
    with monkeypatch.context() as patch, client(session) as http, joined(http) as one:
        patch.setattr("audioviz.project.files.write_whole", fails)
        one.change("negative", value="grey")
        problem = one.wait_for("problem")
        assert problem["where"] == "autosave" and os.strerror(reason) in problem["message"]
        assert one.change("negative", value="mud") == {} and one.state["project"]["negative"] == "mud"
        assert os.strerror(reason) in one.ask("save")["error"]
        with joined(http) as late:
            assert late.wait_for("problem") == problem
        patch.undo()
        assert one.wait_for("problem") == {"on": "problem", "where": "autosave", "message": None}
    assert av.load_project(kept).negative == "mud"


def test_a_free_name_is_one_that_is_not_there(tmp_path):
    for name in ("a.wav", "a-2.wav"):
        (tmp_path / name).touch()
    assert free_name(tmp_path / "a.wav") == Path(tmp_path / "a-3.wav")
    assert free_name(tmp_path / "b.wav") == Path(tmp_path / "b.wav")
