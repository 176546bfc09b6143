"""A real `audioviz studio`, and a real Chromium to look at its page."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import audioviz as av

SONG = Path(__file__).parents[1] / "examples" / "song.ogg"
COMMAND = [sys.executable, "-c", "from audioviz.command.main import main; main()"]
NO_BROWSER = "there is no Chromium: install one, or name it by AUDIOVIZ_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@contextmanager
def studio_process(folder: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen, str]]:
    """A studio that runs in a folder, and the address of its page; it is killed at the end, if it is there still."""
    with tempfile.TemporaryFile("w+") as errors:  # a pipe that nobody reads would stop it when it is full
        process = subprocess.Popen(
            [*COMMAND, "studio", "--no-browser", *map(str, arguments)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
        process.stderr = errors
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "http://" in said, f"{said}{read_errors(process)}"
            yield process, said[said.index("http://") :].strip()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def small_project(folder: Path) -> None:
    """`song.avz` in a folder, beside the example song: of pictures that take no time."""
    shutil.copy(SONG, folder / "song.ogg")
    av.save_project(av.Project(folder / "song.ogg", fps=12).changed(size="64x64", steps=1), folder / "song.avz")


def read_errors(process: subprocess.Popen) -> str:
    """What a studio wrote to its standard error so far."""
    assert process.stderr is not None
    process.stderr.seek(0)
    return process.stderr.read()


@contextmanager
def studio(folder: Path, *arguments: object) -> Iterator[str]:
    """The address of the page of a studio that runs in a folder: `with studio(tmp_path, "song.wav") as address`."""
    with studio_process(folder, *arguments) as (_, address):
        yield address


def find_chromium(own: str) -> str | None:
    """The program of a Chromium: that of the environment, of the system, or `own`, where Playwright keeps its."""
    named = os.environ.get("AUDIOVIZ_CHROMIUM")
    found = (named, *map(shutil.which, NAMES), own)
    return next((path for path in found if path and Path(path).is_file()), None)


@contextmanager
def chromium_browser():
    """A Chromium without a window; where there is none its tests are skipped, but fail under CI."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def say_what_is_left_out(terminal) -> None:
    """At the end of the tests: how many looked at no page, for want of a browser."""
    left_out = [report for report in terminal.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)]
    if left_out:
        modules = ", ".join(sorted({report.nodeid.partition("::")[0] for report in left_out}))
        terminal.write_line(f"left out: {len(left_out)} tests of the studio's page in {modules}: {NO_BROWSER}")
