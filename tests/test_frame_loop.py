"""The frame loop keeps a GPU busy: how often the CPU waits for it, and when it copies, counted on the meta device."""

import numpy as np
import pytest
import soundfile
import torch
from diffusers import ControlNetModel
from PIL import Image

import audioviz as av
from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.rendering import batches, chunk_loop
from audioviz.sampling import sequence
from audioviz.video.work import Work
from tests.checkpoints import tiny_ip_adapter
from tests.models import FakeVae, fake_model
from tests.songs import made_song
from tests.traffic import Traffic, on_meta

FRAMES, STEPS = 3, 2
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
    for name in ("sd1", "sdxl"):
        (root / name).mkdir()
        ControlNetModel.from_unet(families(name)[1].unet).save_pretrained(root / name / "net")
        tiny_ip_adapter(families(name)[1].unet, root / name)
    return root


def traffic_of(model, files, tmp_path, monkeypatch, **options):
    """What is seen while each frame of a render is made."""
    song = made_song(seconds=1, fps=FRAMES, path=files / "song.wav")
    given = {name: files / file for name, file in options.pop("given", {}).items()}
    sampler = options.pop("sampler", "euler")
    plan = av.Schedule(**(PLAIN | options), clock=song.clock)
    traffic, write = Traffic(), Work.write
    monkeypatch.setattr(Work, "write", lambda *args: (write(*args), traffic.seen.append(("frame", ""))))
    core, module = model.denoiser.unet, model.autoencoder.module
    core.register_forward_pre_hook(lambda *_: traffic.seen.append(("call", "")))
    for network in (core, module.encoder, module.decoder):
        traffic.watch(network)
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
def test_the_cpu_waits_once_a_frame_and_copies_nothing_in_a_step(
    families, files, unjoined, tmp_path, monkeypatch, name, layout
):
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
@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_so_it_does_with_what_leads_the_model(families, files, unjoined, tmp_path, monkeypatch, name, addition, given):
    added = {option: files / name / file for option, file in addition.items()}
    model = load_model(families(name)[0], device="cpu", **added)
    check(traffic_of(model, files, tmp_path, monkeypatch, given=given))


@pytest.mark.parametrize(("layout", "most"), [({}, 75), (CAMERA, 105)], ids=["plain", "camera"])
def test_a_frame_of_the_embedded_model_asks_little_outside_its_networks(
    files, unjoined, tmp_path, monkeypatch, layout, most
):
    """Each operation is a kernel that a GPU is to start, while its networks are captured as one."""
    model = load_model("embedded", device="cpu")
    for seen in traffic_of(model, files, tmp_path, monkeypatch, **{"noise": 0, "prompts": "gold"} | layout):
        assert sum(kind == "operation" for kind, _ in seen) <= most, seen


def moving(song):
    return av.Schedule(denoise=0.6, zoom=1.3, saturation=0.2, in_loop=1, prompts=["gold"], clock=song.clock)


def test_a_camera_frame_decodes_once(files, unjoined, tmp_path, monkeypatch):
    """Its picture is what the film shows and what the next frame starts from, whole or from kept work on."""
    song, pictures, decode = made_song(seconds=3, fps=4, path=files / "song.wav"), [], FakeVae.decode
    monkeypatch.setattr(FakeVae, "decode", lambda vae, latent: pictures.append(latent) or decode(vae, latent))
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)

    def render(name, **denoiser):
        pictures.clear()
        av.render(song, moving(song), out=tmp_path / name, model=fake_model(**denoiser), progress=False)
        return (tmp_path / name).read_bytes()

    whole = render("whole.mp4")
    assert len(pictures) == 12
    with pytest.raises(ModelError, match="frame 9"):
        render("out.mp4", nan_from_call=9 * 2)
    assert render("out.mp4") == whole and len(pictures) == 4 + 1, "of a chunk, and of the latent before it"


def test_a_frame_that_is_looked_at_late_is_named_all_the_same(files, unjoined, tmp_path, monkeypatch):
    """As for a GPU: the next one is being made when what a frame gave is read, and no picture of it is written."""
    song, written, write = made_song(seconds=2, fps=6, path=files / "song.wav"), [], Work.write
    plain = av.render(song, moving(song), out=tmp_path / "plain.mp4", model=fake_model(), progress=False)
    monkeypatch.setattr(chunk_loop, "late", lambda rows, device, late=chunk_loop.late: late(rows, torch.device("cuda")))
    monkeypatch.setattr(batches, "sequence", lambda *args, **options: sequence(*args, **options | {"checked": False}))
    monkeypatch.setattr(Work, "write", lambda work, picture: written.append(picture) or write(work, picture))
    later = av.render(song, moving(song), out=tmp_path / "later.mp4", model=fake_model(), progress=False)
    assert later.read_bytes() == plain.read_bytes() and len(written) == 12
    written.clear()
    with pytest.raises(ModelError, match="frame 9: the model gave values that are not numbers"):
        av.render(song, moving(song), out=tmp_path / "out.mp4", model=fake_model(nan_from_call=18), progress=False)
    assert len(written) == 9
