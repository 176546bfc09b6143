"""audioviz on a machine that lacks what Windows lacks; see tests/machine.py. On Windows itself the same tests hold."""

import builtins
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import audioviz.models.load
import audioviz.rendering.make
from audioviz.command.main import cli
from tests.machine import lacking_import
from tests.models import fake_model

ROOT = Path(__file__).parent.parent
ODD = "it's [a] {b} 100%d é日本 & ; = #, (~$x)" + (' "q" back\\slash: *?<|>' if os.name == "posix" else "")
RENDER = (
    "render",
    f"{ODD}.wav",
    "--quiet",
    "--prompt",
    "neon nebula",
    "--size",
    "64",
    "--threads",
    "1",
    "-o",
    f"{ODD}.mp4",
)


def start(*arguments: object, cwd: Path, pause: int = -1) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.machine", str(pause), *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"} | temporary(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def temporary(folder: Path) -> dict[str, str]:
    """Variables that say where temporary files go: a folder with an odd name."""
    place = folder / f"{ODD} temporary"
    place.mkdir(exist_ok=True)
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))


def run(*arguments: object, **options) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    with start(*arguments, **options) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def made_here(folder: Path) -> str:
    """What the command says in this process, on the machine as it is."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        patch.chdir(folder)
        patch.setattr(audioviz.rendering.make, "CHUNK_SECONDS", 1)
        patch.setattr(audioviz.models.load, "load_model", lambda *_, **__: fake_model())
        cli.main([*RENDER], standalone_mode=False)
    return said.getvalue()


def wait_for(*paths: Path, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> SimpleNamespace:
    """A render is killed while a second one is tried, and a third goes on; and one on the machine as it is."""
    folder, usual = (tmp_path_factory.mktemp(name) / ODD for name in ("strange", "usual"))
    folder.mkdir()
    t = np.arange(44100 * 4) / 44100
    kick = np.sin(2 * np.pi * 60 * (t % 0.5)) * np.exp(-(t % 0.5) * 12)
    soundfile.write(folder / f"{ODD}.wav", np.c_[kick, kick] * 0.7, 44100)
    shutil.copytree(folder, usual)
    whole = made_here(usual)
    work = folder / f"{ODD}.audioviz"
    with start(*RENDER, cwd=folder, pause=30) as first:
        wait_for(*(work / f"00000{k}.{kind}" for k in (0, 1) for kind in ("h264", "safetensors")), process=first)
        second = run(*RENDER, cwd=folder)
        first.terminate()
        first.communicate()
    left = {path.name for path in work.iterdir()}
    third = run(*RENDER, cwd=folder)
    return SimpleNamespace(folder=folder, usual=usual, whole=whole, second=second, left=left, third=third)


def test_of_two_renders_to_one_output_one_is_refused_at_once(story):
    status, out, err = story.second
    assert (status, out) == (2, "")
    assert "another render to" in err and "is running: wait for it, or choose another output" in err


def test_a_killed_render_goes_on_to_the_same_bytes(story):
    assert story.third == (0, f"{ODD}.mp4\n", "") and story.whole == f"{ODD}.mp4\n"
    assert {"000000.h264", "000001.h264", "manifest.json", "render.log", "render.lock"} <= story.left
    video, usual = (folder / f"{ODD}.mp4" for folder in (story.folder, story.usual))
    assert video.read_bytes() == usual.read_bytes()


def test_nothing_stays_behind(story):
    assert {path.name for path in story.folder.iterdir()} == {f"{ODD}.wav", f"{ODD}.mp4", f"{ODD} temporary"}
    assert not list(story.folder.rglob("*.ffmeta"))


IMPORT_ALL = """
import sys
from importlib import import_module
from pkgutil import walk_packages
from tests.machine import arrange
arrange()
import audioviz
names = [module.name for module in walk_packages(audioviz.__path__, "audioviz.")]
for name in names:
    import_module(name)
print(len(names))
from audioviz.command.main import main
main()
"""


def test_every_module_can_be_imported_and_a_video_tells_what_it_is_made_of(story):
    asked = [sys.executable, "-X", "utf8", "-c", IMPORT_ALL, "info", story.folder / f"{ODD}.mp4"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    count, _, told = done.stdout.partition("\n")
    assert int(count) > 90
    assert "48 frames" in told and "neon nebula" in told


@pytest.mark.skipif(sys.platform == "win32", reason="the machine is what it stands for")
@pytest.mark.parametrize(
    "code",
    [
        "import fcntl",
        "from resource import getrusage",
        "import os; os.O_NOFOLLOW",
        "import os as system; system.fork()",
        "from os import O_CLOEXEC",
        "import os.path; os.geteuid()",
        "import signal; signal.SIGKILL",
        "import os; os.open('.', os.O_RDONLY)",
        "import os; os.open(__file__, os.O_RDONLY)",
        "import tempfile; tempfile.NamedTemporaryFile()",
        "import os; os.fsync(os.open(__file__, os.O_RDONLY | os.O_BINARY))",
    ],
)
def test_the_machine_lacks_what_windows_lacks(code):
    def run_as(module: str) -> None:
        tools = vars(builtins) | {"__import__": lacking_import}
        exec(code, {"__builtins__": tools, "__name__": module, "__file__": __file__})

    with pytest.raises((ImportError, AttributeError, OSError, AssertionError)):
        run_as("audioviz.files")
    if "os.open" not in code and "fork" not in code:
        run_as("torch.somewhere")
