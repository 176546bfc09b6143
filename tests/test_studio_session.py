"""Edits, undo and redo of the studio: what is refused changes nothing, and what is done can be taken back."""

import random
import time
import tracemalloc

import pytest

import audioviz as av
from audioviz.errors import InputError
from audioviz.project.project import document_of
from audioviz.studio import history
from audioviz.studio.history import Delta
from audioviz.studio.session import Session
from tests.studio_server import client, joined, page, song_file


def edit(session, *place, value, name="change", gesture=None):
    session.change([{"place": place, "value": value}], name, gesture)


@pytest.fixture
def session(tmp_path):
    return Session(av.Project(song_file(tmp_path / "song.wav")))


def test_a_delta_goes_both_ways():
    chance = random.Random(1)
    for _ in range(2000):
        old, new = (bytes(chance.choices(b"ab", k=chance.randrange(9))) * chance.choice((1, 400)) for _ in range(2))
        delta = Delta.between(old, new)
        assert delta.forward(old) == new and delta.backward(new) == old


def test_undo_and_redo_give_each_state_again(session):
    chance, seen = random.Random(2), [document_of(session.project)]
    for step in range(60):
        place = chance.choice((("look", "steps"), ("negative",), ("lanes", "zoom"), ("lanes", "angle")))
        keys = {f"{second}s": 1 + second * 0.1 for second in range(chance.randrange(1, 5))}
        values = {"steps": 1 + step, "negative": "grey" * step, "zoom": {"keys": keys}, "angle": {"keys": keys}}
        value = values[place[-1]]
        edit(session, *place, value=value, name=f"step {step}")
        seen.append(document_of(session.project))
    for step in reversed(range(60)):
        assert session.state()["undo"] == f"step {step}" or seen[step] == seen[step + 1]
        if seen[step] != seen[step + 1]:
            session.undo()
        assert document_of(session.project) == session.state()["project"] == seen[step]
    with pytest.raises(InputError, match="there is nothing to undo"):
        session.undo()
    while session.state()["redo"]:
        session.redo()
    assert document_of(session.project) == seen[-1]


def test_a_new_change_forgets_what_was_taken_back(session):
    edit(session, "negative", value="grey")
    session.undo()
    edit(session, "negative", value="mud")
    with pytest.raises(InputError, match="there is nothing to redo"):
        session.redo()


def test_a_gesture_is_one_step_until_it_pauses(session, monkeypatch):
    now = 100.0
    monkeypatch.setattr(history.time, "monotonic", lambda: now)
    for steps in (2, 3, 4):
        edit(session, "look", "steps", value=steps, gesture="drag 1")
        now += 1
    now += history.PAUSE
    edit(session, "look", "steps", value=5, gesture="drag 1")
    edit(session, "look", "steps", value=6, gesture="drag 2")
    found = []
    while session.state()["undo"]:
        session.undo()
        found.append(session.project.look.steps)
    assert found == [5, 4, None]


def test_a_gesture_that_comes_back_leaves_no_step(session):
    edit(session, "look", "steps", value=2, gesture="drag")
    edit(session, "look", "steps", value=None, gesture="drag")
    assert session.state()["undo"] is None and session.is_saved


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([{"place": ["look", "stepps"], "value": 3}], "look.stepps: unknown key (did you mean steps?)"),
        ([{"place": ["look", "steps"], "value": "many"}], "look.steps: 'many', expected"),
        ([{"place": ["prompts", 3], "value": "x"}], "place prompts.3: a project has no such place"),
        ([{"place": ["prompts", "a"], "value": "x"}], "place prompts.a: a project has no such place"),
        ([{"place": [0], "value": "x"}], "place 0: a project has no such place"),
        ([{"place": ["negative", "deeper"], "value": "x"}], "place negative.deeper: a project has no such place"),
        ([{"place": ["song"]}], "song: missing"),
        ([{"place": ["negative"], "value": "kept?"}, {"place": ["fps"], "value": -1}], "fps"),
    ],
)
def test_what_is_no_project_is_refused_and_changes_nothing(session, edits, message):
    before = session.state()
    with pytest.raises(InputError) as refused:
        session.change(edits, "change")
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)
    assert session.state() == before


def test_edits_in_one_change_build_on_each_other(session):
    session.change(
        [
            {"place": ["prompts", 0], "value": "neon nebula"},
            {"place": ["prompts", 1], "value": "gold mandala"},
            {"place": ["prompts", 0]},
            {"place": ["lanes", "zoom", "keys", "0s"], "value": 1.0},
            {"place": ["lanes", "zoom", "keys", "2s"], "value": 1.2},
        ],
        "several",
    )
    assert session.project.prompts == ("gold mandala",)
    assert session.project.lanes["zoom"].keys == {"0s": 1.0, "2s": 1.2}


def test_saved_is_what_the_file_holds(session):
    assert session.is_saved
    edit(session, "negative", value="grey")
    assert not session.is_saved
    session.undo()
    assert session.is_saved


def test_two_thousand_edits_of_two_thousand_keys_take_little_memory(session):
    edit(session, "lanes", "zoom", value={"keys": {f"{key / 12:.3f}s": 1.0 for key in range(2000)}})
    text, added = session._history.text, history.History(session._history.text)
    chance = random.Random(3)
    tracemalloc.start()
    for step in range(2_000):
        at = text.index(b":", chance.randrange(len(text) // 2, len(text) - 2000)) + 1
        added.add(added.text[:at] + b"%d" % (step % 10) + added.text[at + 1 :], f"step {step % 7}")
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 1.2e6  # where whole copies would take 80 MB
    while added.undo():
        pass
    assert added.text == text


def test_a_change_among_five_thousand_keys_is_quick(session):
    edit(session, "lanes", "zoom", value={"keys": {f"{key / 12:.3f}s": 1.0 for key in range(5000)}})
    took = []
    for step in range(20):
        begun = time.perf_counter()
        edit(session, "lanes", "zoom", "keys", "4.000s", value=1 + step / 100, gesture="drag")
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.03  # 6 ms on a machine that does nothing else


def test_two_pages_see_the_same_and_one_that_comes_back_sees_it_too(session):
    with client(session) as http, joined(http) as one:
        with joined(http) as other:
            assert one.change("negative", value="grey", name="steer") == {}
            assert other.wait_for("state")["project"]["negative"] == "grey"
            assert other.ask("undo") == {}
            one.wait_for("state")
            assert one.state == other.state and one.state["redo"] == "steer"
        with joined(http) as again:
            assert again.state == one.state


def test_before_a_song_is_opened_nothing_can_be_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with page(Session()) as one:
        assert one.state["project"] is None
        for do in ("undo", "redo", "save", "copy_schedule"):
            assert one.ask(do) == {"error": "no project is open: drop a song first"}
        assert one.change("negative", value="x") == {"error": "no project is open: drop a song first"}
        assert one.ask("restore") == {"error": "there is no autosave of this project"}
