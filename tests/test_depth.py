"""Depth for the camera: of a picture, a video, or a model of transformers; tiny ones with random weights here."""

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTImageProcessor,
    GLPNConfig,
    GLPNForDepthEstimation,
    GLPNImageProcessor,
)

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError, ModelError
from audioviz.models.additions import depth as depths
from audioviz.models.additions.depth import load_depth
from audioviz.project import GuideFiles, Project, load_project, save_project
from audioviz.rendering.check import check_project
from audioviz.rendering.guides import Guides, open_guides
from audioviz.sampling.warp import warp
from audioviz.video.encode import VideoWriter
from audioviz.video.probe import probe, read_frames
from tests.models import fake_model, plans_of
from tests.songs import made_song

CLOCK = Clock.for_duration(1, 6)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Depth Anything of a few thousand weights."""
    place = tmp_path_factory.mktemp("depth") / "tiny"
    eye = Dinov2Config(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=eye,
        reassemble_hidden_size=24,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(4)
        net = DepthAnythingForDepthEstimation(config)
        net.head.conv3.bias.data.fill_(5.0)
    net.save_pretrained(place)
    DPTImageProcessor(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14, resample=3
    ).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture of depth, grey that rises to the right, and a video whose depth comes nearer."""
    root = tmp_path_factory.mktemp("files")
    Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))).save(root / "depth.png")
    with VideoWriter(root / "depth.mp4", fps=Fraction(6), size=(64, 64)) as writer:
        for level in (20, 60, 100, 140, 180, 220):
            writer.write(np.full((64, 64, 3), level, np.uint8))
    return root


def picture(size=(48, 80)):
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))


def test_a_depth_model_tells_what_transformers_tells(folder):
    estimator = load_depth(folder, device=CPU)
    found = estimator.estimate(picture())
    net = DepthAnythingForDepthEstimation.from_pretrained(folder)
    given = DPTImageProcessor.from_pretrained(folder)(picture(), do_rescale=False, return_tensors="pt")
    with torch.no_grad():
        raw = net(**given).predicted_depth
    wanted = torch.nn.functional.interpolate(raw[None], size=(48, 80), mode="bicubic", align_corners=False)
    assert found.shape == (1, 1, 48, 80) and found.min() == 0 and found.max() == 1
    inside = (found > 0.02) & (found < 0.98)
    assert inside.float().mean() > 0.5
    assert torch.corrcoef(torch.stack((found[inside], wanted[inside])))[0, 1] > 0.999, "near is 1 in both"


def test_metres_are_turned_round(tmp_path):
    config = GLPNConfig(num_encoder_blocks=4, depths=[1] * 4, hidden_sizes=[8] * 4, decoder_hidden_size=8)
    config.num_attention_heads = [1] * 4
    with torch.random.fork_rng():
        torch.manual_seed(2)
        GLPNForDepthEstimation(config).save_pretrained(tmp_path)
    GLPNImageProcessor().save_pretrained(tmp_path)
    found = load_depth(tmp_path, device=CPU).estimate(picture((64, 64)))
    net, process = GLPNForDepthEstimation.from_pretrained(tmp_path), GLPNImageProcessor.from_pretrained(tmp_path)
    with torch.no_grad():
        metres = net(**process(picture((64, 64)), do_rescale=False, return_tensors="pt")).predicted_depth
    inside = (found[0] > 0.02) & (found[0] < 0.98)
    assert torch.corrcoef(torch.stack((found[0][inside], metres[inside])))[0, 1] < -0.9, "1 is near, and metres are far"


def test_even_depth_is_the_plane():
    assert torch.equal(depths._in_range(torch.full((4, 5), 3.0)), torch.full((4, 5), 0.5))


def test_a_depth_model_is_known_by_its_weights_wherever_it_lies(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    assert load_depth(folder, device=CPU).digest == load_depth(other, device=CPU).digest
    net = DepthAnythingForDepthEstimation.from_pretrained(other)
    net.head.conv3.bias.data.add_(1)
    net.save_pretrained(other)
    assert load_depth(folder, device=CPU).digest != load_depth(other, device=CPU).digest


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda place: (place / "config.json").unlink(),
            "has no config.json of a model; expected a picture",
        ),
        (
            lambda place: (place / "config.json").write_text('{"architectures": ["CLIPModel"]}'),
            "holds a CLIPModel; expected",
        ),
        (lambda place: (place / "model.safetensors").rename(place / "pytorch_model.bin"), "its weights are pickled"),
        (lambda place: (place / "model.safetensors").write_bytes(b"x" * 99), "cannot be loaded"),
        (lambda place: (place / "preprocessor_config.json").unlink(), "cannot be loaded"),
        (shutil.rmtree, "there is no such file or folder; expected a picture or a video whose near is white"),
    ],
    ids=["no config", "another kind", "pickled", "damaged", "no processor", "missing"],
)
def test_what_is_no_depth_model_is_said_in_a_line(folder, tmp_path, spoil, message):
    place = shutil.copytree(folder, tmp_path / "spoilt")
    spoil(place)
    with pytest.raises(ModelError, match=f"^depth .*spoilt: {message}") as caught:
        load_depth(place, device=CPU)
    assert "\n" not in str(caught.value)


def test_a_project_is_checked_for_its_depth_before_anything_is_loaded(files, folder, tmp_path):
    def checked(depth):
        check_project(Project(files / "depth.png", guides=GuideFiles(depth=str(depth))), model_is_loaded=True)

    for good in (files / "depth.png", files / "depth.mp4", folder, "depth-anything/Depth-Anything-V2-Small-hf"):
        checked(good)
    (tmp_path / "no.png").write_bytes(b"x")
    for bad, message in ((tmp_path / "no.png", "depth .*no.png: cannot be read"), (tmp_path, "has no config.json")):
        with pytest.raises((InputError, ModelError), match=message):
            checked(bad)


def test_a_project_file_keeps_depth_by_its_place_or_its_name(files, tmp_path):
    for depth in (str(files / "depth.png"), "depth-anything/Depth-Anything-V2-Small-hf"):
        save_project(Project("song.wav", guides=GuideFiles(depth=depth)), tmp_path / "a.avz")
        again = load_project(tmp_path / "a.avz").guides.depth
        assert again == depth or (tmp_path / again).resolve() == files / "depth.png"


def test_depth_of_files_is_that_of_the_frame_before(files):
    guides, digests = open_guides(fake_model(), GuideFiles(depth=str(files / "depth.mp4")), size=(64, 64), clock=CLOCK)
    assert set(digests) == {"depth_sha256"}
    asked = []
    watched = Guides(depth=lambda frame, seen: asked.append(frame) or guides.depth(frame, seen))
    schedule = av.Schedule(shift_x=0.5, prompts=["x"], clock=CLOCK)
    plans = list(plans_of(fake_model(), schedule, guides=watched))
    latent = torch.rand(1, 4, 8, 8)
    moved = [plan.warp(latent) for plan in plans[1:]]
    assert asked == [0, 1, 2, 3, 4] and plans[0].warp is None
    levels = [guides.depth(k, latent).mean().item() * 255 for k in range(6)]
    assert levels == pytest.approx([20, 60, 100, 140, 180, 220], abs=8)
    assert not torch.equal(moved[0], moved[4]), "what is nearer goes farther"


def test_the_picture_itself_is_moved_by_its_depth():
    model, latent = fake_model(), torch.rand(1, 4, 8, 8).half().float()  # as it is shown
    depth = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    seen = []
    guides = Guides(depth=lambda frame, unit: seen.append(unit) or depth)
    plan = list(plans_of(model, av.Schedule(shift_x=1.2, dolly=0.6, prompts=["x"], clock=CLOCK), guides=guides))[3]
    wanted = warp(model.autoencoder.decode(latent), shift_x=0.2, dolly=0.1, depth=depth)
    assert plan.warp(latent).allclose(model.autoencoder.encode(wanted), atol=1e-5)
    assert seen[0].allclose((model.autoencoder.decode(latent) + 1) / 2) and seen[0].min() >= 0


def test_zoom_and_angle_ask_for_no_depth():
    guides = Guides(depth=lambda frame, unit: pytest.fail("asked for"))
    for columns in ({"zoom": 1.5, "angle": 10.0}, {"shift_x": 0.5, "in_picture": 0}):
        plans = list(plans_of(fake_model(), av.Schedule(**columns, prompts=["x"], clock=CLOCK), guides=guides))
        assert plans[2].warp(torch.rand(1, 4, 8, 8)).isfinite().all()


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050), 22050)
    return made_song(path=path, seconds=1.0, fps="6")


def test_a_render_is_known_by_its_depth(song, files, folder, tmp_path):
    plan = av.Schedule(pan=30, shift_x=0.3, denoise=0.3, prompts=["x"], clock=song.clock)
    shown = {}
    for name, depth in (("none", None), ("png", files / "depth.png"), ("net", folder)):
        out = av.render(song, plan, out=tmp_path / f"{name}.mp4", model=fake_model(), depth=depth, progress=False)
        shown[name] = (
            json.loads(probe(out).metadata).get("depth_sha256"),
            [frame.tobytes() for frame in read_frames(out)],
        )
    assert shown["none"][0] is None and len({digest for digest, _ in shown.values()}) == 3
    assert len({tuple(frames) for _, frames in shown.values()}) == 3
    again = av.render(song, plan, out=tmp_path / "again.mp4", model=fake_model(), depth=folder, progress=False)
    assert [frame.tobytes() for frame in read_frames(again)] == shown["net"][1]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"zoom": 1.2}, "only shift_x, shift_y, tilt, pan, dolly show it"),
        ({"dolly": 0.2, "in_picture": 0}, "moves the latent"),
    ],
)
def test_depth_that_does_nothing_is_said(song, files, tmp_path, columns, reason):
    plan = av.Schedule(**columns, prompts=["x"], clock=song.clock)
    with pytest.warns(AudiovizWarning, match=f"^depth does nothing: .*{reason}"):
        av.render(song, plan, out=tmp_path / "a.mp4", model=fake_model(), depth=files / "depth.png", progress=False)
