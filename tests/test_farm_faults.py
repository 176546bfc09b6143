"""Whatever becomes of workers, drivers and the store: the bytes of one process, or one line and work that goes on."""

import errno
import multiprocessing.forkserver
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Timer

import psutil
import pytest

from audioviz.farm.farm import Limits
from audioviz.farm.faults import OtherWorker, StoreFull, StoreRefused
from audioviz.farm.films import Film
from audioviz.farm.local import LocalRunner
from audioviz.project import Project
from tests.farm_workers import (
    TROUBLED,
    Seen,
    drive,
    forked,
    forked_worker,
    made_by,
    made_here,
    trouble_of,
    write_song,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")

SCRIPT = """
import audioviz as av


def schedule(song):
    noise = 0.1 + 0 * song.low
    return av.Schedule(seed=av.seeds.change_at(song.beats, base=7), denoise=0.4, noise=noise)
"""
POISONED = SCRIPT.replace("0 * song.low", "1e39 * (abs(song.clock.times - 2.5) < 0.01)")


@pytest.fixture(scope="module")
def whole(own_cache, tmp_path_factory):
    """A project, and the video that one process makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    script = folder / "mine.py"
    script.write_text(SCRIPT)
    project = Project(write_song(folder / "song.wav")).changed(
        schedule=str(script), size=64, steps=1, threads=1, shots="bar:1"
    )
    return project, made_here(project, folder / "whole.mp4")


@pytest.fixture
def film(whole, tmp_path):
    return Film(whole[0], tmp_path / "film.mp4")


@pytest.fixture
def video(whole):
    return whole[1]


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture(autouse=True)
def quick_processes(monkeypatch):
    monkeypatch.setattr("audioviz.farm.local.start_process", forked_worker)
    for name, function in TROUBLED.items():
        monkeypatch.setattr(f"audioviz.farm.folder_files.FolderFiles.{name}", function)


def made(film, place, seen=None, *, count=2, limits=Limits()):
    """What becomes of a film, the error or its bytes, and what was told."""
    seen = seen or Seen()
    with closing(LocalRunner(count, place)) as runner:
        (outcome,) = made_by(runner, [film], place, seen, limits=limits)
    return outcome.error or film.out.read_bytes(), seen


def contents(place):
    """The keys of pieces and chunks in a folder."""
    return {f"{path.parent.name}/{path.name}" for path in Path(place).glob("*/*.*") if path.parent.name != "logs"}


def is_alive(process):
    """Whether a process still does something; some first process of a container never asks how others ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Killing(LocalRunner):
    """Kills workers in the midst of what they do, at moments that are drawn."""

    def __init__(self, place, draw, kills):
        super().__init__(2, place)
        self._draw, self._left = draw, kills
        self.killed = 0

    def news(self, seconds):
        time.sleep(self._draw.uniform(0, 0.2))
        processes = [w.process for w in self._workers.values() if w.busy and w.process.is_alive() and not w.pipe.poll()]
        if processes and self.killed < self._left:
            os.kill(self._draw.choice(processes).pid, signal.SIGKILL)
            self.killed += 1
        return super().news(seconds)


def test_workers_that_are_killed_twenty_times_make_the_same_bytes(film, video, place, monkeypatch):
    monkeypatch.setenv("SECONDS", "0.03")
    seen, draw, kills, number = Seen(), random.Random(0), 20, 0
    while kills:
        number += 1
        with closing(Killing(f"{place}{number}", draw, kills)) as runner:
            (outcome,) = made_by(runner, [film], f"{place}{number}", seen, limits=Limits(tries=20))
            kills -= runner.killed
        assert outcome.error is None and film.out.read_bytes() == video
    assert sum("its process ended" in line for line in seen.lines) > 15  # some had just told of what they made


def test_a_worker_that_hangs_is_replaced(film, video, place):
    class Stopping(LocalRunner):
        gifts = 0

        def give(self, worker, order):
            super().give(worker, order)
            self.gifts += worker == "local 1"
            if worker == "local 1" and self.gifts == 5:
                os.kill(self._workers[worker].process.pid, signal.SIGSTOP)

    seen = Seen()
    with closing(Stopping(2, place)) as runner:
        (outcome,) = made_by(runner, [film], place, seen, limits=Limits(unknown=20, margin=1.5))
    assert outcome.error is None and film.out.read_bytes() == video
    assert any("local 1: no end after" in line for line in seen.lines)


def test_a_chunk_that_always_fails_is_named_and_the_rest_is_kept(film, video, place):
    script = Path(film.project.schedule.source)
    try:
        script.write_text(POISONED)
        error, seen = made(film, place)
    finally:
        script.write_text(SCRIPT)
    assert str(error).startswith("frames 30 to 39 (seed 13, 14) failed 3 times: frame 30: the model gave"), error
    log = Path(str(error).partition("the log is ")[2].partition(";")[0])
    assert "Traceback" in log.read_text()
    assert sum("it is tried again" in line for line in seen.lines) == 2
    before = contents(place)
    found, again = made(film, place)
    assert found == video
    assert again.keys and not before & {*again.keys}
    assert len(again.keys) < len(seen.keys) / 2


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StoreFull), (errno.EACCES, StoreRefused)])
def test_a_store_that_takes_nothing_any_more_stops_all_with_a_line(film, video, place, number, kind):
    class Filling(Seen):
        def ended(self, *_, **__):
            if len(self.keys) == 4:
                trouble_of(place).write_text(f"write {number}")

    with pytest.raises(kind, match=f"store {place}: {os.strerror(number)}: .*; the same command goes on") as said:
        made(film, place, Filling(), limits=Limits(away=0.5))
    assert "\n" not in str(said.value)
    trouble_of(place).unlink()
    before = contents(place)
    found, again = made(film, place)
    assert found == video and len(before) >= 2 and not before & {*again.keys}


def test_a_store_that_is_full_for_a_while_is_waited_for(film, video, place):
    class Freed(Seen):
        def ended(self, *_, **__):
            if len(self.keys) == 4:
                trouble_of(place).write_text(f"write {errno.ENOSPC}")

        def said(self, line):
            super().said(line)
            if "waiting for it" in line:
                trouble_of(place).unlink()

    found, seen = made(film, place, Freed())
    assert found == video
    assert sum("No space left" in line for line in seen.lines) == 1


def test_a_folder_that_is_briefly_away_is_waited_for_in_silence(film, video, place):
    gone = Path(f"{place} away")

    class Moving(Seen):
        def ended(self, *_, **__):
            if len(self.keys) == 5:
                Path(place).rename(gone)
                Timer(0.7, lambda: gone.rename(place)).start()

    found, seen = made(film, place, Moving())
    assert found == video
    assert not any("store" in line for line in seen.lines)


def test_what_is_lost_or_damaged_is_made_again(film, video, place):
    class Losing(Seen):
        taken = 0

        def begun(self, worker, number, task, plan):
            if task.kind == "finish" and self.taken < 2:  # what it is made of
                piece = Path(place, plan.pieces[plan.chunks[task.number].pieces[0]].key)
                piece.unlink() if self.taken else piece.write_bytes(piece.read_bytes()[:-1])
                self.taken += 1
            super().begun(worker, number, task, plan)

    found, seen = made(film, place, Losing())
    assert found == video and seen.taken == 2
    first, second, *_ = sorted(Path(place).glob("*/*.h264"))
    first.unlink()
    second.write_bytes(b"x" + second.read_bytes()[1:])
    found, again = made(film, place)
    assert found == video
    assert len(again.keys) == 2


def test_a_driver_that_is_killed_leaves_no_process_and_its_work(film, video, place, tmp_path, monkeypatch):
    monkeypatch.setenv("SECONDS", "0.05")
    driver = forked(drive, 2, [film], place, daemon=False)
    forks = psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid)
    while len(contents(place)) < 4:
        time.sleep(0.02)
    processes = [process for process in forks.children(recursive=True) if process.pid != driver.pid]
    os.kill(driver.pid, signal.SIGKILL)
    monkeypatch.delenv("SECONDS")
    driver.join()
    assert len(processes) >= 2
    deadline = time.monotonic() + 20
    while alive := [process for process in processes if is_alive(process)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
    before = contents(place)
    found, seen = made(film, place)
    assert found == video and not before & {*seen.keys}
    film.out.unlink()
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    found, seen = made(film, place, count=1)
    assert found == video and seen.keys == [] and not (tmp_path / "calls").exists(), "no model call"


def test_two_drivers_on_one_store_make_the_same(film, video, place, tmp_path):
    films = [film, Film(film.project, tmp_path / "other.mp4")]
    with ThreadPoolExecutor(2) as pool:
        for found, seen in pool.map(lambda film: made(film, place, count=1), films):
            assert found == video and not any("again" in line for line in seen.lines)


@pytest.mark.parametrize("other", ["local 1", "local 2"])
def test_another_version_on_a_worker_is_refused_by_name(film, video, place, monkeypatch, other):
    seen = Seen()
    with closing(LocalRunner(2, place)) as runner:
        monkeypatch.setenv("VERSION", "0.0.1")
        runner.replace(other)
        (outcome,) = made_by(runner, [film], place, seen)
    assert outcome.error is None and film.out.read_bytes() == video
    assert any(line.startswith(f"{other} is left out: audioviz 0.0.1 where ") for line in seen.lines)


def test_no_worker_of_this_version_is_said(film, place, monkeypatch):
    monkeypatch.setenv("VERSION", "0.0.1")
    with pytest.raises(OtherWorker, match=r"^local 1: audioviz 0.0.1 where \S+ is wanted: install the same there$"):
        made(film, place, count=1)


def test_by_an_s3_that_is_slow_and_fails_now_and_then_a_film_is_the_same(film, video, s3, monkeypatch):
    draw = random.Random(0)

    def fault(request):
        time.sleep(draw.uniform(0, 0.05))
        return ("500 Error", "InternalError") if draw.random() < 0.1 else None

    with monkeypatch.context() as patch:
        patch.setattr(s3, "fault", fault)
        assert made(film, "s3://films/run")[0] == video
    film.out.unlink()
    found, again = made(film, "s3://films/run", count=1)
    assert found == video and again.keys == []


def test_s3_that_denies_stops_all_with_a_line(film, video, s3, monkeypatch):
    class Denied(Seen):
        def ended(self, *_, **__):
            if len(self.keys) == 4:
                patch.setattr(s3, "fault", lambda request: ("403 Forbidden", "ExpiredToken"))

    with (
        monkeypatch.context() as patch,
        pytest.raises(StoreRefused, match="store s3://films/denied: ExpiredToken is what it says: give the key of"),
    ):
        made(film, "s3://films/denied", Denied())
    found, again = made(film, "s3://films/denied")
    assert found == video
    assert len(again.keys) <= 10
