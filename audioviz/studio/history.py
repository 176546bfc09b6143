"""History: a text with all that was done to it, kept as what differs: undo has no end, and memory stays small."""

import time
import zlib
from dataclasses import dataclass

PAUSE = 5.0  # seconds after which the same gesture is a step of its own
_LONG = 512  # bytes that are worth compressing


@dataclass(frozen=True)
class Delta:
    """What differs between two texts: from one place on, some bytes are others."""

    at: int
    before: bytes
    after: bytes
    lengths: tuple[int, int]

    @classmethod
    def between(cls, old: bytes, new: bytes) -> "Delta":
        """What makes `new` of `old`."""
        at = _common(old, new)
        tail = _common(old[: at - len(old) - 1 : -1], new[: at - len(new) - 1 : -1])
        before, after = old[at : len(old) - tail], new[at : len(new) - tail]
        return cls(at, _packed(before), _packed(after), (len(before), len(after)))

    def forward(self, old: bytes) -> bytes:
        """The new text."""
        return old[: self.at] + _unpacked(self.after, self.lengths[1]) + old[self.at + self.lengths[0] :]

    def backward(self, new: bytes) -> bytes:
        """The old text."""
        return new[: self.at] + _unpacked(self.before, self.lengths[0]) + new[self.at + self.lengths[1] :]


@dataclass(frozen=True)
class Step:
    """What was done, and when, in seconds of a steady clock."""

    name: str
    delta: Delta
    gesture: str | None
    seconds: float


class History:
    """A text, the steps that led to it, and those that were taken back."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._done: list[Step] = []
        self._undone: list[Step] = []

    def add(self, text: bytes, name: str, gesture: str | None = None) -> None:
        """Go on to another text. What follows closely in the same gesture is one step with what was before it."""
        now, before = time.monotonic(), self.text
        if gesture and self._done and not self._undone:
            last = self._done[-1]
            if last.gesture == gesture and now - last.seconds < PAUSE:
                before = self._done.pop().delta.backward(before)
        if text != before:
            self._done.append(Step(name, Delta.between(before, text), gesture, now))
        self._undone.clear()
        self.text = text

    def undo(self) -> bool:
        """Go back by one step, if there is one."""
        if not self._done:
            return False
        self._undone.append(self._done.pop())
        self.text = self._undone[-1].delta.backward(self.text)
        return True

    def redo(self) -> bool:
        """Go forward again by one step that was taken back, if there is one."""
        if not self._undone:
            return False
        self._done.append(self._undone.pop())
        self.text = self._done[-1].delta.forward(self.text)
        return True

    @property
    def last(self) -> str | None:
        """The name of what undo takes back."""
        return self._done[-1].name if self._done else None

    @property
    def next(self) -> str | None:
        """The name of what redo does again."""
        return self._undone[-1].name if self._undone else None


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _packed(text: bytes) -> bytes:
    return zlib.compress(text) if len(text) > _LONG else text


def _unpacked(text: bytes, length: int) -> bytes:
    return zlib.decompress(text) if length > _LONG else text
