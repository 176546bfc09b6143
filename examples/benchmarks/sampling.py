"""What sampling, decoding and encoding cost with the embedded model, and what the loop adds to the model's own calls."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import audioviz as av
from audioviz.clock import Clock
from audioviz.planner import Look, plan_frames
from audioviz.sampling import sequence
from audioviz.video.encode import VideoWriter

FRAMES = 60


@dataclass
class Timed:
    """A denoiser that counts the seconds spent in it."""

    inner: object
    seconds: float = 0.0
    calls: int = 0

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def __call__(self, *arguments):
        begin = time.perf_counter()
        result = self.inner(*arguments)
        self.seconds += time.perf_counter() - begin
        self.calls += 1
        return result


def main() -> None:
    model = av.load_model("embedded")
    own = model.defaults
    clock = Clock.for_duration(FRAMES / 12, 12)
    schedule = av.Schedule(denoise=0.4, noise=0.05, interp=0.8, seed=av.seeds.step(clock=clock), prompts=["neon nebula", "fire"],
                           clock=clock)
    look = Look((own.size, own.size), own.steps, own.cfg, own.sampler, own.scheduler)
    timed = Timed(model.denoiser)
    run = sequence(timed, plan_frames(model, schedule, look), start=model.empty_latent(look.size), sampler=look.sampler,
                   scheduler=look.scheduler)
    next(run)
    timed.seconds, timed.calls = 0.0, 0
    begin = time.perf_counter()
    latents = list(run)
    sampling = time.perf_counter() - begin
    begin = time.perf_counter()
    pictures = [model.decode(latent) for latent in latents]
    decoding = time.perf_counter() - begin
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        with VideoWriter(Path(folder) / "x.h264", fps=clock.fps, size=look.size) as writer:
            for picture in pictures:
                writer.write(picture)
    encoding = time.perf_counter() - begin
    count = len(latents)
    print(f"{torch.get_num_threads()} threads, {own.size}x{own.size}, {own.steps} steps of {own.sampler}, cfg {own.cfg}")
    print(f"model call       {1000 * timed.seconds / timed.calls:7.1f} ms, {timed.calls / count:.0f} a frame")
    print(f"sampling         {1000 * sampling / count:7.1f} ms a frame, {100 * (sampling / timed.seconds - 1):.2f}% more than its calls")
    print(f"decoding         {1000 * decoding / count:7.1f} ms a frame")
    print(f"encoding         {1000 * encoding / count:7.1f} ms a frame, beside the others")
    print(f"frames per second {count / (sampling + decoding):6.1f}")


if __name__ == "__main__":
    main()
