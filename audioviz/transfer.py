"""Copies between the CPU and a GPU, for which neither waits more than it must."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device. A GPU reads it when it comes to that, and the CPU goes on at once."""
    if tensor.device.type != "cpu" or device.type == "cpu":
        return tensor.to(device)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type != "mps")  # which would read it too late


def is_finite(tensor: Tensor) -> Tensor:
    """Whether all values are numbers: bool, shape (), where the tensor is.

    Their sum is looked at, in three operations of a GPU; `isfinite().all()` takes it five, each over all values.
    """
    total = tensor.sum(dtype=torch.float32)
    return total - total == 0


class Arrival:
    """Tensors on their way to the CPU, on a CUDA device beside what it is asked after this.

    Parameters
    ----------
    tensors : all on one device
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        device = tensors[0].device
        self._event: Any = None
        if device.type != "cuda":
            self._tensors = [tensor.cpu() for tensor in tensors]
            return
        stream = _copies(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            self._tensors = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
            self._event = stream.record_event()
        for tensor in tensors:
            tensor.record_stream(stream)  # their memory is not given away before

    def wait(self) -> list[Tensor]:
        """The tensors, once they are there."""
        if self._event is not None:
            self._event.synchronize()
        return self._tensors


def settle(device: torch.device) -> None:
    """Wait until all that a CUDA device was asked is done; others are asked one thing at a time."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


_COPIES: dict[torch.device, torch.cuda.Stream] = {}


def _copies(device: torch.device) -> torch.cuda.Stream:
    if device not in _COPIES:
        _COPIES[device] = torch.cuda.Stream(device)
    return _COPIES[device]
