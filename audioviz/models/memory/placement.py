"""Placement: where the parts of a model lie. On a GPU with little memory texts are read first, then the core comes.

Whatever is free, every part computes on the device and in its own type, so that the pictures are the same to the byte.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from audioviz.errors import AudiovizWarning
from audioviz.models.files.pipeline import TEXT_ENCODERS, settings_of
from audioviz.models.memory.footprint import GIB, RESERVE, Footprint, fit, footprint


def free_bytes(device: torch.device) -> int:
    """What is free on a GPU, and in torch's share of it: what torch keeps without need counts as free."""
    free, whole = torch.cuda.mem_get_info(device)
    taken = torch.cuda.memory_allocated(device)
    share = getattr(torch.cuda, "get_per_process_memory_fraction", lambda _: 1.0)(device)
    return min(free + torch.cuda.memory_reserved(device) - taken, int(share * whole) - taken)


class Placement:
    """Keeps the parts of a model on its device, or as many of them as there is room for.

    Outside of `reading` the core is there: by itself, or streamed through the device layer by layer where it is larger
    than what is free. Text encoders are there too if there is room for all; else inside of `reading` alone, and the
    core lies in the machine's memory meanwhile.

    Parameters
    ----------
    device : torch.device
        Anything but a GPU of CUDA has one memory, and all lies there.
    texts : dict of name to module
        The text encoders.
    core : dict of name to module
        All else, as the pipeline names it, and the `controlnet`; the largest are streamed.
    free : function of a device
        The bytes that are free there.

    Attributes
    ----------
    streamed : set of names
        Of modules that are never whole on the device. Their weights move, so no CUDA graph can hold them.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        texts: Mapping[str, nn.Module],
        core: Mapping[str, nn.Module],
        free: Callable[[torch.device], int] | None = None,
    ):
        self.device = device
        self.streamed: set[str] = set()
        self._texts, self._core = dict(texts), dict(core)
        self._free = free or free_bytes
        self._there: set[str] = set()
        self._inside = False

    @property
    def limited(self) -> bool:
        """Whether text encoders and core take turns, or would have to be streamed."""
        return self._inside or not self._there.issuperset(self._texts)

    def settle(self, wanted: Footprint) -> None:
        """Have the core on the device, and the text encoders too if there is room for all beside what is wanted."""
        everything = self._texts | self._core
        if self.device.type != "cuda":
            self._bring(everything)
            return
        room = self._room()
        if not fit(self._weight(self._texts), self._weight(self._core), wanted, room).turns:
            self._bring(everything)
            return
        self._send_home(self._texts)
        self._stream_largest(self._core, room - wanted.least)
        self._bring(self._core)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Text encoders can be called inside; outside all lies as `settle` left it."""
        if self._inside or self._there.issuperset(self._texts):
            yield
            return
        self._inside = True
        try:
            room = self._room() - RESERVE
            self._stream_largest(self._texts, room)
            if self._weight(self._texts) + self._weight(self._core) > room:
                self._send_home(self._core)
            self._bring(self._texts)
            yield
        finally:
            self._inside = False
            self._send_home(self._texts)
            self._bring(self._core)

    def footprint(self, size: tuple[int, int], *, batch: int = 1) -> Footprint:
        """What a render of pictures of (width, height) pixels, in batches, takes beside the weights of the parts."""
        core = self._core["unet"] if "unet" in self._core else self._core["transformer"]
        return footprint_of(core, self._core["vae"], size, controlnet="controlnet" in self._core, batch=batch)

    @property
    def free(self) -> int:
        """Bytes that are free on the device now."""
        return self._free(self.device)

    def describe(self) -> str | None:
        """What is to be said of it; None where all is on the device."""
        if not self.limited and not self.streamed:
            return None
        took = sum(bytes_of(part) for part in (self._texts | self._core).values()) / GIB
        said = f"the model takes {took:.1f} GB and the GPU has {self._room() / GIB:.1f} GB free"
        if self.streamed & self._core.keys():
            return f"{said}: its layers are streamed through it one after the other, which is slow"
        return f"{said}: all texts are read first, then the text encoders make room"

    def _room(self) -> int:
        """Bytes of the device that are free or ours."""
        return self._free(self.device) + sum(self._bytes(name) for name in self._there)

    def _bytes(self, name: str) -> int:
        return 0 if name in self.streamed else bytes_of((self._texts | self._core)[name])

    def _weight(self, parts: Iterable[str]) -> int:
        return sum(self._bytes(name) for name in parts)

    def _stream_largest(self, parts: Mapping[str, nn.Module], room: int) -> None:
        """Stream the largest of some parts until the rest fit."""
        largest_first = sorted(parts, key=lambda name: bytes_of(parts[name]), reverse=True)
        for name in largest_first:
            if self._weight(parts) <= room:
                return
            self._send_home([name])
            stream(parts[name], self.device)
            self.streamed.add(name)
            self._there.add(name)

    def _bring(self, names: Iterable[str]) -> None:
        for name in [name for name in names if name not in self._there]:
            move((self._texts | self._core)[name], self.device)
            self._there.add(name)

    def _send_home(self, names: Iterable[str]) -> None:
        for name in [name for name in names if name in self._there and name not in self.streamed]:
            move((self._texts | self._core)[name], torch.device("cpu"))
            self._there.discard(name)


@torch.inference_mode(False)
@torch.no_grad()
def move(part: nn.Module, device: torch.device) -> None:
    """Move a module to a device, and give back at once what it took elsewhere."""
    part.to(device)
    if device.type == "cpu":
        torch.cuda.empty_cache()


def placed(pipeline: Any, device: torch.device, *, controlnet: nn.Module | None, size: tuple[int, int]) -> Placement:
    """The parts of a pipeline on a device, as there is room for them and for pictures of (width, height) pixels."""
    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
    texts = {name: parts.pop(name) for name in TEXT_ENCODERS if name in parts}
    placement = Placement(device, texts=texts, core=parts | ({"controlnet": controlnet} if controlnet else {}))
    placement.settle(placement.footprint(size))
    if said := placement.describe():
        warnings.warn(said, AudiovizWarning, stacklevel=3)
    return placement


def footprint_of(core: Any, vae: Any, size: tuple[int, int], *, controlnet: bool, batch: int = 1) -> Footprint:
    """What a render of pictures of (width, height) pixels, in batches, takes beside the weights of these networks."""
    return footprint(
        settings_of(core),
        vae.config,
        size,
        element=element_size(core),
        vae_element=element_size(vae),
        controlnet=controlnet,
        batch=batch,
    )


def element_size(part: nn.Module) -> int:
    """Bytes of one of its weights."""
    return next(part.parameters()).element_size()


def stream(part: nn.Module, device: torch.device) -> None:
    """Have a module's layers come to a device one after the other, each while the one before is at work.

    Source
    ------
    diffusers.hooks.group_offloading.
    """
    from diffusers.hooks.group_offloading import apply_group_offloading

    apply_group_offloading(
        part,
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=device.type == "cuda",
    )


def bytes_of(part: nn.Module) -> int:
    """What its weights and buffers take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*part.parameters(), *part.buffers()))
