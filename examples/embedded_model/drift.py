"""Thousands of frames of feedback: do colours, contrast and movement hold?"""

from pathlib import Path

import numpy as np
import soundfile

import audioviz as av
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.plans import plan_frames
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import sequence

from .measure import OWN, colourfulness, load
from .training import Machine

FRAMES, FPS, WINDOW, EVERY = 2000, 12, 50, 10


def long_song(song: Path, path: Path) -> Path:
    """The example song, again and again, long enough for FRAMES frames."""
    samples, rate = soundfile.read(song)
    wanted = int(rate * FRAMES / FPS) + rate
    soundfile.write(path, np.concatenate([samples] * (wanted // len(samples) + 1))[:wanted], rate)
    return path


def drift(folder: Path, work: Path, song: Path, machine: Machine) -> dict[str, float]:
    """Frames of the schedule `drift`: the worst change of a window against the first, and the longest standstill.

    Returns
    -------
    dict
        drift_mean in deviations of the first window; drift_deviation, drift_contrast, drift_colour as shares of its
        values; still_seconds with a difference under a tenth of its median.
    """
    model = load(folder, machine)
    track = av.load_song(long_song(song, work / "long.wav"), fps=FPS)
    schedule = av.load_schedule("drift")(track).with_prompts(["neon nebula"])
    settings = RenderSettings((OWN.size, OWN.size), OWN.steps, OWN.cfg, OWN.sampler, OWN.scheduler)
    plans = plan_frames(model, frame_table(schedule, settings, part=range(FRAMES)), settings)
    means, deviations, changes, contrasts, colours, before = [], [], [], [], [], None
    for index, latent in enumerate(
        sequence(
            model.denoiser,
            plans,
            start=model.empty_latent(settings.size),
            sampler=settings.sampler,
            scheduler=settings.scheduler,
        )
    ):
        values = latent[0].cpu().numpy()
        means.append(values.mean((1, 2)))
        deviations.append(values.std((1, 2)))
        changes.append(0.0 if before is None else float(((values - before) ** 2).mean()))
        before = values
        if index % EVERY == 0:
            picture = model.decode(latent)
            contrasts.append(picture.std() / 255)
            colours.append(colourfulness(picture[None])[0])
    first_deviation = np.mean(deviations[:WINDOW], 0)
    return {
        "drift_mean": worst(np.array(means), WINDOW, scale=first_deviation),
        "drift_deviation": worst(np.array(deviations), WINDOW, scale=first_deviation),
        "drift_contrast": worst(np.array(contrasts)[:, None], WINDOW // EVERY),
        "drift_colour": worst(np.array(colours)[:, None], WINDOW // EVERY),
        "still_seconds": longest(np.array(changes[1:]) < 0.1 * np.median(changes[1:])) / FPS,
    }


def worst(values: np.ndarray, window: int, *, scale: np.ndarray | None = None) -> float:
    """The largest change of any window's mean against the first window's, in units of `scale` or of the first's mean.

    values are of shape (n, channels).
    """
    windows = values[: len(values) // window * window].reshape(-1, window, values.shape[1]).mean(1)
    return float((np.abs(windows - windows[0]) / (windows[0] if scale is None else scale)).max())


def longest(flags: np.ndarray) -> int:
    """Length of the longest run of True."""
    run = best = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best
