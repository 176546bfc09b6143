"""No code comes from the page: a schedule script runs where the user named it, or said yes in the terminal."""

import asyncio

import pytest

import audioviz as av
from audioviz.errors import InputError
from audioviz.rendering.check import check_trust
from audioviz.studio import trust
from audioviz.studio.session import Session
from audioviz.studio.trust import Scripts
from tests.loops import finished
from tests.studio_server import page, song_file

CODE = "import audioviz as av\n\n\ndef schedule(song):\n    return av.Schedule(denoise=0.5)\n"


@pytest.fixture
def song(tmp_path):
    (tmp_path / "mine.py").write_text(CODE)
    return song_file(tmp_path / "song.wav")


def asking(answer):
    asked = []

    async def ask(question):
        asked.append(question)
        await asyncio.sleep(0.05)
        return answer

    return asked, ask


def may_run(session):
    return session.project.schedule.trusted


@pytest.mark.parametrize("source", ["mine.py", "./mine.py", "mine.py/", "mine.py/.", "x/../mine.py"])
def test_a_script_that_only_the_page_names_is_refused(song, source, monkeypatch):
    monkeypatch.chdir(song.parent)
    (song.parent / "x").mkdir()
    with page(Session(av.Project(song))) as one:
        error = one.change("schedule", "source", value=source)["error"]
        assert "a script is code" in error and "start the studio with it, --schedule " in error
        assert one.change("schedule", value={"source": source, "trusted": True}) == {"error": error}
        assert one.state["project"]["schedule"]["source"] == "pulse"
    with pytest.raises(InputError, match="a script is code"):
        check_trust(av.Project(song, schedule=av.project.ScheduleChoice(source, trusted=False)))


def test_a_project_file_cannot_trust_its_script(song):
    av.save_project(av.Project(song, schedule=str(song.with_name("mine.py"))), song.with_suffix(".avz"))
    session = Session(places=None, path=song.with_suffix(".avz"), project=av.load_project(song.with_suffix(".avz")))
    with page(session) as one:
        assert one.state["script"] == {"path": str(song.with_name("mine.py")), "allowed": False}
        assert not may_run(session)
        one.change("schedule", "trusted", value=True)
        assert not may_run(session) and "trusted" not in one.state["project"]["schedule"]
        one.change("schedule", "source", value="cuts")
        assert may_run(session) and one.state["script"] is None
        one.ask("undo")
        assert not may_run(session)
        assert "may not be run" in one.ask("copy_schedule")["error"]


def test_a_script_that_was_named_at_the_start_runs(song):
    script = song.with_name("mine.py")
    session = Session(av.Project(song), scripts=Scripts([script]))
    with page(session) as one:
        assert one.change("schedule", "source", value=str(script)) == {}
        assert may_run(session) and one.state["script"] == {"path": str(script), "allowed": True}
        assert one.state["command"].endswith(" --trust")


@pytest.mark.parametrize("answer", [True, False])
def test_the_terminal_is_asked_once_and_its_answer_holds(song, answer):
    asked, ask = asking(answer)
    script = song.with_name("mine.py")
    session = Session(av.Project(song), scripts=Scripts(ask=ask))
    with page(session) as one:
        assert one.change("schedule", "source", value=str(script)) == {}
        assert one.wait_for("notice")["text"] == f"{script}: answer in the terminal whether it may run"
        assert not may_run(session)
        one.change("negative", value="grey")
        if answer:
            while not one.state["script"]["allowed"]:
                one.wait_for("state")
        assert may_run(session) is answer
    assert asked == [f"The page asks to run the script {script}: run it? [y/N] "]


def test_two_questions_do_not_stand_at_once(song):
    other = song.with_name("other.py")
    other.write_text(CODE)
    asked, ask = asking(True)
    with page(Session(av.Project(song), scripts=Scripts(ask=ask))) as one:
        one.change("schedule", "source", value=str(song.with_name("mine.py")))
        one.wait_for("notice")
        assert "first answer the question about" in one.change("schedule", "source", value=str(other))["error"]
    assert len(asked) == 1


def test_a_copied_schedule_is_the_users_and_runs(song):
    session = Session(av.Project(song))
    with page(session) as one:
        one.change("schedule", "settings", "every", value=8)
        copy = song.with_name("cuts.py")
        assert one.ask("copy_schedule", name="cuts") == {"path": str(copy)}
        assert one.state["project"]["schedule"]["source"] == copy.as_posix() and may_run(session)
        assert one.state["project"]["schedule"]["settings"] == {}
        assert "def schedule(" in copy.read_text() and one.state["undo"] == "copy cuts"
        assert one.ask("copy_schedule") == {"path": str(song.with_name("cuts-2.py"))}
        assert "unknown schedule 'cutz' (did you mean cuts?)" in one.ask("copy_schedule", name="cutz")["error"]
        assert "a script that may not be run" in one.ask("copy_schedule", name=str(song.with_name("mine.py")))["error"]


def test_without_a_terminal_nobody_is_asked(monkeypatch, tmp_path):
    with (tmp_path / "input").open("w+") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert trust.terminal() is None
    monkeypatch.setattr("sys.stdin", None)
    assert trust.terminal() is None


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_only_a_yes_in_the_terminal_is_one(monkeypatch, capsys, typed, answer):
    class Terminal:
        def isatty(self):
            return True

        def readline(self):
            return typed

    monkeypatch.setattr("sys.stdin", Terminal())
    ask = trust.terminal()
    assert ask is not None and finished(ask("run it? [y/N] ")) is answer
    assert capsys.readouterr().out == "run it? [y/N] "
