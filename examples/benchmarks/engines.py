"""A frame of the embedded model, called and decoded, in each way that this machine can run it, one after the other."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import audioviz as av
from audioviz.models import Model
from audioviz.models.speed.compiled import compiled
from audioviz.models.speed.graphs import graphed
from audioviz.sampling.guidance import guided

SIZES, ROUNDS, PROMPT = (512, 256), 15, "neon nebula"
PAUSE = 0.2  # seconds, in which the threads of one engine stop to spin, before the next begins


def measure(device: str) -> list[tuple[str, str]]:
    """Rows of (what, figure); the ratio is the median of those of pairs that ran side by side."""
    return [row for size in SIZES for row in at_size(device, (size, size))]


def at_size(device: str, size: tuple[int, int]) -> list[tuple[str, str]]:
    frames = {way: frame(make(device, size), size) for way, make in WAYS.items() if way not in _missing(device)}
    pictures = {way: [make() for _ in range(3)][-1].astype(int) for way, make in frames.items()}
    seconds: dict[str, list[float]] = {way: [] for way in frames}
    for _ in range(ROUNDS):
        for way, make in frames.items():
            time.sleep(PAUSE)
            begin = time.perf_counter()
            make()
            seconds[way].append(time.perf_counter() - begin)
    first = next(iter(frames))
    rows = []
    for way, found in seconds.items():
        ratio = statistics.median(usual / this for usual, this in zip(seconds[first], found, strict=True))
        off = abs(pictures[way] - pictures[first])
        rows.append(
            (
                f"a frame at {size[0]}x{size[1]}, {way}",
                f"{1000 * statistics.median(found):.1f} ms, {ratio:.2f} times as fast; "
                f"levels off by {off.mean():.2f}, {off.max()} at most",
            )
        )
    return [*rows, ("processes that ran meanwhile, of these cores", f"{os.getloadavg()[0]:.1f}, {os.cpu_count()}")]


def frame(model: Model, size: tuple[int, int]) -> Callable[[], np.ndarray]:
    """What makes one guided frame of one call, until its picture is there."""
    level = torch.full((1,), 5.0, device=model.denoiser.device)
    x = torch.randn(model.empty_latent(size).shape, generator=torch.Generator().manual_seed(0)).to(level.device) * 5
    guidance = model.guidance(PROMPT)

    @torch.no_grad()
    def make() -> np.ndarray:
        return model.decode(guided(model.denoiser, x, level, guidance, model.defaults.cfg))

    return make


def plain(device: str, size: tuple[int, int], dtype: str = "auto") -> Model:
    return av.load_model("embedded", device=device, dtype=dtype)


def contiguous(device: str, size: tuple[int, int]) -> Model:
    model = plain(device, size)
    for network in (model.denoiser.unet, model.autoencoder.module):
        network.to(memory_format=torch.contiguous_format)
    return replace(model, denoiser=replace(model.denoiser, memory_format=torch.contiguous_format))


def by_openvino(device: str, size: tuple[int, int], precision: str) -> Model:
    """The embedded model with its call and its decoding done by OpenVINO."""
    import openvino

    model = contiguous(device, size)
    unet, vae, latent = model.denoiser.unet, model.autoencoder.module, model.empty_latent(size)
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}

    class Core(torch.nn.Module):
        def forward(self, x, timestep, text, scale):
            return unet(x, timestep, encoder_hidden_states=text, timestep_cond=scale)[0]

    class Decoder(torch.nn.Module):
        def forward(self, x):
            return vae.decode(x).sample

    def converted(module: torch.nn.Module, *inputs: torch.Tensor) -> Callable[..., torch.Tensor]:
        with torch.no_grad():
            found = openvino.convert_model(module, example_input=inputs, input=[tuple(one.shape) for one in inputs])
        run = openvino.Core().compile_model(found, "CPU", options)
        return lambda *given: torch.from_numpy(run([one.numpy() for one in given])[0])

    text = model.guidance(PROMPT).positive.embeddings
    call = converted(Core(), latent, torch.tensor([500]), text, torch.zeros(1, unet.config.time_cond_proj_dim))
    decode = converted(Decoder(), latent)

    class Called:
        config, dtype = unet.config, unet.dtype

        def __call__(self, x, timestep, *, encoder_hidden_states, timestep_cond, **unused: Any):
            return (call(x, timestep, encoder_hidden_states, timestep_cond),)

    module: Any = SimpleNamespace(
        decode=lambda x: SimpleNamespace(sample=decode(x)), dtype=vae.dtype, device=vae.device, config=vae.config
    )
    return replace(
        model,
        denoiser=replace(model.denoiser, unet=Called()),
        autoencoder=replace(model.autoencoder, module=module),
    )


def _missing(device: str) -> set[str]:
    """The ways that this machine does not have."""
    no_openvino = device != "cpu" or find_spec("openvino") is None
    return {way for way in WAYS if ("OpenVINO" in way and no_openvino) or ("graph" in way and device != "cuda")}


WAYS: dict[str, Callable[[str, tuple[int, int]], Model]] = {
    "as it is": plain,
    "captured as a CUDA graph": lambda device, size: graphed(plain(device, size)),
    "contiguous": contiguous,
    "--dtype bfloat16": lambda device, size: plain(device, size, "bfloat16"),
    "--compile": lambda device, size: compiled(plain(device, size), size, {3.0}),
    "--compile --dtype bfloat16": lambda device, size: compiled(plain(device, size, "bfloat16"), size, {3.0}),
    "by OpenVINO": lambda device, size: by_openvino(device, size, "f32"),
    "by OpenVINO in bfloat16": lambda device, size: by_openvino(device, size, "bf16"),
}


if __name__ == "__main__":
    for what, figure in measure("cuda" if torch.cuda.is_available() else "cpu"):
        print(f"| {what} | {figure} |", flush=True)
