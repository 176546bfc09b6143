import json
import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

import audioviz as av
from audioviz.errors import AudiovizError, Defect, InputError, ModelError, ScheduleError
from audioviz.rendering.frame_table import frame_table, next_cut_point
from audioviz.rendering.render import render_project
from audioviz.sampling import sequence
from audioviz.schedule import Prompt
from audioviz.video.probe import probe, read_frames
from tests.checkpoints import tiny_pipeline
from tests.models import SETTINGS, digests_of, fake_model, plans_of
from tests.songs import made_song


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    noise = np.random.default_rng(1).normal(0, 0.1, (22050 * 4, 2))
    soundfile.write(path, noise, 22050)
    return made_song(path=path)


@pytest.fixture(scope="module")
def schedule(song):
    return av.load_schedule("pulse")(song).with_prompts(["neon nebula", "a gold mandala of light"])


def render(song, schedule, out, **options):
    return av.render(
        song, schedule, out=out, model=options.pop("model", None) or fake_model(), progress=False, **options
    )


@pytest.fixture(scope="module")
def whole(song, schedule, tmp_path_factory):
    """The bytes of the video, in chunks of a second, that was made at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
        return render(song, schedule, tmp_path_factory.mktemp("whole") / "whole.mp4").read_bytes()


def test_a_render_is_as_long_as_the_song_and_says_what_it_was_made_of(song, schedule, tmp_path):
    out = render(song, schedule, tmp_path / "out.mp4")
    found = probe(out)
    assert found.frames == 48 and found.fps == 12 and found.size == (64, 64) and found.channels == 2
    assert abs(found.sound_seconds - found.picture_seconds) <= 0.5 / 12
    manifest = json.loads(found.metadata)
    assert manifest["model"] == "fake" and len(manifest["schedule"]["denoise"]) == 48
    assert manifest["schedule"]["prompts"][1]["prompt"] == "a gold mandala of light"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4"]


def test_two_renders_are_equal_to_the_byte(song, schedule, tmp_path):
    first, second = (render(song, schedule, tmp_path / name) for name in ("a.mp4", "b.mp4"))
    assert first.read_bytes() == second.read_bytes()


def test_an_interrupted_render_goes_on_and_gives_the_same_bytes(song, schedule, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    out = tmp_path / "out.mp4"
    broken = fake_model(nan_from_call=2 * 2 * 4 + 2 * 30)  # two prompts' colours, then thirty frames
    with pytest.raises(ModelError, match="frame [23]"):
        render(song, schedule, out, model=broken)
    assert not out.exists()
    model = fake_model()
    render(song, schedule, out, model=model)
    assert out.read_bytes() == whole
    assert len(model.denoiser.calls) < 2 * 48 - 24


def watched(song, schedule, out, watch, **options):
    project = av.Project(song.path, fps=12, schedule=schedule).changed(**options)
    return render_project(project, out=out, song=song, model=fake_model(), progress=False, watch=watch)


@pytest.mark.parametrize(
    ("options", "count"), [({}, 48), ({"smooth": "2x"}, 96), ({"start": 1.0, "duration": 2.0}, 24)]
)
def test_who_watches_sees_each_picture_of_the_video_once(song, schedule, unjoined, tmp_path, options, count):
    seen: dict[int, np.ndarray] = {}
    out = watched(song, schedule, tmp_path / "out.mp4", lambda frame, picture: seen.update({frame: picture}), **options)
    written = list(read_frames(out))
    assert list(seen) == list(range(len(written))) == list(range(count))
    for frame, picture in zip(written, seen.values()):
        assert picture.dtype == np.uint8 and picture.shape == frame.shape == (64, 64, 3)
        assert np.abs(picture.astype(float).mean() - frame.astype(float).mean()) < 6
    render(song, schedule, tmp_path / "unseen.mp4", **options)
    assert out.read_bytes() == (tmp_path / "unseen.mp4").read_bytes()


@pytest.mark.parametrize(("raised", "met"), [(KeyboardInterrupt(), KeyboardInterrupt), (ValueError("x"), Defect)])
def test_who_watches_can_stop_a_render_that_goes_on(song, schedule, whole, tmp_path, monkeypatch, raised, met):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    out, seen = tmp_path / "out.mp4", []

    def stop(frame: int, picture: np.ndarray) -> None:
        if frame == 30:
            raise raised

    with pytest.raises(met):
        watched(song, schedule, out, stop)
    assert not out.exists() and (tmp_path / "out.audioviz").is_dir()
    watched(song, schedule, out, lambda frame, picture: seen.append(frame))
    assert out.read_bytes() == whole and seen == list(range(24, 48))


def test_a_changed_schedule_makes_only_what_differs_anew(song, schedule, unjoined, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    changed = schedule.with_prompts({0: "neon nebula", 2.5: "other words entirely"})
    assert digests_of(schedule) != digests_of(changed)
    out = tmp_path / "out.mp4"
    with pytest.raises(ModelError):
        render(song, schedule, out, model=fake_model(nan_from_call=2 * 2 * 4 + 2 * 40))
    with pytest.warns(match="anew"):
        render(song, changed, out)
    fresh = render(song, changed, tmp_path / "fresh.mp4")
    assert out.read_bytes() == fresh.read_bytes()


def test_the_first_frame_is_drawn_anew_and_later_ones_follow_the_columns(song, schedule):
    plans = list(plans_of(fake_model(), schedule))
    assert plans[0].denoise == 1 and plans[0].interp == 1 and plans[0].noise_after == 0
    for k in (1, 17, 47):
        assert plans[k].denoise == schedule.denoise[k] and plans[k].seed == schedule.seed[k] and plans[k].frame == k
        assert plans[k].interp == schedule.interp[k] and plans[k].cfg == 2.0
    assert [p.seed for p in plans_of(fake_model(), schedule, first=40)] == [p.seed for p in plans[40:]]


def test_camera_speeds_are_a_second_so_fps_does_not_matter(song):
    for fps in (12, 24):
        track = made_song(fps=fps)
        moving = av.Schedule(zoom=1.5, angle=24, shift_x=0.1, prompts=["x"], clock=track.clock)
        table = frame_table(moving, SETTINGS)
        move = table.camera(1)
        assert (move["zoom"] ** fps, move["angle"] * fps, move["shift_x"] * fps) == pytest.approx((1.5, 24, 0.1))
        assert table.camera(0) is None and not move["wrap"]


def middle(picture: torch.Tensor) -> torch.Tensor:
    """Where the one bright disc of a picture lies: x and y in pixels."""
    bright = picture[0].mean(0).add(1).clamp_min(0) ** 4
    y, x = torch.meshgrid(*(torch.arange(float(side)) for side in bright.shape), indexing="ij")
    return torch.stack(((x * bright).sum(), (y * bright).sum())) / bright.sum()


@pytest.mark.parametrize("size", [(256, 160), (160, 256)])
@pytest.mark.parametrize(
    "move", [{"zoom": 1.02, "angle": 2.0}, {"zoom": 1.1, "angle": -10.0}, {"shift_x": 0.03, "shift_y": -0.02}], ids=str
)
def test_a_test_card_lands_within_half_a_pixel_through_the_model(song, size, move):
    model, (width, height) = av.load_model("embedded"), size
    y, x = torch.meshgrid(torch.arange(height) - 0.3 * height, torch.arange(width) - 0.65 * width, indexing="ij")
    card = torch.sigmoid(14 - (x**2 + y**2).sqrt()).expand(1, 3, -1, -1) * 1.8 - 0.9
    latent = model.autoencoder.encode(card)
    speed = {name: value**12 if name == "zoom" else value * 12 for name, value in move.items()}
    plans = list(
        plans_of(model, av.Schedule(**speed, prompts=["x"], clock=song.clock), replace(SETTINGS, size=size), first=1)
    )
    centre = torch.tensor([width - 1, height - 1]) / 2
    before = middle(model.autoencoder.decode(latent)) - centre
    turn, zoom = math.radians(move.get("angle", 0)), move.get("zoom", 1)
    turned = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) @ before * zoom
    wanted = turned + torch.tensor([move.get("shift_x", 0) * width, move.get("shift_y", 0) * height])
    found = middle(model.autoencoder.decode(plans[0].warp(latent))) - centre
    assert (wanted - before).norm() > 1.5 and (found - wanted).abs().max() < 0.5


def test_a_camera_that_rests_moves_nothing(song):
    schedule = av.Schedule(zoom=1, prompts=["x"], clock=song.clock)
    assert next(iter(plans_of(fake_model(), schedule, first=1))).warp is None


def test_pictures_follow_the_prompt(song, unjoined, tmp_path):
    schedule = av.Schedule(denoise=1.0, prompts={0: "x" * 40, 2: "x"}, clock=song.clock)
    frames = list(read_frames(render(song, schedule, tmp_path / "out.mp4", cfg=1.0)))
    assert np.mean(frames[2]) > np.mean(frames[40]) + 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "out.avi"}, "expected a name that ends in .mp4"),
        ({"out": "."}, "expected a name|is a folder"),
        ({"out": "nowhere/out.mp4"}, "output folder .*nowhere does not exist"),
        ({"size": (70, 64)}, "size 70x64: this model makes multiples of 8 .* try 72x64"),
        ({"size": (24, 24)}, "from 32 to 8192"),
        ({"sampler": "eular"}, "unknown sampler 'eular' .did you mean euler.*: use one of euler,"),
        ({"scheduler": "karas"}, "unknown scheduler 'karas' .did you mean karras"),
        ({"prompts": ["99s: x"]}, "lies past the end"),
    ],
)
def test_wrong_options_are_refused_and_nothing_is_written(song, schedule, tmp_path, options, message):
    earlier = tmp_path / "out.mp4"
    earlier.write_bytes(b"an earlier video")
    before = sorted(tmp_path.iterdir())
    out = tmp_path / options.pop("out", "out.mp4")
    with pytest.raises(AudiovizError, match=message):
        render(song, schedule, out, **options)
    assert earlier.read_bytes() == b"an earlier video" and sorted(tmp_path.iterdir()) == before


def test_a_schedule_of_another_song_is_refused(song, tmp_path):
    with pytest.raises(ScheduleError, match="made for 24 frames at 12 fps, but the song has 48 at 12"):
        render(song, av.Schedule(clock=made_song(seconds=2).clock), tmp_path / "out.mp4")


def test_frame_digests_change_where_the_schedule_does_and_nowhere_else(song, schedule):
    denoise = np.array(schedule.denoise)
    denoise[30] = 0.9
    before, after = (digests_of(s) for s in (schedule, replace(schedule, denoise=denoise)))
    assert [k for k in range(48) if before[k] != after[k]] == [30]


def test_another_model_or_version_starts_anew_and_says_why(song, schedule, unjoined, tmp_path, monkeypatch):
    out = tmp_path / "out.mp4"
    render(song, schedule, out, keep_work=True)
    with pytest.warns(match="frames from 0 on are made anew: model_sha256 changed"):
        render(song, schedule, out, keep_work=True, model=fake_model(digest="e" * 64))
    monkeypatch.setattr("audioviz.rendering.prepare.version", lambda name: "9.9")
    with pytest.warns(match="frames from 0 on are made anew: model_sha256, versions changed"):
        render(song, schedule, out, keep_work=True)
    monkeypatch.setattr("audioviz.video.chunks.encoder_name", lambda codec: "ffmpeg 99")
    with pytest.warns(match="pictures from frame 0 on are finished anew: encoder changed"):
        render(song, schedule, out)
    assert not (tmp_path / "out.audioviz").exists()


def test_a_prompt_added_at_the_end_changes_no_frame_before_its_way_begins(schedule):
    longer = schedule.with_prompts([*schedule.prompts, Prompt(3.9, "the end")])
    before, after = (digests_of(s) for s in (schedule, longer))
    same = [a == b for a, b in zip(before, after)]
    assert all(same[:20]) and not same[-1]


def part_schedule(song, **columns):
    cuts = np.isin(np.arange(48), (0, 12, 30))
    columns = {"seed": np.arange(48), "denoise": np.where(cuts, 1.0, 0.4), "noise": 0.1, "zoom": 1.2} | columns
    return av.Schedule(**columns, prompts=["neon nebula", "a gold mandala of light"], clock=song.clock)


def latents(schedule, part):
    model = fake_model()
    plans = plans_of(model, schedule, part=part)
    return list(sequence(model.denoiser, plans, start=model.empty_latent(SETTINGS.size)))


@pytest.mark.parametrize(("first", "equal"), [(0, 0), (12, 12), (5, 12), (13, 30), (31, None)])
def test_a_part_equals_that_part_of_the_whole_from_the_first_frame_that_is_drawn_anew(song, first, equal):
    schedule = part_schedule(song)
    whole, part = latents(schedule, range(48)), latents(schedule, range(first, 48))
    same = [torch.equal(a, b) for a, b in zip(whole[first:], part, strict=True)]
    assert next_cut_point(schedule, first=first) == equal
    assert same == [equal is not None and k >= equal for k in range(first, 48)]


def test_a_rendered_part_has_its_part_of_the_sound_and_says_where_it_differs(song, tmp_path):
    with pytest.warns(match="resemble those of the whole song but do not equal them, until 2.50 s"):
        out = render(song, part_schedule(song), tmp_path / "part.mp4", start=1.5, duration=2)
    found = probe(out)
    assert found.frames == 24 and json.loads(found.metadata)["frames"] == [18, 42]
    whole = list(read_frames(render(song, part_schedule(song), tmp_path / "whole.mp4")))
    for k in (30, 41):
        assert np.abs(whole[k].astype(int) - list(read_frames(out))[k - 18]).mean() < 3  # both went through the encoder
    heard = [av.load_song(path, fps=12, cache=False) for path in (out, song.path)]
    assert np.corrcoef(heard[0].rms, heard[1].rms[18:42])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 4.0}, "start 4 s is past the end of .*song.wav, which is 4.00 s long"),
        ({"start": -1}, "expected 0 or more"),
        ({"start": float("nan")}, "expected a finite number"),
        ({"duration": 0}, "song.duration: 0, expected more than 0"),
    ],
)
def test_a_part_outside_the_song_is_refused(song, schedule, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        render(song, schedule, tmp_path / "out.mp4", **options)


def test_a_tiny_model_makes_the_same_latents_with_one_thread_and_with_two(song, tmp_path):
    tiny_pipeline(tmp_path).save_pretrained(tmp_path / "tiny")
    model = av.load_model(tmp_path / "tiny", device="cpu")
    threads = torch.get_num_threads()
    made = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            plans = plans_of(model, part_schedule(song), part=range(6))
            made.append(torch.cat(list(sequence(model.denoiser, plans, start=model.empty_latent(SETTINGS.size)))))
    finally:
        torch.set_num_threads(threads)
    assert torch.isfinite(made[0]).all() and made[0].std() > 0.1
    assert (made[0] - made[1]).abs().max() <= 1e-4


@pytest.mark.parametrize(
    "model, options, message",
    [
        (fake_model(distilled=True), {}, "fake has its guidance within itself"),
        (fake_model(), {"cfg": 1.0}, "do nothing at cfg 1"),
    ],
)
def test_negative_prompts_that_are_not_read_are_said(song, schedule, unjoined, tmp_path, model, options, message):
    with pytest.warns(match=message):
        render(song, schedule, tmp_path / "out.mp4", model=model, negative="grey", start=0, duration=0.5, **options)
