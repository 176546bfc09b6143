"""Renders by the command in processes of their own, with the fake model and with faults, at the price of a fork each.

`serve` reads a request a line (JSON) and answers each with what became of it. It forks from a process that has
everything imported, for importing takes longer than a render.
"""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

import audioviz.audio.load
import audioviz.models
import audioviz.models.load
import audioviz.rendering.make
import audioviz.rendering.render
import audioviz.schedule.script
from audioviz import files
from audioviz.command import main
from audioviz.ffmpeg import ffmpeg_version
from audioviz.video import encode, mux, work
from tests.models import FakeVae, fake_autoencoder, fake_model

SERVE = [sys.executable, "-c", "from tests.renders import serve; serve()"]


@contextmanager
def server(**environment: str) -> Iterator[Callable[..., dict]]:
    """A process that renders: call it with the keywords of `_render`."""
    process = subprocess.Popen(
        SERVE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        cwd=Path(__file__).parents[1],
    )
    with process:

        def ask(*arguments: object, cwd: Path, **request) -> dict:
            print(
                json.dumps({"arguments": list(map(str, arguments)), "cwd": str(cwd)} | request),
                file=process.stdin,
                flush=True,
            )
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def serve() -> None:
    torch.set_num_threads(1)
    audioviz.rendering.make.CHUNK_SECONDS = 1
    ffmpeg_version()  # which is asked once
    gc.freeze()  # or each child's collector would write to, and so copy, all that it shares
    for line in sys.stdin:
        print(json.dumps(_render(**json.loads(line))), flush=True)


def _render(
    *,
    arguments: list[str],
    cwd: str,
    fault: str = "",
    at: int = 0,
    after: float | None = None,
    number: int = signal.SIGKILL,
) -> dict:
    """Run the command; arrange a fault at frame `at`; send a signal after some seconds, or where it pauses."""
    child = os.fork()
    if child == 0:
        _command(arguments, cwd, fault, at)
    began = time.monotonic()
    if after is not None:
        time.sleep(after)
        os.kill(child, number)
    signalled = time.monotonic()
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        signalled = time.monotonic()
        os.kill(child, number)
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - began,
        "to_end": time.monotonic() - signalled,
        "out": Path(cwd, "stdout").read_text(),
        "err": Path(cwd, "stderr").read_text(),
    }


def _command(arguments: list[str], cwd: str, fault: str, at: int) -> None:
    """Become the command: never returns."""
    try:
        os.setsid()
        signal.signal(
            signal.SIGINT, signal.default_int_handler
        )  # a shell makes what it runs in the background ignore it
        os.chdir(cwd)
        for name, stream in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), stream)
        FAULTS.get(fault, _model)(arguments, at)
        sys.argv = ["audioviz", *arguments]
        main.main()
    except SystemExit as ended:
        os._exit(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(99)


def _model(arguments: list[str], at: int, happens=None, **denoiser) -> None:
    """Give the command the fake model; `happens()` is called when it decodes frame `at`."""

    class Vae(FakeVae):
        decoded = 0

        def decode(self, latent):
            if self.decoded == at and happens is not None:
                happens()
            self.decoded += 1
            return super().decode(latent)

    audioviz.models.load.load_model = lambda *_, **__: replace(
        fake_model(**denoiser), autoencoder=fake_autoencoder(Vae())
    )


def _raising(error: BaseException):
    def happens() -> None:
        raise error

    return lambda arguments, at: _model(arguments, at, happens)


def _dying_in(module, name: str, *, done: bool = False):
    """SIGKILL from inside, at call number `at` of a function, before it is done or after."""

    def arrange(arguments: list[str], at: int) -> None:
        _model(arguments, 0)
        function, calls = getattr(module, name), iter(range(10**9))

        def dying(*args, **options):
            last = next(calls) == at
            if last and not done:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **options)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(module, name, dying)

    return arrange


def _fill_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


def _take_rights() -> None:
    """The work folder is someone else's now, and we are nobody, for root may write anywhere."""
    for folder in Path().glob("*.audioviz"):
        folder.chmod(0o555)
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)


def _kill_ffmpeg() -> None:
    for children in Path("/proc/self/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            os.kill(child, signal.SIGKILL)


def _kill_muxing(arguments: list[str], at: int) -> None:
    _model(arguments, at)
    copy = mux.shutil.copyfileobj

    def dying(*files) -> None:
        _kill_ffmpeg()
        copy(*files)

    mux.shutil.copyfileobj = dying


def _lack(arguments: list[str], at: int) -> None:
    """From frame `at` on there is memory for tiles alone."""
    decode = FakeVae.decode

    def lacking(vae, latent):
        if latent.shape[2:] == (8, 8):
            raise MemoryError
        return decode(vae, latent)

    _model(arguments, at, lambda: setattr(FakeVae, "decode", lacking))


def _pause() -> None:
    """Stop until the one who waits has sent the signal, and then do as if this took long.

    In short sleeps, for a signal that another thread takes ends none.
    """
    os.kill(os.getpid(), signal.SIGSTOP)
    for _ in range(300):
        time.sleep(0.1)


def _stall(arguments: list[str], at: int) -> None:
    """ffmpeg never ends by itself."""
    _model(arguments, at)
    close = encode.VideoWriter.close

    def stalled(writer) -> None:
        os.kill(writer._ffmpeg._process.pid, signal.SIGSTOP)
        close(writer)

    encode.VideoWriter.close = stalled


FAULTS = {
    "nan": lambda arguments, at: _model(arguments, at, nan_from_call=at),
    "memory": _raising(MemoryError()),
    "memory for tiles alone": _lack,
    "cuda memory": _raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")),
    "cpu memory": _raising(
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory")
    ),
    "defect": _raising(ZeroDivisionError("a fault\nof ours")),
    "full disk": lambda arguments, at: _model(arguments, at, _fill_disk),
    "no rights": lambda arguments, at: _model(arguments, at, _take_rights),
    "no ffmpeg": lambda arguments, at: _model(arguments, at, _kill_ffmpeg),
    "no ffmpeg while muxing": _kill_muxing,
    "no song": lambda arguments, at: _model(arguments, at, lambda: Path(arguments[1]).unlink()),
    "another song": lambda arguments, at: _model(
        arguments, at, lambda: Path(arguments[1]).write_bytes(b"another song")
    ),
    "pause": lambda arguments, at: _model(arguments, at, _pause),
    "stalled encoder": _stall,
    "die before a file is put": _dying_in(work, "put"),
    "die after a file is put": _dying_in(work, "put", done=True),
    "die in a manifest": _dying_in(files.os, "replace"),
    "die before muxing": _dying_in(audioviz.rendering.make, "mux"),
    "die while muxing": _dying_in(mux.shutil, "copyfileobj", done=True),
    "die when muxed": _dying_in(mux, "probe"),
    "die before the video is there": _dying_in(mux, "put"),
    "die when the video is there": _dying_in(mux, "put", done=True),
    "die while cleaning": _dying_in(work, "remove"),
}
