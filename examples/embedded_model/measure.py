"""How good the folder that ships is, measured through audioviz itself, at the model's own settings."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from audioviz.models import Model, load_model
from audioviz.models.defaults import EMBEDDED_DEFAULTS as OWN
from audioviz.sampling import Conditioning, ksampler, slerp
from audioviz.sampling.guidance import guided

from .autoencoder import psnr
from .captions import PALETTE_WORDS, PATTERN_WORDS
from .drawings import sketch
from .judge import frechet, load_judge, look, share, spread
from .labels import NAMES, Label
from .paint import finish_by_chance, paint, to_bytes
from .training import Machine

COUNT = 500  # pictures for the shares and the distance
FIDELITY = 76  # drawings that go through the autoencoder
PAIRS = 100  # of prompts that are mixed
VARIED, TIMES = 12, 24  # prompts for the spread, and pictures of each
SYMMETRICAL = ("mandala", "kaleidoscope", "spiral", "tunnel", "tiles", "lattice")
FRESH = 10**6  # seeds from here on drew nothing that was learned from


def load(folder: Path, machine: Machine) -> Model:
    """The folder as audioviz loads it, with the settings of the embedded model."""
    return replace(load_model(folder, device=machine.device.type, dtype="float32"), defaults=OWN)


def make(
    model: Model, texts: list[Conditioning], *, seed: int, size: tuple[int, int] = (OWN.size, OWN.size)
) -> np.ndarray:
    """One picture a text, uint8 (B, H, W, 3)."""
    made = []
    for start in range(0, len(texts), 8):
        rows = Conditioning(torch.cat([text.embeddings for text in texts[start : start + 8]]))
        latents = ksampler(
            model.denoiser,
            seed + start,
            OWN.steps,
            OWN.cfg,
            OWN.sampler,
            OWN.scheduler,
            rows,
            model.encode_text(""),
            model.empty_latent(size).repeat(len(rows.embeddings), 1, 1, 1),
        )
        made += [model.decode(latent[None]) for latent in latents]
    return np.stack(made)


def prompt_of(label: Label) -> str:
    """The pattern and the palette of a label in their plainest words."""
    return f"{PALETTE_WORDS[label.palette][0]} {PATTERN_WORDS[label.pattern][0]}"


def plain(index: int) -> Label:
    """Labels that go round all patterns and palettes."""
    turn, pattern = divmod(index, len(NAMES["pattern"]))
    palettes = NAMES["palette"]
    return Label(NAMES["pattern"][pattern], palettes[(7 * pattern + 3 * turn) % len(palettes)])


def draw_fresh(place: tuple[int, Label]) -> np.ndarray:
    """A drawing that was never learned from."""
    seed, label = place
    rng = np.random.default_rng((FRESH, seed))
    scene = sketch(label.pattern, rng)
    tone, light = (torch.from_numpy(field)[None] for field in (scene.tone, scene.light))
    return to_bytes(paint(tone, light, [finish_by_chance(label.palette, "", rng)]))[0].numpy()


def drawn(labels: list[Label], machine: Machine, *, seed: int) -> np.ndarray:
    """Fresh drawings of these labels, uint8 (B, SIZE, SIZE, 3)."""
    with get_context("spawn").Pool(machine.workers) as pool:
        return np.stack(
            pool.map(draw_fresh, [(seed + index, label) for index, label in enumerate(labels)], chunksize=8)
        )


def colourfulness(pictures: np.ndarray) -> np.ndarray:
    """Mean over each picture of the difference between its strongest and its weakest channel, 0..1."""
    return (pictures.max(-1).astype(float) - pictures.min(-1)).mean((1, 2)) / 255


def measure(folder: Path, work: Path, machine: Machine) -> dict[str, float]:
    """All figures but those of the feedback loop."""
    model, judge = load(folder, machine), load_judge(work)
    labels = [plain(index) for index in range(COUNT)]
    truth = {name: [getattr(label, name) for label in labels] for name in ("pattern", "palette")}
    texts = [model.encode_text(prompt_of(label)) for label in labels]
    made, (first, second) = make(model, texts, seed=0), (drawn(labels, machine, seed=seed) for seed in (0, COUNT))
    (made_names, made_seen), (drawn_names, first_seen), (_, second_seen) = (
        look(judge, p) for p in (made, first, second)
    )
    figures = {f"made_{name}": share(made_names[name], truth[name]) for name in truth}
    figures |= {f"drawn_{name}": share(drawn_names[name], truth[name]) for name in truth}
    figures |= {"frechet": frechet(made_seen, first_seen), "frechet_drawn": frechet(second_seen, first_seen)}
    figures |= {"crops": frechet(*(look(judge, crops(p))[1] for p in (made, first)))}
    figures |= {"crops_drawn": frechet(*(look(judge, crops(p))[1] for p in (second, first)))}
    figures |= {"fine": fineness(made) / fineness(first)}
    figures |= {"psnr": float(np.median(psnr(model.autoencoder.module.cpu(), first[:FIDELITY])))}
    model.autoencoder.module.to(machine.device)
    figures |= symmetries(made, first, labels)
    return figures | spreads(model, judge, machine) | blends(model, judge, labels, texts, made) | times(model)


def crops(pictures: np.ndarray) -> np.ndarray:
    """A square of 64 pixels out of each picture, at a place that goes round: uint8 (B, 64, 64, 3)."""
    side = pictures.shape[1] // 64
    places = [divmod(7 * index % side**2, side) for index in range(len(pictures))]
    return np.stack(
        [p[64 * row : 64 * row + 64, 64 * column : 64 * column + 64] for p, (row, column) in zip(pictures, places)]
    )


def fineness(pictures: np.ndarray) -> float:
    """Mean energy of the upper half of the spectrum of what the pictures' brightness is."""
    frequencies = [np.abs(np.fft.fftfreq(side)) for side in pictures.shape[1:3]]
    upper = np.maximum(*np.meshgrid(*frequencies, indexing="ij")) > 0.25
    return float(np.mean([(np.abs(np.fft.fft2(p.mean(-1), norm="ortho")) ** 2)[upper].mean() for p in pictures]))


def symmetry(picture: np.ndarray) -> float:
    """How like itself a picture is when it is turned or mirrored: the best correlation within its inner circle."""
    grey = torch.from_numpy(picture).float().mean(-1)
    line = torch.linspace(-1, 1, len(grey))
    y, x = torch.meshgrid(line, line, indexing="ij")
    inside = x * x + y * y < 0.9

    def turned(angle: float, mirror: int) -> torch.Tensor:
        cos, sin = np.cos(angle), np.sin(angle)
        at = torch.stack((mirror * (cos * x - sin * y), sin * x + cos * y), -1)[None]
        return F.grid_sample(grey[None, None], at, align_corners=True)[0, 0]

    ways = [(2 * np.pi / fold, 1) for fold in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16)] + [(0, -1), (np.pi, -1)]
    return max(float(torch.corrcoef(torch.stack((grey[inside], turned(*way)[inside])))[0, 1]) for way in ways)


def symmetries(made: np.ndarray, real: np.ndarray, labels: list[Label]) -> dict[str, float]:
    """Mean symmetry of the kinds that have one, made against drawn: for each, and the least of them."""
    shares = {}
    for kind in SYMMETRICAL:
        chosen = [index for index, label in enumerate(labels) if label.pattern == kind]
        shares[f"symmetry_{kind}"] = float(
            np.mean([symmetry(made[index]) for index in chosen]) / np.mean([symmetry(real[index]) for index in chosen])
        )
    return shares | {"symmetry_least": min(shares.values())}


def spreads(model: Model, judge, machine: Machine) -> dict[str, float]:
    """How much pictures of one prompt differ from each other, as a share of how much drawings do; median and least."""
    shares = []
    for index in range(VARIED):
        label = plain(index * 41 + 5)
        made = make(model, [model.encode_text(prompt_of(label))] * TIMES, seed=1000 * index)
        real = drawn([label] * TIMES, machine, seed=10**4 + TIMES * index)
        shares.append(spread(look(judge, made)[1]) / spread(look(judge, real)[1]))
    return {"spread": float(np.median(shares)), "spread_least": float(min(shares))}


def blends(model: Model, judge, labels: list[Label], texts: list[Conditioning], made: np.ndarray) -> dict[str, float]:
    """Two prompts half and half: how often the judge sees one of the two in it, and how colourful it is."""
    pairs = [(index, COUNT - 1 - index) for index in range(PAIRS)]
    mixed = make(model, [slerp(texts[a], texts[b], 0.5) for a, b in pairs], seed=5)
    names = look(judge, mixed)[0]
    seen = {
        f"blend_{name}": float(
            np.mean(
                [
                    answer in (getattr(labels[a], name), getattr(labels[b], name))
                    for answer, (a, b) in zip(names[name], pairs)
                ]
            )
        )
        for name in names
    }
    colour = colourfulness(made)
    parents = np.array([min(colour[a], colour[b]) for a, b in pairs])
    return seen | {"blend_grey": float(np.mean(colourfulness(mixed) < 0.5 * parents))}


def times(model: Model, *, calls: int = 9) -> dict[str, float]:
    """Milliseconds of one guided call and of decoding one picture, the median of some calls."""
    guidance, x = model.guidance("neon nebula"), model.empty_latent((OWN.size, OWN.size)).to(model.denoiser.device)
    sigma = torch.ones(1, device=x.device)
    with torch.inference_mode():
        jobs = {
            "call_ms": lambda: guided(model.denoiser, x, sigma, guidance, OWN.cfg).cpu(),
            "decode_ms": partial(model.decode, x),
        }
        return {name: 1e3 * float(np.median(list(spent(job, calls)))) for name, job in jobs.items()}


def spent(job, calls: int) -> Iterator[float]:
    """Seconds of each call, after a first one to warm up."""
    job()
    for _ in range(calls):
        start = time.perf_counter()
        job()
        yield time.perf_counter() - start


def known_names() -> str:
    """The patterns, palettes and modifiers by name, for the card."""
    return "\n".join(f"{name.capitalize()}s: {', '.join(names)}." for name, names in NAMES.items())
