"""Smoothing to a higher frame rate: where each frame lies, what waits for a hit, and what stands between two frames."""

import json
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from torch.nn.functional import conv2d, grid_sample, interpolate, leaky_relu, pixel_shuffle

import audioviz as av
from audioviz.audio.song import Events
from audioviz.clock import Clock
from audioviz.errors import InputError, ModelError
from audioviz.project import Finish, Project
from audioviz.rendering.check import check_project
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.tween_pictures import Sampled, tween_pictures, way_to_tween
from audioviz.rendering.tweens import effects_between, hits, tween_table
from audioviz.sampling.warp import move_part, warp
from audioviz.video.probe import probe, read_frames
from audioviz.video.rife import Rife, load_rife
from audioviz.video.rife_layout import RifeLayout
from tests.models import SETTINGS, fake_model
from tests.songs import made_song

FPS = Fraction(12)
RIFE = {  # the widths, channels told, features and encoders that were published, at an eighth of the width
    "4.6": RifeLayout((24, 16, 12, 8)),
    "4.7": RifeLayout((24, 16, 12, 8), 6, 4, 16),
    "4.15": RifeLayout((24, 16, 12, 8), 6, 8, 32, True),
    "4.22": RifeLayout((32, 24, 12, 6), 13, 8, 32, True),
    "4.26": RifeLayout((24, 16, 12, 8, 4), 13, 4, 16, True),
}


def table_of(frames=13, **columns):
    """The table of a schedule at 12 frames a second; what is not given rests."""
    given = {"seed": 1, "denoise": 0.3, "noise": 0.0, "interp": 1.0} | columns
    plan = av.Schedule(**given, clock=Clock(FPS, frames), prompts=["neon nebula"])
    return frame_table(plan, SETTINGS)


def leap(frames=13, *, at, low=0.3, high=0.8):
    return [high if k == at else low for k in range(frames)]


def lay(table, to, *, moments=()):
    return tween_table(table, to_fps=Fraction(to), frames=round(len(table) * to / 12), moments=moments)


def own_frames(tweens):
    """The frame of the video in which each row is first seen as it is; None where it never is."""
    return [next((j for j in tweens.frames(i) if tweens.part[j] == 1), None) for i in range(len(tweens.held))]


def test_twice_as_many_frames_lie_half_way():
    tweens = lay(table_of(), 24)
    assert len(tweens) == 26 and not tweens.held.any()
    np.testing.assert_array_equal(tweens.row[:6], [0, 1, 1, 2, 2, 3])
    np.testing.assert_array_equal(tweens.part[:6], [1, 0.5, 1, 0.5, 1, 0.5])
    assert tweens.row[-1] == 12 and (tweens.part[-2:] == 1).all(), "the last frame is held"


@pytest.mark.parametrize("to", [24, 30, 60, Fraction(30000, 1001), Fraction(25, 2)])
def test_each_frame_stands_at_its_time_and_rows_come_in_order(to):
    tweens = lay(table_of(61), to)
    shown = np.arange(len(tweens))
    at = np.minimum(shown * float(FPS / to), 60)
    np.testing.assert_allclose((tweens.row - 1 + tweens.part)[:-1], at[:-1], atol=1e-9)
    assert [j for i in range(61) for j in tweens.frames(i)] == shown.tolist()
    assert abs(len(tweens) / to - 61 / FPS) <= Fraction(1, 2) / to


@pytest.mark.parametrize(("second", "shown"), [(0.21, 5), (0.25, 6), (0.29, 7)])
def test_a_hit_is_shown_in_the_frame_of_its_sound_which_its_own_was_rounded_from(second, shown):
    tweens = lay(table_of(denoise=leap(at=3)), 24, moments=[np.array([]), np.array([1.0, second])])
    assert tweens.held.nonzero()[0].tolist() == [3]
    assert own_frames(tweens)[3] == shown
    assert (tweens.part[5 : own_frames(tweens)[3]] < 1).all()


def test_a_hit_without_a_sound_is_not_early():
    assert own_frames(lay(table_of(denoise=leap(at=3)), 30))[3] == 8  # of 7.5


def test_what_drives_a_hit_and_what_does_not():
    ramp = np.linspace(0, 1, 6).tolist() + [1.0] * 7
    assert hits(table_of(denoise=leap(at=4))).nonzero()[0].tolist() == [4]
    assert hits(table_of(noise=leap(at=4, low=0, high=0.2))).nonzero()[0].tolist() == [4]
    assert hits(table_of(flash=leap(at=4, low=0, high=1))).nonzero()[0].tolist() == [4]
    assert hits(table_of(zoom=leap(at=4, low=1.1, high=3))).nonzero()[0].tolist() == [4]
    assert hits(table_of(denoise=0.6, seed=[1] * 5 + [2] * 8)).nonzero()[0].tolist() == [5]
    assert hits(table_of(denoise=leap(at=4, low=0.97, high=1.0))).nonzero()[0].tolist() == [4], "a cut is one"
    assert hits(table_of(glow=ramp)).nonzero()[0].tolist() == [1], "what goes on rising is one"
    assert not hits(table_of(denoise=1.0, seed=list(range(13)))).any(), "a new seed in each frame is none"
    assert not hits(table_of(hue=ramp, flash_colour=leap(at=4, low=0, high=255))).any()


def test_effects_fade_smoothly_and_never_come_early():
    before, after = {"flash": 1.0, "hue": 10.0}, {"glow": 0.8, "brightness": -0.5, "hue": 30.0, "mirror": 4.0}
    half = effects_between(before, after, 0.5, held=False)
    assert half == {"flash": 0.5, "glow": 0.0, "brightness": 0.0, "hue": 20.0, "mirror": 0.0}
    assert effects_between({"glow": 0.8}, {"glow": 0.2}, 0.5, held=True) == {"glow": 0.8}
    assert effects_between(before, after, 1, held=True) is after


class Plain:
    """A model whose latents are pictures."""

    dtype = torch.float32
    denoiser = SimpleNamespace(device=torch.device("cpu"))

    autoencoder = SimpleNamespace(decode=lambda latent: latent, encode=lambda picture: picture)


def card(size=96):
    """Smooth waves, and nothing else."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, size),) * 2, indexing="ij")
    waves = [0.5 + 0.4 * torch.sin(8 * x + k) * torch.cos(6 * y - k) for k in range(3)]
    return torch.stack(waves)[None]


def sampled(picture):
    return Sampled(picture * 2 - 1, picture)


def between(way, before, after, move, parts):
    return list(way_to_tween(way, Plain())(sampled(before), sampled(after), move, parts))


@pytest.mark.parametrize("move", [{"zoom": 1.12, "angle": 4.0}, {"zoom": 0.95, "shift_x": 0.04}, {"pan": 14.0}])
def test_where_the_camera_alone_moves_a_tween_is_its_exact_way(move):
    first = card()
    exact = [warp(first, **move_part(move, part)) for part in (0.25, 0.5)]
    inner = (..., slice(12, -12), slice(12, -12))
    arc = between("arc", first, warp(first, **move), move, (0.25, 0.5))
    faded = between("blend", first, warp(first, **move), move, (0.25, 0.5))
    for tween, double, wanted in zip(arc, faded, exact, strict=True):
        assert (tween - wanted)[inner].abs().max() < 0.01 < 0.03 < (double - wanted)[inner].abs().max()
        assert (tween - wanted).abs().mean() < 0.004, "nor does anything mirrored come in at the border"


def test_at_rest_the_arc_goes_from_one_latent_to_the_other():
    torch.manual_seed(0)
    first, second = torch.randn(2, 1, 3, 32, 32).clamp(-1, 1) / 2
    (half,) = way_to_tween("arc", Plain())(Sampled(first, first), Sampled(second, second), None, [0.5])
    spread = float((half * 2 - 1).std())
    assert spread == pytest.approx(float(first.std()), rel=0.05), "a mean of the two would be greyer"


def test_before_a_hit_the_frame_before_stays_and_keeps_its_pace():
    tweens = lay(table_of(denoise=leap(at=1)), 48)
    before, after = sampled(card()), sampled(1 - card())
    made = dict(
        tween_pictures(tweens, 1, before, after, way=way_to_tween("arc", Plain()), move=None, pace={"zoom": 1.1})
    )
    assert list(made) == [1, 2, 3, 4] and made[4] is after.picture
    for frame in (1, 2, 3):
        assert torch.equal(made[frame], warp(before.picture, zoom=1.1, part=frame / 4).clamp(0, 1))
    still = tween_pictures(tweens, 1, before, after, way=way_to_tween("arc", Plain()), move={"zoom": 2.0}, pace=None)
    assert all(picture is before.picture for frame, picture in still if frame < 4)


def test_unlike_pictures_are_a_cut_whatever_the_schedule_says():
    tweens = lay(table_of(), 24)
    made = list(
        tween_pictures(
            tweens, 1, sampled(card()), sampled(1 - card()), way=way_to_tween("blend", Plain()), move=None, pace=None
        )
    )
    assert torch.equal(made[0][1], card())


def test_optical_flow_moves_what_moves():
    pytest.importorskip("cv2")
    y, x = torch.meshgrid(*(torch.arange(96.0),) * 2, indexing="ij")
    torch.manual_seed(1)
    ground, shade = (interpolate(torch.rand(1, 1, n, n), size=(96, 96), mode="bicubic")[0, 0] / 2 for n in (24, 16))

    def disc(middle):
        inside = (x - middle) ** 2 + (y - 48) ** 2 < 14**2
        moved = 0.5 + torch.roll(shade, int(middle), 1)
        return torch.where(inside, moved, ground).clamp(0, 1).expand(1, 3, 96, 96).contiguous()

    (moved,), (faded,) = (between(way, disc(40.0), disc(52.0), None, [0.5]) for way in ("flow", "blend"))
    assert (moved - disc(46.0)).abs().mean() < 0.5 * (faded - disc(46.0)).abs().mean()


def published(weights, before, after, part):
    """IFNet as it was published, in functions: an implementation apart from ours."""

    def block(i, x, flow, scale):
        w = lambda name: weights[f"block{i}.{name}"]  # noqa: E731
        x = interpolate(x, scale_factor=1 / scale, mode="bilinear")
        if flow is not None:
            x = torch.cat((x, interpolate(flow, scale_factor=1 / scale, mode="bilinear") / scale), 1)
        for k in "01":
            x = leaky_relu(conv2d(x, w(f"conv0.{k}.0.weight"), w(f"conv0.{k}.0.bias"), 2, 1), 0.2)
        for k in range(8):
            own = conv2d(x, w(f"convblock.{k}.conv.weight"), w(f"convblock.{k}.conv.bias"), 1, 1)
            x = leaky_relu(own * w(f"convblock.{k}.beta") + x, 0.2)
        x = torch.conv_transpose2d(x, w("lastconv.0.weight"), w("lastconv.0.bias"), 2, 1)
        x = interpolate(pixel_shuffle(x, 2), scale_factor=scale, mode="bilinear")
        return x[:, :4] * scale, x[:, 4:5], x[:, 5:]

    def moved(x, flow):
        height, width = x.shape[2:]
        y, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        place = torch.stack((across, y))[None] + flow
        place = 2 * place / torch.tensor([width - 1, height - 1]).view(1, 2, 1, 1) - 1
        return grid_sample(x, place.permute(0, 2, 3, 1), padding_mode="border", align_corners=True)

    def features(x):
        names = [name for name in weights if name.startswith("encode") and name.endswith("weight")]
        for name in names[:-1]:
            x = conv2d(x, weights[name], weights[name[:-6] + "bias"], 2 if name == names[0] else 1, 1)
            x = leaky_relu(x, 0.2) if len(names) > 2 else x
        return torch.conv_transpose2d(x, weights[names[-1]], weights[names[-1][:-6] + "bias"], 2, 1)

    count = sum(name.endswith("lastconv.0.weight") for name in weights)
    told = weights["block0.lastconv.0.weight"].shape[1] // 4
    seen = [features(x) for x in (before, after)] if "encode.0.weight" in weights or count == 5 or told > 6 else []
    if not seen and any(name.startswith("encode") for name in weights):
        seen = [features(x) for x in (before, after)]
    time = torch.full_like(before[:, :1], part)
    flow, mask, passed = block(0, torch.cat((before, after, *seen, time), 1), None, 2 ** (count - 1))
    for i in range(1, count):
        w = [moved(x, flow[:, 2 * (k % 2) :][:, :2]) for k, x in enumerate((before, after, *seen))]
        extra = (passed,) if told > 6 else ()
        change, new, passed = block(i, torch.cat((*w, time, mask, *extra), 1), flow, 2 ** (count - 1 - i))
        flow, mask = flow + change, new if seen else mask + new
    share = torch.sigmoid(mask)
    return moved(before, flow[:, :2]) * share + moved(after, flow[:, 2:]) * (1 - share)


@pytest.mark.parametrize("version", RIFE)
def test_rife_is_told_by_its_shapes_and_does_what_was_published(version, tmp_path):
    torch.manual_seed(1)
    weights = Rife(RIFE[version]).state_dict()
    save_file({f"module.{name}": weight for name, weight in weights.items()}, tmp_path / "rife.safetensors")
    network = load_rife(tmp_path / "rife.safetensors")
    assert network.layout == RIFE[version]
    before, after = torch.rand(2, 1, 3, 64, 128)
    wanted = published(weights, before, after, 0.3).clamp(0, 1)
    torch.testing.assert_close(network(before, after, 0.3), wanted, atol=1e-5, rtol=1e-4)
    assert network(before[..., :50, :70], after[..., :50, :70], 0.3).shape == (1, 3, 50, 70)


def test_a_file_that_is_no_rife_network_is_refused_in_one_line(tmp_path, song):
    weights = Rife(RIFE["4.26"]).state_dict()
    cut = {name: weight for name, weight in weights.items() if "block3.convblock.7" not in name}
    other = weights | {"block1.conv0.0.0.weight": torch.zeros(8, 20, 3, 3)}
    for name, content, said in (
        ("none", {"a": torch.zeros(1)}, "holds another network; expected the flownet of RIFE"),
        ("other", other, r"block1\.conv0\.0\.0\.weight is 8x20x3x3, not 8x28x3x3"),
    ):
        file = tmp_path / f"{name}.safetensors"
        save_file(content, file)
        project = Project(song.path).changed(smooth="2x", smooth_by=file)
        with pytest.raises(ModelError, match=said) as error:
            check_project(project)
        assert "\n" not in str(error.value)
    save_file(cut, tmp_path / "cut.safetensors")
    with pytest.raises(ModelError, match="missing or of another shape"):
        load_rife(tmp_path / "cut.safetensors")


@pytest.fixture
def song(tmp_path):
    """Four seconds of noise; kicks between the frames of 12 a second."""
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 4 + 5000), 22050)
    made = made_song(path=path)
    return replace(made, kicks=Events.at(np.array([0.46, 1.04, 2.21, 3.125]), made.clock))


def render(song, schedule, out, **options):
    return av.render(song, schedule, out=out, model=fake_model(), progress=False, **options)


@pytest.mark.parametrize("way", ["arc", "blend"])
def test_a_smoothed_video_is_as_long_as_its_song_and_its_hits_stand_on_their_sound(song, tmp_path, way):
    plan = av.load_schedule("strobe")(replace(song, beats=song.kicks)).with_prompts(["neon nebula"])
    plain = list(read_frames(render(song, plan, tmp_path / "plain.mp4")))
    out = render(song, plan, tmp_path / "out.mp4", smooth=30, smooth_by=way)
    info, frames = probe(out), list(read_frames(out))
    assert info.fps == 30 and info.frames == round(song.duration * 30)
    assert abs(info.picture_seconds - info.sound_seconds) <= 0.5 / 30
    assert json.loads(info.metadata)["smooth"] == "30"
    for kick, second in zip(song.kicks.frames, song.kicks.seconds, strict=True):
        shown = round(second * 30)
        apart = [np.abs(frames[shown + k].astype(int) - frames[shown + k - 1]).mean() for k in (-1, 0, 1)]
        assert apart[0] < 1 and apart[1] > 1.5 * apart[2]
        assert np.abs(frames[shown].astype(int) - plain[kick]).mean() < 4, "it is the frame that was sampled for it"
        assert np.abs(frames[shown - 1].astype(int) - plain[kick - 1]).mean() < 4, "up to it the one before stays"


def test_smoothing_an_edit_samples_nothing_and_gives_the_same_bytes(song, unjoined, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    plan = av.load_schedule("tunnel")(song).with_prompts(["neon nebula"])
    fresh = render(song, plan, tmp_path / "fresh.mp4", smooth="2x")
    render(song, plan, tmp_path / "out.mp4", keep_work=True)
    model = fake_model()
    with pytest.warns(match="finished anew: fps, smooth, smooth-by changed"):
        av.render(song, plan, out=tmp_path / "out.mp4", model=model, progress=False, smooth="2x")
    assert not model.denoiser.calls
    assert (tmp_path / "out.mp4").read_bytes() == fresh.read_bytes()


def test_kept_latents_are_the_same_in_whatever_order_a_model_lays_them_in_memory(song, unjoined, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    plan = av.load_schedule("tunnel")(song).with_prompts(["neon nebula"])
    model = fake_model()
    encode = model.autoencoder.module.encode
    monkeypatch.setattr(
        model.autoencoder.module,
        "encode",
        lambda picture: type(found := encode(picture))(latents=found.latents.to(memory_format=torch.channels_last)),
    )
    options = {"model": model, "progress": False}
    fresh = av.render(song, plan, out=tmp_path / "fresh.mp4", smooth="2x", **options)
    av.render(song, plan, out=tmp_path / "out.mp4", keep_work=True, **options)
    with pytest.warns(match="finished anew"):
        av.render(song, plan, out=tmp_path / "out.mp4", smooth="2x", **options)
    assert (tmp_path / "out.mp4").read_bytes() == fresh.read_bytes()


def test_a_smoothed_render_that_is_killed_goes_on_to_the_same_bytes(renders, song, tmp_path):
    typed = ("render", song.path.name, "--quiet", "--size", "64", "--schedule", "tunnel", "--smooth", "30")
    typed += ("--start", "1", "--duration", "2.6")
    assert renders(*typed, "-o", "whole.mp4", cwd=tmp_path)["status"] == 0
    killed = renders(*typed, "-o", "out.mp4", cwd=tmp_path, fault="die after a file is put", at=1)
    assert killed["status"] != 0 and list((tmp_path / "out.audioviz").glob("*.h264"))
    assert renders(*typed, "-o", "out.mp4", cwd=tmp_path)["status"] == 0
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert probe(tmp_path / "out.mp4").frames == 78


def test_what_is_asked_for_is_kept_in_the_project_and_mistakes_are_one_line(song):
    project = Project(song.path).changed(smooth="3X", smooth_by="flow")
    assert Project.from_json(project.to_json()) == project and project.finish.shown_fps(FPS) == 36
    assert Finish(smooth="29.97").shown_fps(FPS) == Fraction(30000, 1001)
    assert Finish().shown_fps(FPS) == 12
    for options, said in (
        ({"smooth": "5x"}, "expected 2x, 3x or 4x"),
        ({"smooth": "soft"}, "is not a frame rate"),
        ({"smooth": 24, "smooth_by": "arcs"}, "did you mean arc"),
        ({"smooth": 10}, "expected 12 frames a second, which are sampled"),
        ({"smooth_by": "blend"}, "expected a frame rate too"),
        ({"smooth": 24, "smooth_by": "rife.safetensors"}, "there is no such file"),
    ):
        with pytest.raises((InputError, ModelError), match=said):
            check_project(Project(song.path).changed(**options))
