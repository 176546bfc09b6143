"""The studio's page in a Chromium without a window, with a song of ten minutes at 24 frames a second and twelve lanes.

    python examples/benchmarks/studio.py [SECTION ...]

Sections are timeline, waits and memory, which takes some ten minutes; all if none is named. That the playhead stands
where the sound is, and clicks on their beats, tests/test_studio_sound.py holds to 10 ms.

Needs `audioviz[studio]`, Playwright and a Chromium, as the tests do.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import soundfile
import studio_waits
from playwright.sync_api import Page, sync_playwright

import audioviz as av
from audioviz.schedule.lanes import Lane

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.studio_page import find_chromium, studio_process

SECONDS, FPS, RATE, BPM = 600.0, 24, 22050, 120
LANES = (
    *("denoise", "noise", "interp", "cfg", "zoom", "angle"),
    *("shift_x", "shift_y", "flash", "glow", "blur", "hue"),
)
MOVES = 150  # of the pointer, in each gesture
STEPS = """([kind, points]) => new Promise((done) => {  // one step a frame, and how long each frame took
  const canvas = document.querySelector("canvas[role=application]");
  const times = [];
  let before = 0;
  const next = (now) => {
    if (before) times.push(now - before);
    before = now;
    const point = points[times.length];
    if (!point) return done(times);
    const [clientX, clientY, deltaY] = point;
    const shared = { clientX, clientY, bubbles: true, cancelable: true };
    if (kind === "wheel") canvas.dispatchEvent(new WheelEvent(kind, { ...shared, deltaY }));
    else canvas.dispatchEvent(new PointerEvent(kind, { ...shared, buttons: 1 }));
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""
KEY = """async (lane) => {
  const [keys, rows, lanes, view] = await Promise.all(
    ["keyframes", "rows", "lanes", "view"].map((name) => import(`./page/timeline/${name}.js`)));
  const row = rows.rows.value.find(({ column }) => column === lane);
  const scroller = document.querySelector(".tl-scroll");
  scroller.scrollTop = Math.max(0, row.top - 60);
  const key = keys.keysOf(lane).find(({ seconds }) => view.xOf(seconds) > 300);
  const box = document.querySelector(".tl-layer").getBoundingClientRect();
  const [x, y] = lanes.keyPoint(lane, key, row.height);
  return [box.left + x, box.top + rows.HEADER + row.top - scroller.scrollTop + y];
}"""


def made_song(path: Path) -> None:
    """Kicks on each beat, a snare on each second, and chords that change from bar to bar."""
    rng = np.random.default_rng(0)
    beat = int(RATE * 60 / BPM)
    time = np.arange(4 * beat) / RATE
    bars = []
    for bar in range(8):
        sound = 0.1 * sum(
            np.sin(2 * np.pi * 110 * 2 ** (step / 12) * time) for step in (bar % 5, bar % 5 + 4, bar % 5 + 7)
        )
        for k in range(4):
            part = time[:beat]
            sound[k * beat : (k + 1) * beat] += 0.6 * np.sin(2 * np.pi * 55 * part) * np.exp(-part / 0.09)
            if k % 2:
                sound[k * beat : (k + 1) * beat] += 0.3 * rng.standard_normal(beat) * np.exp(-part / 0.06)
        bars.append(sound)
    samples = np.resize(np.concatenate(bars), int(RATE * SECONDS))
    soundfile.write(path, 0.7 * samples, RATE, subtype="PCM_16")


def made_project(folder: Path) -> Path:
    """A project with twelve lanes of sixty keys each."""
    made_song(folder / "song.wav")
    rng = np.random.default_rng(1)
    lanes = {}
    for name in LANES:
        keys = {
            f"{second}s": round(float(value), 3) for second, value in zip(range(2, 600, 10), 0.1 + 0.8 * rng.random(60))
        }
        lanes[name] = Lane(keys=keys, ease="in_out_sine")
    path = folder / "song.avz"
    av.save_project(av.Project(folder / "song.wav", fps=FPS, lanes=lanes), path)
    return path


@contextmanager
def opened(folder: Path, project: Path) -> Iterator[tuple[Page, psutil.Process]]:
    """The page of a studio that has the project open, when its lanes are there, and the studio's process."""
    with studio_process(folder, project.name) as (process, address), sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector(".tl-head.lane", timeout=600_000)
        page.wait_for_timeout(1500)
        yield page, psutil.Process(process.pid)
        browser.close()


def swing(start: tuple[float, float], end: tuple[float, float]) -> list[list[float]]:
    """Places of a pointer that goes to an end and comes back."""
    parts = np.sin(np.linspace(0, np.pi, MOVES))
    return [[a + part * (b - a) for a, b in zip(start, end)] for part in parts]


def dragged(page: Page, points: list[list[float]]) -> list[float]:
    """Milliseconds of each frame while the mouse is down and moves; the moves are the page's own, a frame each."""
    page.mouse.move(*points[0])
    page.mouse.down()
    times = page.evaluate(STEPS, ["pointermove", points])
    page.mouse.up()
    return times


def gestures(page: Page) -> dict[str, Callable[[], list[float]]]:
    """What is done to the timeline, each gives the milliseconds of its frames."""

    def drag_key() -> list[float]:
        x, y = page.evaluate(KEY, "zoom")
        return dragged(page, swing((x, y), (x + 120, y + 25)))

    def zoom() -> list[float]:
        deltas = np.repeat([-30.0, 30.0], MOVES // 2)
        return page.evaluate(STEPS, ["wheel", [[700, 650, delta] for delta in deltas.tolist()]])

    return {
        "drag a keyframe": drag_key,
        "zoom by the wheel": zoom,
        "zoom in": lambda: page.evaluate(STEPS, ["wheel", [[700, 650, -15.0]] * MOVES]),
        "pan": lambda: dragged(page, swing((1200, 660), (300, 660))),
    }


def timeline(page: Page) -> list[tuple[str, str]]:
    """Rows of (what, figure): frames a second of the page at the 95th percentile of the frames' lengths."""
    show_all(page)
    found = []
    for what, gesture in gestures(page).items():
        times = gesture()
        slow = statistics.quantiles(times, n=20)[-1]
        usual = statistics.median(times)
        figure = f"{1000 / slow:.0f} frames a second at the 95th percentile, {1000 / usual:.0f} at the median"
        found.append((f"{what}: {int(SECONDS * FPS):,} frames, {len(LANES)} lanes", figure))
    return found


def show_all(page: Page) -> None:
    """The whole song, and a timeline that is as high as it can be."""
    page.evaluate("async () => (await import('./page/panels/places.js')).timelineHeight.value = 0.75")
    page.locator("canvas[role=application]").focus()
    page.keyboard.press("0")
    page.wait_for_timeout(500)


def measure(sections: list[str]) -> Iterator[tuple[str, str]]:
    """Rows of (what, figure)."""
    with tempfile.TemporaryDirectory() as folder:
        project = made_project(Path(folder))
        with opened(Path(folder), project) as (page, server):
            if "timeline" in sections:
                yield from timeline(page)
            if "waits" in sections:
                yield studio_waits.weight()
                yield studio_waits.opening(page)
                yield from studio_waits.edits(page)
            if "memory" in sections:
                yield from studio_waits.two_hours(page, server)


if __name__ == "__main__":
    print("| what | figure |\n|---|---|")
    for what, figure in measure(sys.argv[1:] or ["timeline", "waits", "memory"]):
        print(f"| {what} | {figure} |", flush=True)
