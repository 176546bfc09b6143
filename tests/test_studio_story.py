"""One user's story: from a dropped song to a film, which the command makes to the same bytes."""

import hashlib
import os
import re
import subprocess

from tests.studio_page import COMMAND, SONG, studio

MODULES = """
    async () => {
      const module = (name) => import(new URL(`page/${name}.js`, location.href));
      window.state = await module("state");
      window.rows = await module("timeline/rows");
    }
"""
SMALL = "await state.change([[['look', 'size'], [64, 64]], [['look', 'steps'], 1], [['fps'], 6]], 'small')"
HASH = """
    async (film) => {
      const bytes = await (await fetch(film)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      return [...hash].map((each) => each.toString(16).padStart(2, "0")).join("");
    }
"""


def test_from_a_dropped_song_to_the_film_of_the_command(chromium, tmp_path):
    with studio(tmp_path) as address, chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        said: list[str] = []  # in the console: nothing
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        assert page.title() == "audioviz studio"
        page.locator("input[type=file]").set_input_files(SONG)
        page.wait_for_selector(".desk")
        assert (tmp_path / "song.ogg").read_bytes() == SONG.read_bytes()
        page.evaluate(MODULES)
        until(page, "state.song.value && state.plan.value && state.catalog.value", timeout=60_000)
        page.evaluate(f"async () => {{ {SMALL} }}")

        fix_the_grid(page)
        pick_cuts(page)
        move_two_sliders(page)
        draw_a_lane(page)
        write_three_prompts(page)
        bar = render_a_bar(page)
        change_and_undo_twice(page)

        page.keyboard.press("Control+s")
        until(page, "state.about.value.saved && state.about.value.path")
        made_by_the_page = page.evaluate(HASH, bar["film"])
        assert said == []

    part = ["--start", repr(bar["start"]), "--duration", repr(bar["duration"])]
    done = subprocess.run(
        [*COMMAND, "render", "song.avz", *part, "-o", "bar.mp4", "--quiet"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256((tmp_path / "bar.mp4").read_bytes()).hexdigest() == made_by_the_page


def until(page, condition: str, *, timeout: float | None = None) -> None:
    page.wait_for_function(f"() => {condition}", timeout=timeout)


def fix_the_grid(page) -> None:
    page.get_by_role("tab", name="Grid").click()
    before = page.evaluate("() => state.song.value.events.beats.seconds[0]")
    page.get_by_role("button", name="All beats 10 ms later").click()
    until(page, f"Math.abs(state.song.value.events.beats.seconds[0] - {before} - 0.01) < 1e-4")


def pick_cuts(page) -> None:
    page.get_by_role("button", name="Schedule pulse").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^cuts")).click()
    until(page, "state.project.value.schedule.source === 'cuts' && state.about.value.undo === 'schedule cuts'")


def move_two_sliders(page) -> None:
    for name in ("hit", "calm"):
        slider = page.get_by_role("slider", name=name, exact=True)
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        until(page, f"'{name}' in state.project.value.schedule.settings")


def draw_a_lane(page) -> None:
    page.get_by_role("button", name="Lane", exact=True).click()
    page.get_by_role("searchbox", name="Search the columns").fill("flash")
    page.keyboard.press("Enter")
    until(page, "rows.rows.value.some(({column}) => column === 'flash')")
    page.get_by_role("button", name="Draw", exact=True).click()
    canvas = page.get_by_role("application", name="Timeline")
    row = page.evaluate(
        "() => { const {top, height} = rows.rows.value.find(({column}) => column === 'flash');"
        " document.querySelector('.tl-scroll').scrollTo(0, 0); return {top: rows.HEADER + top, height}; }"
    )
    box = canvas.bounding_box()
    middle = box["y"] + row["top"] + row["height"] / 2
    page.mouse.move(box["x"] + 200, middle + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, middle - 10, steps=5)
    page.mouse.move(box["x"] + 400, middle + 12, steps=5)
    page.mouse.up()
    until(page, "Object.keys(state.project.value.lanes.flash?.keys ?? {}).length >= 3")


def write_three_prompts(page) -> None:
    page.get_by_role("tab", name="Prompts").click()
    for i, (time, text) in enumerate((("0s", "neon nebula"), ("4bar", "gold mandala"), ("8bar", "crimson flames"))):
        page.get_by_role("textbox", name="Time of a new prompt").fill(time)
        page.get_by_role("textbox", name="Time of a new prompt").press("Enter")
        page.get_by_role("textbox", name=f"Prompt {i + 1}", exact=True).fill(text)
        until(page, f"state.project.value.prompts[{i}] === '{time}: {text}'")


def render_a_bar(page) -> dict:
    page.evaluate("() => { state.playhead.value = state.song.value.events.downbeats.seconds[4] + 0.1; }")
    page.get_by_role("button", name="Final", exact=True).first.click()
    until(page, "state.about.value.revision && state.plan.value.prompts.length === 3")
    page.get_by_role("button", name="Render bar").click()
    until(page, "state.jobs.value.some(({status, film}) => status === 'done' && film)", timeout=90_000)
    page.locator(".stage video").wait_for()
    return page.evaluate("() => state.jobs.value.at(-1)")


def change_and_undo_twice(page) -> None:
    revision = page.evaluate("() => JSON.stringify(state.project.value)")
    page.evaluate("async () => { await state.change([[['negative'], 'grey']], 'one'); }")
    page.evaluate("async () => { await state.change([[['look', 'steps'], 2]], 'two'); }")
    page.locator("header h1").click()
    page.keyboard.press("Control+z")
    until(page, "state.about.value.undo === 'one'")
    page.keyboard.press("Control+z")
    until(page, "state.about.value.redo === 'one'")
    assert page.evaluate("() => JSON.stringify(state.project.value)") == revision
