"""Pictures lead a render: where it starts, what it keeps, what it follows; and the manifest says which they were."""

import json
import runpy
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from diffusers import ControlNetModel
from PIL import Image

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models import load_model
from audioviz.project import GuideFiles, Project
from audioviz.rendering.check import check_project
from audioviz.rendering.guides import Guides, image_conditions, open_guides
from audioviz.rendering.pictures import load_pictures
from audioviz.sampling import sequence
from audioviz.video.encode import VideoWriter
from audioviz.video.probe import probe, read_frames
from tests.checkpoints import tiny_ip_adapter
from tests.models import SETTINGS, fake_model, plans_of
from tests.songs import made_song

CLOCK = Clock.for_duration(1, 6)


def picture(seed=0, size=64):
    smooth = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.array(Image.fromarray(smooth).resize((size, size), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An image, a mask whose left half is drawn, and a video of four frames a second that gets brighter."""
    root = tmp_path_factory.mktemp("pictures")
    Image.fromarray(picture()).save(root / "image.png")
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    Image.fromarray(mask).save(root / "mask.png")
    with VideoWriter(root / "video.mp4", fps=Fraction(4), size=(96, 64)) as writer:
        for level in (20, 60, 100, 140, 180, 220):
            writer.write(np.full((64, 96, 3), level, np.uint8))
    return root


@pytest.fixture(scope="module")
def model(families):
    return load_model(families("sd1")[0])


def rendered(model, guides, *, look=SETTINGS, **columns):
    schedule = av.Schedule(**({"denoise": 0.3, "prompts": ["gold"]} | columns), clock=CLOCK)
    plans = plans_of(model, schedule, look, guides=guides)
    latents = sequence(
        model.denoiser,
        plans,
        start=model.empty_latent(look.size),
        sampler=look.sampler,
        scheduler=look.scheduler,
        noise_mask=guides.mask,
    )
    return list(latents)


def test_an_image_is_where_the_video_starts(model, files):
    guides, _ = open_guides(model, GuideFiles(init=files / "image.png"), size=(64, 64), clock=CLOCK)
    start = model.autoencoder.encode(torch.from_numpy(picture()).permute(2, 0, 1)[None] / 127.5 - 1)
    kept = rendered(model, guides, denoise=0.0)
    assert all(torch.allclose(latent, start, atol=1e-5) for latent in kept)
    near, far = (rendered(model, guides, denoise=denoise)[0] - start for denoise in (0.2, 0.8))
    assert 0 < near.norm() < far.norm()


def test_each_frame_starts_from_that_of_a_video(model, files):
    guides, _ = open_guides(model, GuideFiles(init=files / "video.mp4"), size=(64, 64), clock=CLOCK)
    brightness = [model.decode(latent).mean() for latent in rendered(model, guides, denoise=0.0)]
    direct = [
        model.decode(model.autoencoder.encode(torch.full((1, 3, 64, 64), level / 127.5 - 1))).mean()
        for level in (20, 20, 60, 100, 100, 140)
    ]
    assert brightness == pytest.approx(direct, abs=3)


def test_videos_keep_the_time_of_the_song_and_begin_again(files):
    video = load_pictures(files / "video.mp4", size=(64, 64), clock=Clock.for_duration(4, 4))
    seen = [int(video.at(k).mean()) for k in (0, 1, 5, 6, 7, 1)]
    assert seen == pytest.approx([20, 60, 220, 20, 60, 60], abs=4) and video.moves


def test_outside_the_mask_the_picture_stays_whatever_is_added(model, files):
    guides, _ = open_guides(
        model, GuideFiles(init=files / "image.png", mask=files / "mask.png"), size=(64, 64), clock=CLOCK
    )
    start = model.autoencoder.encode(torch.from_numpy(picture()).permute(2, 0, 1)[None] / 127.5 - 1)
    for latent in rendered(model, guides, denoise=0.7, noise=0.2, anchor=0.5):
        assert torch.allclose(latent[..., 5:], start[..., 5:], atol=1e-4)
        assert (latent[..., :3] - start[..., :3]).norm() > 0.1 * start[..., :3].norm()


def test_inpainting_models_see_the_mask_and_the_rest(families, files):
    model = load_model(families("inpainting")[0])
    guides, _ = open_guides(
        model, GuideFiles(init=files / "image.png", mask=files / "mask.png"), size=(64, 64), clock=CLOCK
    )
    with_images = image_conditions(model, guides)
    beside = with_images(model.guidance("gold"), 0, 1.0, 1.0, {}).control.inpainting
    assert beside.shape == (1, 5, 8, 8) and torch.equal(beside[0, 0, 0], torch.tensor([1.0] * 4 + [0.0] * 4))
    grey = picture().astype(float) / 127.5 - 1
    grey[:, :32] = 0
    with torch.no_grad():
        theirs = (
            model.autoencoder.module.encode(torch.from_numpy(grey).permute(2, 0, 1)[None].float()).latent_dist.mode()
            * 0.18215
        )
    assert torch.allclose(beside[:, 1:], theirs, atol=1e-5)
    assert len({latent.numpy().tobytes() for latent in rendered(model, guides)}) == 6


def test_control_and_style_follow_the_schedule(families, files, tmp_path):
    folder, pipeline = families("sd1")
    net = ControlNetModel.from_unet(pipeline.unet)
    torch.nn.init.normal_(net.controlnet_mid_block.weight, std=0.5)
    net.save_pretrained(tmp_path / "net")
    model = load_model(folder, controlnet=tmp_path / "net", ip_adapter=tiny_ip_adapter(pipeline.unet, tmp_path))
    guides, shown = open_guides(
        model, GuideFiles(control=files / "video.mp4", style=files / "image.png"), size=(64, 64), clock=CLOCK
    )
    assert set(shown) == {"control_sha256", "style_sha256"}
    plans = list(
        plans_of(
            model,
            av.Schedule(control=[0, 1] * 3, style=[0.2] * 6, prompts=["gold"], clock=CLOCK),
            SETTINGS,
            guides=guides,
        )
    )
    assert [(plan.conditioning.control.strength, plan.conditioning.control.style) for plan in plans] == [
        (0, 0.2),
        (1, 0.2),
    ] * 3
    alone = [
        rendered(model, guides, denoise=1.0, control=control, style=style)[0]
        for control, style in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    ]
    free = rendered(load_model(folder), Guides(), denoise=1.0)[0]
    assert torch.allclose(alone[0], free, atol=1e-4)
    assert not torch.allclose(alone[1], free, atol=1e-2) and not torch.allclose(alone[2], free, atol=1e-2)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"mask": "mask.png"}, "mask: expected an init too"),
        ({"control": "image.png"}, "control .*: the model has no ControlNet that follows it; load one .--controlnet."),
        ({"style": "image.png"}, "style .*: the model has no IP-Adapter"),
        ({"init": "gone.png"}, "gone.png: there is no such file; expected an image or a video"),
        ({"init": "image.png", "mask": "video.mp4"}, "mask .*: expected an image, white where frames are drawn"),
        ({"init": "broken.png"}, "broken.png: cannot be read as an image"),
        ({"init": "broken.mp4"}, "broken.mp4: cannot be read as a video .*; expected an image or a video"),
    ],
)
def test_what_cannot_lead_is_said(model, files, given, message):
    for name in ("broken.png", "broken.mp4"):
        (files / name).write_bytes(b"x" * 50)
    with pytest.raises(InputError, match=message) as caught:
        guides = GuideFiles(**{name: files / file for name, file in given.items()})
        check_project(Project(files / "image.png", guides=guides), model_is_loaded=True)
        open_guides(model, guides, size=(64, 64), clock=CLOCK)
    assert "\n" not in str(caught.value)


def test_a_render_with_pictures_is_known_by_them(model, files, tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050), 22050)
    song = made_song(path=path, seconds=1.0, fps="6")
    schedule = av.Schedule(denoise=0.5, prompts=["gold"], clock=song.clock)
    shown = []
    for name, init in (("a", "image.png"), ("b", "image.png"), ("c", "video.mp4")):
        out = av.render(
            song, schedule, out=tmp_path / f"{name}.mp4", model=model, steps=2, init=files / init, progress=False
        )
        shown.append((json.loads(probe(out).metadata)["init_sha256"], out.read_bytes()))
    assert shown[0] == shown[1] and shown[0][0] != shown[2][0]


def test_a_camera_that_an_initial_video_leaves_nothing_to_move_is_said(model, files, unjoined, tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 11025), 22050)
    song = made_song(path=path, seconds=0.5, fps="6")
    moved, still = (av.Schedule(denoise=0.5, zoom=zoom, prompts=["gold"], clock=song.clock) for zoom in (2.0, None))
    with pytest.warns(AudiovizWarning, match="it does nothing at interp 1"):
        one = av.render(song, moved, out=tmp_path / "a.mp4", model=model, init=files / "video.mp4", progress=False)
    other = av.render(song, still, out=tmp_path / "b.mp4", model=model, init=files / "video.mp4", progress=False)
    assert all(np.array_equal(a, b) for a, b in zip(read_frames(one), read_frames(other), strict=True))


def test_without_pictures_nothing_changes():
    plans = list(plans_of(fake_model(), av.Schedule(prompts=["gold"], clock=CLOCK)))
    assert plans[0].denoise == 1 and all(plan.keep is None and plan.conditioning.control.hint is None for plan in plans)


def test_the_pipeline_that_redraws(families, files, tmp_path):
    folder, pipeline = families("sd1")
    ControlNetModel.from_unet(pipeline.unet).save_pretrained(tmp_path / "net")
    adapter = tiny_ip_adapter(pipeline.unet, tmp_path)
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(1).normal(0, 0.1, 22050), 22050)
    redraw = runpy.run_path(str(Path(av.__file__).parents[1] / "pipelines" / "redraw.py"))["redraw"]
    redraw.main(
        [
            str(tmp_path / "song.wav"),
            str(files / "video.mp4"),
            "--out",
            str(tmp_path / "out.mp4"),
            "--model",
            str(folder),
            "--mask",
            str(files / "mask.png"),
            "--controlnet",
            str(tmp_path / "net"),
            "--ip-adapter",
            str(adapter),
            "--style",
            str(files / "image.png"),
            "--fps",
            "6",
            "--size",
            "64",
            "--steps",
            "2",
        ],
        standalone_mode=False,
    )
    facts = json.loads(probe(tmp_path / "out.mp4").metadata)
    assert len(facts["schedule"]["control"]) == 6
    assert {"init_sha256", "mask_sha256", "control_sha256", "style_sha256"} <= set(facts)
