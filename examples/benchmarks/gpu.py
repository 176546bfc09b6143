"""Is audioviz right on this GPU, and how fast? One JSON file, written after every figure: a cut run tells much too.

    python examples/benchmarks/gpu.py --out gpu.json [--budget 480] [--only right,sd15]
    python examples/benchmarks/gpu.py --out dry.json --device cpu --small

Nothing is fetched and no video is encoded: tiny checkpoints are those of the tests, models of real size have random
weights. What matters most comes first, and what there is no time for is left out.
"""

import argparse
import hashlib
import logging
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bare_checkout

sys.path.append(str(bare_checkout.CHECKOUT))  # where tests/ lies
if missing := bare_checkout.missing():
    bare_checkout.stand_in(missing)

import batches
import engines
import frames
import img2img
import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from figures import GIB, Check, Figures, ms, off, peak_gib
from frame_loop import CAMERA, Film, film
from random_models import network, random_model
from safetensors.torch import save_file

import audioviz as av
from audioviz.models import Model
from audioviz.models.autoencoder import Autoencoder
from audioviz.models.memory.footprint import decode_bytes
from audioviz.models.speed.graphs import Graphed, graphed
from audioviz.rendering.guides import Guides
from audioviz.rendering.log import resident_megabytes
from audioviz.rendering.memory import has_room_for_graphs, make_room
from audioviz.sampling import Control
from audioviz.sampling.guidance import guided
from audioviz.sampling.units import LatentUnits
from audioviz.transfer import is_finite
from tests import chat_models
from tests.checkpoints import FAMILIES, MASKED_FAMILIES, tiny_family

TINY = {"v1": "sd1", "xl_base": "sdxl", "flux-dev": "flux", "z-image-turbo": "z-image-turbo", "flux2-klein-4b": "klein"}


# ---------------------------------------------------------------- tools


def model_of(check: Check, layout: str, *, steps: int = 4, cfg: float | None = None, **options: Any) -> Model:
    """A model of real size, or in a small run a tiny one of its family."""
    if check.small:
        model = tiny(TINY[layout], str(check.device), "auto")
    else:
        model = random_model(layout, check.device, **options)
    own = replace(model.defaults, steps=steps, sampler="euler", scheduler="simple")
    own = replace(own, cfg=own.cfg if cfg is None else cfg)
    return replace(model, defaults=own).at_size((own.size, own.size), steps=steps)


@cache
def tiny(name: str, device: str, dtype: str, lora: str = "") -> Model:
    """A tiny checkpoint of a family, loaded as a user's would be, for two steps at 64x64."""
    options = {"loras": [lora], "unfused": [Path(lora).stem]} if lora else {}
    with tempfile.TemporaryDirectory() as folder:
        source = "embedded" if name == "embedded" else Path(folder, "m")
        if name != "embedded":
            tiny_family(name, Path(folder)).save_pretrained(source, safe_serialization=True)
        model = av.load_model(source, device=device, dtype=dtype, **options)
    side = 256 if name == "embedded" else 64
    model = replace(model, defaults=replace(model.defaults, size=side, steps=2, cfg=2.0))
    return model.at_size((side, side), steps=2)


def seconds_a_frame(made: Film, first: int = 4) -> float:
    first = min(first, len(made.times) - 2)
    return (made.times[-1] - made.times[first]) / (len(made.times) - 1 - first)


def call_of(model: Model, *, seed: int = 0, control: Control | None = None) -> Callable[[], torch.Tensor]:
    own, device = model.defaults, model.denoiser.device
    x = torch.randn(model.empty_latent((own.size, own.size)).shape, generator=torch.Generator().manual_seed(seed))
    guidance, level = model.guidance("gold"), torch.full((1,), 0.7, device=device)
    if control is not None:
        guidance = replace(guidance, control=control)
    x = x.to(device)
    return torch.inference_mode()(lambda: guided(model.denoiser, x, level, guidance, own.cfg))


def core_of(model: Model) -> Any:
    """The UNet or transformer of a model."""
    return getattr(model.denoiser, "unet", None) or model.denoiser.transformer


def graphs_of(model: Model) -> int | None:
    """How many calls are captured; None where none is to be."""
    core = core_of(model)
    return len(core._graphs) if isinstance(core, Graphed) else None


def waits(check: Check, model: Model, **columns: Any) -> dict[str, Any]:
    """How often the CPU waits for the GPU in frames 3 to 10 of the frame loop, as torch tells it, and where."""

    def seen(frame: int) -> None:
        if check.on_gpu and frame in (2, 10):
            torch.cuda.set_sync_debug_mode("warn" if frame == 2 else "default")

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            film(model, 12, seen=seen, **columns)
        finally:
            seen(10)
    places = Counter(f"{Path(one.filename).name}:{one.lineno}" for one in said if "synchronizing" in str(one.message))
    return {"a_frame": places.total() / 8, "places": dict(places)}


def beside_calls(model: Model, count: int, *, repeats: int = frames.REPEATS, **columns: Any) -> dict[str, float]:
    """The frame loop beside its calls and decodings alone, all of them captured where the model is."""
    watched = frames.Timed(model.denoiser)
    film(replace(model, denoiser=watched), 3, **columns)
    calls = len(watched.seconds) / 3
    call, decode = frames.bare_call(model, repeats), frames.bare_decode(model, repeats)
    frame = seconds_a_frame(film(model, count, **columns))
    told = {"frame_ms": 1000 * frame, "call_ms": 1000 * call, "decode_ms": 1000 * decode, "calls_a_frame": calls}
    told |= {"frames_a_second": 1 / frame, "times_alone": frame / (calls * call + decode)}
    return {name: round(value, 3) for name, value in told.items()}


# ---------------------------------------------------------------- sections


def machine(check: Check) -> Figures:
    yield "versions", lambda: {name: version(name) for name in ("torch", "diffusers", "transformers", "numpy")}
    if check.on_gpu:
        yield "gpu", lambda: [torch.cuda.get_device_name(), torch.version.cuda, torch.backends.cudnn.version()]
        yield "free_and_whole_gib", lambda: [round(one / GIB, 1) for one in torch.cuda.mem_get_info()]


def right(check: Check) -> Figures:
    """Each family in float32 against the CPU; in its own type captured against not captured."""

    def beside_cpu(name: str) -> dict[str, Any]:
        guides = None
        if name in ("inpainting", "fill"):
            picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
            guides = Guides(init=lambda k: picture, mask=torch.ones(64, 64).tril())
        make = partial(film, frames=2, guides=guides, keep=True)
        models = [tiny(name, device, "float32") for device in ("cpu", str(check.device))]
        calls, films = [call_of(model)() for model in models], [make(model) for model in models]
        half = tiny(name, str(check.device), "auto")
        quick = graphed(half)
        plain, captured = (make(model, **CAMERA) for model in (half, quick))
        return {
            "call": off(calls[1], calls[0]),
            "frame": off(films[1].latent, films[0].latent),
            "levels": max(int(abs(a.astype(int) - b).max()) for a, b in zip(films[1].pictures, films[0].pictures)),
            "types": [str(half.denoiser.dtype), str(half.autoencoder.dtype)],
            "frame_in_its_type": off(make(half).latent, films[0].latent),
            "graphs": graphs_of(quick),
            "captured_equals": all(
                np.array_equal(a, b)
                for a, b in zip((captured.latent, *captured.pictures), (plain.latent, *plain.pictures))
            ),
        }

    kept = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        for name in ("embedded", *FAMILIES, *MASKED_FAMILIES, "fill", *chat_models.NAMES):
            yield name, partial(beside_cpu, name)
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept
    told = {name: one for name, one in check.found["right"].items() if isinstance(one, dict)}
    yield "worst", lambda: max(one.get(which, 9.0) for one in told.values() for which in ("call", "frame"))
    yield "captured_equal", lambda: all(one.get("captured_equals") for one in told.values())
    yield "not_captured", lambda: [name for name, one in told.items() if one.get("graphs") == 0]


def repeat(check: Check) -> Figures:
    """Whether two processes give equal bytes, by the hashes of a few frames."""

    def both() -> dict[str, Any]:
        command = [sys.executable, __file__, "--hash", "--device", str(check.device)]
        said = [subprocess.run(command, capture_output=True, text=True) for _ in range(2)]
        hashes = [one.stdout.strip() or one.stderr[-300:] for one in said]
        return {"equal": hashes[0] == hashes[1] and not any(one.returncode for one in said), "hashes": hashes}

    yield "two_processes", both


def frames_hash(device: str) -> str:
    digest = hashlib.sha256()
    for name in ("embedded", "sd1", "klein"):
        for picture in film(graphed(tiny(name, device, "auto")), 5, keep=True, noise=0.05, **CAMERA).pictures:
            digest.update(picture.tobytes())
    return digest.hexdigest()


def sd15(check: Check) -> Figures:
    """Stable Diffusion 1.5's size at 512x512, four guided steps."""
    model = model_of(check, "v1", cfg=4.0)
    quick = graphed(model)
    yield "call_ms", lambda: ms(call_of(model), check.device)
    yield "call_captured_ms", lambda: ms(call_of(quick), check.device)
    yield "loop", lambda: beside_calls(quick, check.count(40))
    yield "loop_camera", lambda: beside_calls(quick, check.count(40), **CAMERA)
    yield "loop_not_captured", lambda: beside_calls(model, check.count(16))
    yield "waits", lambda: waits(check, quick)
    yield "waits_camera", lambda: waits(check, quick, **CAMERA)

    def diffusers() -> dict[str, float]:
        own, pipe = img2img.both(str(check.device), img2img.SMALL if check.small else img2img.SD15)
        own = replace(own, defaults=replace(own.defaults, steps=4, cfg=4.0, sampler="euler", scheduler="simple"))
        count = check.count(16)
        theirs = img2img.rate(img2img.redrawn(pipe, own.defaults.size, 4), count)
        ours = 1 / seconds_a_frame(film(own, max(count, 8), denoise=img2img.DENOISE))
        return {"ours_a_second": ours, "theirs_a_second": theirs, "times": ours / theirs}

    yield "beside_diffusers", diffusers


def embedded(check: Check) -> Figures:
    """The embedded model as it is: its own size and steps."""
    model = graphed(av.load_model("embedded", device=str(check.device)))
    yield "loop", lambda: beside_calls(model, check.count(120))
    yield "loop_camera", lambda: beside_calls(model, check.count(120), **CAMERA)
    yield "waits_camera", lambda: waits(check, model, **CAMERA)


def together(check: Check) -> Figures:
    """Frames of N runs sampled together."""
    some = (1, 2) if check.small else batches.BATCHES

    def times(model: Model) -> dict[str, Any]:
        told = batches.times_faster(graphed(model), batches=some, repeats=1 if check.small else 2)
        return {f"at_{batch}": {"frame_ms": round(a, 2), "times": round(b, 2)} for batch, (a, b) in told.items()}

    yield "embedded", lambda: times(av.load_model("embedded", device=str(check.device)))
    yield "sd15", lambda: times(model_of(check, "v1", cfg=4.0))


def sdxl(check: Check) -> Figures:
    """SDXL's size at 1024x1024: in 8 GB, of which CUDA takes half a one; its decoder in each way."""
    model = model_of(check, "xl_base", steps=2, room=7.5 * GIB, text_encoders=True)
    size = (model.defaults.size,) * 2

    def in_8_gb() -> dict[str, Any]:
        assert model.placement is not None
        if check.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        make_room(model, size)
        pictures = has_room_for_graphs(model, size)
        made = film(graphed(model, pictures=pictures), check.count(5), **CAMERA)
        told = {"frame_ms": round(1000 * seconds_a_frame(made, 2), 1), "tiled": model.autoencoder.tiled}
        told |= {"pictures_captured": pictures, "limited": model.placement.limited}
        told |= {"streamed": sorted(model.placement.streamed), "said": model.placement.describe()}
        if check.on_gpu:
            most = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
            told |= {"allocated_gib": round(most[0] / GIB, 2), "reserved_gib": round(most[1] / GIB, 2)}
        return told

    yield "in_8_gb", in_8_gb
    yield "call_ms", lambda: ms(call_of(model), check.device)
    yield "call_captured_ms", lambda: ms(call_of(graphed(model)), check.device)
    module = model.autoencoder.module
    if not check.small:
        model = None
        check.clean()
        module = network("vae-xl", device=check.device, dtype=module.dtype)
    latent = torch.randn(1, 4, size[1] // 8, size[0] // 8, device=check.device)

    def decoding(work: Callable[[], object], tiled: bool) -> dict[str, Any]:
        told = decode_bytes(module.config, size, factor=8, element=module.dtype.itemsize, tiled=tiled) / GIB
        return {
            "ms": ms(work, check.device, count=5),
            "peak_gib": peak_gib(work, check.device),
            "told_gib": round(told, 3),
        }

    for tiled in (False, True):
        way = Autoencoder(module, LatentUnits(), 8, tiled=tiled)
        yield f"decode_{'tiles' if tiled else 'whole'}", partial(decoding, partial(way.decode, latent), tiled)
    module.enable_tiling()
    module.tile_sample_min_size, module.tile_latent_min_size = size[0] // 2, size[0] // 16
    plain = torch.inference_mode()(lambda: module.decode(latent.to(module.dtype)).sample)
    yield "decode_tiles_of_diffusers", partial(decoding, plain, True)
    module.disable_tiling()


def transformers(check: Check) -> Figures:
    """Transformers of real size at 1024x1024: a call, captured or not, and Flux in 16 GB, streamed."""
    for layout in ("z-image-turbo", "flux2-klein-4b", "flux-dev"):
        model = model_of(check, layout)
        yield f"{layout}_call_ms", partial(ms, call_of(model), check.device, count=5)
        quick = graphed(model)
        yield f"{layout}_captured_ms", partial(ms, call_of(quick), check.device, count=5)
        yield f"{layout}_frame", partial(beside_calls, quick, check.count(8), repeats=6)
        del model, quick
        check.clean()

    def streamed() -> dict[str, Any]:
        model = model_of(check, "flux-dev", room=16 * GIB)
        call, placement = call_of(model), model.placement
        return {"call_ms": ms(call, check.device, count=3), "streamed": sorted(placement.streamed if placement else ())}

    yield "flux_streamed", streamed


def lora(check: Check) -> Figures:
    """Whether the strength of a LoRA moves captured calls as it moves others, and what a LoRA at rest costs."""
    with tempfile.TemporaryDirectory() as folder:
        layer = "unet.mid_block.attentions.0.proj_in"
        weight = core_of(tiny("sd1", "cpu", "float32")).get_submodule(layer.removeprefix("unet.")).weight
        up, down = torch.randn(len(weight), 2, 1, 1), torch.randn(2, *weight.shape[1:])
        save_file({f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}, Path(folder, "ink.safetensors"))
        model = tiny("sd1", str(check.device), "auto", str(Path(folder, "ink.safetensors")))
    quick = graphed(model)
    strengths = (0.0, 1.0, 0.4, 0.0)
    made = [[call_of(one, control=Control(loras={"ink": value}))() for value in strengths] for one in (model, quick)]
    yield "captured_off_by", lambda: max(off(a, b) for a, b in zip(made[1], made[0]))
    yield "moves", lambda: [off(one, made[1][0]) for one in made[1]]
    yield "graphs", lambda: graphs_of(quick)


def long_run(check: Check) -> Figures:
    """What a flag costs that tells whether a picture is of numbers, and whether memory grows with frames."""
    picture = torch.rand(1, 3, 1024, 1024, device=check.device)
    yield "flag_1024_ms", lambda: ms(lambda: is_finite(picture), check.device)
    model = graphed(av.load_model("embedded", device=str(check.device)))
    first, last = (2, 6) if check.small else (20, 200)
    held: dict[str, Any] = {}

    def seen(frame: int) -> None:
        if frame in (first, last):
            held[f"resident_mb_at_{frame}"] = resident_megabytes()
            if check.on_gpu:
                held[f"gpu_mb_at_{frame}"] = torch.cuda.memory_allocated() // 2**20

    yield "memory", lambda: film(model, last, seen=seen, **CAMERA) and held


def ways(check: Check) -> Figures:
    """The embedded model captured, contiguous, in bfloat16, compiled: minutes, most of them for the compiler."""
    size = (64, 64) if check.small else (512, 512)
    yield "rows", lambda: dict(engines.at_size(str(check.device), size))


SECTIONS: dict[str, tuple[Callable[[Check], Figures], int]] = {  # and the seconds that must be left for it
    "machine": (machine, 0),
    "right": (right, 30),
    "sd15": (sd15, 40),
    "embedded": (embedded, 20),
    "together": (together, 40),
    "repeat": (repeat, 50),
    "lora": (lora, 10),
    "sdxl": (sdxl, 40),
    "transformers": (transformers, 60),
    "long_run": (long_run, 20),
    "ways": (ways, 150),
}
BARS = {
    "right.worst": ("at most", 1e-3),
    "right.captured_equal": ("at least", 1),
    "repeat.two_processes.equal": ("at least", 1),
    "sd15.loop.times_alone": ("at most", 1.10),
    "sd15.loop_camera.times_alone": ("at most", 1.10),
    "sd15.beside_diffusers.times": ("at least", 2),
    "sd15.waits_camera.a_frame": ("at most", 0),
    "embedded.loop.frames_a_second": ("at least", 200),
    "embedded.loop_camera.frames_a_second": ("at least", 200),
    "embedded.waits_camera.a_frame": ("at most", 0),
    "together.embedded.at_8.times": ("at least", 3),
    "together.sd15.at_8.times": ("at least", 3),
    "sdxl.in_8_gb.reserved_gib": ("at most", 7.5),
    "lora.captured_off_by": ("at most", 1e-3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=480, help="seconds for everything")
    parser.add_argument("--small", action="store_true", help="tiny models: to try this script without a GPU")
    parser.add_argument("--only", default=",".join(SECTIONS), help="names of sections, with commas")
    parser.add_argument("--hash", action="store_true", help="(used by itself) print a hash of some frames")
    given = parser.parse_args()
    diffusers_logging.set_verbosity_error()
    warnings.simplefilter("ignore", FutureWarning)
    logging.getLogger("audioviz").addHandler(logging.StreamHandler())  # why a call was not captured
    if given.hash:
        print(frames_hash(given.device))
        return
    check = Check(torch.device(given.device), given.small, given.out, given.budget, SECTIONS, BARS)
    check.run(given.only.split(","))


if __name__ == "__main__":
    main()
