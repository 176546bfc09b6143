"""What moves along an initial video stays itself: flow, its agreement, RAFT, renders, the warp error of info."""

import importlib.util
import json
import signal
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file

import audioviz as av
from audioviz.clock import Clock
from audioviz.command.dry_run import describe_render
from audioviz.command.main import cli
from audioviz.errors import AudiovizWarning, InputError
from audioviz.project import GuideFiles, Project
from audioviz.rendering.check import check_flow, check_project
from audioviz.rendering.flow import FlowStep
from audioviz.rendering.guides import Guides, open_guides
from audioviz.rendering.settings import settings_for
from audioviz.rendering.warp_error import residual
from audioviz.sampling import sample_frame, sequence
from audioviz.video.encode import VideoWriter
from audioviz.video.optical_flow import agreement, follow, motion, optical_flow
from audioviz.video.probe import probe, read_frames
from audioviz.video.raft import KINDS, Raft, load_raft
from tests.flow_scene import Scene
from tests.models import SETTINGS, fake_model, plans_of

SCENE = Scene(128)
COVERED = 6, 12, 18  # frames of it in which the disc leaves something behind
FPS = Fraction(12)


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


def rendered(model, settings, pictures, **columns) -> list[np.ndarray]:
    """The pictures of a schedule whose initial video these are."""
    schedule = av.Schedule(**columns, prompts=["rose glass"], clock=Clock(FPS, len(pictures)))
    guides = Guides(init=lambda k: pictures[k], moves=True)
    latents = sequence(
        model.denoiser,
        plans_of(model, schedule, settings, guides=guides),
        start=model.empty_latent(settings.size),
        sampler=settings.sampler,
        scheduler=settings.scheduler,
    )
    return [model.decode(latent) for latent in latents]


def test_flow_is_true_and_uncovered_places_do_not_agree():
    for k in COVERED:
        found = motion(SCENE.picture(k - 1), SCENE.picture(k))
        uncovered, apart = SCENE.uncovered(k), np.hypot(*np.moveaxis(found.back - SCENE.came_from(k), -1, 0))
        assert uncovered.sum() > 50 and np.percentile(apart[~uncovered], 95) < 0.3
        assert found.agrees[uncovered].mean() < 0.15 and found.agrees[~uncovered].mean() > 0.9


def test_nothing_agrees_across_a_cut():
    assert motion(SCENE.picture(3), SCENE.picture(40)).agrees.mean() < 0.1
    assert motion(SCENE.picture(3), SCENE.picture(3)).agrees.min() == 1


def test_flow_does_not_depend_on_threads():
    import cv2

    threads = cv2.getNumThreads()
    flows = []
    for number in (1, 2, 5):
        cv2.setNumThreads(number)
        flows.append(optical_flow(SCENE.picture(3), SCENE.picture(4)))
    cv2.setNumThreads(threads)
    assert all(np.array_equal(flow, flows[0]) for flow in flows)


def test_a_picture_follows_a_flow_to_where_it_leads():
    picture = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    still, moved = np.zeros((9, 12, 2), np.float32), np.zeros((9, 12, 2), np.float32)
    moved[:] = (3, -2)
    assert torch.allclose(follow(picture, still), picture, atol=1e-6)
    assert torch.allclose(follow(picture, moved)[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-5)


def test_agreement_wants_to_come_back_and_to_stay_inside():
    there = np.full((8, 10, 2), 2.0, np.float32)
    assert agreement(there, -there)[2:, 2:].all() and not agreement(there, -there)[:, :2].any()
    assert not agreement(there, there).any()
    near = there + 0.3
    assert agreement(near, -there)[3:, 3:].all()


def with_weights(network: Raft) -> Raft:
    """The network with numbers that each name draws for itself."""
    for number, (name, values) in enumerate(sorted(network.state_dict().items())):
        draw = torch.Generator().manual_seed(number)
        if name.endswith("running_var"):
            values.copy_(0.5 + torch.rand(values.shape, generator=draw))
        elif values.is_floating_point():
            values.copy_(torch.randn(values.shape, generator=draw) * 0.7 / values[0].numel() ** 0.5)
    return network


@pytest.mark.parametrize(
    "kind, golden",
    [
        ("large", [[-11.3756, 7.343], [-47.9282, -5.8653], [-27.2685, -9.2224]]),
        ("small", [[-104.0715, 34.9453], [-108.406, 27.4882], [-131.8988, 67.4464]]),
    ],
)
def test_raft_is_that_of_torchvision(kind, golden, tmp_path):
    """Golden: torchvision 0.28, raft_large and raft_small with these weights and pictures."""
    save_file(with_weights(Raft(KINDS[kind])).state_dict(), tmp_path / "raft.safetensors")
    estimate = load_raft(tmp_path / "raft.safetensors")
    flow = estimate(SCENE.picture(3), SCENE.picture(4))
    assert flow.shape == (128, 128, 2) and flow.dtype == np.float32
    assert np.allclose([flow[0, 0], flow[40, 70], flow[127, 30]], golden, rtol=1e-3)
    if kind == "small":  # sides that are no eights, and too small for its pyramid
        assert estimate(SCENE.picture(3)[:60, :101], SCENE.picture(4)[:60, :101]).shape == (60, 101, 2)


@pytest.fixture(scope="module")
def embedded():
    return av.load_model("embedded")


@pytest.mark.parametrize("denoise, steps, seed, flow", [(0.5, 1, 0, 0.85), (0.4, 2, 1, 1.0)])
def test_warp_error_is_halved_and_the_disc_leaves_no_ghost(embedded, denoise, steps, seed, flow):
    scene, frames = Scene(256), 6
    pictures = [scene.picture(k) for k in range(3, 3 + frames)]
    ways = [motion(*pair) for pair in pairwise(pictures)]
    settings = replace(settings_for(Project("song.wav").look, embedded.defaults), size=(256, 256), steps=steps)
    without, held = (
        rendered(embedded, settings, pictures, denoise=denoise, seed=seed, flow=amount) for amount in (0.0, flow)
    )
    errors = [np.mean([residual(*pair, way) for pair, way in zip(pairwise(made), ways)]) for made in (without, held)]
    assert errors[1] <= 0.5 * errors[0]
    # Where the disc was: 0 is what is drawn there without the frame before, 1 is the disc that it left.
    ghost, whole = 0.0, 0.0
    for k in range(1, frames):
        uncovered = scene.uncovered(3 + k)
        left = follow(as_tensor(held[k - 1]), ways[k - 1].back)[0].permute(1, 2, 0).numpy()
        fresh = without[k].astype(float)
        ghost += ((held[k] - fresh) * (left - fresh))[uncovered].sum()
        whole += ((left - fresh) ** 2)[uncovered].sum()
    assert abs(ghost / whole) < 0.1


def test_a_cell_is_held_by_how_much_of_it_agrees():
    still = motion(SCENE.picture(3), SCENE.picture(3))
    agrees = np.ones((128, 128), np.float32)
    agrees[:, :60] = 0  # half of the fourth column of cells of 16, and what is left of it
    way = FlowStep(replace(still, agrees=agrees), torch.zeros(1, 3, 128, 128))
    held = way.held(torch.zeros(1, 4, 8, 8))
    assert held.shape == (1, 1, 8, 8) and not held[..., :4].any() and (held[..., 4:] == 1).all()
    picture = torch.rand(1, 3, 128, 128)
    moved = way.moved(picture)
    assert not moved[..., :60].any() and torch.allclose(moved[..., 60:], picture[..., 60:], atol=1e-5)


def test_what_is_held_stays_and_what_is_not_is_drawn():
    model = fake_model()
    plan = next(iter(plans_of(model, av.Schedule(prompts=["gold"], clock=Clock(FPS, 1)))))
    before = torch.full((1, 4, 8, 8), 7.0)
    held = torch.zeros(1, 1, 8, 8)
    held[..., 4:] = 1
    drawn, mixed = (sample_frame(model.denoiser, replace(plan, held=now), before) for now in (None, held))
    assert torch.equal(mixed[..., 4:], before[..., 4:]) and torch.equal(mixed[..., :4], drawn[..., :4])


def still_video(frames: int) -> list[np.ndarray]:
    small = np.array(Image.fromarray(SCENE.picture(5)).resize((64, 64)))
    return [small.copy() for _ in range(frames)]


def test_flow_one_keeps_what_does_not_move_whatever_is_drawn():
    frames = rendered(fake_model(), SETTINGS, still_video(4), denoise=0.5, seed=[0, 1, 2, 3], flow=1.0)
    assert all(np.abs(frame.astype(int) - frames[0]).max() <= 1 for frame in frames)
    loose = rendered(fake_model(), SETTINGS, still_video(4), denoise=0.5, seed=[0, 1, 2, 3], flow=0.5)
    free = rendered(fake_model(), SETTINGS, still_video(4), denoise=0.5, seed=[0, 1, 2, 3])
    apart = [np.abs(made[1].astype(int) - made[0]).mean() for made in (loose, free)]
    assert 0 < apart[0] < 0.7 * apart[1]


def test_denoise_one_forgets_the_frame_before():
    columns = {"denoise": [0.5, 0.5, 1.0, 0.5], "seed": [0, 1, 2, 3]}
    held, free = (rendered(fake_model(), SETTINGS, still_video(4), **columns, flow=flow) for flow in (0.8, 0.0))
    assert not np.array_equal(held[1], free[1]) and np.array_equal(held[2], free[2])


def test_the_camera_moves_what_is_held():
    turned, still = (
        rendered(fake_model(), SETTINGS, still_video(3), denoise=0.3, flow=0.8, angle=angle) for angle in (120.0, 0.0)
    )
    assert np.array_equal(turned[0], still[0]) and not np.array_equal(turned[2], still[2])


def test_only_a_frame_and_the_one_before_are_asked_for():
    asked, pictures = [], still_video(6)

    def at(k):
        asked.append(k)
        return pictures[k]

    schedule = av.Schedule(denoise=0.5, flow=[0.5, 0.5, 0, 0, 0.5, 0.5], prompts=["gold"], clock=Clock(FPS, 6))
    list(plans_of(fake_model(), schedule, guides=Guides(init=at, moves=True), first=3))
    assert asked == [3, 3, 4, 4, 4, 5, 5] and set(asked) == {3, 4, 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A song of two and a half seconds, the scene as its video, a picture, a mask, a schedule, and files of weights."""
    root = tmp_path_factory.mktemp("flow")
    t = np.arange(22050 * 5 // 2) / 22050
    soundfile.write(root / "song.wav", 0.5 * np.sin(2 * np.pi * 55 * t) * np.exp(-8 * (t % 0.5)), 22050)
    for name, scene, first in (("clip.mp4", Scene(64), 0), ("other.mp4", Scene(64), 16)):
        with VideoWriter(root / name, fps=FPS, size=(64, 64)) as writer:
            for k in range(first, first + 30):
                writer.write(scene.picture(k))
    Image.fromarray(SCENE.picture(0)).save(root / "picture.png")
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    Image.fromarray(mask).save(root / "mask.png")
    (root / "hold.py").write_text(
        "import audioviz as av\n\ndef schedule(song, *, flow: float = 0.8):\n"
        "    return av.Schedule(denoise=0.4, seed=av.seeds.step(), flow=flow)\n"
    )
    save_file({"other": torch.zeros(3)}, root / "other.safetensors")
    (root / "broken.safetensors").write_bytes(b"x" * 40)
    return root


GIVEN = ("--init", "clip.mp4", "--mask", "mask.png")
RENDER = ("render", "song.wav", "--quiet", "--prompt", "gold", "--size", "64", "--schedule", "hold.py")


@pytest.fixture(scope="module")
def made(renders, folder):
    """The bytes of a render without interruption."""
    done = renders(*RENDER, *GIVEN, "-o", "made.mp4", cwd=folder)
    assert done["status"] == 0, done["err"]
    return folder / "made.mp4"


def test_a_killed_render_goes_on_to_the_same_bytes(renders, folder, made):
    killed = renders(*RENDER, *GIVEN, cwd=folder, fault="die after a file is put", at=1)
    assert killed["status"] == -signal.SIGKILL and (folder / "song.audioviz").is_dir()
    again = renders(*RENDER, *GIVEN, cwd=folder)
    assert (again["status"], again["err"]) == (0, "")
    assert (folder / "song.mp4").read_bytes() == made.read_bytes()


def test_the_manifest_names_opencv_where_it_found_the_flow(renders, folder, made):
    free = renders(*RENDER, *GIVEN, "--set", "flow=0", "--duration", "1", "-o", "free.mp4", cwd=folder)
    assert free["status"] == 0, free["err"]
    with_flow, without = (json.loads(probe(file).metadata)["versions"] for file in (made, folder / "free.mp4"))
    assert "opencv" in with_flow and "opencv" not in without


def test_outside_the_mask_the_initial_video_stays(folder, made):
    pairs = zip(read_frames(made), read_frames(folder / "clip.mp4"))
    # the fake model's pictures are blocks of 8 x 8 pixels
    apart = [np.abs(cells(frame) - cells(init)).mean((0, 2)) for frame, init in pairs]
    assert np.mean(apart, 0)[5:].max() < 6 < np.mean(apart, 0)[:3].min()


def cells(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(8, 8, 8, 8, 3).mean((1, 3))


@pytest.mark.parametrize(
    "given, found", [((), "there is none"), (("--init", "picture.png"), "picture.png is an image")]
)
def test_flow_without_a_video_does_nothing_and_says_so(renders, folder, given, found):
    done = renders(*RENDER, *given, "-o", "idle.mp4", cwd=folder)
    assert done["status"] == 0 and found in done["err"] and "it does nothing" in done["err"]
    assert done["err"].count("\n") == 1


def test_without_opencv_one_line_says_what_to_install(folder, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "cv2" else find(name, *rest))
    project = Project(folder / "song.wav", schedule=str(folder / "hold.py"))
    schedule = av.Schedule(flow=0.5, prompts=["gold"], clock=Clock(FPS, 48))
    led = replace(project, guides=GuideFiles(init=folder / "clip.mp4"))
    for ask in (
        partial(describe_render, out=folder / "x.mp4"),
        lambda project: check_flow(project, schedule, range(48)),
    ):
        with pytest.raises(InputError, match=r"OpenCV, which is not installed: pip install 'audioviz\[flow\]'"):
            ask(led)
    check_flow(led, schedule, range(7, 8))  # a frame alone has none before it
    check_flow(replace(project, guides=GuideFiles(init=folder / "picture.png")), schedule, range(48))


@pytest.mark.parametrize(
    "file, said",
    [
        ("gone.safetensors", "there is no such file; expected the weights of RAFT as .safetensors"),
        ("broken.safetensors", "cannot be read as safetensors"),
        ("other.safetensors", "holds no RAFT; expected the weights of torchvision's raft_large or raft_small"),
    ],
)
def test_what_is_no_raft_is_refused_before_a_render(folder, file, said):
    guides = GuideFiles(init=folder / "clip.mp4", flow_model=folder / file)
    with pytest.raises(InputError, match=f"flow-model .*{file}: {said}") as caught:
        check_project(Project(folder / "song.wav", guides=guides))
    assert "\n" not in str(caught.value)


def test_a_network_finds_the_flow_where_one_is_given(folder, tmp_path):
    save_file(with_weights(Raft(KINDS["small"])).state_dict(), tmp_path / "raft.safetensors")
    files = GuideFiles(init=folder / "clip.mp4", flow_model=tmp_path / "raft.safetensors")
    guides, digests = open_guides(fake_model(), files, size=(64, 64), clock=Clock(FPS, 48))
    assert set(digests) == {"init_sha256", "flow_model_sha256"} and guides.flow is not None
    found = guides.flow(guides.init(0), guides.init(1))
    assert np.array_equal(found, load_raft(tmp_path / "raft.safetensors")(guides.init(0), guides.init(1)))


def test_info_tells_the_warp_error(folder, made, capsys):
    cli.main(["info", str(made), "--init", str(folder / "clip.mp4")], standalone_mode=False)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("warp error along the initial video") and "can be followed" in line
    frames, clip = list(read_frames(made)), list(read_frames(folder / "clip.mp4"))
    expected = [residual(*frames[k - 1 : k + 1], motion(*clip[k - 1 : k + 1])) for k in range(1, 30)]
    assert float(line.split("video")[1].split()[0]) == pytest.approx(np.mean(expected), abs=0.3)
    with pytest.warns(AudiovizWarning, match="not the file that .*made.mp4 was made of"):
        cli.main(["info", str(made), "--init", str(folder / "other.mp4")], standalone_mode=False)
    with pytest.raises(InputError, match="picture.png: an image does not move; expected the video"):
        cli.main(["info", str(made), "--init", str(folder / "picture.png")], standalone_mode=False)
