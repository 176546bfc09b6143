"""Prompt weighting: `a (red:1.3) fox` as parts and their weights."""

import re

EMPHASIS = 1.1
_PART = re.compile(r"\\[()]|\(|:\s*(?P<weight>\d+\.?\d*|\.\d+)\s*\)|\)|[^\\():]+|.", re.DOTALL)


def split_weights(text: str) -> list[tuple[str, float]]:
    """The parts of a prompt and the weight of each, in order.

    `(words:1.3)` weighs 1.3, `(words)` 1.1, brackets inside brackets multiply, and `\\(` is a bracket itself. A text
    whose brackets do not match is taken as it stands.

    Source
    ------
    The notation of the AUTOMATIC1111 web interface.
    """
    parts: list[tuple[str, float]] = []
    opened: list[int] = []
    for match in _PART.finditer(text):
        part, weight = match[0], match["weight"]
        if part == "(":
            opened.append(len(parts))
        elif part == ")" or weight is not None:
            if not opened:
                return [(text, 1.0)]
            first, factor = opened.pop(), EMPHASIS if weight is None else float(weight)
            parts[first:] = [(inner, w * factor) for inner, w in parts[first:]]
        else:
            parts.append((part.removeprefix("\\") if part in ("\\(", "\\)") else part, 1.0))
    return [(text, 1.0)] if opened else _joined(parts)


def _joined(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one weight as one part."""
    joined: list[tuple[str, float]] = []
    for part, weight in parts:
        if joined and joined[-1][1] == weight:
            part = joined.pop()[0] + part
        joined.append((part, weight))
    return joined
