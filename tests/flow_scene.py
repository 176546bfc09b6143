"""A made video whose motion is known: a textured scene that pans, zooms and turns behind a textured disc that moves."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates


def texture(size: int, seed: int, hues: np.ndarray) -> np.ndarray:
    """Clouds of several sizes, coloured: float (size, size, 3) in 0..1; they are joined at the edges."""
    draw = np.random.default_rng(seed).normal
    layers = [
        gaussian_filter(draw(size=(size, size)), scale, mode="wrap") * scale for scale in (size / 24, size / 60, 3)
    ]
    waves = [np.sin(4 * layer / layer.std()) for layer in layers]
    mix = sum(weight * wave for weight, wave in zip((0.5, 0.35, 0.25), waves))
    return np.clip(hues[0] + (hues[1] - hues[0]) * (0.5 + 0.5 * mix[..., None]), 0, 1)


@dataclass(frozen=True)
class Scene:
    """The scene, frame by frame, with what is true of its motion.

    Parameters
    ----------
    size : pixels of each side
    frames : int
    """

    size: int = 128
    frames: int = 48

    def __post_init__(self) -> None:
        hues = np.array([[[0.02, 0.12, 0.3], [0.25, 0.8, 0.75]], [[0.45, 0.05, 0.05], [1.0, 0.75, 0.2]]])
        object.__setattr__(self, "ground", texture(2 * self.size, 1, hues[0]))
        object.__setattr__(self, "disc", texture(self.size, 2, hues[1]))

    def picture(self, k: int) -> np.ndarray:
        """Frame k: uint8 (size, size, 3)."""
        ground = sampled(self.ground, self._on_ground(k))
        disc = sampled(self.disc, self._places() - self._middle(k))
        part = self._on_disc(self._places(), k)[..., None]
        return (255 * (ground + part * (disc - ground))).round().astype(np.uint8)

    def came_from(self, k: int) -> np.ndarray:
        """How far away each place of frame k was in the frame before: float (size, size, 2), to the right and down."""
        places = self._places()
        back = self._ground_to_frame(self._on_ground(k), k - 1) - places
        on_disc = self._on_disc(places, k)[..., None] > 0.5
        return np.where(on_disc, self._middle(k - 1) - self._middle(k), back)

    def uncovered(self, k: int) -> np.ndarray:
        """Where the scene shows in frame k and the disc was in the frame before: bool (size, size)."""
        there = self._places() + self.came_from(k)
        return (self._on_disc(self._places(), k) < 0.02) & (self._on_disc(there, k - 1) > 0.98)

    def _places(self) -> np.ndarray:
        across, down = np.meshgrid(np.arange(self.size), np.arange(self.size))
        return np.stack((across, down), -1).astype(float)

    def _middle(self, k: int) -> np.ndarray:
        t = k / 48
        return self.size * np.array([0.15 + 0.9 * t, 0.5 + 0.22 * math.sin(6 * t)])

    def _on_disc(self, places: np.ndarray, k: int) -> np.ndarray:
        """Which part of each place the disc covers."""
        return np.clip(0.17 * self.size - np.hypot(*np.moveaxis(places - self._middle(k), -1, 0)) + 0.5, 0, 1)

    def _camera(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The turn and growth of the scene, and what it shows in the middle."""
        t = k / 48
        turn, zoom = math.radians(25 * t), 1.35**t
        spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) / zoom
        return spin, self.size * np.array([0.7 + 0.35 * t, 0.9 - 0.2 * t])

    def _on_ground(self, k: int) -> np.ndarray:
        spin, at = self._camera(k)
        return (self._places() - self.size / 2) @ spin.T + at

    def _ground_to_frame(self, places: np.ndarray, k: int) -> np.ndarray:
        spin, at = self._camera(k)
        return (places - at) @ np.linalg.inv(spin).T + self.size / 2


def sampled(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A picture that goes on at its edges, at places (H, W, 2)."""
    at = [places[..., 1], places[..., 0]]
    return np.stack(
        [map_coordinates(layer, at, order=1, mode="grid-wrap") for layer in np.moveaxis(picture, -1, 0)], -1
    )
