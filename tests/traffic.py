"""What passes between the CPU and a GPU, counted on the CPU: the meta device stands in for the GPU.

It computes nothing, so what is read from it are zeros, and every question is answered by yes.
"""

import traceback
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only

from audioviz.models.model import Model

META = torch.device("meta")
_SHAPES: dict[tuple, Any] = {}
aten = torch.ops.aten
READS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default)


class Traffic(TorchDispatchMode):
    """Counts what a frame loop asks of the meta device.

    Attributes
    ----------
    seen : list of (kind, place in the code)
        In order. "wait": the CPU waits until all that was asked of the GPU is done, because it reads from it, or copies
        to it without `non_blocking`; two in a row, with nothing asked in between, are one. "upload": something is
        copied to the GPU. "operation": it is to compute something, by this function, outside of networks. Others may
        add what they see.
    inside : int
        How many networks are being called, one in the other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []
        self.inside = 0
        self._asked = False

    def watch(self, network: torch.nn.Module) -> None:
        """Know a network, whose operations are its own affair."""
        network.register_forward_pre_hook(lambda *_: self._go(1))
        network.register_forward_hook(lambda *_: self._go(-1))

    def _go(self, step: int) -> None:
        self.inside += step

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in READS and args[0].device == META:
            self._wait()
            return _answer(function, args[0])
        if function is aten._to_copy.default:
            there = torch.device(kwargs.get("device") or args[0].device)
            if args[0].device == META and there.type == "cpu":
                self._wait()
                kind = kwargs.get("dtype") or args[0].dtype
                return torch.full(args[0].shape, kind == torch.bool, dtype=kind)
            if args[0].device.type == "cpu" and there == META:
                self._upload(blocking=not kwargs.get("non_blocking"))
        if function is aten.copy_.default and args[0].device != args[1].device:
            if args[1].device == META:
                self._wait()
                return args[0].zero_()
            self._upload(blocking=not (args[2:] or [kwargs.get("non_blocking")])[0])
        there = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if there and all(leaf.device == META for leaf in there):
            self._asked = True
            if not self.inside and not _is_view(function):
                self.seen.append(("operation", str(function)))
            return _shaped(function, args, kwargs)
        return function(*args, **kwargs)

    def _wait(self) -> None:
        if self._asked:
            self.seen.append(("wait", _place()))
        self._asked = False

    def _upload(self, *, blocking: bool) -> None:
        self.seen.append(("upload", _place()))
        if blocking:
            self._wait()


def _is_view(function: Any) -> bool:
    """Whether an operation gives what is there already in another form."""
    made = [result.alias_info for result in function._schema.returns]
    return any(alias and not alias.is_write for alias in made)


def _shaped(function: Any, args: Any, kwargs: Any) -> Any:
    """What an operation gives on the meta device, whose own answers, mere shapes, take it long to find."""
    if any(argument.alias_info for argument in function._schema.arguments):  # it gives its own, or a view of it
        return function(*args, **kwargs)
    leaves, form = tree_flatten((args, kwargs))
    key = (function, form, *(_shape(leaf) if isinstance(leaf, Tensor) else (type(leaf), leaf) for leaf in leaves))
    if key not in _SHAPES:
        _SHAPES[key] = tree_map_only(Tensor, _shape, function(*args, **kwargs))
    return tree_map_only(
        _Shape, lambda shape: torch.empty_strided(*shape[:2], dtype=shape[2], device=META), _SHAPES[key]
    )


class _Shape(tuple):
    """Of a tensor: its sides, its strides and its type."""


def _shape(tensor: Tensor) -> _Shape:
    return _Shape((tuple(tensor.shape), tensor.stride(), tensor.dtype))


def _answer(function: Any, asked: Tensor) -> Any:
    if function is aten._local_scalar_dense.default:
        return True if asked.dtype == torch.bool else 0
    return torch.zeros(0, asked.ndim, dtype=torch.int64) if function is aten.nonzero.default else torch.zeros(0)


def _place() -> str:
    """The line of audioviz that asked, or else that which did in the libraries."""
    frames = [frame for frame in traceback.extract_stack() if "torch/" not in frame.filename][:-3]
    ours = [frame for frame in frames if "/audioviz/" in frame.filename] or frames
    return f"{ours[-1].filename.rpartition('audioviz/')[2]}:{ours[-1].lineno} {ours[-1].line}"


def on_meta(model: Model) -> Model:
    """A model as if it lay on a GPU."""
    denoiser: Any = model.denoiser
    for part in (denoiser.unet, denoiser.controlnet, model.autoencoder.module):
        if part is not None:
            part.to(META)
    if model.encode_reference is not None:
        model.encode_reference.args[0].image_encoder.to(META)  # of the pipeline
    return replace(
        model,
        denoiser=replace(denoiser, device=META, log_sigmas=denoiser.log_sigmas.to(META)),
        autoencoder=replace(model.autoencoder),  # which remembers where it was
    )
