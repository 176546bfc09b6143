"""Guidance by prompts that are edited within a frame's steps or joined by AND: see editing.py."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

from audioviz.models.text.editing import changes, components, text_at
from audioviz.models.text.encoders import say_once
from audioviz.sampling import Conditioning, Guidance, lerp

Positives = list[tuple[Conditioning, float]]  # what is drawn together, and how strongly each
MANY_STEPS = 100  # in which all changes of a text show


def positives_at(encode: Callable[[str], Conditioning], text: str, step: int, steps: int) -> Positives:
    """What a text says to draw at a step."""
    return [(encode(part), strength) for part, strength in components(text_at(text, step, steps))]


def mixed(
    mix: Callable[[Conditioning, Conditioning, float], Conditioning], a: Positives, b: Positives, t: float
) -> Positives:
    """The mix of what two texts say to draw, pair by pair; where one draws more, the other's last waits at 0."""
    pairs = max(len(a), len(b))
    a, b = ([*part, *[(part[-1][0], 0.0)] * (pairs - len(part))] for part in (a, b))
    return [(mix(first, second, t), p + (q - p) * t) for (first, p), (second, q) in zip(a, b)]


def mean(positives: Positives) -> Conditioning:
    """One conditioning in the place of several: their weighted mean."""
    (found, total), *others = positives
    for text, strength in others:
        total += strength
        found = lerp(found, text, strength / total if total > 0 else 0.0)
    return found


def staged(
    texts: Iterable[str], steps: int, guidance_at: Callable[[int], tuple[Positives, Conditioning]], *, about: Hashable
) -> Guidance:
    """The guidance of a frame of so many steps, by what is drawn and steered away from at each step of a change.

    What cannot be done is said once about `about`, such as a model.
    """
    texts = list(texts)
    for text in texts:
        if steps == 1 and len(changes(text, MANY_STEPS)) > 1:
            say_once(
                about,
                f"prompt {text!r:.60}: a frame of one step has no time to edit it: it is {text_at(text, 0, 1)!r:.60} "
                "throughout; ask for more --steps",
            )
    begins = sorted({step for text in texts for step in changes(text, steps)})
    stages = []
    for step in begins:
        ((positive, strength), *others), negative = guidance_at(step)
        stages.append((step, Guidance(positive, negative, strength=strength, others=tuple(others))))
    return replace(stages[0][1], later=tuple(stages[1:]))
