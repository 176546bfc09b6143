"""The farm: films are made by workers, whatever becomes of these, and joined here."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

from audioviz.errors import AudiovizError, Defect, InputError, ScheduleError
from audioviz.farm.board import Board, Task
from audioviz.farm.faults import NotThere, OtherWorker, StoreError, StoreRefused, WorkerLost, log_name
from audioviz.farm.films import Film, FilmPlan, Made
from audioviz.farm.runner import News, Runner
from audioviz.farm.store import Store

NEWS_SECONDS = 0.2


@dataclass(frozen=True)
class Limits:
    """How long and how often something is tried.

    Parameters
    ----------
    tries : int
        Of a piece or a chunk.
    unknown : seconds
        That a worker may take while its pace is not known, and for its first task of a film, for which it prepares it.
    times, margin : number, seconds
        How much longer than by its pace it may take, and how much more.
    away : seconds
        That the store may be away.
    """

    tries: int = 3
    unknown: float = 3600.0
    times: float = 10.0
    margin: float = 60.0
    away: float = 600.0


@dataclass(frozen=True)
class Outcome:
    """What became of a film: its video is there, or why it is not."""

    film: Film
    error: AudiovizError | None = None


class Watcher(Protocol):
    """Is told how far a farm is."""

    def planned(self, film: int, plan: FilmPlan, done: int) -> None:
        """A film has a plan, and so many of its rows are sampled."""
        ...

    def begun(self, worker: str, film: int, task: Task, plan: FilmPlan | None) -> None:
        """A worker was given something."""
        ...

    def ended(self, worker: str, film: int, task: Task, *, rows: int) -> None:
        """A worker did what it was given, or not; so many rows were sampled."""
        ...

    def settled(self, film: int, outcome: Outcome) -> None:
        """A film is made, or will not be."""
        ...

    def said(self, line: str) -> None:
        """Something that users should know."""
        ...


@dataclass
class _Job:
    """What a worker is busy with."""

    film: int
    task: Task
    began: float
    limit: float


@dataclass
class _Worker:
    """What is known of a worker: the film that it has prepared, and the seconds a row that it took last."""

    film: int | None = None
    sample: float | None = None
    pictures: float | None = None


@dataclass
class _Film:
    """A film on its way."""

    board: Board
    error: AudiovizError | None = None
    join: Future[None] | None = None
    jobs: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    tries: Counter[Task] = field(default_factory=Counter)


class Farm:
    """Makes films; see `make_films`."""

    def __init__(
        self,
        films: Sequence[Film],
        runner: Runner,
        store: Store,
        *,
        join: Callable[[int, FilmPlan], None],
        watcher: Watcher,
        limits: Limits,
    ):
        self._count = len(films)
        self._open = {number: _Film(Board(film)) for number, film in enumerate(films)}  # those that are not settled
        self._outcomes: dict[int, Outcome] = {}
        self._runner, self._store, self._join = runner, store, join
        self._watcher, self._limits = watcher, limits
        self._jobs: dict[str, _Job] = {}
        self._last: dict[str, tuple[int, int]] = {}  # film and piece that a worker sampled last
        self._workers: defaultdict[str, _Worker] = defaultdict(_Worker)
        self._refused: dict[str, AudiovizError] = {}
        self._trouble: float | None = None  # when the store's began
        self._rest = 0.0  # no store is asked before

    def run(self) -> list[Outcome]:
        """Go on until each film is settled."""
        self._store.open()
        with ThreadPoolExecutor(1) as joiner:
            while self._open:
                self._hand_out()
                self._check_workers()
                for news in self._runner.news(NEWS_SECONDS):
                    self._take(news)
                self._end_overdue()
                self._settle(joiner)
        return [self._outcomes[number] for number in range(self._count)]

    def _hand_out(self) -> None:
        if not self._is_store_there():
            return
        idle = [worker for worker in self._runner.workers if worker not in self._jobs]
        for worker in idle:  # first what goes on from what they have
            number, piece = self._last.get(worker, (-1, -1))
            if number in self._open and (task := self._open[number].board.take(piece)):
                self._give(worker, number, task)
        for worker in [worker for worker in idle if worker not in self._jobs]:
            for number, film in self._open.items():
                if task := film.board.take():
                    self._give(worker, number, task)
                    break
            else:
                self._prepare(worker)

    def _prepare(self, worker: str) -> None:
        """Let a worker that has nothing to do prepare a film that another one plans: it may need it at once."""
        planned = [number for number, film in self._open.items() if film.board.plan is None and film.error is None]
        if planned and self._workers[worker].film not in planned:
            self._give(worker, planned[0], Task("prepare"))

    def _give(self, worker: str, number: int, task: Task) -> None:
        film = self._open[number]
        rows = 0 if film.board.plan is None else len(film.board.frames_of(task))
        self._jobs[worker] = _Job(number, task, time.monotonic(), self._limit(worker, number, rows))
        film.jobs += 1
        self._watcher.begun(worker, number, task, film.board.plan)
        self._runner.give(worker, film.board.order(task))

    def _limit(self, worker: str, film: int, rows: int) -> float:
        known = self._workers[worker]
        if known.film != film or known.sample is None or known.pictures is None:
            return self._limits.unknown
        return self._limits.margin + self._limits.times * (known.sample + known.pictures) * rows

    def _check_workers(self) -> None:
        """Raise what the last worker was dismissed for, if none is left."""
        if not self._runner.workers:
            raise next(iter(self._refused.values()), WorkerLost("no worker is left"))

    def _take(self, news: News) -> None:
        if (job := self._jobs.pop(news.worker, None)) is None or job.film not in self._open:
            return
        film, task = self._open[job.film], job.task
        film.jobs -= 1
        rows = 0
        if news.made is not None:
            for note in news.made.notes:
                self._watcher.said(note)
        if isinstance(news.made, FilmPlan):
            self._plan(news.worker, job, news.made)
        elif isinstance(news.made, Made):
            self._workers[news.worker].film = job.film
            if task.kind != "prepare":
                rows = self._done(news.worker, job, pictures=news.made.pictures)
        elif news.error is not None:
            self._fail(news.worker, job, news.error)
        self._watcher.ended(news.worker, job.film, task, rows=rows)

    def _done(self, worker: str, job: _Job, *, pictures: bool) -> int:
        """Take a piece or a chunk that is made, and tell how many rows were sampled for it."""
        board, task, known = self._open[job.film].board, job.task, self._workers[worker]
        rows = len(board.frames_of(task))
        each = (time.monotonic() - job.began) / rows
        if pictures or task.kind == "finish":
            known.pictures = each
        if task.kind == "sample":
            known.sample = each
            self._last[worker] = job.film, task.number
        board.done(task, pictures=pictures)
        self._trouble = None
        return rows if task.kind == "sample" else 0

    def _plan(self, worker: str, job: _Job, plan: FilmPlan) -> None:
        board = self._open[job.film].board
        if other := _other_versions(plan):
            board.give_back(job.task)
            self._refuse(worker, OtherWorker(f"{other}: install the same there"))
            return
        try:
            board.begin(plan, self._store.keys(plan.folder))
        except StoreError as error:
            board.give_back(job.task)
            self._wait_for_store(error)
            return
        self._watcher.planned(job.film, plan, board.frames)

    def _fail(self, worker: str, job: _Job, error: AudiovizError) -> None:
        film = self._open[job.film]
        if isinstance(error, (OtherWorker, StoreRefused)):
            film.board.give_back(job.task)
            self._refuse(worker, error)
        elif isinstance(error, StoreError):
            film.board.give_back(job.task)
            self._wait_for_store(error)
        elif job.task.kind == "prepare":  # who plans it tells what is wrong with it
            if isinstance(error, WorkerLost):
                self._watcher.said(f"{worker}: {error}")
        elif isinstance(error, NotThere):
            self._look_again(film, error, job.task)
        elif job.task.kind == "plan" and isinstance(error, (InputError, ScheduleError)):
            film.error = error
        else:
            if isinstance(error, WorkerLost):
                self._workers.pop(worker, None)  # the next one of its name has prepared nothing
            film.tries[job.task] += 1
            if film.tries[job.task] < self._limits.tries:
                self._watcher.said(f"{worker}: {error}; it is tried again")
                film.board.give_back(job.task)
            else:
                film.error = film.error or self._poison(film.board, job.task, error)

    def _poison(self, board: Board, task: Task, error: AudiovizError) -> AudiovizError:
        plan = board.plan
        what = f"failed {self._limits.tries} times: {error}"
        log = f"{self._store.place}/{log_name(board.order(task))}"
        if plan is None:
            return Defect(f"it {what}; the log is {log}")
        rows = board.frames_of(task)
        seeds = list(dict.fromkeys(plan.seeds[rows.start : rows.stop]))
        named = ", ".join(map(str, seeds[:3])) + (f" ... {seeds[-1]}" if len(seeds) > 3 else "")
        return Defect(
            f"frames {plan.first + rows.start} to {plan.first + rows.stop - 1} (seed {named}) {what}; the rest is kept"
            f", the log is {log}; the same command tries them again"
        )

    def _refuse(self, worker: str, error: OtherWorker | StoreRefused) -> None:
        self._refused[worker] = type(error)(f"{worker}: {error}")
        self._watcher.said(f"{worker} is left out: {error}")
        self._runner.dismiss(worker)

    def _wait_for_store(self, error: StoreError) -> None:
        """Ask nobody for anything for a while.

        Raises
        ------
        StoreError
            If that is for too long already, or cannot help.
        """
        if isinstance(error, StoreRefused):
            raise error
        now = time.monotonic()
        if self._trouble is None:
            self._trouble = now
            self._watcher.said(f"{error}; waiting for it")
        if now - self._trouble > self._limits.away:
            raise error
        self._rest = now + min(30.0, 1.0 + now - self._trouble)

    def _is_store_there(self) -> bool:
        """Whether orders can be given: nobody makes anything for a store that may not take it."""
        if not self._rest:
            return True
        if time.monotonic() < self._rest:
            return False
        try:
            self._store.try_out()
        except StoreError as error:
            self._wait_for_store(error)
            return False
        self._rest = 0.0
        return True

    def _look_again(self, film: _Film, error: NotThere, task: Task | None = None) -> None:
        """See what is left of a film, some of which was lost from the store, and which this task needs."""
        film.lost[str(error)] += 1
        if film.lost[str(error)] > self._limits.tries or film.board.plan is None:
            film.error = NotThere(f"{error}, whoever puts it there: have all workers the same store?")
            return
        try:
            film.board.begin(film.board.plan, self._store.keys(film.board.plan.folder))
        except StoreError as trouble:
            if task:
                film.board.give_back(task)
            self._wait_for_store(trouble)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for worker, job in list(self._jobs.items()):
            if now - job.began > job.limit:
                self._runner.replace(worker)
                self._take(News(worker, error=WorkerLost(f"no end after {job.limit:.0f} s; it was stopped")))

    def _settle(self, joiner: ThreadPoolExecutor) -> None:
        for number, film in list(self._open.items()):
            if film.join is not None:
                if film.join.done():
                    error = film.join.exception()
                    if error is not None and not isinstance(error, AudiovizError):
                        raise error
                    if isinstance(error, (NotThere, StoreError)):
                        film.join = None
                    if isinstance(error, NotThere):
                        self._look_again(film, error)
                    elif isinstance(error, StoreError):
                        self._wait_for_store(error)
                    else:
                        self._trouble = None
                        self._close(number, error)
            elif film.board.is_made and film.board.plan is not None and self._is_store_there():
                film.join = joiner.submit(self._join, number, film.board.plan)
            elif film.error is not None and not film.jobs:
                self._close_when_idle(number, film)

    def _close_when_idle(self, number: int, film: _Film) -> None:
        """Settle a film that cannot be made, once all else of it is."""
        task = None if film.board.plan is None else film.board.take()
        if task is None:
            self._close(number, film.error)
        else:
            film.board.give_back(task)

    def _close(self, number: int, error: AudiovizError | None) -> None:
        film = self._open.pop(number)
        self._outcomes[number] = Outcome(film.board.film, error)
        self._watcher.settled(number, self._outcomes[number])


def make_films(
    films: Sequence[Film],
    runner: Runner,
    store: Store,
    *,
    join: Callable[[int, FilmPlan], None],
    watcher: Watcher,
    limits: Limits = Limits(),
) -> list[Outcome]:
    """Make films by the workers of a runner; what of them is in the store already is not made again.

    Parameters
    ----------
    join : function of the number of a film and its plan
        Makes the video of chunks that are all in the store.

    Raises
    ------
    AudiovizError
        If there is no worker left, or the store stays away: the same command goes on later.
    """
    return Farm(films, runner, store, join=join, watcher=watcher, limits=limits).run()


def _other_versions(plan: FilmPlan) -> str:
    """Where a plan was made by others than what is installed here."""
    there = plan.identity["versions"]
    here = {name: version(name) for name in there if name != "opencv"}  # whose package has several names
    return ", ".join(f"{name} {there[name]} where {here[name]} is wanted" for name in here if there[name] != here[name])
