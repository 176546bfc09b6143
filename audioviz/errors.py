"""AudiovizError and its kinds: each message is one line that says what, where, what was expected and what to do."""

from collections.abc import Iterable


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


def nearest(name: str, known: Iterable[str]) -> str:
    """The guess that a message adds to an unknown name, ` (did you mean pulse?)`; empty if none is near."""
    import difflib

    known = list(known)
    plain = "_".join(name.lower().replace("++", "pp").split())  # as `DPM++ 2M` is written elsewhere
    begun = sorted((other for other in known if len(plain) > 3 and other.startswith(plain)), key=len)
    near = begun or difflib.get_close_matches(plain, known, n=1) or difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
