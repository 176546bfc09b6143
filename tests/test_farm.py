"""The farm without machines: runs as pieces and chunks, the board of a film, and the farm with workers that obey."""

import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import pytest

from audioviz.clock import Clock
from audioviz.errors import AudiovizError, Defect, InputError, ModelError
from audioviz.farm.board import Board, Task
from audioviz.farm.farm import Limits, Outcome, make_films
from audioviz.farm.faults import NotThere, OtherWorker, StoreError, WorkerLost
from audioviz.farm.films import Film, FilmPlan, Made, Order
from audioviz.farm.runner import News
from audioviz.farm.runs import chunks_of, pieces_of
from audioviz.farm.store import Store
from audioviz.project import Project
from audioviz.video.chunks import PicturePlan

IDENTITY = {"model": "fake", "versions": {"audioviz": version("audioviz"), "opencv": "4.13.0"}}
FPS = Fraction(12)


def film(name="film"):
    return Film(Project("song.wav"), Path(f"{name}.mp4"))


def pictures(frames, *, carries=False):
    return PicturePlan((64, 64), FPS, {}, [f"shown {i}" for i in range(frames)], carries)


def plan_of(*runs, length=10, looks_back=False, carries=False, identity=IDENTITY, rows=None):
    """The plan of a film whose runs have so many frames."""
    ends = [sum(runs[: i + 1]) for i in range(len(runs))]
    ranges = [range(end - run, end) for run, end in zip(runs, ends, strict=True)]
    frames = ends[-1]
    pieces = pieces_of(ranges, rows or [f"row {i}" for i in range(frames)], identity, length=length)
    chunks = chunks_of(pieces, pictures(frames, carries=carries), length=length, looks_back=looks_back)
    folder = pieces[0].key.partition("/")[0]
    clock = Clock(FPS, frames)
    return FilmPlan(
        identity, False, folder, pieces, chunks, "{}", clock, Fraction(), "h264", None, 0, tuple(range(frames))
    )


# ---- runs as pieces and chunks


def test_pieces_are_the_frames_of_a_run_in_a_chunk():
    plan = plan_of(7, 25, 3)
    assert [piece.frames for piece in plan.pieces] == [
        range(7),
        range(7, 10),
        range(10, 20),
        range(20, 30),
        range(30, 32),
        range(32, 35),
    ]
    assert [bool(piece.after) for piece in plan.pieces] == [False, False, True, True, True, False]
    assert [chunk.pieces for chunk in plan.chunks] == [range(2), range(2, 3), range(3, 4), range(4, 6)]
    assert all(b.after in ("", a.key) for a, b in zip(plan.pieces, plan.pieces[1:], strict=False))


def test_a_change_in_one_run_leaves_the_others_as_they_are():
    rows = [f"row {i}" for i in range(30)]
    before, after = (plan_of(10, 10, 10, length=5, rows=given) for given in (rows, [*rows[:13], "new", *rows[14:]]))
    changed = [a.key != b.key for a, b in zip(before.pieces, after.pieces, strict=True)]
    assert changed == [False, False, True, True, False, False], "from row 13 on to the end of its run"
    assert [a.key != b.key for a, b in zip(before.chunks, after.chunks, strict=True)] == changed


@pytest.mark.parametrize(
    ("options", "chunks"),
    [({}, [False, True, False]), ({"looks_back": True}, [False, True, True]), ({"carries": True}, [False, True, True])],
)
def test_pictures_depend_on_those_before_only_where_they_look_back_or_carry_something(options, chunks):
    rows = [f"row {i}" for i in range(30)]
    before, after = (plan_of(10, 10, 10, rows=given, **options) for given in (rows, [*rows[:19], "new", *rows[20:]]))
    assert [a.key != b.key for a, b in zip(before.chunks, after.chunks, strict=True)] == chunks


def test_all_keys_tell_the_identity():
    here, there = plan_of(20), plan_of(20, identity=IDENTITY | {"model": "other"})
    assert {piece.key for piece in here.pieces}.isdisjoint(piece.key for piece in there.pieces)
    assert {chunk.key for chunk in here.chunks}.isdisjoint(chunk.key for chunk in there.chunks)
    assert here.folder != there.folder


# ---- the board


def taken(board):
    tasks = []
    while task := board.take():
        tasks.append(task)
    return tasks


def test_a_long_run_is_begun_first_and_goes_on_where_it_was():
    board = Board(film())
    assert board.take() == Task("plan") and board.take() is None
    board.begin(plan_of(5, 25, 5), ())
    assert [task.number for task in taken(board)] == [1, 0, 4]
    board.done(Task("sample", 1), pictures=False)
    board.done(Task("sample", 0), pictures=False)
    assert taken(board) == [Task("finish", 0), Task("sample", 2)], "pictures first"


def test_runs_of_about_one_length_are_begun_in_order():
    board, plan = Board(film()), plan_of(3, 10, 8, 12, 10)
    board.take()
    board.begin(plan, ())
    firsts = [number for number, piece in enumerate(plan.pieces) if not piece.after]
    assert [task.number for task in taken(board)] == firsts


def test_a_worker_goes_on_with_what_follows_its_piece():
    board = Board(film())
    board.take()
    board.begin(plan_of(30, 40), ())
    assert {task.number for task in taken(board)} == {0, 3}
    board.done(Task("sample", 3), pictures=True)
    board.done(Task("sample", 0), pictures=True)
    assert board.take(0) == Task("sample", 1)
    assert board.take() == Task("sample", 4)


@pytest.mark.parametrize("seed", range(40))
def test_in_whatever_order_all_is_made_once_and_nothing_before_what_it_needs(seed):
    draw = random.Random(seed)
    runs = [draw.randint(1, 27) for _ in range(draw.randint(1, 9))]
    plan = plan_of(*runs, looks_back=draw.random() < 0.5, carries=draw.random() < 0.5)
    there = {
        key
        for key in [*(p.key for p in plan.pieces), *(c.key for c in plan.chunks), *(c.state for c in plan.chunks)]
        if draw.random() < 0.3
    }
    board = Board(film())
    board.take()
    board.begin(plan, there)
    stored, busy = set(there), []
    while not board.is_made:
        while (task := board.take(draw.randrange(len(plan.pieces)))) and len(busy) < 3:
            busy.append(task)
        if task:
            board.give_back(task)
        assert busy, "something can always be made"
        task = busy.pop(draw.randrange(len(busy)))
        if draw.random() < 0.2:
            board.give_back(task)
            continue
        part = (plan.pieces if task.kind == "sample" else plan.chunks)[task.number]
        assert part.key not in stored or task.kind == "finish"
        if task.kind == "sample":
            assert not part.after or part.after in stored
            stored.add(part.key)
        else:
            assert {plan.pieces[number].key for number in part.pieces} <= stored
            assert not part.looks_back or plan.pieces[part.pieces.start - 1].key in stored
            assert not part.after or {part.after, f"{part.after}.state"} <= stored
            stored |= {part.key, part.state}
        board.done(task, pictures=False)
    assert {chunk.key for chunk in plan.chunks} <= stored
    assert board.take() is None or there, "nothing is left"


# ---- the farm


@dataclass
class Tape:
    """A watcher that remembers."""

    lines: list[str] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    rows: int = 0

    def planned(self, film, plan, done):
        self.rows += done

    def begun(self, worker, film, task, plan):
        pass

    def ended(self, worker, film, task, *, rows):
        self.rows += rows

    def settled(self, film, outcome):
        self.outcomes[film] = outcome

    def said(self, line):
        self.lines.append(line)


class Obedient:
    """A runner whose workers do at once what a function says, and put it into the store; one told None hangs."""

    def __init__(self, store, plans, *, count=2, act=lambda worker, order: "do"):
        self.store, self.plans, self.act = store, plans, act
        self.there = [f"worker {i + 1}" for i in range(count)]
        self.orders: list[Order] = []
        self.given: list[tuple[str, Order]] = []
        self.replaced: list[str] = []

    @property
    def workers(self):
        return tuple(self.there)

    def give(self, worker, order):
        self.given.append((worker, order))
        self.orders.append(order)

    def news(self, seconds):
        given, self.given = self.given, []
        news = []
        for worker, order in given:
            done = self.act(worker, order)
            if isinstance(done, AudiovizError):
                news.append(News(worker, error=done))
            elif done == "do":
                news.append(News(worker, self.do(order)))
            else:
                self.given.append((worker, order))
        return news

    def do(self, order):
        plan = self.plans[order.film.out.stem]
        if order.kind == "plan":
            return plan
        if order.kind == "prepare":
            return Made(pictures=False)
        self.store.put(order.key, b"made")
        if order.kind == "finish":
            self.store.put(plan.chunks[order.number].state, b"made")
        return Made(pictures=False)

    def replace(self, worker):
        self.replaced.append(worker)
        self.given = [(name, order) for name, order in self.given if name != worker]

    def dismiss(self, worker):
        self.there.remove(worker)

    def close(self):
        pass


def farm(tmp_path, plans, *, limits=Limits(), join=lambda number, plan: None, **options):
    store, tape = Store(str(tmp_path / "store")), Tape()
    runner = Obedient(store, plans, **options)
    outcomes = make_films([film(name) for name in plans], runner, store, join=join, watcher=tape, limits=limits)
    return outcomes, runner, tape


def test_films_are_planned_made_joined_and_told(tmp_path):
    plans, joined = {"a": plan_of(20, 20), "b": plan_of(15)}, []
    outcomes, runner, tape = farm(tmp_path, plans, join=lambda number, plan: joined.append((number, plan)))
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert sorted(number for number, _ in joined) == [0, 1] and tape.rows == 55
    kinds = [order.kind for order in runner.orders]
    assert (kinds.count("plan"), kinds.count("sample"), kinds.count("finish")) == (2, 6, 6)


def test_who_has_nothing_to_do_prepares_what_another_one_plans(tmp_path):
    plan, asked = plan_of(20, 20), []

    def act(worker, order):
        asked.append((worker, order.kind))
        prepared = [kind for _, kind in asked].count("prepare") >= 2
        return None if order.kind == "plan" and not prepared else "do"

    outcomes, _, tape = farm(tmp_path, {"a": plan}, count=3, act=act)
    assert outcomes[0].error is None and tape.rows == 40
    prepared = [worker for worker, kind in asked if kind == "prepare"]
    assert sorted(prepared) == ["worker 2", "worker 3"], "once each"


@pytest.mark.parametrize(
    ("error", "lines"),
    [(WorkerLost("its process ended"), {"worker 2: its process ended"}), (InputError("song.ogg: no such file"), set())],
)
def test_who_only_prepares_a_film_does_not_judge_it(tmp_path, error, lines):
    prepared = []

    def act(worker, order):
        if order.kind == "prepare":
            prepared.append(worker)
            return error if len(prepared) < 5 else "do"
        return None if order.kind == "plan" and len(prepared) < 5 else "do"

    outcomes, _, tape = farm(tmp_path, {"a": plan_of(20, 20)}, act=act)
    assert outcomes[0].error is None and set(tape.lines) == lines


def test_what_is_there_is_not_made_again(tmp_path):
    plans = {"a": plan_of(20, 20), "b": plan_of(15)}
    farm(tmp_path, plans)
    outcomes, runner, tape = farm(tmp_path, plans)
    assert {order.kind for order in runner.orders} <= {"plan", "prepare"}
    assert not any(outcome.error for outcome in outcomes)
    assert tape.rows == 55


def test_a_worker_that_is_lost_now_and_then_costs_nothing_but_time(tmp_path):
    draw = random.Random(3)
    lost = {}

    def act(worker, order):
        if draw.random() < 0.4 and lost.setdefault(order.key, 0) < 2:
            lost[order.key] += 1
            return WorkerLost("its process ended")
        return "do"

    outcomes, _, tape = farm(tmp_path, {"a": plan_of(30, 12, 9)}, act=act)
    assert outcomes[0].error is None and sum(lost.values()) > 2
    assert all("it is tried again" in line for line in tape.lines)


def test_what_always_fails_is_named_after_three_tries_and_all_else_is_finished(tmp_path):
    plan = plan_of(20, 20, 10)
    tries = []

    def act(worker, order):
        if order.kind == "sample" and order.number == 2:
            tries.append(worker)
            return ModelError("frame 20: the model gave values that are not numbers")
        return "do"

    outcomes, runner, _ = farm(tmp_path, {"a": plan, "b": plan_of(10)}, act=act)
    error = outcomes[0].error
    assert isinstance(error, Defect) and len(tries) == 3 and outcomes[1].error is None
    assert "frames 20 to 29 (seed 20, 21, 22 ... 29) failed 3 times: frame 20: the model gave" in str(error)
    assert "logs/" in str(error) and "the same command tries them again" in str(error)
    made = runner.store.keys(plan.folder)
    assert {plan.pieces[number].key for number in (0, 1, 4)} <= made, "runs that are not concerned"
    assert {plan.chunks[number].key for number in (0, 1, 4)} <= made


def test_a_film_that_is_wrong_is_told_at_once_and_the_others_are_made(tmp_path):
    def act(worker, order):
        return InputError("song.wav: no sound") if order.film.out.stem == "a" else "do"

    outcomes, runner, _ = farm(tmp_path, {"a": plan_of(10), "b": plan_of(10)}, act=act)
    assert str(outcomes[0].error) == "song.wav: no sound" and outcomes[1].error is None
    assert sum(order.film.out.stem == "a" for order in runner.orders) == 1


def test_a_worker_that_hangs_is_replaced_by_its_own_pace(tmp_path):
    hung = []

    def act(worker, order):
        if order.kind == "sample" and order.number == 1 and not hung:
            return None
        return "do"

    class Slow(Obedient):
        def replace(self, worker):
            hung.append(worker)
            super().replace(worker)

    store, tape = Store(str(tmp_path / "store")), Tape()
    runner = Slow(store, {"film": plan_of(30)}, count=1, act=act)
    limits = Limits(unknown=60, times=0, margin=0.05)
    outcomes = make_films([film()], runner, store, join=lambda number, plan: None, watcher=tape, limits=limits)
    assert hung == ["worker 1"] and outcomes[0].error is None
    assert any("no end after" in line and "it is tried again" in line for line in tape.lines)


def test_a_worker_of_another_kind_is_left_out(tmp_path):
    def act(worker, order):
        return OtherWorker("torch 2.4 where 2.13 is wanted") if worker == "worker 2" and order.kind != "plan" else "do"

    outcomes, runner, tape = farm(tmp_path, {"a": plan_of(20, 20), "b": plan_of(20)}, act=act)
    assert not any(outcome.error for outcome in outcomes) and runner.there == ["worker 1"]
    assert any(line.startswith("worker 2 is left out: torch 2.4") for line in tape.lines)


def test_a_planner_of_another_version_than_here_is_left_out_by_name(tmp_path):
    old = replace(plan_of(20), identity={"versions": {"audioviz": "0.1.0"}})
    with pytest.raises(OtherWorker, match=r"worker \d: audioviz 0.1.0 where .* is wanted: install the same"):
        farm(tmp_path, {"a": old})


def test_a_store_that_is_briefly_away_is_waited_for(tmp_path, monkeypatch):
    trouble = iter([StoreError("store s3://x: away"), StoreError("store s3://x: away")])

    def act(worker, order):
        return next(trouble, "do") if order.kind == "sample" else "do"

    monkeypatch.setattr("audioviz.farm.farm.time.monotonic", Ticks(0.5))
    outcomes, _, tape = farm(tmp_path, {"a": plan_of(20)}, act=act)
    assert outcomes[0].error is None
    assert tape.lines == ["store s3://x: away; waiting for it"], "it is said once"


def test_a_store_that_stays_away_ends_it_with_its_own_line(tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.farm.farm.time.monotonic", Ticks(0.5))

    def act(worker, order):
        return StoreError("store s3://x: away") if order.kind == "sample" else "do"

    with pytest.raises(StoreError, match="away"):
        farm(tmp_path, {"a": plan_of(20)}, act=act, limits=Limits(away=20))


class Ticks:
    """A clock that goes on with each look."""

    def __init__(self, seconds):
        self._now, self._seconds = 0.0, seconds

    def __call__(self):
        self._now += self._seconds
        return self._now


def test_what_is_lost_from_the_store_is_made_again(tmp_path):
    plan = plan_of(20, 20)
    lost = []

    def act(worker, order):
        if order.kind == "finish" and order.number == 3 and not lost:
            lost.append(plan.pieces[3].key)
            (tmp_path / "store" / lost[0]).unlink()
            return NotThere(lost[0])
        return "do"

    outcomes, runner, _ = farm(tmp_path, {"a": plan}, act=act)
    assert outcomes[0].error is None
    assert [order.number for order in runner.orders if order.kind == "sample"].count(3) == 2


def test_a_film_that_cannot_be_joined_is_no_reason_to_stop(tmp_path):
    def join(number, plan):
        if number == 0:
            raise InputError("song.wav was changed")

    outcomes, _, _ = farm(tmp_path, {"a": plan_of(20), "b": plan_of(20)}, join=join)
    assert str(outcomes[0].error) == "song.wav was changed" and outcomes[1].error is None
