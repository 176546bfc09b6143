"""Effects as columns: in files, lanes and plots, after the loop and in it, in renders that are resumed and edited."""

import itertools

import numpy as np
import pytest
import soundfile
import torch

import audioviz as av
from audioviz.effects import EFFECTS, apply
from audioviz.errors import ModelError, ScheduleError
from audioviz.project import Finish
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.feedback import feedback
from audioviz.rendering.finish import Finisher
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.guides import Guides
from audioviz.schedule import columns
from audioviz.schedule.lanes import Lane, with_lanes
from audioviz.video.probe import read_frames
from tests.models import SETTINGS, FakeVae, fake_model
from tests.songs import made_song

FRAMES = 24
SHOW = {"flash": 0.5, "flash_colour": 0xFF8000, "glow": 0.4, "grain": 0.3, "shake": 0.5, "trails": 0.6, "hue": 0.1}


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 2), 22050)
    return made_song(path=path, seconds=FRAMES / 12)


@pytest.fixture(autouse=True)
def short_chunks(unjoined, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 0.5)


def plan_of(song, **effects):
    return av.Schedule(denoise=0.5, seed=np.arange(FRAMES), prompts=["a", "b c"], clock=song.clock, **effects)


def render(song, schedule, out, **options):
    return av.render(
        song, schedule, out=out, model=options.pop("model", None) or fake_model(), progress=False, **options
    )


def from_frame(frame, value):
    return np.where(np.arange(FRAMES) >= frame, value, 0.0)


def test_every_effect_is_a_column_that_rests_at_0():
    assert set(EFFECTS) == set(columns.EFFECTS) - {columns.COLOUR}
    assert {columns.NEUTRAL[name] for name in EFFECTS} == {0.0}
    assert all(low <= 0 < high for name, (low, high) in columns.EFFECTS.items())


def test_files_lanes_and_plots_carry_them(song, tmp_path):
    plan = plan_of(song, in_loop=from_frame(12, 1.0), **{name: from_frame(9, 0.25) for name in EFFECTS})
    for suffix, write in ((".json", plan.to_json), (".csv", plan.to_csv)):
        write(tmp_path / f"plan{suffix}")
        back = av.load_schedule(tmp_path / f"plan{suffix}")(song)
        assert back.columns.keys() == plan.columns.keys()
        assert all(np.array_equal(back[name], plan[name]) for name in plan.columns)
    laid = with_lanes(plan, {"glow": Lane(expression="low"), "roll": Lane(keys={"0s": 3}, mode="add")}, song=song)
    assert laid["glow"] == pytest.approx(np.asarray(song.low)) and laid["roll"].tolist() == [3] * 9 + [3.25] * 15
    lit, plain = plan_of(song, glow=0.3), plan_of(song)
    assert lit.plot(song=song).height > plain.plot(song=song).height + 50


def test_colours_are_told_by_name_and_number(song):
    for colour in ("orange", "#ffa500", 0xFFA500, [0xFFA500] * FRAMES):
        assert plan_of(song, flash_colour=colour)["flash_colour"].tolist() == [0xFFA500] * FRAMES
    with pytest.raises(ScheduleError, match="flash_colour: 'oranje' is no colour"):
        plan_of(song, flash_colour="oranje")


def test_colours_stand_in_csv_and_in_lanes_and_slide_by_their_channels(song, tmp_path):
    plan = plan_of(song, flash_colour="orange")
    for cell in ("orange", "#ffa500", "0xffa500"):
        (tmp_path / "plan.csv").write_text(plan.to_csv().replace(str(float(0xFFA500)), cell))
        assert np.array_equal(av.load_schedule(tmp_path / "plan.csv")(song)["flash_colour"], plan["flash_colour"])
    with pytest.raises(ScheduleError, match="plan.csv: flash_colour: 'oranje' is no colour"):
        (tmp_path / "plan.csv").write_text(plan.to_csv().replace(str(float(0xFFA500)), "oranje"))
        av.load_schedule(tmp_path / "plan.csv")(song)
    lanes = {"flash_colour": Lane(keys={"0s": "red", "1s": 0x0000FF})}
    project = av.Project("song.wav", lanes=lanes)
    assert av.Project.from_json(project.to_json()) == project
    laid = with_lanes(plan, lanes, song=song)["flash_colour"].astype(int)
    assert [hex(laid[i]) for i in (0, 6, 12, -1)] == ["0xff0000", "0x800080", "0xff", "0xff"]
    for colour, said in (("oranje", "'oranje' is no colour"), (0x1000000, "expected a colour, such as gold")):
        with pytest.raises(ScheduleError, match=f"lane flash_colour: .*{said}"):
            with_lanes(plan, {"flash_colour": Lane(keys={"0s": colour})}, song=song)


def test_what_rests_is_not_looked_at(song, tmp_path):
    plain = render(song, plan_of(song), tmp_path / "plain.mp4")
    rest = render(song, plan_of(song, flash=0.0, hue=0.0, in_loop=1.0, flash_colour="red"), tmp_path / "rest.mp4")
    frames = zip(read_frames(plain), read_frames(rest), strict=True)
    assert all(np.array_equal(one, other) for one, other in frames)


def test_a_picture_without_effects_is_passed_on_as_it_is(song):
    finisher = Finisher(
        fake_model(), frame_table(plan_of(song, flash=from_frame(2, 0.5)), SETTINGS), SETTINGS, Finish()
    )
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    decoded, _ = finisher.decode([latent])[0]
    (_, first), (_, lit) = (next(finisher.pictures(i, latent.half(), decoded)) for i in (1, 2))
    assert first is decoded and lit.float().mean() > decoded.float().mean()


def test_an_interrupted_render_with_trails_goes_on_to_the_same_bytes(song, tmp_path):
    plan, out, model = plan_of(song, **SHOW), tmp_path / "out.mp4", fake_model()
    whole = render(song, plan, tmp_path / "whole.mp4", model=model)
    with pytest.raises(ModelError):
        render(song, plan, out, model=fake_model(nan_from_call=len(model.denoiser.calls) * 15 // FRAMES))
    render(song, plan, out)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("echo", "slow", "decoded"), [({}, 1e9, 6), ({"trails": 0.6}, 1e9, 12), ({"trails": 0.6}, -1, 0)]
)
def test_a_new_flash_decodes_its_chunk_at_most_and_samples_nothing(song, tmp_path, monkeypatch, echo, slow, decoded):
    """Chunks are of 6 frames; an echo goes on to the end; what is slow to decode is kept."""
    monkeypatch.setattr("audioviz.rendering.chunk_loop.SLOW_DECODING", slow)
    out = tmp_path / "out.mp4"
    render(song, plan_of(song, glow=0.3, **echo), out, keep_work=True)
    edited = plan_of(song, glow=0.3, flash=from_frame(14, 0.8) * (np.arange(FRAMES) < 16), **echo)
    fresh = render(song, edited, tmp_path / "fresh.mp4")
    model, pictures, decode = fake_model(), [], FakeVae.decode
    monkeypatch.setattr(FakeVae, "decode", lambda vae, latent: pictures.append(latent) or decode(vae, latent))
    with pytest.warns(match="anew"):
        render(song, edited, out, model=model)
    assert model.denoiser.calls == [] and len(pictures) == decoded
    assert out.read_bytes() == fresh.read_bytes()


def test_trails_that_are_added_begin_with_the_echo_of_the_frame_before(song, tmp_path):
    """The first chunk, of 6 frames, was made without them, and left none."""
    out = tmp_path / "out.mp4"
    render(song, plan_of(song), out, keep_work=True)
    edited = plan_of(song, trails=from_frame(6, 0.9))
    fresh = render(song, edited, tmp_path / "fresh.mp4")
    with pytest.warns(match="anew"):
        render(song, edited, out)
    assert out.read_bytes() == fresh.read_bytes()


def test_trails_echo_in_a_video(song, tmp_path):
    """A white flash in one frame alone fades over those that follow."""
    flash = from_frame(6, 1.0) * (np.arange(FRAMES) < 7)
    plain, echo = (
        [frame.mean() for frame in itertools.islice(read_frames(render(song, plan, tmp_path / f"{i}.mp4")), 12)]
        for i, plan in enumerate([plan_of(song, flash=flash), plan_of(song, flash=flash, trails=0.8)])
    )
    assert plain[6] > 250 and echo[6] > 250 and plain[7] < 180
    assert echo[7] > plain[7] + 20 and echo[6] > echo[7] > echo[8]


def test_in_the_loop_they_change_what_comes_next(song):
    """Where in_loop is on they change the frame before, and the finished one is left alone."""
    plan = plan_of(song, hue=0.2, flash=0.3, trails=0.5, in_loop=from_frame(12, 1.0))
    table, model = frame_table(plan, SETTINGS), fake_model()
    acting = {"hue": 0.2, "flash": 0.3}
    assert table.effects_at(5) == acting | {"trails": 0.5} and table.effects_at(15, in_loop=True) == acting
    assert table.effects_at(15) == table.effects_at(5, in_loop=True) == {}
    assert feedback(table, 5, Guides(), Decoder(model)) is None
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    worked = feedback(table, 15, Guides(), Decoder(model))(latent)
    wanted = apply(model.autoencoder.decode(latent.half().float()).add(1).div(2).clamp(0, 1), acting, seed=15, frame=15)
    assert (model.autoencoder.decode(worked) + 1).div(2).allclose(wanted, atol=1e-5)


def test_in_the_loop_they_add_up(song, tmp_path):
    def brightness(**effects):
        plan = plan_of(song, brightness=from_frame(1, 0.1), **effects)
        return [frame.mean() for frame in read_frames(render(song, plan, tmp_path / "out.mp4"))]

    once, again = brightness(), brightness(in_loop=1)
    assert np.mean(again[12:]) > np.mean(once[12:]) + 10
