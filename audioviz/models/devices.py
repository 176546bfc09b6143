"""Devices by name: which there are, what a model runs in there, and what of them pictures depend on."""

import re
from typing import TYPE_CHECKING, Any

from audioviz.errors import InputError, nearest

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "xpu", "mps")
EXPECTED = "auto, cpu, cuda, xpu or mps, or one of several by its number: cuda:1"


def check_device(name: str) -> str:
    """The name of a device, which passes as it is.

    Raises
    ------
    InputError
        If it is no name of one.
    """
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (":" in name and (kind not in ("cuda", "xpu") or not re.fullmatch(r"\d{1,3}", number))):
        raise InputError(f"unknown device {name!r}{nearest(kind, DEVICES)}: use {EXPECTED}")
    return name


def find_device(name: str) -> "torch.device":
    """The device that a name means on this machine; `auto` is a GPU if there is one.

    Raises
    ------
    InputError
        If it is unknown or not there.
    """
    import torch

    kind, _, number = check_device(name).partition(":")
    there = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "xpu": torch.xpu.device_count() if torch.xpu.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if name == "auto":
        return torch.device(next(kind for kind, count in there.items() if count))
    if not there[kind]:
        raise InputError(f"device {name} is not there on this machine: use --device cpu or auto")
    if number and int(number) >= there[kind]:
        raise InputError(f"device {name} is not there on this machine, whose last is {kind}:{there[kind] - 1}")
    return torch.device(name)


def find_dtype(name: str, device: "torch.device", *, what: str = "dtype") -> "torch.dtype":
    """The type of numbers that a name means; `auto` is float16 on a GPU, float32 on a CPU.

    Raises
    ------
    InputError
        If it is unknown.
    """
    import torch

    dtypes = {name: getattr(torch, name) for name in DTYPES[1:]}
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    if name not in dtypes:
        raise InputError(f"unknown {what} {name!r}{nearest(name, DTYPES)}: use {', '.join(DTYPES)}")
    return dtypes[name]


def memory_format_of(network: "torch.nn.Module", device: "torch.device") -> "torch.memory_format":
    """How the weights of a network's convolutions lie in memory on a device: channels last, as processors read them.

    On CUDA a group norm may give back contiguous tensors (pytorch #191945), each of which is turned again: contiguous,
    an H100 decodes 512x512 in float16 1.26 times as fast, 1024x1024 in float32 1.45 times, and runs the UNet of Stable
    Diffusion 1 1.05 times as fast (examples/benchmarks/h100.json). It is a rule, and not measured anew each time, since
    pictures differ in their last bits.
    """
    import torch

    normed = any(isinstance(module, torch.nn.GroupNorm) for module in network.modules())
    return torch.contiguous_format if device.type == "cuda" and normed else torch.channels_last


def device_identity(device: "torch.device") -> dict[str, Any]:
    """What of a device pictures depend on to the byte: its kind; of a CPU how many threads are used; of a GPU its name
    and the libraries' versions.
    """
    import torch

    if device.type == "cuda":
        libraries = f"CUDA {torch.version.cuda or torch.version.hip}, cuDNN {torch.backends.cudnn.version()}"
        return {"device": "cuda", "gpu": f"{torch.cuda.get_device_name(device)}, {libraries}"}
    if device.type == "xpu":
        return {"device": "xpu", "gpu": torch.xpu.get_device_name(device)}
    if device.type == "cpu":
        return {"device": "cpu", "threads": torch.get_num_threads()}
    return {"device": device.type}


DTYPES = ("auto", "float32", "float16", "bfloat16")
