"""Figures that are measured one by one and written to a JSON file at once, each fenced from the failures of others."""

import gc
import json
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from frames import Timed

GIB = 2**30
LEAST = 8.0  # seconds that must be left for another figure
Figures = Iterator[tuple[str, Callable[[], Any]]]


@dataclass
class Check:
    """A run of sections, each a generator of the names of its figures and of what measures them.

    Parameters
    ----------
    device : torch.device
    small : bool
        Tiny models and few frames, to try the sections without a GPU.
    out : Path
        The JSON file; it is written after every figure.
    budget : float
        Seconds for everything.
    sections : of each name, the generator, and the seconds that must be left for it
    bars : of figures, as `section.figure`, which way and how far they are to go
    """

    device: torch.device
    small: bool
    out: Path
    budget: float
    sections: "Mapping[str, tuple[Callable[[Check], Figures], int]]"
    bars: Mapping[str, tuple[str, float]]
    began: float = field(default_factory=time.monotonic)
    found: dict[str, Any] = field(default_factory=dict)

    def run(self, names: list[str]) -> None:
        for name in names:
            section, need = self.sections[name]
            if self.left < need:
                self.found[name] = f"left out: {self.left:.0f} s left of {need}"
                continue
            self.found[name] = here = {}
            began = time.monotonic()
            try:
                for figure, measure in section(self):
                    here[figure] = self._attempt(measure)
                    del measure  # which may hold on to a model
                    self.save()
                    print(f"{name}.{figure}: {json.dumps(here[figure], default=str):.400}", flush=True)
            except Exception:
                here["failed"] = traceback.format_exc().strip().splitlines()[-8:]
            here["seconds"] = round(time.monotonic() - began, 1)
            self.clean()
        self.save()

    @property
    def left(self) -> float:
        return self.budget - (time.monotonic() - self.began)

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def save(self) -> None:
        bars = {name: told for name, (wanted, limit) in self.bars.items() if (told := self._bar(name, wanted, limit))}
        taken = round(time.monotonic() - self.began, 1)
        self.out.write_text(json.dumps({"bars": bars, "seconds": taken, **self.found}, indent=1, default=str))

    def _attempt(self, measure: Callable[[], Any]) -> Any:
        if self.left < LEAST:
            return f"left out: {self.left:.0f} s left"
        try:
            return measure()
        except Exception as error:  # what goes wrong is a finding too
            return {
                "failed": f"{type(error).__name__}: {error!s:.300}",
                "where": traceback.format_exc().splitlines()[-7:],
            }

    def _bar(self, name: str, wanted: str, limit: float) -> dict[str, Any] | None:
        figure: Any = self.found
        section, measured, *_ = keys = name.split(".")
        if not isinstance(figure.get(section), dict) or measured not in figure[section]:
            return None
        for key in keys:
            figure = figure.get(key) if isinstance(figure, dict) else None
        if not isinstance(figure, (int, float)):
            return {"figure": None, wanted: limit, "held": False}
        return {"figure": figure, wanted: limit, "held": figure >= limit if wanted == "at least" else figure <= limit}

    def clean(self) -> None:
        """Give back the memory of models that are gone, and take off a limit."""
        gc.collect()
        if self.on_gpu:
            torch.cuda.set_per_process_memory_fraction(1.0)
            torch.cuda.empty_cache()

    def count(self, usual: int) -> int:
        return min(usual, 6) if self.small else usual


def ms(work: Callable[[], object], device: torch.device, *, count: int = 10) -> float:
    """Median milliseconds of some work, until the GPU has done it."""
    timed = Timed(work)
    for _ in range(count + 2):
        timed()
    return round(1000 * statistics.median(timed.seconds[2:]), 3)


def peak_gib(work: Callable[[], object], device: torch.device) -> float | None:
    """What some work takes at most beside what is there already."""
    if device.type != "cuda":
        work()
        return None
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return round((torch.cuda.max_memory_allocated() - before) / GIB, 3)


def off(found: Any, wanted: Any) -> float:
    """How far one is from the other, as a part of that."""
    a, b = (torch.as_tensor(one).double().cpu() for one in (found, wanted))
    return float(f"{((a - b).norm() / b.norm().clamp_min(1e-12)).item():.2e}")
