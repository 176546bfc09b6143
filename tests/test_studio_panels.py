"""The panels of the studio's page, in a real Chromium."""

import gzip

import pytest

from audioviz.studio.app import PAGE

STATE = "async () => { window.state = await import(new URL('page/state.js', location.href)); }"


@pytest.fixture(scope="module")
def opened(chromium, desk):
    address, _ = desk
    with chromium.new_context(viewport={"width": 1000, "height": 700}, reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(address)
        page.wait_for_selector(".desk")
        page.evaluate(STATE)
        page.wait_for_function("() => state.song.value && state.plan.value", timeout=60_000)
        yield page


@pytest.fixture
def page(opened):
    """The page of a project that has just been begun."""
    begin = """
        const places = await import(new URL('page/panels/places.js', location.href));
        const {ask} = await import(new URL('page/link.js', location.href));
        places.dialog.value = null;
        places.tab.value = "prompts";
        state.notice.value = null;
        state.playhead.value = 0;
        state.selection.value = {lane: null, keys: new Set()};
        await ask('open', {path: 'song.avz'});
    """
    inside(opened, begin)
    until(opened, "state.about.value.undo === null")
    return opened


def inside(page, code: str):
    """What code of the page gives, in which `state` is its state."""
    return page.evaluate(f"async () => {{ {code} }}")


def project(page) -> dict:
    return inside(page, "return state.project.value")


def module(page, name: str, code: str):
    """What code gives with a module of the page as `it`."""
    return page.evaluate(f"async () => {{ const it = await import(new URL('page/{name}', location.href)); {code} }}")


def until(page, condition: str) -> None:
    page.wait_for_function(f"() => {condition}")


def test_a_drag_of_a_slider_is_one_step_of_undo_and_a_double_click_takes_it_away(page):
    slider = page.get_by_role("slider", name="punch", exact=True)
    slider.focus()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 9)
    page.mouse.down()
    for x in (60, 90, 120, 150):
        page.mouse.move(box["x"] + x, box["y"] + 9)
        page.wait_for_timeout(30)
    page.mouse.up()
    until(page, "state.about.value.undo === 'punch'")
    assert project(page)["schedule"]["settings"]["punch"] > 0.5
    page.keyboard.press("Control+z")
    until(page, "state.about.value.undo === null")
    assert project(page)["schedule"]["settings"] == {}
    page.keyboard.press("Control+Shift+z")
    until(page, "state.about.value.undo === 'punch'")
    slider.dblclick(position={"x": 5, "y": 9})
    until(page, "!('punch' in state.project.value.schedule.settings)")


def test_a_prompt_keeps_its_written_form_until_it_says_more_than_text_can(page):
    inside(page, "await state.change([[['prompts'], ['0s: neon', '4bar: gold mandala --neg grey']]], 'prompts')")
    inside(page, "state.selectedPrompt.value = 1")
    page.get_by_role("textbox", name="Prompt 2", exact=True).fill("gold mandalas")
    until(page, "state.project.value.prompts[1] === '4bar: gold mandalas --neg grey'")
    page.get_by_label("To the next").select_option("hold")
    until(page, "state.project.value.prompts[1].ease === 'hold'")
    bars = inside(page, "return state.song.value.events.downbeats.seconds")
    assert project(page)["prompts"][1] == {
        "seconds": pytest.approx(bars[4], abs=1e-3),
        "text": "gold mandalas",
        "negative": "grey",
        "ease": "hold",
        "way": "slerp",
    }


def test_texts_of_prompts_come_apart_and_together_again(page):
    texts = ["neon", "8s: neon", "1:30: neon --neg grey", "96f: a, b: c", "4bar: (gold:1.3) rain", "2.5: tea"]
    code = f"return {texts}.map((text) => it.entry(it.parts(text, null)))"
    assert module(page, "panels/written.js", code) == texts
    typed = "return [it.typed('gold  rain '), it.typed('gold rain --neg grey, mud')]"
    assert module(page, "panels/written.js", typed) == [
        {"text": "gold  rain "},
        {"text": "gold rain", "negative": "grey, mud"},
    ]


@pytest.mark.parametrize(
    ("text", "start", "end", "step", "expected"),
    [
        ("gold rain", 0, 4, 0.1, "(gold:1.1) rain"),
        ("gold rain", 7, 7, -0.1, "gold (rain:0.9)"),
        ("(gold:1.1) rain", 1, 5, 0.1, "(gold:1.2) rain"),
        ("(gold:1.1) rain", 1, 5, -0.1, "gold rain"),
    ],
)
def test_weights_of_selected_words(page, text, start, end, step, expected):
    assert module(page, "panels/written.js", f"return it.weighted({text!r}, {start}, {end}, {step}).text") == expected


def test_taps_have_the_tempo_at_which_they_were_made_and_a_pause_begins_anew(page):
    code = "let taps = [9]; for (let i = 0; i < 8; i++) taps = it.withTap(taps, 20 + i * 60 / 128 + 0.004 * (i % 2));"
    tempo, late = module(
        page, "panels/tapping.js", code + "return [it.tempoOf(taps), it.behind([1.03, 1.53], [1, 1.5])]"
    )
    assert tempo == pytest.approx(128, abs=0.5)
    assert late == pytest.approx(0.03)


def test_what_is_played_becomes_few_keys_near_to_it_and_leaves_the_rest_of_the_lane(page):
    code = """
        const points = Array.from({length: 600}, (_, i) => [4 + i / 60, 0.5 + 0.4 * Math.sin(i / 60)]);
        const keys = it.recorded({"1s": 0.1, "5s": 0.9, "30s": 0.2}, points, {low: 0, high: 1, secondsOf: parseFloat});
        return [points, Object.entries(keys).map(([time, value]) => [parseFloat(time), value])];
    """
    points, keys = module(page, "panels/recording.js", code)
    times, values = zip(*keys)
    assert list(times) == sorted(times)
    assert keys[0] == [1, 0.1] and keys[-1] == [30, 0.2] and 5 not in times
    assert len(keys) < 40
    import numpy as np

    played = np.array(points)
    assert np.abs(np.interp(played[:, 0], times, values) - played[:, 1]).max() < 0.015


def test_an_expression_with_a_fault_is_told_where_it_is_typed_and_changes_nothing(page):
    inside(page, "state.selection.value = {lane: 'denoise', keys: new Set()}")
    page.get_by_role("tab", name="Lanes").click()
    field = page.get_by_role("combobox", name="Expression")
    field.press_sequentially("0.2 + 0.5 * kic")
    page.get_by_role("option", name="kick", exact=True).wait_for()
    page.wait_for_function("() => document.querySelector('#expression-fault').textContent.includes('kic')")
    assert project(page)["lanes"] == {}
    field.press("Enter")
    until(page, "state.project.value.lanes.denoise?.expression === '0.2 + 0.5 * kick'")
    assert page.locator("#expression-fault").is_hidden()


def test_an_unknown_word_is_one_click_away_from_the_nearest(page):
    page.keyboard.press("Control+Enter")
    page.get_by_role("textbox", name="Prompt 1", exact=True).fill("gold mandalla, neon nebula")
    page.get_by_role("button", name="mandala", exact=True).click()
    until(page, "state.project.value.prompts[0] === '0s: gold mandala, neon nebula'")
    page.locator(".unknown").wait_for(state="detached")


def test_a_hand_that_plays_while_the_song_runs_is_in_the_lane_when_it_stops(page):
    page.get_by_role("tab", name="Perform").click()
    page.get_by_role("button", name="Record", exact=True).click()
    until(page, "state.playhead.value > 0.3")
    before = inside(page, "return state.playhead.value")
    page.keyboard.press("9")
    after = inside(page, "return state.playhead.value")
    page.wait_for_timeout(400)
    page.keyboard.press("e")
    shown = "return [it.played.value.column, it.played.value.points.length > 5, it.taps.value.seconds.length]"
    assert module(page, "timeline/hand.js", shown) == ["denoise", True, 1]  # before it is in the project
    page.get_by_role("button", name="Stop", exact=True).click()
    until(page, "state.project.value.lanes.denoise && state.project.value.song.events.taps")
    keys = {float(time[:-1]): value for time, value in project(page)["lanes"]["denoise"]["keys"].items()}
    assert before - 0.1 < min(time for time, value in keys.items() if value == 1) < after + 0.1
    assert project(page)["song"]["events"]["taps"] == [pytest.approx(max(keys), abs=0.3)]
    page.keyboard.press("r")  # disarmed, as it was


def test_keys_of_the_page_leave_a_field_that_is_typed_in_alone(page):
    page.keyboard.press("Control+Enter")
    box = page.get_by_role("textbox", name="Prompt 1", exact=True)
    box.fill("neon")
    box.press("End")
    box.press_sequentially(" tea ?")
    until(page, "state.project.value.prompts[0] === '0s: neon tea ?'")
    assert page.locator("dialog").count() == 0
    page.locator("header h1").click()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()


def test_a_bar_later_is_the_first_downbeat_and_the_grid_goes_back_to_what_is_heard(page):
    page.get_by_role("tab", name="Grid").click()
    beats = inside(page, "return state.song.value.events.beats.seconds")
    inside(page, f"state.playhead.value = {beats[2]}")
    page.get_by_role("button", name="First downbeat at the playhead").click()
    until(page, f"Math.abs(state.song.value.events.downbeats.seconds[0] - {beats[2]}) < 0.01")
    page.get_by_role("button", name="All beats 10 ms later").click()
    until(page, f"Math.abs(state.song.value.events.beats.seconds[0] - {beats[0]} - 0.01) < 1e-4")
    page.get_by_role("button", name="All as heard").click()
    until(page, "state.project.value.song.grid.first_downbeat === null")


def test_a_file_in_the_way_is_saved_over_only_when_that_is_said(page, desk):
    _, folder = desk
    (folder / "other.avz").write_text("mine")
    page.keyboard.press("Control+Shift+s")
    page.get_by_role("textbox", name="File").fill("other.avz")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("dialog").get_by_role("alert").wait_for()
    assert (folder / "other.avz").read_text() == "mine"
    page.get_by_role("button", name="Save over it").click()
    page.wait_for_function("() => !document.querySelector('dialog')")
    assert "version" in (folder / "other.avz").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    inside(page, f"(await import(new URL('page/panels/places.js', location.href))).theme.value = '{scheme}'")
    code = """
        const ink = document.createElement("span");
        document.body.append(ink);
        const luminance = (name) => {
          ink.style.color = `var(--${name})`;
          const parts = getComputedStyle(ink).color.match(/[\\d.]+/g).map((each) => each / 255);
          const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratios = {};
        for (const on of ["panel", "ground", "well"]) for (const of of ["ink", "faint", "accent", "error"]) {
          const [a, b] = [luminance(of), luminance(on)].sort((x, y) => y - x);
          ratios[`${of} on ${on}`] = (a + 0.05) / (b + 0.05);
        }
        return ratios;
    """
    ratios = inside(page, code)
    assert min(ratios.values()) >= 4.5, ratios


@pytest.mark.parametrize("tab", ["Prompts", "Lanes", "Grid", "Look", "Render", "Perform"])
def test_each_panel_fits_and_each_control_has_a_name(page, tab):
    page.get_by_role("tab", name=tab).click()
    wide = """[...document.querySelectorAll(".left, .right, .panel, header, .toolbar, .under")]
        .filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.className)"""
    assert page.evaluate(wide) == []
    nameless = """[...document.querySelectorAll("button, input, select, textarea, video")].filter((each) =>
        !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.[0]?.textContent.trim()))
        .map((each) => each.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_a_server_that_is_gone_is_said_and_what_is_seen_stays(chromium, desk):
    address, _ = desk
    lines = []

    def line(socket) -> None:  # the first is answered, and then none
        lines.append(socket)
        socket.connect_to_server() if len(lines) == 1 else socket.close()

    with chromium.new_context() as context:
        page = context.new_page()
        page.route_web_socket("**/ws", line)
        page.goto(address)
        page.wait_for_selector(".desk")
        lines[0].close()
        page.get_by_text("The server does not answer").wait_for()
        assert page.get_by_role("button", name="Schedule pulse").is_visible()


def test_the_page_is_light():
    parts = [path for path in PAGE.rglob("*") if path.suffix in (".js", ".css", ".html")]
    assert sum(len(gzip.compress(path.read_bytes())) for path in parts) < 120_000
