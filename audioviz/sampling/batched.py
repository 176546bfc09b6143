"""A denoiser whose calls from several lanes become one: see lanes.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from audioviz.sampling.conditioning import Conditioning, Control
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.lanes import Lanes


@dataclass(frozen=True, eq=False)
class DenoiserCall:
    """The arguments of one call of a denoiser, with one row: see the contract."""

    x: Tensor
    sigma: Tensor
    texts: tuple[Conditioning, ...]
    control: Control
    cfg: float


class BatchedDenoiser:
    """A denoiser that makes one call of those that lanes wait for; outside of a lane it is the denoiser itself.

    What cannot be in one batch is called apart: texts of other lengths, or more of them; images beside the text where
    others have none; another strength of the IP-Adapter; for distilled models another guidance scale. Each call has as
    many rows as the batch. Models whose texts have lengths of their own are called row by row, and so are frames for
    which LoRAs have strengths of their own.
    """

    rank = 1  # after the autoencoder's calls: who has to decode the frame before catches up

    def __init__(self, denoiser: Denoiser, lanes: Lanes):
        self._denoiser, self._lanes = denoiser, lanes
        self._stacked: dict[tuple[int, ...], tuple[Sequence[Any], Any]] = {}  # by the ids of what it is made of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._denoiser, name)

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control = Control(), cfg: float = 1.0
    ) -> tuple[Tensor, ...]:
        """As the contract says; x is one picture in a lane."""
        if not self._lanes.inside:
            return self._denoiser(x, sigma, texts, control=control, cfg=cfg)
        assert len(x) == 1, "a lane is one row"
        return self._lanes.ask(self, DenoiserCall(x.contiguous(), sigma, tuple(texts), control, cfg))

    @torch.no_grad()
    def answer(self, calls: Mapping[int, DenoiserCall], rows: int) -> dict[int, tuple[Tensor, ...]]:
        """Denoised x, for each text, of each lane's call."""
        answers: dict[int, tuple[Tensor, ...]] = {}
        groups: dict[tuple, dict[int, DenoiserCall]] = {}
        for lane, call in calls.items():
            if self._denoiser.ragged or call.control.loras:
                answers[lane] = self._denoiser(call.x, call.sigma, call.texts, control=call.control, cfg=call.cfg)
            else:
                groups.setdefault(self._kind(call), {})[lane] = call
        earlier, self._stacked = self._stacked, {}
        for group in groups.values():
            first = next(iter(group.values()))
            batch = [group.get(row, first) for row in range(rows)]
            denoised = self._denoiser(
                torch.cat([call.x for call in batch]),
                torch.cat([call.sigma for call in batch]),
                [self._together([call.texts[i] for call in batch], earlier) for i in range(len(first.texts))],
                control=self._together([call.control for call in batch], earlier),
                cfg=first.cfg,
            )
            answers |= {lane: tuple(one[lane : lane + 1] for one in denoised) for lane in group}
        return answers

    def _kind(self, call: DenoiserCall) -> tuple:
        """What calls have in common that can be rows of one batch."""
        control, distilled = call.control, self._denoiser.distilled
        return (
            *map(_shapes, (call, *call.texts, control)),
            call.cfg if distilled else None,
            control.hint is not None and control.follows,
            control.style if any(text.image is not None for text in call.texts) else None,
        )

    def _together(self, records: Sequence[Any], earlier: Mapping[tuple[int, ...], tuple[Sequence[Any], Any]]) -> Any:
        """Conditionings or controls of one row each as one of all; the steps of a frame ask for the same again."""
        ids = tuple(map(id, records))
        if ids not in self._stacked:
            self._stacked[ids] = earlier[ids] if ids in earlier else (records, _as_one(records))
        return self._stacked[ids][1]


def _as_one(records: Sequence[Any]) -> Any:
    """Records of tensors of one row each as one of as many rows; what else they hold is that of the first."""
    first = records[0]
    rows = {name: torch.cat([getattr(record, name) for record in records]) for name, *_ in _shapes(first)}
    if isinstance(first, Control) and first.hint is not None and first.follows:
        rows["strength"] = torch.tensor([record.strength for record in records], device=first.hint.device)
    return replace(first, **rows)


def _shapes(record: Any) -> tuple:
    """The name, shape, type and place of each tensor of a record."""
    values = [(field.name, getattr(record, field.name)) for field in fields(record)]
    return tuple((name, value.shape, value.dtype, value.device) for name, value in values if isinstance(value, Tensor))
