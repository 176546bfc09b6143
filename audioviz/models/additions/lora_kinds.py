"""The kinds of LoRA, LoRA itself, DoRA, LoHa, LoKr and plain differences: what each adds to a layer, and its factors.

Source
------
Hu et al., ICLR 2022 (LoRA); Liu et al., ICML 2024 (DoRA); Yeh et al., ICLR 2024 (LyCORIS: LoHa, LoKr).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


class Misfit(Exception):
    """The file was made for another model."""


@dataclass(frozen=True)
class Change:
    """What a file changes in one layer.

    Parameters
    ----------
    part : "core", "text_encoder" or "text_encoder_2"
    module : nn.Module
        The layer.
    group : the file's tensors for it by their roles, float32
    scale : alpha / rank of an adapter whose file says it for whole parts
    """

    part: str
    module: Any
    group: dict[str, Tensor]
    scale: float


def delta_of(change: Change) -> Tensor | None:
    """What a change adds to the weight of its layer, before DoRA divides it: float32; None if only to the bias.

    Raises
    ------
    Misfit
        If it has another shape.
    """
    group, weight = change.group, change.module.weight
    if "diff" in group:
        delta = group["diff"]
    elif factors := lora_factors(group):
        up, down = factors
        delta = (up @ down.flatten(1)) * scale_of(change)
    elif "hada_w1_a" in group:
        delta = _product(group, "hada_w1", "hada_t1") * _product(group, "hada_w2", "hada_t2") * scale_of(change)
    elif factors := lokr_factors(group):
        first, second = factors
        delta = torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second) * scale_of(change)
    else:
        return None
    if delta.numel() != weight.numel():
        raise Misfit
    return delta.reshape(weight.shape)


def scale_of(change: Change) -> float:
    """alpha / rank of a change whose delta is a product of factors."""
    group = change.group
    ranked = next((name for name in ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b") if name in group), None)
    if ranked is None or "alpha" not in group:
        return change.scale
    return group["alpha"].item() / len(group[ranked])


def lora_factors(group: dict[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """The factors of a LoRA, up (outputs, rank) and down (rank, inputs ...); None if it is another kind."""
    if not {"up", "down"} <= group.keys():
        return None
    up, down = group["up"].flatten(1), group["down"]
    return (up, torch.einsum("rskl,si->rikl", group["mid"], down.flatten(1))) if "mid" in group else (up, down)


def loha_factors(group: dict[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """The factors of a LoHa as one of the product of its ranks, as `lora_factors`; None if it is another kind.

    Source
    ------
    The rows of a product of entries are products of rows: (A B) * (C D) is of the rank of all pairs of theirs.
    """
    if "hada_w1_a" not in group:
        return None
    (up, down), (up_2, down_2) = _pair(group, "hada_w1", "hada_t1"), _pair(group, "hada_w2", "hada_t2")
    return (up[:, :, None] * up_2[:, None]).flatten(1), (down[:, None] * down_2).flatten(0, 1)


def lokr_factors(group: dict[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """The factors of a LoKr, whose Kronecker product its delta is; None if it is another kind."""
    if not {"lokr_w1", "lokr_w1_a"} & group.keys():
        return None
    return _product(group, "lokr_w1", ""), _product(group, "lokr_w2", "lokr_t2")


def decomposition(weight: Tensor, magnitude: Tensor) -> Tensor:
    """What the columns, or rows, of a weight are multiplied by to have other lengths (DoRA)."""
    of_outputs = magnitude.shape[0] == weight.shape[0] and magnitude.numel() == weight.shape[0]
    axes = [axis for axis in range(weight.ndim) if axis != (0 if of_outputs else 1)]
    shape = [-1 if axis == (0 if of_outputs else 1) else 1 for axis in range(weight.ndim)]
    norm = weight.square().sum(axes, keepdim=True).sqrt().clamp_min(torch.finfo(torch.float32).tiny)
    return magnitude.reshape(shape) / norm


def _product(group: dict[str, Tensor], name: str, core: str) -> Tensor:
    """A factor of LoHa or LoKr: whole, the product of two, or of two and a core between them."""
    if name in group:
        return group[name]
    up, down = _pair(group, name, core)
    return (up @ down.flatten(1)).reshape(len(up), *down.shape[1:])


def _pair(group: dict[str, Tensor], name: str, core: str) -> tuple[Tensor, Tensor]:
    """The two of which a factor is the product, (outputs, rank) and (rank, inputs ...)."""
    first, second = group[f"{name}_a"], group[f"{name}_b"]
    return (first.T, torch.einsum("ijkl,jr->irkl", group[core], second)) if core in group else (first, second)
