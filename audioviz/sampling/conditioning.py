"""Conditionings: encoded text, positive and negative, and the interpolation of two."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from audioviz.errors import InputError
from audioviz.transfer import to_device

MOST_REPEATS = 4  # of a text, so that it is as long as another


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Encoded text, one row for each picture of a batch, or one row for all of them.

    Parameters
    ----------
    embeddings : float, shape (B, tokens, width)
        What the model's cross-attention reads.
    pooled : float, shape (B, width), optional
        One vector for the whole text, for the models that want it.
    image : float, shape (B, ...), optional
        What an image encoder says of a picture whose style is followed (IP-Adapter).
    mask : bool, shape (B, tokens), optional
        Attention mask, for the models that have one: true for the tokens that are read, which come first.
    joint : bool
        Read by attention to all tokens at once, which notices repeated ones; where it ends is padding.
    """

    embeddings: Tensor
    pooled: Tensor | None = None
    image: Tensor | None = None
    mask: Tensor | None = None
    joint: bool = False

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 3:
            raise InputError(
                f"a conditioning has the shape {tuple(self.embeddings.shape)}: expected (batch, tokens, width)"
            )
        if self.mask is not None and (self.mask.shape != self.embeddings.shape[:2] or self.mask.dtype != torch.bool):
            raise InputError(
                f"an attention mask has the shape {tuple(self.mask.shape)} and the type {self.mask.dtype}: expected "
                f"{tuple(self.embeddings.shape[:2])}, a value for each token, and torch.bool"
            )

    def to(self, device: torch.device) -> "Conditioning":
        """The same on a device."""
        there = {name: to_device(value, device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **there)


@dataclass(frozen=True, eq=False)
class Control:
    """Conditions of a frame beside its text: ControlNet hint, IP-Adapter style, inpainting mask, strengths of LoRAs.

    Parameters
    ----------
    hint : float, shape (B or 1, 3, height, width) in 0..1, optional
        What ControlNet follows: edges, depth, poses.
    strength : how strongly; a number for all pictures, or float of shape (B,)
    style : how strongly the conditionings' `image`, the IP-Adapter reference, is followed
    inpainting : float, shape (B or 1, 1 + C, H, W), optional
        For inpainting models: the mask (1 is drawn), and the scaled latent of the picture without what is drawn.
    loras : of the name of a LoRA and its strength
        Those that the model keeps unfused; one that is not named acts as strongly as it was loaded.
    """

    hint: Tensor | None = None
    strength: float | Tensor = 1.0
    style: float = 1.0
    inpainting: Tensor | None = None
    loras: Mapping[str, float] = field(default_factory=dict)

    @property
    def follows(self) -> bool:
        """Whether the hint is followed at all; strengths of several pictures are none of them 0."""
        return isinstance(self.strength, Tensor) or self.strength != 0


@dataclass(frozen=True, eq=False)
class Guidance:
    """What to draw and what to steer away from; without a negative nothing is steered away from.

    Parameters
    ----------
    positive, negative : Conditioning
    control : Control
    strength : float
        Of the positive, beside the others.
    others : of a conditioning and its strength, each
        Drawn together with the positive: see `guided`.
    later : of a step of the frame, from 0, and a Guidance, each
        What holds from that step on in place of this, in order.
    """

    positive: Conditioning
    negative: Conditioning | None = None
    control: Control = Control()
    strength: float = 1.0
    others: tuple[tuple[Conditioning, float], ...] = ()
    later: "tuple[tuple[int, Guidance], ...]" = ()

    def at(self, step: int) -> "Guidance":
        """The guidance that holds at a step."""
        return next((guidance for begin, guidance in reversed(self.later) if begin <= step), self)

    @property
    def positives(self) -> list[tuple[Conditioning, float]]:
        """All that is drawn, and how strongly."""
        return [(self.positive, self.strength), *self.others]

    def mapped(self, change: Callable[["Guidance"], "Guidance"]) -> "Guidance":
        """The guidance of each step changed by a function of one that holds for all."""
        later = tuple((step, change(guidance)) for step, guidance in self.later)
        return replace(change(replace(self, later=())), later=later)


def lerp(a: Conditioning, b: Conditioning, t: float) -> Conditioning:
    """The straight mix of two conditionings: `a` at t = 0, `b` at t = 1.

    Raises
    ------
    InputError
        If their widths differ, or only one of them is pooled or has a mask.
    """
    return _between(torch.lerp, a, b, t)


def slerp(a: Conditioning, b: Conditioning, t: float) -> Conditioning:
    """The mix of two conditionings along the arc between them, token by token, with the norms mixed straight.

    Equal, zero and opposite tokens have no arc of their own: they are mixed straight, so nothing is ever NaN.

    Raises
    ------
    InputError
        If their widths differ, or only one of them is pooled or has a mask.

    Source
    ------
    Shoemake, SIGGRAPH 1985.
    """
    return _between(slerp_vectors, a, b, t)


def padded(text: Conditioning, tokens: int) -> Conditioning:
    """The conditioning, which has a mask, with so many tokens: zeros that are not read are added."""
    added = (0, tokens - text.embeddings.shape[1])
    if text.mask is None or added[1] == 0:
        return text
    return replace(text, embeddings=pad(text.embeddings, (0, 0, *added)), mask=pad(text.mask, added))


def _between(mix, a: Conditioning, b: Conditioning, t: float) -> Conditioning:
    alike = all((first is None) == (second is None) for first, second in ((a.pooled, b.pooled), (a.mask, b.mask)))
    if a.embeddings.shape[-1] != b.embeddings.shape[-1] or not alike:
        raise InputError(
            "two conditionings cannot be mixed: they come from different text encoders "
            f"(widths {a.embeddings.shape[-1]} and {b.embeddings.shape[-1]})"
        )
    if t <= 0 or t >= 1:
        return a if t <= 0 else b
    pooled = None if a.pooled is None else mix(a.pooled, b.pooled, t)
    if a.mask is None or b.mask is None:
        even = _same_length(a.embeddings, b.embeddings, repeats=1 if a.joint else MOST_REPEATS)
        return Conditioning(mix(*even, t), pooled, joint=a.joint)
    tokens = max(a.mask.shape[1], b.mask.shape[1])
    (first, first_read), (second, second_read) = (_continued(padded(text, tokens)) for text in (a, b))
    # how many are read is mixed too: those that one text has alone come in one by one, and none at the ends
    read = torch.lerp(first_read, second_read, t).round()
    return Conditioning(mix(first, second, t), pooled, mask=torch.arange(tokens, device=read.device) < read[:, None])


def _continued(text: Conditioning) -> tuple[Tensor, Tensor]:
    """Embeddings whose last token that is read stands in for those that are not, and how many are read, float (B,)."""
    assert text.mask is not None
    read = text.mask.sum(1)
    last = text.embeddings[torch.arange(len(read), device=read.device), read - 1]
    return torch.where(text.mask[..., None], text.embeddings, last[:, None]), read.float()


def _same_length(a: Tensor, b: Tensor, *, repeats: int) -> tuple[Tensor, Tensor]:
    """Both (B, tokens, width): repeated, which changes nothing for cross-attention, where so few times are enough.

    Others are filled up with their own last token, which is their padding.
    """
    lengths = a.shape[1], b.shape[1]
    tokens = math.lcm(*lengths)
    if tokens <= repeats * min(lengths):
        return a.repeat(1, tokens // lengths[0], 1), b.repeat(1, tokens // lengths[1], 1)
    a, b = (torch.cat((e, e[:, -1:].expand(-1, max(lengths) - e.shape[1], -1)), 1) for e in (a, b))
    return a, b


def slerp_vectors(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Along the last axis of both, shape (..., width)."""
    norm_a, norm_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    cosine = (a * b).sum(-1, keepdim=True) / (norm_a * norm_b).clamp_min(torch.finfo(a.dtype).tiny)
    angle = torch.acos(cosine.clamp(-1, 1))
    sine = torch.sin(angle)
    has_arc = (sine > 1e-3) & (norm_a > 0) & (norm_b > 0)
    sine = torch.where(has_arc, sine, 1.0)
    unit_a, unit_b = (v / n.clamp_min(torch.finfo(v.dtype).tiny) for v, n in ((a, norm_a), (b, norm_b)))
    arc = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / sine
    return torch.where(has_arc, arc * torch.lerp(norm_a, norm_b, t), torch.lerp(a, b, t))
