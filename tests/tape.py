"""A CUDA graph without CUDA: the kernels of a call, recorded, and run again on the same memory.

What Python computes during the recording is not computed again. What a real capture refuses is refused: a value that
the CPU asks for, and, where the meta device stands for the GPU, a copy from the CPU's memory to it.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves

ASKS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::masked_select"}
CROSSING = {torch.tensor, torch.as_tensor, torch.from_numpy, torch.Tensor.tolist, torch.Tensor.numpy}


class CaptureRefused(RuntimeError):
    pass


class Tape(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.kernels = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        if function.name().partition(".")[0] in ASKS:
            raise CaptureRefused(f"{function.name()} while a stream is being captured")
        found = function(*arguments, **keywords)
        given = [leaf for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, torch.Tensor)]
        made = [leaf for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor)]
        kinds = {leaf.device.type for leaf in given if leaf.ndim} | {leaf.device.type for leaf in made}
        if {"meta", "cpu"} <= kinds:
            raise CaptureRefused(f"{function.name()} copies from one device to another")
        if "meta" not in kinds:
            self.kernels.append((function, arguments, keywords, given, found))
        return found

    def replay(self):
        for function, arguments, keywords, given, found in self.kernels:
            again = function(*arguments, **keywords)
            memory = {leaf.untyped_storage().data_ptr() for leaf in given}
            for old, new in zip(tree_flatten(found)[0], tree_flatten(again)[0], strict=True):
                if isinstance(old, torch.Tensor) and old.untyped_storage().data_ptr() not in memory:
                    old.copy_(new)


class NoCrossing(TorchFunctionMode):
    """Refuses tensors of Python's numbers, and numbers of tensors: on a GPU each is a copy that is waited for."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in CROSSING:
            raise CaptureRefused(f"{function.__name__} while a stream is being captured")
        return function(*arguments, **(keywords or {}))


class Capture:
    """In place of `cuda_capture`; counts what it captures."""

    def __init__(self, *, fails_after: int | None = None):
        self.count, self.replays, self.fails_after = 0, 0, fails_after

    def __call__(self, call):
        if self.count == self.fails_after:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        call()
        with NoCrossing(), Tape() as tape:
            result = call()
        self.count += 1

        def replay():
            self.replays += 1
            tape.replay()

        return replay, result
