"""Rows of a batch: conditionings of several texts as one, and what conditionings have for each row."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning, padded


def pooled_of(text: Conditioning) -> Tensor:
    """The pooled text embedding of a conditioning, for models that read it: float, shape (B, width).

    Raises
    ------
    InputError
        If it has none.
    """
    if text.pooled is None:
        raise InputError("a conditioning has no pooled text, which this model reads: expected one of its own encoders")
    return text.pooled


def mask_of(text: Conditioning) -> Tensor:
    """The attention mask of a conditioning, bool, shape (B, tokens); without one all tokens are read."""
    tokens = text.embeddings
    return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device) if text.mask is None else text.mask


def stacked(texts: Sequence[Conditioning], *, batch: int, most_repeats: int = 1) -> Conditioning | None:
    """Conditionings as one batch: `batch` rows of the first, then as many of the next, and so on.

    Those with masks are filled up to one length. Others are repeated, which cross-attention does not notice; where that
    is more than so many times, there is none.
    """
    lengths = [text.embeddings.shape[1] for text in texts]
    tokens = max(lengths) if texts[0].mask is not None else math.lcm(*lengths)
    if texts[0].mask is None and tokens > most_repeats * min(lengths):
        return None
    even = [padded(text, tokens) if text.mask is not None else _repeated(text, tokens) for text in texts]

    def rows(name: str) -> Any:
        found = [getattr(text, name) for text in even]
        return None if found[0] is None else torch.cat([row.expand(batch, *row.shape[1:]) for row in found])

    return Conditioning(rows("embeddings"), rows("pooled"), rows("image"), rows("mask"))


def _repeated(text: Conditioning, tokens: int) -> Conditioning:
    return replace(text, embeddings=text.embeddings.repeat(1, tokens // text.embeddings.shape[1], 1))


def in_rows(tensor: Tensor, count: int) -> Tensor:
    """A tensor of one row in so many, or one of a row for each picture, for one text after the other."""
    if len(tensor) == 1:
        return tensor.expand(count, *tensor.shape[1:])
    return tensor.repeat(count // len(tensor), *[1] * (tensor.ndim - 1))
