"""Frames and films of the studio, by the embedded model at its smallest: exact ones, estimates, and the same bytes."""

import asyncio
import json
import time
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from audioviz.project import Project, load_project, save_project
from audioviz.rendering.render import render_project
from audioviz.studio import canvas, painting
from audioviz.studio.desk import Desk
from audioviz.studio.easel import Easel
from audioviz.studio.session import Session
from tests.loops import finished

RATE = 8000


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIOVIZ_CACHE", str(folder / "cache"))
        patch.setenv("OMP_NUM_THREADS", "1")
        time = np.arange(4 * RATE) / RATE
        soundfile.write(folder / "song.wav", np.exp(-40 * (time % 0.5)) * np.sin(2 * np.pi * 90 * time) * 0.8, RATE)
        yield Project(folder / "song.wav", fps=12).changed(size="64x64", steps=2, prompts=["neon nebula"])


@pytest.fixture
def told(monkeypatch):
    """The pictures that are told."""
    pictures: list[painting.Picture] = []
    monkeypatch.setattr(painting, "tell", pictures.append)
    monkeypatch.setattr(painting, "_latents", painting.Latents(2**20))
    monkeypatch.setattr(painting, "_tracked", type(painting._tracked)())
    monkeypatch.setattr(painting, "_pace", {})
    return pictures


def test_a_frame_is_the_same_from_its_cut_and_from_a_kept_latent(project, told, monkeypatch):
    monkeypatch.setattr(painting, "SOON", 60)
    painting.paint(project, 3, "final")
    assert [(picture.frame, picture.estimate) for picture in told] == [(k, False) for k in range(4)]
    painting.paint(project, 5, "final")
    assert [picture.frame for picture in told[4:]] == [4, 5]
    kept, told[:] = told[-1], []
    monkeypatch.setattr(painting, "_latents", painting.Latents(2**20))
    painting.paint(project, 5, "final")
    assert told[-1] == kept


def test_a_frame_far_from_its_cut_is_an_estimate_first_and_exact_in_the_end(project, told, monkeypatch):
    monkeypatch.setattr(painting, "SOON", 0.3)
    painting.paint(project, 6, "draft")
    assert told[0].frame == 6 and told[0].estimate
    assert told[-1].frame == 6 and not told[-1].estimate and told[-1].key != told[0].key


def test_what_is_painted_ends_when_it_is_asked_to(project, told, monkeypatch):
    monkeypatch.setattr(painting, "SOON", 60)
    monkeypatch.setattr(painting, "asked_to_stop", lambda: len(told) == 2)
    painting.paint(project, 40, "draft")
    assert [picture.frame for picture in told] == [0, 1]


def test_an_edit_makes_the_pictures_after_it_stale_and_no_others(project, told, monkeypatch):
    monkeypatch.setattr(painting, "SOON", 60)
    painting.paint(project, 5, "draft")
    edited = project.changed(lanes={"glow": {"expression": "where(f == 2, 0.5, 0)"}})
    assert painting.gone(edited, anew=False) == [("draft", 2)]
    edited = project.changed(lanes={"noise": {"expression": "where(f == 3, 0.5, 0)", "mode": "add"}})
    assert painting.gone(edited, anew=False) == [("draft", 3), ("draft", 4), ("draft", 5)]


def test_a_draft_is_small(project):
    model = canvas.model_of(project.look, frozenset())
    wide = canvas.draft_of(project.changed(size="512x288", upscale="2x", steps=20), model)
    assert wide.look.size == (256, 144) and wide.look.steps == 8 and wide.finish.upscale is None
    assert canvas.draft_of(project, model).look.size == (64, 64)


def test_films_are_those_of_the_command_and_go_on_after_all(project, tmp_path, monkeypatch):
    """A part, the whole stopped and gone on with, and a renderer that is killed."""
    monkeypatch.setattr(Easel, "prepare", lambda _: None)  # no preview is asked for
    path = project.song.path.with_name("my.avz")
    save_project(project, path)
    part = path.parent / "my.studio" / "1-1-1.mp4"
    jobs: list[dict] = []
    latest: dict[str, Any] = {}

    def tell(event):
        if isinstance(event, dict):
            latest[event["on"]] = event

    async def until(fits):
        end = time.monotonic() + 300
        while not fits():
            assert time.monotonic() < end, json.dumps(latest.get("jobs"))
            await asyncio.sleep(0.01)

    def job(number) -> dict[str, Any]:
        return next((one for one in latest.get("jobs", {"jobs": []})["jobs"] if one["id"] == number), {"status": ""})

    async def work():
        desk = Desk(Session(project, path=path), tell)
        working = asyncio.create_task(desk.work())
        try:
            assert await desk.actions["render"]({"start": 1.0, "duration": 1.0}) == {"job": 1}
            await until(lambda: job(1)["status"] in ("done", "failed"))
            await desk.actions["render"]({})
            await until(lambda: job(2).get("done", 0) > 3)
            await desk.actions["cancel"]({"job": 2})
            await until(lambda: job(2)["status"] == "stopped")
            await desk.actions["resume"]({"job": 2})
            await until(lambda: job(2)["status"] == "running" and job(2)["done"] > 5)
            renderer = desk._queue._renderer
            assert renderer and renderer.pid
            psutil.Process(renderer.pid).kill()
            await until(lambda: job(2)["status"] == "failed")
            assert "resume goes on" in job(2)["error"]
            await desk.actions["resume"]({"job": 2})
            await until(lambda: job(2)["status"] == "running")
            await until(lambda: job(2)["status"] in ("done", "failed"))
            jobs[:] = [job(1), job(2)]
            content, latest["shown"] = part.read_bytes(), latest["picture"]
            await desk.actions["forget"]({"job": 1})
            assert not part.parent.exists()  # nor what it was made of
            http = TestClient(Starlette(routes=desk.routes))
            return content, http.get("/film/2.mp4", headers={"range": "bytes=0-99"})
        finally:
            working.cancel()
            desk.close()

    content, served = finished(work())
    assert [one["error"] for one in jobs] == [None, None]
    whole = load_project(path)
    render_project(whole, out=tmp_path / "whole.mp4", progress=False)
    render_project(whole.changed(start=1.0, duration=1.0), out=tmp_path / "part.mp4", progress=False)
    assert (tmp_path / "whole.mp4").read_bytes() == path.with_name("my.mp4").read_bytes()
    assert (tmp_path / "part.mp4").read_bytes() == content and jobs[0]["path"] == str(part)
    assert served.status_code == 206 and served.content == path.with_name("my.mp4").read_bytes()[:100]
    assert {kick["seen"] for kick in jobs[1]["reaction"]["kicks"]} <= {True, False}
    assert latest["shown"]["of"] in (1, 2) and latest["shown"]["size"] == "final"
