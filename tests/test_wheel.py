"""The wheel holds what it needs, adds one name alone, and is not fooled by folders that share a name with ours."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
import audioviz as av
from audioviz.shelf import names, find
print(av.__file__)
print(*names("schedules"), *names("pipelines"))
print(find("schedules", "pulse"))
print(callable(av.load_schedule("pulse")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_adds_one_name(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"audioviz"}


def test_an_installed_audioviz_uses_its_own_schedules_among_decoys(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    for kind in ("schedules", "pipelines"):
        for folder in (work, site):
            (folder / kind).mkdir(parents=True)
            (folder / kind / "pulse.py").write_text("raise SystemExit('a decoy was run')")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    place, listed, found, works = done.stdout.splitlines()
    assert place.startswith(str(site)) and found.startswith(str(site / "audioviz")) and works == "True"
    assert {"pulse", "drift", "strobe", "music_video"} <= set(listed.split())
