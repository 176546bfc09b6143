"""What a model call and a decoding take beside the weights, counted on torch's meta device, which computes nothing."""

import weakref
from collections.abc import Callable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512  # bytes that CUDA's allocator rounds up to


class LiveBytes(TorchDispatchMode):
    """Counts the memory of tensors that are made inside of it, as long as they live.

    Attributes
    ----------
    most : int
        Bytes that lived at once, at most.
    calls : int
        Operations.
    """

    def __init__(self):
        super().__init__()
        self.most = self.calls = self._now = 0
        self._live: dict[int, weakref.ref] = {}

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        made = function(*arguments, **(options or {}))
        self.calls += 1
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._hold(tensor.untyped_storage())
        return made

    def _hold(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._live:
            return
        size = -(-storage.nbytes() // BLOCK) * BLOCK
        self._live[key] = weakref.ref(storage, lambda _: self._free(key, size))
        self._now += size
        self.most = max(self.most, self._now)

    def _free(self, key: int, size: int) -> None:
        del self._live[key]
        self._now -= size


class FusedAttention(TorchFunctionMode):
    """Attention as the kernels of GPUs do it, which hold no matrix of all pairs of tokens."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        if function is torch.nn.functional.scaled_dot_product_attention:
            query, _, value = (
                arguments[:3] if len(arguments) > 2 else ((options or {})[name] for name in ("query", "key", "value"))
            )
            return query.new_empty(*query.shape[:-1], value.shape[-1])
        return function(*arguments, **(options or {}))


def most_bytes(work: Callable[[], object]) -> tuple[int, int]:
    """The bytes that work takes at most beside what is there, its result included, and its operations."""
    with torch.inference_mode(), LiveBytes() as live, FusedAttention():
        work()
    return live.most, live.calls
