"""What every kind of picture is drawn with: a view, smooth noise, points of light, relief, a land seen from above it.

All fields are float32 of shape (H, W); x runs to the right, y down, both from -1 to 1 over the picture.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter, map_coordinates

SIZE = 512
TAU = np.float32(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture before it has colours."""

    tone: np.ndarray  # (H, W), place in the palette, 0..1
    light: np.ndarray  # (H, W), 0 black, 1 the palette's own colour, 2 white


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where a picture is drawn: its chance, how much of the motif is in view, and how crowded it is."""

    rng: np.random.Generator
    zoom: float = 1.0  # above 1 the motif is farther away and more of it is seen
    density: float = 1.0  # factor on the number of things

    def between(self, low: float, high: float) -> np.float32:
        """A random number."""
        return np.float32(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return bool(self.rng.uniform() < share)

    def count(self, low: int, high: int) -> int:
        """A random number of things, at least 1."""
        return max(1, round(float(self.rng.uniform(low, high)) * self.density))

    def grid(self, *, shift: float = 0.0, turn: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """x and y, optionally with a random centre (up to `shift` away) and a random rotation."""
        line = np.linspace(-self.zoom, self.zoom, SIZE, dtype=np.float32)
        dx, dy = self.rng.uniform(-shift, shift, 2).astype(np.float32) * np.float32(self.zoom)
        x, y = np.broadcast_to(line[None] - dx, (SIZE, SIZE)), np.broadcast_to(line[:, None] - dy, (SIZE, SIZE))
        return rotated(x, y, self.between(0, TAU)) if turn else (x, y)

    def clouds(
        self, *, slope: float = 2.0, finest: float = 40.0, coarsest: float = 0.0, stretch: tuple[float, float] = (1, 1)
    ) -> np.ndarray:
        """Periodic Gaussian noise whose amplitude falls as frequency**-slope, mean 0 and deviation 1.

        `finest` and `coarsest` are the highest and lowest frequencies (cycles per picture) that are kept, softly;
        `stretch` draws the noise out along x and y where it is above 1.
        """
        fy, fx = fft.fftfreq(SIZE, 1 / SIZE)[:, None] * stretch[1], fft.rfftfreq(SIZE, 1 / SIZE)[None] * stretch[0]
        frequency = (np.sqrt(fx * fx + fy * fy) / self.zoom).astype(np.float32)
        frequency[0, 0] = 1.0
        gain = frequency ** np.float32(-slope) * np.exp(-((frequency / finest) ** 2))
        if coarsest:
            gain = gain * (1 - np.exp(-((frequency / coarsest) ** 4)))
        gain[0, 0] = 0.0
        phases = self.rng.standard_normal((2, *gain.shape), dtype=np.float32)
        noise = fft.irfft2(gain * (phases[0] + 1j * phases[1]), s=(SIZE, SIZE))
        return noise / noise.std()

    def stars(self, *, count: int, brightest: float = 1.5) -> np.ndarray:
        """Stars, a few of them large with a halo; light from 0 to about `brightest`."""
        count = self.count(count, 2 * count)
        power = (self.rng.pareto(1.6, count) + 0.15).clip(0, 12).astype(np.float32) / 12
        places = self.rng.uniform(-1, 1, (2, count))
        sharp = splat(places[0], places[1], power)
        large = power > 0.25
        halo = splat(places[0][large], places[1][large], power[large])
        points = gaussian_filter(sharp, 0.75, truncate=3) * 7 + gaussian_filter(halo, 3.0, truncate=3) * 16
        return np.float32(brightest) * np.minimum(points, 1)


def rotated(x: np.ndarray, y: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates turned by an angle in radians."""
    cos, sin = direction(angle)
    return cos * x - sin * y, sin * x + cos * y


def direction(angle: float) -> tuple[np.float32, np.float32]:
    """Cosine and sine of an angle in radians."""
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))


def polar(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius (never 0) and angle in radians."""
    return np.sqrt(x * x + y * y) + np.float32(1e-3), np.arctan2(y, x)


def unit(noise: np.ndarray, *, contrast: float = 1.0) -> np.ndarray:
    """Noise of deviation 1 -> [0, 1], with few values at the ends."""
    return 0.5 + 0.5 * np.tanh(np.float32(0.8 * contrast) * noise)


def ridges(noise: np.ndarray, *, width: float = 0.5) -> np.ndarray:
    """1 where noise crosses 0, falling to 0: veins, filaments, crests."""
    return np.exp(-np.abs(noise) / np.float32(width))


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


def over(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`above` laid over `below` with this opacity."""
    return below + share * (above - below)


def relief(height: np.ndarray, angle: float, *, strength: float = 12.0) -> np.ndarray:
    """Light on a surface of the given height, from one side: about 1 where it is flat, 0.25 to 1.75."""
    cos, sin = direction(angle)
    dy, dx = np.gradient(height)
    slope = np.float32(strength) * (cos * dx + sin * dy)
    return 1 + np.float32(0.75) * slope / np.sqrt(1 + slope * slope)


def splat(x: np.ndarray, y: np.ndarray, weight: np.ndarray | float = 1.0, *, size: int = SIZE) -> np.ndarray:
    """Points laid on a picture, each shared by the four pixels around it; what lies outside is left out."""
    px, py = (np.asarray(x, np.float32) + 1) * (size / 2) - 0.5, (np.asarray(y, np.float32) + 1) * (size / 2) - 0.5
    column, row = np.floor(px).astype(np.int32), np.floor(py).astype(np.int32)
    inside = (column >= 0) & (column < size - 1) & (row >= 0) & (row < size - 1)
    px, py, column, row = px[inside] - column[inside], py[inside] - row[inside], column[inside], row[inside]
    weight = np.broadcast_to(weight, inside.shape)[inside]
    at, total = row * size + column, np.zeros(size * size)
    for offset, share in ((0, (1 - px) * (1 - py)), (1, px * (1 - py)), (size, (1 - px) * py), (size + 1, px * py)):
        total += np.bincount(at + offset, share * weight, minlength=size * size)
    return total.reshape(size, size).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Cells:
    """The nearest of some sites at each pixel."""

    owner: np.ndarray  # (H, W), int
    near: np.ndarray  # (H, W), distance to the nearest site
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


@dataclass(frozen=True, eq=False)
class View:
    """What is seen of a land, drawn at twice the size so that every edge comes out smooth."""

    ground: np.ndarray  # (2H, 2W), bool: False where the sky is seen
    x: np.ndarray  # (n,), where the line of sight of each pixel of the ground meets it, in units of the map
    z: np.ndarray  # (n,), how far away that is

    def lay(self, values: np.ndarray, sky: np.ndarray) -> np.ndarray:
        """The ground's values before a sky, (H, W)."""
        picture = np.zeros(self.ground.shape, np.float32)
        picture[self.ground] = values
        return halved(picture) + (1 - halved(self.ground.astype(np.float32))) * sky


def look_over(
    height: np.ndarray,
    *,
    eye: float,
    horizon: float,
    near: float = 0.25,
    far: float = 6.0,
    ramp: float = 0.0,
    steps: int = 260,
) -> View:
    """Look along z over a land of periodic `height` (in units of the map, which repeats every 2) from `eye` above 0.

    `horizon` is the y of the horizon in the picture. Each column marches outwards once; a pixel sees the first
    place whose picture is at least as high. Up to the distance `ramp` the land is flattened towards the eye.
    """
    rows = columns = 2 * SIZE
    z = np.geomspace(near, far, steps).astype(np.float32)
    across = np.linspace(-0.8, 0.8, columns, dtype=np.float32)
    x = z[:, None] * across[None]
    rise = sample(height, x, np.broadcast_to(z[:, None], x.shape))
    if ramp:
        rise = rise * np.minimum(1, z / ramp)[:, None] ** 1.5
    seen = horizon + (eye - rise) / z[:, None]  # y on the picture
    skyline = np.ascontiguousarray(-np.minimum.accumulate(seen, 0).T)  # upwards, as np.interp wants rising values
    wanted = np.linspace(-1, 1, rows, dtype=np.float32)
    depth = np.stack([np.interp(wanted, line, z, right=0) for line in skyline], 1)[::-1].astype(np.float32)
    ground = depth > 0
    return View(ground, (depth * across)[ground], depth[ground])


def halved(field: np.ndarray) -> np.ndarray:
    """(2H, 2W) -> (H, W), the mean of each four."""
    return 0.25 * (field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2])
