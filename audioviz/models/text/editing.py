"""Prompt editing, composition and tags of the AUTOMATIC1111 web interface: plain text in, plain text out.

`[a:b:0.5]` is a in the first half of a frame's steps and b in the second; `[a:8]` appears after 8 steps, `[a::8]` is
gone after them; `[a|b]` is a and b in turns. `a AND b:0.5` is drawn by both, the second half as strongly.
`<lora:name:0.8>` names a LoRA.
"""

import re
from dataclasses import dataclass
from functools import cache

from audioviz.models.text.weights import NUMBER

_AND = re.compile(r"\s*\bAND\b\s*")
_STRENGTH = re.compile(rf"(.*?)\s*:\s*({NUMBER})\s*", re.DOTALL)
_TAG = re.compile(r"<(lora|lyco|hypernet):([^:<>]+)((?::[^:<>]*)*)>", re.IGNORECASE)


UNREAD = re.compile(r"\{[^{}]*\|[^{}]*\}|__[\w/*-]+__|<\w+:[^<>]*>|(?<=[\w)])(?:\+\+|--)+(?=[\s,)]|$)")
"""What other programs and extensions read in prompts, and this one does not."""


@dataclass(frozen=True)
class Tag:
    """A network that a prompt names."""

    kind: str  # lora, or hypernet
    name: str  # of its file, without folder and ending
    weight: float = 1.0


def text_at(text: str, step: int, steps: int) -> str:
    """The text at a step, from 0, of so many: what brackets say of it is chosen, all else stays.

    A number with a point is a part of the steps, one without a count of them.
    """
    found, i = "", 0
    while i < len(text):
        end = _closing(text, i) if text[i] == "[" else None
        if end is not None:
            found += _chosen(text[i + 1 : end], step, steps)
            i = end
        elif text[i] == "\\":
            found += text[i : i + 2]
            i += 1
        else:
            found += text[i]
        i += 1
    return found


@cache
def changes(text: str, steps: int) -> list[int]:
    """The steps of so many at which a text becomes another: 0, and where `text_at` leaps."""
    texts = [text_at(text, step, steps) for step in range(steps)] if "[" in text else [text]
    return [step for step, now in enumerate(texts) if step == 0 or now != texts[step - 1]]


def components(text: str) -> list[tuple[str, float]]:
    """The texts that `AND` joins, and how strong each is."""
    texts = _AND.split(text)
    if len(texts) == 1:
        return [(text, 1.0)]
    found = [(match[1], float(match[2])) if (match := _STRENGTH.fullmatch(part)) else (part, 1.0) for part in texts]
    return [(part.strip(), strength) for part, strength in found]


def without_tags(text: str) -> tuple[str, list[Tag]]:
    """The text without its tags, and these."""
    tags = []
    for kind, name, rest in _TAG.findall(text):
        weight = re.search(NUMBER, rest)
        own = re.split(r"[/\\]", name)[-1].strip().removesuffix(".safetensors")
        tags.append(Tag("lora" if kind.lower() == "lyco" else kind.lower(), own, float(weight[0]) if weight else 1.0))
    return _TAG.sub("", text), tags


def _chosen(inner: str, step: int, steps: int) -> str:
    """What brackets with this inside are at a step."""
    turns = _split(inner, "|")
    if len(turns) > 1:
        return text_at(turns[step % len(turns)], step, steps)
    *texts, when = _split(inner, ":")
    if len(texts) not in (1, 2) or not re.fullmatch(rf"\s*{NUMBER}\s*", when):
        return f"[{text_at(inner, step, steps)}]"
    before, after = ("", texts[0]) if len(texts) == 1 else texts
    at = float(when) * (steps if "." in when else 1)
    return text_at(before if step < int(at) else after, step, steps)


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` closes; None if it does not."""
    depth, i = 0, start
    while i < len(text):
        depth += (text[i] == "[") - (text[i] == "]")
        if depth == 0:
            return i
        i += 2 if text[i] == "\\" else 1
    return None


def _split(inner: str, mark: str) -> list[str]:
    """The parts between marks that stand in no bracket."""
    parts, depth, i = [""], 0, 0
    while i < len(inner):
        letter = inner[i : i + 2] if inner[i] == "\\" else inner[i]
        depth += (letter in ("[", "(")) - (letter in ("]", ")"))
        if letter == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
        i += len(letter)
    return parts
