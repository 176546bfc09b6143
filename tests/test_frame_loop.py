"""The frame loop keeps a GPU busy: how often the CPU waits for it, and when it copies, counted on the meta device."""

import numpy as np
import pytest
import soundfile
from diffusers import ControlNetModel
from PIL import Image

import audioviz as av
from audioviz.models import load_model
from audioviz.video.work import Work
from tests.checkpoints import tiny_ip_adapter
from tests.songs import made_song
from tests.traffic import Traffic, on_meta

FRAMES, STEPS = 3, 3
PLAIN = {"denoise": 0.6, "noise": 0.05, "prompts": {0: "gold", 1: "red"}}
CAMERA = {"zoom": 1.2, "tilt": 4.0}
MASK = {"given": {"init": "picture.png", "mask": "mask.png"}}
EFFECTS = {"flash": 0.4, "glow": 0.3, "hue": 20.0}


@pytest.fixture(scope="module")
def files(families, tmp_path_factory):
    """A song, a picture, a mask, and what models are given beside themselves."""
    root = tmp_path_factory.mktemp("files")
    soundfile.write(root / "song.wav", np.zeros((44100, 2)), 44100)
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save(root / "picture.png")
    Image.fromarray(np.tile(np.uint8([0, 255]), (64, 32))).save(root / "mask.png")
    ControlNetModel.from_unet(families("sd1")[1].unet).save_pretrained(root / "net")
    tiny_ip_adapter(families("sd1")[1].unet, root)
    return root


def traffic_of(model, files, tmp_path, monkeypatch, **options):
    """What is seen while each frame of a render is made."""
    song = made_song(seconds=1, fps=FRAMES, path=files / "song.wav")
    given = {name: files / file for name, file in options.pop("given", {}).items()}
    sampler = options.pop("sampler", "euler")
    plan = av.Schedule(**(PLAIN | options), clock=song.clock)
    traffic, write = Traffic(), Work.write
    monkeypatch.setattr(Work, "write", lambda *args: (write(*args), traffic.seen.append(("frame", ""))))
    core = model.denoiser.unet
    core.register_forward_pre_hook(lambda *_: traffic.seen.append(("call", "")))
    with traffic:
        av.render(
            song,
            plan,
            out=tmp_path / "out.mp4",
            model=on_meta(model),
            size=(64, 64),
            steps=STEPS,
            cfg=3.0,
            sampler=sampler,
            scheduler="normal",
            progress=False,
            **given,
        )
    frames = [[]]
    for seen in traffic.seen:
        frames.append([]) if seen[0] == "frame" else frames[-1].append(seen)
    return frames[2:FRAMES]  # those before may be the first to ask for something


LAYOUTS = {
    "sd1": {
        "plain, SDE": {"sampler": "dpmpp_2m_sde"},
        "camera, effects": CAMERA | EFFECTS,
        "mask, effects in the loop": MASK | EFFECTS | {"in_loop": 1},
        "unsample, anchor": {"unsample": 1, "anchor": 0.3, "prompts": "gold"},
    },
    "sdxl": {"camera, ancestral": CAMERA | {"sampler": "euler_ancestral"}, "mask, unsample": MASK | {"unsample": 1}},
}


def check(frames):
    for seen in frames:
        kinds = [kind for kind, _ in seen]
        first, last = kinds.index("call"), len(kinds) - kinds[::-1].index("call")
        waits = [place for kind, place in seen if kind == "wait"]
        assert len(waits) <= 1, "\n".join(waits)
        assert [place for kind, place in seen[first:last] if kind == "upload"] == []


@pytest.mark.parametrize(("name", "layout"), [(name, layout) for name in LAYOUTS for layout in LAYOUTS[name]])
def test_the_cpu_waits_once_a_frame_and_copies_nothing_in_a_step(families, files, tmp_path, monkeypatch, name, layout):
    model = load_model(families(name)[0], device="cpu")
    check(traffic_of(model, files, tmp_path, monkeypatch, **LAYOUTS[name][layout]))


@pytest.mark.parametrize(
    ("addition", "given"),
    [
        ({"controlnet": "net"}, {"control": "picture.png"}),
        ({"ip_adapter": "tiny.safetensors"}, {"style": "picture.png"}),
    ],
    ids=["controlnet", "ip-adapter"],
)
def test_so_it_does_with_what_leads_the_model(families, files, tmp_path, monkeypatch, addition, given):
    added = {name: files / file for name, file in addition.items()}
    model = load_model(families("sd1")[0], device="cpu", **added)
    check(traffic_of(model, files, tmp_path, monkeypatch, given=given))
