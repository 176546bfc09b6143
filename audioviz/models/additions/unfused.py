"""LoRAs that act beside the layers of a model, in place of being worked into their weights.

Their strength can be another in each frame: a number in a tensor, which neither compiles anything anew nor changes a
recorded graph. LoRA, LoHa of small ranks, LoKr and DoRA stay the factors that they are; of the rest the whole
difference is kept, which takes as much memory as the layer.
"""

import copy
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from audioviz.models.additions.lora_kinds import (
    Change,
    decomposition,
    delta_of,
    loha_factors,
    lokr_factors,
    lora_factors,
    scale_of,
)
from audioviz.models.denoisers.strength import Strength


def attach(additions: Iterable[tuple[nn.Module, "Addition"]]) -> int:
    """Let additions act beside the layers that they are given with, whose own weights stay as they are.

    Returns
    -------
    Bytes of those differences that are kept whole.
    """
    found: dict[nn.Module, list[Addition]] = defaultdict(list)
    for layer, addition in additions:
        found[layer].append(addition)
    for layer, kept in found.items():
        layer.unfused = nn.ModuleList(kept)
        layer.register_forward_hook(_with_additions)
    return sum(addition.whole_bytes for kept in found.values() for addition in kept)


def _with_additions(module: Any, args: tuple[Tensor, ...], plain: Tensor) -> Tensor:
    """The output of a layer with what LoRAs add to it."""
    total = plain
    for addition in module.unfused:
        if addition.strength.acts:
            total = torch.addcmul(total, addition(module, args[0], plain), addition.strength.tensor)
    return total


class Addition(nn.Module):
    """What a change adds to the output of its layer at strength 1.

    The lengths of a DoRA are those of the weights without the other LoRAs that are kept so.

    Raises
    ------
    Misfit
        If the change has another shape than its layer.
    """

    def __init__(self, change: Change, strength: Strength):
        super().__init__()
        self.strength, self.factors, self.gain, self.bias, self.whole_bytes = strength, None, None, None, 0
        module, group, delta = change.module, change.group, delta_of(change)
        of_channels = (-1, *[1] * (module.weight.ndim - 2))  # how a value for each channel stands in their pictures

        def kept(values: Tensor) -> nn.Parameter:
            return nn.Parameter(values.to(module.weight), requires_grad=False)

        bias = group["diff_b"] if "diff_b" in group and module.bias is not None else None
        gain = None
        if delta is not None and "dora_scale" in group:
            gain = decomposition(module.weight.float() + delta, group["dora_scale"])
        if not isinstance(module, (nn.Linear, nn.Conv2d)) or getattr(module, "groups", 1) != 1:
            weight = module.weight.float()
            changed = weight if delta is None else (weight + delta) * (1.0 if gain is None else gain)
            self.factors = _layer_like(module, kept(changed - weight), None if bias is None else kept(bias))
            return
        if bias is not None:
            self.bias = kept(bias.reshape(of_channels))
        if gain is not None:
            self.of_outputs = gain.shape[:2] == (len(module.weight), 1)
            self.gain = kept(gain.reshape(of_channels))
        if delta is not None:
            self.factors = _factors(change, kept)
        if delta is not None and self.factors is None:
            self.factors = _layer_like(module, kept(delta))
            self.whole_bytes = delta.numel() * module.weight.element_size()

    def forward(self, module: Any, x: Tensor, plain: Tensor) -> Any:
        """The addition for a layer's input x, and its own output."""
        if self.factors is None:
            return self.bias
        if self.gain is None:
            added = self.factors(x)
        elif self.of_outputs:
            added = self.factors(x) * self.gain + _unbiased(module, plain, self.gain) * (self.gain - 1)
        else:
            moved = module.forward(x * (self.gain - 1))  # not by a call, which would bring us here again
            added = self.factors(x * self.gain) + _unbiased(module, moved, self.gain)
        return added if self.bias is None else added + self.bias


def _unbiased(module: Any, output: Tensor, gain: Tensor) -> Tensor:
    return output if module.bias is None else output - module.bias.reshape(-1, *gain.shape[1:])


def _layer_like(module: Any, weight: nn.Parameter, bias: nn.Parameter | None = None) -> Any:
    """A layer that does what this one does, with another weight and another bias or none."""
    own = {id(module.weight): weight} | ({} if module.bias is None else {id(module.bias): bias})
    return copy.deepcopy(module, own)


def _factors(change: Change, kept: Any) -> nn.Module | None:
    """The layers that a change's delta is the product of; None if it is none, or the whole would take less."""
    module, weight = change.module, change.module.weight
    if kronecker := lokr_factors(change.group):
        first, second = kronecker
        inputs = weight.shape[1] // first.shape[1]
        if (len(first) * len(second), first.shape[1] * inputs) != weight.shape[:2]:
            return None
        layer = _layer_like(module, kept(second.reshape(len(second), inputs, *weight.shape[2:])))
        return _Kronecker(kept(first * scale_of(change)), layer)
    found = lora_factors(change.group) or loha_factors(change.group)
    if found is None or len(found[1]) * (len(weight) + weight[0].numel()) >= weight.numel():
        return None
    up, down = found
    first = _layer_like(module, kept(down.reshape(len(down), *weight.shape[1:])))
    last: Any = nn.Linear(1, 1, False, "meta") if weight.ndim == 2 else nn.Conv2d(1, 1, 1, bias=False, device="meta")
    last.weight = kept((up * scale_of(change)).reshape(*up.shape, *[1] * (weight.ndim - 2)))
    return nn.Sequential(first, last)


class _Kronecker(nn.Module):
    """A layer whose weight is a Kronecker product: a small layer on blocks of channels, and a mix of the blocks."""

    def __init__(self, first: nn.Parameter, layer: nn.Module):
        super().__init__()
        self.first, self.layer = first, layer  # (blocks of outputs, blocks of inputs)

    def forward(self, x: Tensor) -> Tensor:
        blocks = self.first.shape[1]
        if x.ndim < 4:
            return (self.first @ self.layer(x.unflatten(-1, (blocks, -1)))).flatten(-2)
        each = self.layer(x.unflatten(1, (blocks, -1)).flatten(0, 1)).unflatten(0, (-1, blocks))  # (B, blocks, C, H, W)
        return torch.einsum("oi,bichw->bochw", self.first, each).flatten(1, 2)
