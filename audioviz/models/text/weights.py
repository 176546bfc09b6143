"""Prompt weighting: `a (red:1.3) fox` as parts and their weights."""

import re

EMPHASIS = 1.1
BREAK = "BREAK"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_PART = re.compile(
    rf"\\[][()\\]|[([（]|[:：]\s*(?P<weight>{NUMBER})\s*[)）]|[])）]|\s*\bBREAK\b\s*|[^][()（）:：\\B\s]+|\s+|.",
    re.DOTALL,
)
_CLOSING = {")": "(", "）": "(", "]": "["}


def split_weights(text: str) -> list[tuple[str, float]]:
    """The parts of a prompt and the weight of each, in order.

    `(words:1.3)` weighs 1.3, `(words)` 1.1, `[words]` 1 / 1.1, brackets inside brackets multiply, and `\\(` is a
    bracket itself, as is one that is not closed or not opened. Brackets may be fullwidth. The word `BREAK` is a part
    of its own: the words after it begin a new chunk.

    Source
    ------
    The notation of the AUTOMATIC1111 web interface.
    """
    parts: list[tuple[str, float]] = []
    opened: list[tuple[str, int]] = []
    for match in _PART.finditer(text):
        part, weight = match[0], match["weight"]
        mate = "(" if weight is not None else _CLOSING.get(part)
        if part in ("(", "（", "["):
            opened.append(("[" if part == "[" else "(", len(parts)))
            parts.append((part, 1.0))
        elif any(bracket == mate for bracket, _ in opened):
            while opened[-1][0] != mate:
                opened.pop()
            _, first = opened.pop()
            factor = float(weight) if weight is not None else EMPHASIS if mate == "(" else 1 / EMPHASIS
            parts[first:] = [(inner, w * factor) for inner, w in parts[first + 1 :]]
        elif part.strip() == BREAK:
            parts.append((BREAK, 1.0))
        else:
            parts.append((part[1:] if part[0] == "\\" and len(part) > 1 else part, 1.0))
    return _joined(parts)


def _joined(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one weight as one part."""
    joined: list[tuple[str, float]] = []
    for part, weight in parts:
        if joined and joined[-1][1] == weight and BREAK not in (part, joined[-1][0]):
            part = joined.pop()[0] + part
        joined.append((part, weight))
    return [(part, 1.0 if part == BREAK else weight) for part, weight in joined]
