"""AudiovizError and its kinds: each message is one line that says what, where, what was expected and what to do."""

import re
from collections.abc import Iterable
from math import isfinite
from numbers import Integral, Real
from typing import Any

AN = re.compile(r"[AEIOaeio]|[FHLMNRSX][B-DF-HJ-NP-TV-XZ]{2}")


class AudiovizError(Exception):
    """A mistake or a fault that the user can act on; shown as one line, never as a traceback."""


class InputError(AudiovizError):
    """A song, an option or a path is not what it should be."""


class ScheduleError(AudiovizError):
    """A schedule, a curve or a user's script is wrong."""


class ModelError(AudiovizError):
    """A model cannot be loaded, or cannot do what is asked of it."""


class EncodeError(AudiovizError):
    """The video cannot be written."""


class Defect(AudiovizError):
    """A fault of audioviz's own; the log of the render holds its traceback."""


class AudiovizWarning(UserWarning):
    """Something was mended, such as a value that was clipped: said once, in one line."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch has no exception of its own for that of the CPU."""
    words = ("DefaultCPUAllocator", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def nearest(name: object, known: Iterable[str]) -> str:
    """The guess that a message adds to an unknown name, ` (did you mean pulse?)`; empty if none is near."""
    import difflib  # here, for what is right needs none

    name, known = str(name), list(known)
    plain = "_".join(name.lower().replace("++", "pp").split())  # as `DPM++ 2M` is written elsewhere
    begun = sorted((other for other in known if len(plain) > 3 and other.startswith(plain)), key=len)
    begun += sorted((other for other in known if plain.startswith(f"{other}_")), key=len, reverse=True)
    near = begun or [guess for text in (plain, name) for guess in difflib.get_close_matches(text, known, 1, 0.7)]
    return f" (did you mean {near[0]}?)" if near else ""


def with_article(name: str) -> str:
    """A name as it stands in a sentence: an AutoencoderTiny, a UNet, an LTXPipeline whose letters are spelt."""
    return f"{'an' if AN.match(name) else 'a'} {name}"


def kind_of(thing: object) -> str:
    """The class of a thing, with its article."""
    return with_article(type(thing).__name__)


def no_attribute(thing: str, name: str, known: Iterable[str], hint: str = "") -> AttributeError:
    """What an object raises for a name that it does not have."""
    if name.startswith("__"):  # numpy asks for several of them before it takes an object as a list
        return AttributeError(f"{thing} no {name!r}")
    public = [one for one in known if not one.startswith("_")]
    return AttributeError(f"{thing} no {name!r}{nearest(name, public)}{hint}: it has {', '.join(public)}")


def to_number(
    what: str,
    value: Any,
    *,
    low: float | None = None,
    above: float | None = None,
    whole: bool = False,
    kind: type[AudiovizError] = ScheduleError,
) -> Any:
    """The value, if it is one finite number from `low` on or above another; else an error of this kind.

    Parameters
    ----------
    what : str
        Begins the message: `decay seconds`.
    whole : bool
        Whether it must be without a fraction.
    """
    number: Any = value.item() if getattr(value, "shape", None) == () else value
    finite = isinstance(number, Integral) or (not whole and isinstance(number, Real) and isfinite(number))
    if not (finite and (low is None or value >= low) and (above is None or value > above)):
        bound = f" above {above:g}" if above is not None else f" of at least {low:g}" if low is not None else ""
        raise kind(f"{what} {value!r:.60}: expected a {'whole ' if whole else ''}number{bound}")
    return number
