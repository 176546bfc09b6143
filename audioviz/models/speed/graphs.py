"""CUDA graphs: a call of a network is captured once and then replayed, so that the CPU launches no kernels one by one.

A graph is a list of kernels that read and write fixed memory. Arguments are copied into buffers that it reads, results
are copied out of those that it writes. What Python computes while it is captured is never computed again: all that
changes from call to call must be a tensor among the arguments, or one in the network that is filled in place.
"""

import copy
import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_map_only, tree_unflatten

from audioviz.models.model import Model

MOST_GRAPHS = 8  # of a network in a render; each has buffers of its own
HOOKS = ("_diffusers_hook", "_hf_hook")  # by which diffusers and accelerate move or cast weights at each call

Capture = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Of a call without arguments: a function that does again what the call did to memory, and the call's result there."""


def graphed(model: Model, *, pictures: bool = True) -> Model:
    """The model with the calls of its networks captured as CUDA graphs, for one render.

    It stays as it is on other devices, and so does each network whose weights do not stay in their places on the GPU
    (offloading).

    Parameters
    ----------
    model : Model
    pictures : bool
        Whether those of the decoder and of the encoder are captured too. Graphs keep the memory that calls take.
    """
    device = model.denoiser.device
    if device.type != "cuda" or model.compiled:
        return model

    def wrapped(network: nn.Module) -> Any:
        return Graphed(network, cuda_capture(device)) if stays_in_place(network, device) else network

    if not pictures:
        return replace(model, denoiser=model.denoiser.with_networks(wrapped))
    return model.with_networks(wrapped)


def stays_in_place(network: nn.Module, device: torch.device) -> bool:
    """Whether all weights of a network lie on a device for as long as it is used: none is moved or cast by a hook."""
    hooked = any(hasattr(module, hook) for module in network.modules() for hook in HOOKS)
    return not hooked and all(weight.device == device for weight in network.parameters())


def cuda_capture(device: torch.device) -> Capture:
    """The capture of a network's graphs, which are replayed one after the other, and thus share memory.

    Where the first of them fails, its memory is free again.

    Source
    ------
    PyTorch's notes on CUDA semantics, "CUDA Graphs".
    """
    pool = torch.cuda.graph_pool_handle()
    return partial(_capture, device, pool)


def _capture(device: torch.device, pool: Any, call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.stream(stream):  # torch.cuda.graph does not leave its own where the capture fails
        call()  # loads kernels and makes libraries' workspaces, which cannot be captured
        # thread_local, for another thread may copy pictures meanwhile
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            result = call()
    torch.cuda.current_stream(device).wait_stream(stream)
    return graph.replay, result


class Graphed(nn.Module):
    """A network whose calls are replayed, with all its attributes.

    Each set of shapes, layouts and other arguments has a graph of its own, so that no result depends on what was called
    before. Calls run as usual once there are too many, or after a capture has failed.

    Parameters
    ----------
    network : nn.Module
        Its weights may be changed in place; where they are moved all graphs are captured anew.
    capture : Capture
    """

    def __init__(self, network: nn.Module, capture: Capture) -> None:
        super().__init__()
        self.network = network
        self._weights = [*network.parameters(), *network.buffers()]
        self._places: list[int] = []
        self._capture: Capture | None = capture
        self._graphs: dict[Hashable, _Graph] = {}
        self._lock = threading.Lock()  # a graph's buffers are for one call at a time

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("network"), name)

    def __deepcopy__(self, memo: dict) -> nn.Module:
        """A copy of the network, as it is: for the pictures that are made in a wider type, which are few."""
        return copy.deepcopy(self.network, memo)

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        leaves, structure = tree_flatten((arguments, keywords))
        key = structure, *map(_kind, leaves)
        with self._lock, torch.inference_mode(False), torch.no_grad():
            if (places := [weight.data_ptr() for weight in self._weights]) != self._places:
                self._graphs.clear()
                self._places = places
            if key not in self._graphs and self._capture and len(self._graphs) < MOST_GRAPHS:
                self._add(key, leaves, structure, self._capture)
            if graph := self._graphs.get(key):
                return graph(leaves)
        return self.network(*arguments, **keywords)

    def _add(self, key: Hashable, leaves: list[Any], structure: TreeSpec, capture: Capture) -> None:
        try:
            self._graphs[key] = _Graph(self.network, leaves, structure, capture)
        except Exception as error:  # of memory, or of whatever a network does that cannot be captured
            self._capture = None
            reason = str(error).strip().partition("\n")[0]
            logging.getLogger("audioviz").warning(
                "calls of %s are not captured as CUDA graphs from here on, and run as usual (%s: %.200s)",
                type(self.network).__name__,
                type(error).__name__,
                reason,
            )


class _Graph:
    """The captured call of a network with arguments of certain shapes."""

    def __init__(self, network: nn.Module, leaves: list[Any], structure: TreeSpec, capture: Capture) -> None:
        self._buffers = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]

        def call() -> Any:
            arguments, keywords = tree_unflatten(self._buffers, structure)
            return network(*arguments, **keywords)

        self._replay, self._result = capture(call)

    def __call__(self, leaves: list[Any]) -> Any:
        for buffer, leaf in zip(self._buffers, leaves, strict=True):
            if isinstance(leaf, Tensor):
                buffer.copy_(leaf)
        self._replay()
        return tree_map_only(Tensor, Tensor.clone, self._result)  # samplers keep results of earlier calls


def _kind(leaf: Any) -> Hashable:
    """What a graph depends on of an argument: of a tensor its shape and layout, else all of it."""
    if not isinstance(leaf, Tensor):
        return type(leaf), leaf
    strides = tuple(stride for side, stride in zip(leaf.shape, leaf.stride(), strict=True) if side > 1)
    return leaf.shape, strides, leaf.dtype, leaf.device
