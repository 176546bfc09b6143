"""Effects: what happens to a picture after it is decoded, driven by columns of the schedule."""

from audioviz.effects.chain import EFFECTS, LEAST, apply

__all__ = ["EFFECTS", "LEAST", "apply"]
