"""From latents to the pictures that are shown: decoded, with tweens and effects, frame by frame."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np
import PIL
import torch
from torch import Tensor

from audioviz.digests import file_digest, json_digest
from audioviz.effects import apply
from audioviz.errors import ModelError
from audioviz.models.memory.footprint import pictures_at_once
from audioviz.models.model import Model
from audioviz.pixels import levels_to_unit, rounded, signed_to_unit
from audioviz.project import Finish
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.feedback import PARALLAX
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.guides import Guides
from audioviz.rendering.lettering import words_identity, words_of
from audioviz.rendering.settings import RenderSettings
from audioviz.rendering.tween_pictures import Move, Sampled, tween_pictures, way_identity, way_to_tween
from audioviz.rendering.tweens import TweenTable, effects_between
from audioviz.transfer import is_finite, to_device
from audioviz.video.chunks import PicturePlan
from audioviz.video.formats import H264, Codec
from audioviz.video.frame import finished_size, read_upscale
from audioviz.video.photosensitive import FlashGuard
from audioviz.video.upscale import Upscaler, load_network

ECHO, GUARD = "echo", "guard."


class PicturesSpoilt(ModelError):
    """A picture was spoilt by the type that the autoencoder ran in; from now on such ones are made in another."""


class Finisher:
    """The pictures of a render, made of its latents one after the other.

    Parameters
    ----------
    model : Model
    table : FrameTable
    settings : RenderSettings
    finish : Finish
    begin : Fraction
        When row 0 is shown, seconds in the song.
    tweens : TweenTable, optional
        Where the frames of the video lie among those that are sampled, if it has more.
    guides : Guides, optional
        That the frames were sampled with.
    decode : Decoder, optional
        That they are sampled with.
    """

    def __init__(
        self,
        model: Model,
        table: FrameTable,
        settings: RenderSettings,
        finish: Finish,
        *,
        begin: Fraction = Fraction(),
        tweens: TweenTable | None = None,
        guides: Guides | None = None,
        decode: Decoder | None = None,
    ):
        self._decode = decode or Decoder(model)
        self._model, self._table, self._finish = model, table, finish
        self.at_once = pictures_at_once(settings.size, settings.batch)
        self._tweens, self._guides = tweens, guides or Guides()
        self._fps = tweens.fps if tweens else table.fps
        self._way = way_to_tween(finish.smooth_by, model) if tweens else None
        self._upscaler, self._upscaling = upscaler_for(finish, settings.size, model.denoiser.device)
        self.size = self._upscaler.size if self._upscaler else settings.size  # width and height, pixels
        self._trails = "trails" in table.effects
        self._begin, end = begin, begin + len(table) / table.fps
        self._words = words_of(finish, size=self.size, begin=float(begin), end=float(end))
        self._guard = FlashGuard(self._fps) if finish.safe else None
        self._before: Sampled | None = None  # the frame before
        self._echo: Tensor | None = None  # the picture before, with its effects

    def plan(self, codec: Codec = H264) -> PicturePlan:
        """What the pictures depend on, for the work that keeps them, encoded by a codec."""
        rows = [self._table.effects_at(i) for i in range(len(self._table))]
        digests = [json_digest(row) for row in rows]  # what is random in them has the seed and the number of the latent
        identity: dict[str, Any] = self._upscaling | (words_identity(self._finish) if self._words else {})
        if self._finish.safe:
            identity["safe"] = f"Pillow {PIL.__version__}"
        if self._tweens:
            each = zip(digests, ["", *digests], [self._moves(i) for i in range(len(rows))])
            digests = [json_digest([self._tweens.digest(i), *on]) for i, on in enumerate(each)]
            identity |= {"smooth": str(self._fps), "smooth-by": way_identity(self._finish.smooth_by)}
        if self._words:
            said = [[self._words.digest(self._seconds(frame)) for frame in self._frames(i)] for i in range(len(rows))]
            digests = [json_digest([digest, words]) for digest, words in zip(digests, said, strict=True)]
        return PicturePlan(self.size, self._fps, identity, digests, self._trails or self._finish.safe, codec)

    @property
    def device(self) -> torch.device:
        """Where pictures are made."""
        return self._model.denoiser.device

    @property
    def looks_back(self) -> bool:
        """Whether pictures depend on the latent before theirs."""
        return self._tweens is not None

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What the pictures before leave to the next one, besides the latent before."""
        echo = {ECHO: self._echo.cpu().numpy()} if self._echo is not None else {}
        guard = {f"{GUARD}{name}": values for name, values in self._guard.state.items()} if self._guard else {}
        return echo | guard

    def restart(self, latent: np.ndarray | None, state: Mapping[str, np.ndarray]) -> None:
        """Go on after a frame whose latent and state are given; None and nothing before the first."""
        self._before = None
        if latent is not None and self._tweens:
            before = torch.from_numpy(latent)
            (picture,) = self._decode.together([before], rows=self.at_once)
            self._before = self._sampled(before, rounded(signed_to_unit(picture)))
        self._echo = torch.from_numpy(state[ECHO]).to(self._model.denoiser.device) if ECHO in state else None
        if self._finish.safe:
            self._guard = FlashGuard(self._fps)
            self._guard.state = {
                name.removeprefix(GUARD): array for name, array in state.items() if name.startswith(GUARD)
            }

    def decode(self, latents: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """The pictures of latents (1, C, h, w) as all that follows takes them, and whether all of each are numbers.

        Of up to `at_once` latents: however many, as many are decoded, so that a picture depends on its place alone.

        Returns
        -------
        uint8, shape (H, W, 3), and bool, of each, on the device
        """
        autoencoder = self._model.autoencoder
        before = autoencoder.sound
        pictures = self._decode.together(latents, rows=self.at_once)
        autoencoder.sound = before  # of these each tells by itself
        return [(rounded(signed_to_unit(picture)), is_finite(picture)) for picture in pictures]

    @property
    def sound(self) -> Tensor:
        """Whether the autoencoder made numbers of all numbers so far, but for what `decode` gave: bool, shape ()."""
        sound = self._model.autoencoder.sound
        return torch.ones((), dtype=torch.bool, device=self.device) if sound is None else sound.clone()

    def spoilt(self, about: str, *, sure: bool) -> "PicturesSpoilt":
        """What to raise where a picture is not of numbers: it is made in a wider type then. It raises as `widen`."""
        self._model.autoencoder.widen(about, sure=sure)
        return PicturesSpoilt("the autoencoder's values went beyond its type: begun again from the last chunk")

    def pictures(self, i: int, latent: Tensor, decoded: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The pictures after row i - 1 and up to row i, with their numbers in the video; `finished` is for each.

        Parameters
        ----------
        i : int
            Rows come in order.
        latent : float16, shape (1, C, h, w)
            Of row i, as it is kept.
        decoded : uint8, shape (H, W, 3)
            Its picture, by `decode`.

        Yields
        ------
        int, and uint8, shape (H, W, 3), on the device
        """
        if self._tweens is None or self._way is None:
            effects = self._table.effects_at(i)
            as_it_is = not effects and not self._trails and self._upscaler is None
            yield i, decoded if as_it_is else self._levels(self._unit(decoded), effects, i, i)
            return
        sampled = self._sampled(latent, decoded)
        move, pace = self._with_depth(i, self._moves(i))
        tweens = tween_pictures(self._tweens, i, self._before, sampled, way=self._way, move=move, pace=pace)
        for frame, picture in tweens:
            yield frame, self._levels(picture, self._effects(i, frame), i, frame)
        self._before = sampled

    def finished(self, frame: int, levels: np.ndarray) -> np.ndarray:
        """A frame of the video as it is encoded, in order."""
        levels = self._guard(levels) if self._guard else levels
        return self._words(levels, self._seconds(frame)) if self._words else levels

    def _sampled(self, latent: Tensor, decoded: Tensor) -> Sampled:
        return Sampled(to_device(latent, self._model.denoiser.device).float(), self._unit(decoded))

    def _unit(self, decoded: Tensor) -> Tensor:
        return levels_to_unit(decoded, self._model.denoiser.device)

    def _moves(self, i: int) -> tuple[Move | None, Move | None]:
        """How the camera moved the frame before into row i, and the one before that into the frame before."""
        return self._move(i), self._move(i - 1) if i else None

    def _move(self, i: int) -> Move | None:
        move, row = self._table.camera(i), self._table.row(i)
        alone = row["interp"] == 1 and (self._guides.moves or (row["denoise"] == 1 and not row["unsample"]))
        if move is None or alone:
            return None
        return {name: value for name, value in move.items() if name != "in_picture"}

    def _with_depth(self, i: int, moves: tuple[Move | None, ...]) -> list[Move | None]:
        """Moves with the depth of the frame before, where they show what is near and what is far."""
        deep = any(move[name] for move in moves if move for name in PARALLAX)
        if self._guides.depth is None or self._before is None or not deep:
            return list(moves)
        depth = self._guides.depth(self._table.part[i] - 1, self._before.picture)
        return [move and move | {"depth": depth} for move in moves]

    def _effects(self, i: int, frame: int) -> dict[str, float]:
        """The effects on a frame of the video on the way to row i."""
        assert self._tweens is not None
        effects = self._table.effects_at(i)
        if i > 0:
            part, held = float(self._tweens.part[frame]), bool(self._tweens.held[i])
            effects = effects_between(self._table.effects_at(i - 1), effects, part, held=held)
        if "trails" in effects:  # the echo fades in as many seconds
            effects = effects | {"trails": effects["trails"] ** float(self._table.fps / self._tweens.fps)}
        return effects

    def _levels(self, picture: Tensor, effects: dict[str, Any], i: int, frame: int) -> Tensor:
        """A frame of the video, up to row i, with its effects and in its size."""
        if effects:
            picture = apply(picture, effects, seed=self._seed(i), frame=self._start + frame, before=self._echo)
        if self._trails:
            self._echo = picture
        return rounded(self._upscaler(picture) if self._upscaler else picture)

    @property
    def _start(self) -> int:
        """The number of the first frame shown in the video of the whole song."""
        return self._tweens.start if self._tweens else self._table.part.start

    def _frames(self, i: int) -> range:
        """The frames that are shown up to row i and after the one before."""
        return self._tweens.frames(i) if self._tweens else range(i, i + 1)

    def _seconds(self, frame: int) -> float:
        """The middle of the time that a frame is on screen, in the song."""
        return float(self._begin + (frame + Fraction(1, 2)) / self._fps)

    def _seed(self, i: int) -> int:
        return int(self._table.columns["seed"][i])


def upscaler_for(
    finish: Finish, size: tuple[int, int], device: torch.device
) -> tuple[Upscaler | None, dict[str, str | None]]:
    """What brings pictures of a size to that of the finish, and what it is; None where they have that."""
    file = read_upscale(finish.upscale).network if finish.upscale else None
    network = load_network(file, device) if file else None
    target = finished_size(size, finish.upscale, finish.frame, own=network.scale if network else 1)
    if network is None:
        return (None, {}) if target == size else (Upscaler(target), {"upscale": "lanczos"})
    return Upscaler(target, network), {"upscale": file_digest(network.file), "spandrel": version("spandrel")}
