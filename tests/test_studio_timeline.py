"""The timeline of the studio's page, in a real Chromium: what is done by hand lands in the project, and is undone."""

import pytest

from audioviz.curve import EASINGS

LANE = {"keys": {"4s": 0.2, "8s": 0.8, "12s": 0.4}, "ease": "linear", "mode": "replace"}
ALL = """
const load = (name) => import(new URL(`page/${name}.js`, location.href));
const [state, view, rows, keyframes, lanes] = await Promise.all(
  ["state", "timeline/view", "timeline/rows", "timeline/keyframes", "timeline/lanes"].map(load));
const canvas = document.querySelector("canvas[role=application]");
const box = canvas.getBoundingClientRect();
const scroller = document.querySelector(".tl-scroll");
const at = (id, seconds, inside) => {
  const row = rows.rows.value.find((each) => each.id === id);
  const top = box.top + rows.HEADER + row.top - scroller.scrollTop;
  return [box.left + view.xOf(seconds), top + (inside ?? row.height / 2)];
};
"""


@pytest.fixture(scope="module")
def opened(chromium, desk):
    address, _ = desk
    with chromium.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".tl-head.lane", timeout=60_000)
        yield page


@pytest.fixture
def page(opened):
    """The page of a project that has just been begun, with three keys in a lane, from 0 to 20 seconds."""
    begin = """
        const [hand, link] = await Promise.all(["timeline/hand", "link"].map(load));
        await link.ask("open", { path: "song.avz" });
        hand.pen.value = false;
        rows.added.value = [];
        state.snapping.value = "off";
        state.loop.value = state.selectedPrompt.value = null;
        await state.change([[["lanes", "denoise"], lane]], "lane");
    """
    inside(opened, begin, lane=LANE)
    until(opened, "state.plan.value?.lanes?.denoise?.length === 3 && Object.keys(state.plan.value.lanes).length === 1")
    inside(opened, "keyframes.select(null); view.show(0, 20); state.playhead.value = 0; scroller.scrollTop = 0")
    return opened


def inside(page, code: str, **given):
    """What code of the page gives, which sees its modules."""
    names = f"const {{{', '.join(given)}}} = given;" if given else ""
    return page.evaluate(f"async (given) => {{ {ALL} {names} {code} }}", given)


def until(page, condition: str) -> None:
    """Wait for what the page's modules come to; wait_for_function takes a promise for true."""
    inside(
        page,
        f"""for (let tries = 0; tries < 600; tries += 1) {{
          if ({condition}) return;
          await new Promise((done) => setTimeout(done, 25));
        }}
        throw new Error("not in 15 seconds: " + condition);""",
        condition=condition,
    )


def drag(page, start, end) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for part in (0.2, 0.6, 1.0):
        page.mouse.move(*(a + part * (b - a) for a, b in zip(start, end)))
    page.mouse.up()


def key_place(page, time: str):
    """Where a key of the lane is on the page."""
    return inside(
        page,
        """const row = rows.rows.value.find(({ column }) => column === "denoise");
        const key = keyframes.keysOf("denoise").find((each) => each.time === time);
        const [, y] = lanes.keyPoint("denoise", key, row.height);
        return at(row.id, key.seconds, y);""",
        time=time,
    )


def keys(page) -> dict:
    return inside(page, "return state.project.value.lanes.denoise.keys")


def test_the_wheel_zooms_about_the_pointer(page):
    x, y = inside(page, "return at('wave', 5)")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    until(page, "state.view.value.to - state.view.value.from < 15")
    assert inside(page, f"return view.secondsAt({x} - box.left)") == pytest.approx(5, abs=0.05)
    before = inside(page, "return state.view.value.from")
    page.mouse.wheel(200, 0)
    until(page, f"state.view.value.from > {before} + 1")


def test_a_dragged_key_lands_in_the_project_and_is_one_step_of_undo(page):
    x, y = key_place(page, "8s")
    to = inside(page, "return at('lane:denoise', 10)")
    drag(page, (x, y), (to[0], y + 8))
    until(page, "!('8s' in state.project.value.lanes.denoise.keys) && keyframes.draft.value === null")
    (moved,) = set(keys(page)) - set(LANE["keys"])
    assert float(moved.removesuffix("s")) == pytest.approx(10, abs=0.05)
    assert 0.4 < keys(page)[moved] < 0.8
    assert inside(page, "return [...state.selection.value.keys]") == [moved]
    page.keyboard.press("Control+z")
    until(page, "state.project.value.lanes.denoise.keys['8s'] === 0.8")
    assert keys(page) == LANE["keys"]


def test_a_key_snaps_to_beats_and_control_lets_it_go(page):
    beat = inside(
        page, "state.snapping.value = 'beats'; return state.song.value.events.beats.seconds.find((at) => at > 9)"
    )
    x, y = key_place(page, "8s")
    to = inside(page, f"return at('lane:denoise', {beat} + 0.05)")
    drag(page, (x, y), (to[0], y))
    until(page, "!('8s' in state.project.value.lanes.denoise.keys) && keyframes.draft.value === null")
    (moved,) = set(keys(page)) - set(LANE["keys"])
    assert float(moved.removesuffix("s")) == pytest.approx(beat, abs=6e-4)
    page.keyboard.down("Control")
    drag(page, key_place(page, moved), (to[0] + 3, y))
    page.keyboard.up("Control")
    until(page, f"!('{moved}' in state.project.value.lanes.denoise.keys)")


def test_a_double_click_adds_a_key_and_delete_takes_it_away(page):
    page.mouse.dblclick(*inside(page, "return at('lane:denoise', 6)"))
    until(page, "Object.keys(state.project.value.lanes.denoise.keys).length === 4")
    (new,) = set(keys(page)) - set(LANE["keys"])
    assert float(new.removesuffix("s")) == pytest.approx(6, abs=0.05) and keys(page)[new] == pytest.approx(
        0.5, abs=0.03
    )
    page.keyboard.press("Delete")
    until(page, "Object.keys(state.project.value.lanes.denoise.keys).length === 3")


def test_keys_are_pasted_at_the_playhead_with_their_easings(page):
    inside(page, "keyframes.select('denoise', ['4s', '8s'])")
    canvas = page.locator("canvas[role=application]")
    canvas.focus()
    page.keyboard.press("2")  # hold
    until(page, "state.project.value.lanes.denoise.ease['8s'] === 'hold'")
    page.keyboard.press("Control+c")
    inside(page, "state.playhead.value = 13.5")
    page.keyboard.press("Control+v")
    until(page, "'17.5s' in state.project.value.lanes.denoise.keys")
    assert keys(page) == LANE["keys"] | {"13.5s": 0.2, "17.5s": 0.8}
    assert inside(page, "return state.project.value.lanes.denoise.ease")["17.5s"] == "hold"


def test_a_rubber_band_selects_and_a_handle_scales_in_time(page):
    top, bottom = (
        inside(page, f"return at('lane:denoise', {at}, {inside_})") for at, inside_ in ((3.5, 1), (12.5, 56))
    )
    page.keyboard.down("Shift")
    drag(page, top, bottom)
    page.keyboard.up("Shift")
    assert inside(page, "return [...state.selection.value.keys]") == ["4s", "8s", "12s"]
    handle = inside(
        page,
        """const row = rows.rows.value.find(({ column }) => column === "denoise");
        const [x, y] = lanes.handlesOf(lanes.boxOf(row)).right;
        const [, top] = at(row.id, 0, 0);
        return [box.left + x, top + y];""",
    )
    wide = inside(page, "return view.xOf(4) - view.xOf(0)")
    drag(page, handle, (handle[0] + wide, handle[1]))
    until(page, "!('12s' in state.project.value.lanes.denoise.keys) && keyframes.draft.value === null")
    assert [float(time[:-1]) for time in keys(page)] == pytest.approx([4, 10, 16], abs=0.1)
    assert list(keys(page).values()) == pytest.approx([0.2, 0.8, 0.4])


def test_a_drawn_line_becomes_few_keys_in_the_place_of_those_that_were(page):
    page.locator("canvas[role=application]").focus()
    page.keyboard.press("p")
    points = [inside(page, f"return at('lane:denoise', {5 + 0.1 * k}, {10 + abs(k - 20)})") for k in range(0, 41, 2)]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()
    until(page, "!('8s' in state.project.value.lanes.denoise.keys)")
    drawn = sorted(float(time[:-1]) for time in set(keys(page)) - set(LANE["keys"]))
    assert len(drawn) <= 5 and drawn[0] == pytest.approx(5, abs=0.1) and drawn[-1] == pytest.approx(9, abs=0.1)
    assert any(time == pytest.approx(7, abs=0.15) for time in drawn)  # the turn
    assert {"4s", "12s"} <= set(keys(page))


def test_a_range_of_the_ruler_is_looped_inside_of_the_song(page):
    (x, _), (to, _) = inside(page, "return [at('wave', 18), at('wave', 19)]")
    y = inside(page, "return box.top + rows.MAP + 10")
    drag(page, (x, y), (to, y))
    assert inside(page, "return state.loop.value") == pytest.approx([18, 19], abs=0.05)
    page.keyboard.press("l")
    assert inside(page, "return state.loop.value") is None
    page.mouse.click(x, y)
    assert inside(page, "return state.playhead.value") == pytest.approx(18, abs=0.05)
    page.keyboard.press("i")
    page.keyboard.press("End")
    page.keyboard.press("o")
    assert inside(page, "return state.loop.value")[1] == inside(page, "return state.song.value.duration")


def test_a_dragged_beat_is_pinned_and_a_double_click_frees_it(page):
    inside(page, "view.show(4, 10)")
    heard = inside(page, "return state.song.value.events.beats.seconds")
    place = next(k for k, at in enumerate(heard) if at > 6)
    start = inside(page, f"return at('beats', {heard[place]})")
    end = inside(page, f"return at('beats', {heard[place]} + 0.06)")
    page.keyboard.down("Alt")  # its neighbours stay
    drag(page, start, end)
    page.keyboard.up("Alt")
    until(page, f"Math.abs(state.song.value.events.beats.seconds[{place}] - {heard[place]} - 0.06) < 0.012")
    moved = inside(page, "return state.song.value.events.beats.seconds")
    assert moved[place - 1] == pytest.approx(heard[place - 1], abs=2e-3)
    assert moved[place + 1] == pytest.approx(heard[place + 1], abs=2e-3)
    assert len(inside(page, "return state.project.value.song.grid.pins")) == 3
    page.mouse.dblclick(*inside(page, f"return at('beats', {moved[place]})"))
    until(page, f"Math.abs(state.song.value.events.beats.seconds[{place}] - {heard[place]}) < 0.003")


def test_a_prompt_is_dragged_by_its_beginning(page):
    prompts = ["0s: neon nebula", "8s: gold mandala --neg grey"]
    inside(page, "await state.change([[['prompts'], prompts]], 'prompts')", prompts=prompts)
    until(page, "state.plan.value.prompts.length === 2 && state.plan.value.prompts[1].source === 1")
    start, end = inside(page, "return [at('prompts', 8), at('prompts', 11)]")
    drag(page, start, end)
    until(page, "!state.project.value.prompts[1].startsWith('8s')")
    time, text = inside(page, "return state.project.value.prompts[1]").split(": ")
    assert float(time[:-1]) == pytest.approx(11, abs=0.05) and text == "gold mandala --neg grey"


def test_colours_are_keys_of_their_lane_and_dragged_in_time_alone(page):
    inside(page, "rows.showColumn('flash_colour'); scroller.scrollTop = 1e6")
    until(page, "rows.rows.value.some(({ id }) => id === 'lane:flash_colour')")
    lane = "state.project.value.lanes.flash_colour"
    for seconds in (6, 10):
        page.mouse.dblclick(*inside(page, f"return at('lane:flash_colour', {seconds})"))
        until(page, f"Object.keys({lane}?.keys ?? {{}}).length === {1 if seconds == 6 else 2}")
    page.get_by_role("tab", name="Lanes").click()
    page.get_by_label("Colour of the key").fill("#ff8000")
    until(page, f"Object.values({lane}.keys).join() === '#ffffff,#ff8000'")
    until(page, "Math.abs(state.plan.value['final:flash_colour'].at(-1) - 0xff8000) < 1")
    (x, y), (to, _) = inside(page, "return [at('lane:flash_colour', 10), at('lane:flash_colour', 14)]")
    drag(page, (x, y), (to, y - 20))
    until(page, f"Object.keys({lane}.keys).some((time) => Math.abs(parseFloat(time) - 14) < 0.1)")
    assert list(inside(page, f"return {lane}.keys").values()) == ["#ffffff", "#ff8000"]


def test_the_first_prompt_holds_before_its_time_too(page):
    inside(page, "await state.change([[['prompts'], ['5s: gold mandala']]], 'prompts')")
    until(page, "state.plan.value.prompts[0]?.seconds === 5 && state.plan.value.prompts[0].source === 0")
    page.mouse.click(*inside(page, "return at('prompts', 1)"))
    assert inside(page, "return state.selectedPrompt.value") == 0


@pytest.mark.parametrize("mode", ["replace", "multiply"])
def test_a_lane_is_drawn_at_once_as_the_server_computes_it(page, mode):
    for ease in reversed(EASINGS):  # the first is not that of the lane, so that a new plan can be told
        apart = inside(
            page,
            """await state.change([[["lanes", "denoise"], { ...lane, ease, mode }]], "ease");
            const drawn = (keys) => keyframes.drawnCurve("denoise", keys, state.plan.value.frames, state.fps.value);
            for (let tries = 0; tries < 200 && state.plan.value.lanes.denoise[0][3] !== ease; tries += 1)
              await new Promise((done) => setTimeout(done, 10));
            const final = state.plan.value["final:denoise"];
            return Math.max(...drawn(keyframes.keysOf("denoise")).map((value, k) => Math.abs(value - final[k])));""",
            lane=LANE,
            ease=ease,
            mode=mode,
        )
        assert apart < (0.2 if "elastic" in ease or "back" in ease else 0.02), ease
