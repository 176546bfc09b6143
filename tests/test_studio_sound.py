"""The player of the studio's page, in a real Chromium: what is heard when, to the sample."""

import numpy as np
import pytest

RATE = 44100
LOAD = """
const load = (name) => import(new URL(`page/${name}.js`, location.href));
const [state, sound] = await Promise.all(["state", "sound"].map(load));
"""


@pytest.fixture(scope="module")
def page(chromium, desk):
    """A page whose song is served as samples that tell their own place: the first channel modulo 20,000."""
    address, _ = desk
    page = chromium.new_page()
    page.route("**/sound?*", _counted)
    page.goto(address)
    page.wait_for_selector(".tl-head.lane", timeout=60_000)
    yield page
    page.close()


def _counted(route) -> None:
    fields = dict(part.split("=") for part in route.request.url.partition("?")[2].split("&"))
    first, count = int(fields["from"]), int(fields["count"])
    place = np.arange(first, first + count)
    pairs = np.stack([place % 20000, place // 20000], axis=1).astype("<i2")
    route.fulfill(body=pairs.tobytes(), content_type="application/octet-stream")


def inside(page, code: str):
    return page.evaluate(f"async () => {{ {LOAD} {code} }}")


# `heard()`: the last 4,096 samples that the context has made, as places of the song, with the context's time.
LISTEN = """
const context = sound.ready();
const split = new ChannelSplitterNode(context);
sound.outlet().connect(split);
const ears = [0, 1].map((channel) => {
  const ear = new AnalyserNode(context, { fftSize: 4096 });
  split.connect(ear, channel);
  return ear;
});
const heard = async () => {
  for (;;) {
    await new Promise((done) => setTimeout(done, 40));
    const begun = context.currentTime;
    const [low, high] = ears.map((ear) => {
      const samples = new Float32Array(4096);
      ear.getFloatTimeDomainData(samples);
      return samples;
    });
    const playhead = sound.heardNow();
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const out = Math.min(contextTime + (performance.now() - performanceTime) / 1000, context.currentTime);
    const run = Array.from(low, (value, i) => Math.round(value * 32768) + 20000 * Math.round(high[i] * 32768));
    if (context.currentTime === begun) return { run, playhead, late: begun - out }; // else it went on meanwhile
  }
};
const many = async (times) => {
  await new Promise((done) => setTimeout(done, 400)); // until what was before is gone
  const all = [];
  for (let k = 0; k < times; k += 1) all.push(await heard());
  return all;
};
sound.volume.value = 1;
"""


def test_samples_follow_each_other_and_the_playhead_stands_at_the_one_that_is_heard(page):
    all_heard = inside(
        page,
        "state.loop.value = null; sound.seek(1); await sound.play();"
        + LISTEN
        + "const all = await many(20); sound.stop(); return all;",
    )
    for heard in all_heard:
        assert set(np.diff(heard["run"])) == {1}
        leaves = heard["run"][-1] / RATE - heard["late"]  # what the device lets out now
        assert abs(heard["playhead"] - leaves) <= 0.010


def test_a_loop_is_exact_to_the_sample(page):
    runs = inside(
        page,
        """state.loop.value = [2, 2.5]; sound.seek(2.2); await sound.play();"""
        + LISTEN
        + "const all = await many(30); sound.stop(); state.loop.value = null; return all.map(({ run }) => run);",
    )
    steps = {step for run in runs for step in np.diff(run)}
    assert steps == {1, 1 - RATE // 2}
    heard = np.concatenate(runs)
    assert heard.min() == 2 * RATE and heard.max() == 2.5 * RATE - 1


def test_clicks_stand_at_the_samples_of_their_beats(page):
    found = inside(
        page,
        f"""const {{ events }} = state.song.value;
        const context = new OfflineAudioContext(1, 8 * {RATE}, {RATE});
        const tones = sound.clickTones(context);
        const placed = sound.clicksOf(events, {RATE}, {RATE}, 7 * {RATE});
        for (const [sample, isBar] of placed)
          sound.start(context, context.destination, tones[Number(isBar)], sample - {RATE});
        const samples = (await context.startRendering()).getChannelData(0);
        const begins = [];
        for (let i = 0, quiet = 1e9; i < samples.length; i += 1) {{
          if (Math.abs(samples[i]) > 1e-3) {{ if (quiet > {RATE} / 10) begins.push(i); quiet = 0; }} else quiet += 1;
        }}
        const beats = events.beats.seconds.filter((at) => at >= 1 && at < 8);
        return [begins, beats, placed.filter(([, isBar]) => isBar).length];""",
    )
    begins, beats, bars = found
    assert np.abs(np.array(begins) / RATE + 1 - beats).max() <= 1 / RATE
    assert 1 <= bars < len(beats)


def test_a_click_while_it_plays_goes_on_there(page):
    heard = inside(
        page,
        """sound.seek(1); await sound.play(); await new Promise((done) => setTimeout(done, 300));
        sound.seek(12); await new Promise((done) => setTimeout(done, 500));
        const heard = sound.heardNow(); sound.stop(); return [heard, state.playhead.value, state.playing.value];""",
    )
    assert 12 <= heard[0] < 12.8 and heard[1] == pytest.approx(heard[0], abs=0.1) and heard[2] is False
