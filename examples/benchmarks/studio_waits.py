"""What a user of the studio waits for, and what it takes: the page's weight, an edit, a picture, two hours of edits."""

import gzip
import statistics
from pathlib import Path

import psutil
from playwright.sync_api import CDPSession, Page

import audioviz

EDITS = 30  # that are timed
LONG = 3600  # edits of two hours, one every two seconds
EDIT = """async ([value, picture]) => {  // milliseconds until the curve is drawn, or the picture at the playhead
  const state = await import("./page/state.js");
  const { effect } = await import("./page/ui.js");
  const began = performance.now();
  const frame = Math.floor(state.playhead.value * state.fps.value + 1e-6);
  const before = picture ? state.pictures.value.get(frame)?.url : state.plan.value;
  const done = new Promise((resolve) => {
    const stop = effect(() => {
      const now = picture ? state.pictures.value.get(frame)?.url : state.plan.value;
      if (now && now !== before) requestAnimationFrame(() => resolve(stop()));
    });
  });
  const edit = [["lanes", "denoise", "keys", "2s"], value];
  await state.change([edit], "move a key", null);
  await done;
  return performance.now() - began;
}"""
DRAWN = """async () => {  // milliseconds from the start of the navigation until the timeline is drawn
  const state = await import("./page/state.js");
  const { effect } = await import("./page/ui.js");
  await new Promise((done) => effect(() => state.song.value && state.plan.value && done()));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now();
}"""


def weight() -> tuple[str, str]:
    """The page's bytes, each file gzipped."""
    files = [file for file in (Path(audioviz.__file__).parent / "studio" / "page").rglob("*") if file.is_file()]
    total = sum(len(gzip.compress(file.read_bytes())) for file in files if file.suffix != ".md")
    return "the page, gzipped, with all vendored parts and pictures", f"{total / 1000:.0f} kB"


def opening(page: Page) -> tuple[str, str]:
    """A page that is opened while the server runs."""
    times = []
    for _ in range(5):
        page.reload()
        times.append(page.evaluate(DRAWN))
    return "open, a song of ten minutes that was heard before", f"{statistics.median(times) / 1000:.2f} s"


def edits(page: Page) -> list[tuple[str, str]]:
    """Edits of a key, until the curves are drawn and until the picture at the playhead is there."""
    curves = [page.evaluate(EDIT, [0.2 + 0.01 * k, False]) for k in range(EDITS)]
    to_the_key(page)
    page.evaluate(EDIT, [0.6, True])  # the model is loaded by then
    shown = [page.evaluate(EDIT, [0.3 + 0.01 * k, True]) for k in range(EDITS // 2)]
    return [
        ("an edit until its curves are drawn", _spread(curves, "ms", 1)),
        ("an edit until a picture of the embedded model at 256 is there", _spread(shown, "s", 1000)),
    ]


def two_hours(page: Page, server: psutil.Process) -> list[tuple[str, str]]:
    """As many edits as two hours have, every twentieth with its picture: memory after a tenth of them, and all."""
    to_the_key(page)
    client = page.context.new_cdp_session(page)
    taken: list[tuple[float, float]] = []
    for k in range(LONG):
        page.evaluate(EDIT, [round(0.2 + 0.6 * (k * 0.618 % 1), 4), k % 20 == 0])
        if k in (LONG // 10, LONG - 1):
            processes = [server, *server.children(recursive=True)]
            taken.append((heap_of(client), sum(process.memory_info().rss for process in processes) / 1e6))
    (page_before, before), (page_after, after) = taken
    return [
        (f"memory of the page after {LONG // 10} and {LONG:,} edits", f"{page_before:.2f} and {page_after:.2f} MB"),
        ("memory of the server with its processes then", f"{before:.0f} and {after:.0f} MB"),
    ]


def heap_of(client: CDPSession) -> float:
    """What the page's objects take once all that nobody refers to is gone, MB."""
    client.send("Performance.enable")
    for _ in range(2):  # what the first lets go of may hold more
        client.send("HeapProfiler.collectGarbage")
    metrics = client.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize") / 1e6


def to_the_key(page: Page) -> None:
    """Move the playhead to the key that is edited: the picture of the first frame would not change."""
    page.evaluate("async () => { (await import('./page/state.js')).playhead.value = 2; }")


def _spread(times: list[float], unit: str, scale: float) -> str:
    slow = statistics.quantiles(times, n=20)[-1]
    return (
        f"{statistics.median(times) / scale:.3g} {unit} at the median, {slow / scale:.3g} {unit} at the 95th percentile"
    )
