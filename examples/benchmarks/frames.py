"""What a render takes, stage by stage, and what it adds to the bare calls of its model and its decoder."""

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

import audioviz as av
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.plans import plan_frames
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import sequence
from audioviz.sampling.guidance import guided

SONG = Path(__file__).parents[1] / "song.ogg"
COMMAND = [sys.executable, "-c", "from audioviz.command.main import main; main()"]
SECONDS, SAMPLED, REPEATS = 8.0, 16, 30
STEPS = 4  # in which samplers are compared: in one, uni_pc calls nothing
SAMPLERS = ("euler", "dpmpp_2m", "uni_pc", "dpmpp_2m_sde")


class Timed:
    """Something whose calls, or calls of one method, are timed to the end, on a GPU too."""

    def __init__(self, inner, *, method: str = ""):
        self._inner, self._method, self.seconds = inner, method, []

    def __getattr__(self, name: str):
        found = getattr(self._inner, name)
        return self._timed(found) if name == self._method else found

    def __call__(self, *arguments, **keywords):
        return self._timed(self._inner)(*arguments, **keywords)

    def with_networks(self, change) -> "Timed":
        """As a denoiser's: a render captures its calls on a GPU, and they are timed all the same."""
        changed = Timed(self._inner.with_networks(change), method=self._method)
        changed.seconds = self.seconds
        return changed

    def _timed(self, function):
        def call(*arguments, **keywords):
            begin = time.perf_counter()
            result = function(*arguments, **keywords)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.seconds.append(time.perf_counter() - begin)
            return result

        return call


def measure(device: str) -> list[tuple[str, str]]:
    """Rows of (what, figure)."""
    rows = [("`audioviz --help`, the whole command", f"{command('--help'):.2f} s")]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "x.mp4"
        part = ["render", str(SONG), "-o", str(out), "--duration", "0.08", "--quiet", "--device", device]
        command(*part)
        rows.append(("a video of one frame, the whole command", f"{command(*part):.1f} s"))
        song = av.load_song(SONG, fps=12, duration=SECONDS)
        schedule = av.load_schedule("pulse")(song).with_prompts(["neon nebula", "gold mandala"])
        model = av.load_model("embedded", device=device)
        unet, decoder = Timed(model.denoiser), Timed(model.autoencoder, method="decode")
        begin = time.perf_counter()
        av.render(song, schedule, out=out, model=replace(model, denoiser=unet, autoencoder=decoder), progress=False)
        whole = time.perf_counter() - begin
    own, calls = model.defaults, len(unet.seconds)
    bare = calls * bare_call(model) + len(decoder.seconds) * bare_decode(model)
    rows += [
        (
            "frames a second, the whole render",
            f"{len(schedule) / whole:.1f} at {own.size}x{own.size}, {own.steps} steps of {own.sampler}",
        ),
        (
            "model calls",
            f"{1000 * statistics.median(unet.seconds):.1f} ms each, {sum(unet.seconds) / whole:.1%} of the render",
        ),
        ("decoding", f"{1000 * statistics.median(decoder.seconds):.1f} ms a frame, {sum(decoder.seconds) / whole:.1%}"),
        ("all else: plans, samplers, encoding, joining", f"{1 - sum(unet.seconds + decoder.seconds) / whole:.1%}"),
        ("the whole render against its calls alone", f"{whole / bare:.3f} times"),
    ]
    return rows + [
        (f"what {sampler} adds to its {STEPS} calls", f"{overhead(model, schedule, sampler):.1%}")
        for sampler in SAMPLERS
    ]


def command(*arguments: str) -> float:
    """Seconds of a whole process."""
    begin = time.perf_counter()
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def bare_call(model, repeats: int = REPEATS) -> float:
    """Seconds of a guided model call with nothing around it."""
    own = model.defaults
    x, sigma = (
        model.empty_latent((own.size, own.size)).to(model.denoiser.device),
        torch.ones(1, device=model.denoiser.device),
    )
    guidance, timed = model.guidance("fire"), Timed(model.denoiser)
    with torch.inference_mode():
        for _ in range(repeats):
            guided(timed, x, sigma, guidance, own.cfg)
    return statistics.median(timed.seconds)


def bare_decode(model, repeats: int = REPEATS) -> float:
    """Seconds of decoding a latent, until its picture is there."""
    latent, timed = model.empty_latent((model.defaults.size,) * 2).to(model.denoiser.device), Timed(model.decode)
    for _ in range(repeats):
        timed(latent)
    return statistics.median(timed.seconds)


def overhead(model, schedule, sampler: str) -> float:
    """What sampling adds to its model calls, as a part of them."""
    own, timed = model.defaults, Timed(model.denoiser)
    settings = RenderSettings((own.size, own.size), STEPS, own.cfg, sampler, own.scheduler)
    run = sequence(
        timed,
        plan_frames(model, frame_table(schedule, settings), settings),
        start=model.empty_latent(settings.size),
        sampler=sampler,
        scheduler=settings.scheduler,
    )
    next(run), timed.seconds.clear()
    begin = time.perf_counter()
    for _ in range(SAMPLED):
        next(run)
    return (time.perf_counter() - begin) / sum(timed.seconds) - 1
