"""What every pattern is drawn with: a grid, smooth noise, cells, relief light. All arrays are float32, shape (H, W)."""
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

SIZE = 256
TAU = np.float32(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture before it has colours."""
    tone: np.ndarray   # (H, W), place in the palette, 0..1
    light: np.ndarray  # (H, W), 0 black, 1 the palette's own colour, 2 white


def grid(rng: np.random.Generator, *, shift: float = 0.0, turn: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """x and y in [-1, 1], optionally with a random centre (up to `shift` away) and a random rotation."""
    line = np.linspace(-1, 1, SIZE, dtype=np.float32)
    dx, dy = rng.uniform(-shift, shift, 2).astype(np.float32)
    x, y = np.broadcast_to(line[None] - dx, (SIZE, SIZE)), np.broadcast_to(line[:, None] - dy, (SIZE, SIZE))
    if not turn:
        return x, y
    cos, sin = direction(rng.uniform(0, TAU))
    return cos * x - sin * y, sin * x + cos * y


def direction(angle: float) -> tuple[np.float32, np.float32]:
    """Cosine and sine of an angle in radians."""
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))


def polar(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius (never 0) and angle in radians."""
    return np.sqrt(x * x + y * y) + np.float32(1e-3), np.arctan2(y, x)


def clouds(rng: np.random.Generator, *, slope: float = 2.0, finest: float = 40.0) -> np.ndarray:
    """Periodic Gaussian noise whose amplitude falls as frequency**-slope, mean 0 and standard deviation 1.

    `finest` is the highest frequency (cycles per picture) that is kept, softly.
    """
    fy, fx = np.fft.fftfreq(SIZE, 1 / SIZE)[:, None], np.fft.rfftfreq(SIZE, 1 / SIZE)[None]
    frequency = np.sqrt(fx * fx + fy * fy)
    frequency[0, 0] = 1.0
    gain = frequency ** -slope * np.exp(-(frequency / finest) ** 2)
    gain[0, 0] = 0.0
    spectrum = gain * (rng.standard_normal(gain.shape) + 1j * rng.standard_normal(gain.shape))
    noise = np.fft.irfft2(spectrum, s=(SIZE, SIZE))
    return (noise / noise.std()).astype(np.float32)


def unit(noise: np.ndarray, *, contrast: float = 1.0) -> np.ndarray:
    """Noise of standard deviation 1 -> [0, 1], with few values at the ends."""
    return 0.5 + 0.5 * np.tanh(0.8 * contrast * noise)


def sample(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A periodic field read at x, y (its own grid spans [-1, 1]), bilinear."""
    half = np.float32(SIZE / 2)
    return map_coordinates(field, [(y + 1) * half, (x + 1) * half], order=1, mode="grid-wrap")


def step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below low, 1 above high, smooth between (smoothstep); low > high turns it round."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def wave(phase: np.ndarray) -> np.ndarray:
    """A cosine in [0, 1], one cycle a unit of phase."""
    return 0.5 + 0.5 * np.cos(TAU * phase)


def relief(height: np.ndarray, rng: np.random.Generator, *, strength: float = 12.0) -> np.ndarray:
    """Light on a surface of the given height, from a random side: about 1 where it is flat."""
    cos, sin = direction(rng.uniform(0, TAU))
    dy, dx = np.gradient(height)
    slope = strength * (cos * dx + sin * dy)
    return 1 + 0.75 * slope / np.sqrt(1 + slope * slope)


def glow(rng: np.random.Generator, *, count: int, spread: float) -> np.ndarray:
    """Points of light of random brightness, each blurred to `spread` pixels, peaks up to 1."""
    points = np.zeros((SIZE, SIZE), np.float32)
    points[rng.integers(0, SIZE, count), rng.integers(0, SIZE, count)] = rng.uniform(0.2, 1, count)
    return np.clip(gaussian_filter(points, spread, truncate=3) * np.float32(TAU * spread**2), 0, 1)


@dataclass(frozen=True, eq=False)
class Cells:
    """The nearest of some sites at each pixel."""
    owner: np.ndarray   # (H, W), int
    near: np.ndarray    # (H, W), distance to the nearest site
    border: np.ndarray  # (H, W), how much farther the second nearest is: 0 on a border


def cells(x: np.ndarray, y: np.ndarray, sites: np.ndarray) -> Cells:
    """Voronoi cells of sites (n, 2), in the units of x and y."""
    first = np.full(x.shape, np.inf, np.float32)
    second, owner = first.copy(), np.zeros(x.shape, np.int32)
    for index, (sx, sy) in enumerate(sites.astype(np.float32)):
        distance = (x - sx) ** 2 + (y - sy) ** 2
        closer = distance < first
        np.minimum(second, np.maximum(first, distance), out=second)
        np.minimum(first, distance, out=first)
        owner[closer] = index
    first, second = np.sqrt(first), np.sqrt(second)
    return Cells(owner, first, second - first)


def ridge_line(rng: np.random.Generator, *, slope: float, periods: int = 24) -> np.ndarray:
    """A random line, shape (W,), of amplitude about 1: the skyline of hills, or a curtain's path."""
    k = np.arange(1, periods + 1)
    phase, gain = rng.uniform(0, TAU, periods), rng.standard_normal(periods) * k ** -float(slope)
    at = np.linspace(0, rng.uniform(0.4, 1.0), SIZE)
    line = (gain[:, None] * np.sin(TAU * k[:, None] * at[None] + phase[:, None])).sum(0)
    return (line / (np.abs(line).max() + 1e-6)).astype(np.float32)
