"""AudiovizError and its kinds: each message is one line that says what, where, what was expected and what to do."""


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
