"""Choice of the metrical level: of the pulses that fit a song, the one that people would tap to."""

import numpy as np

from audioviz.audio.hearing.cues import Cues
from audioviz.audio.hearing.downbeats import bar_likelihood
from audioviz.audio.hearing.grid import halfway

_SLOWEST, _FASTEST = 50.0, 220.0  # beats a minute that may be chosen
_NEAR = 1.25  # times or part of the tempo that the user gives about
_CLOSE = 1.01  # and of bounds: a tempo is not heard more finely
_USUAL = 120.0  # beats a minute
_FEWEST = 3  # beats of which a pulse is made
_SOUNDS = 0.25  # of the mean attack of beats: what is heard in between
_WEIGHTS = {  # fitted to 676 songs of examples/grid_songs.py, as fit_pulse.py beside it fits them
    "octaves": 2.96,
    "octaves squared": -3.75,
    "bars": 3.59,
    "bass": 1.50,
    "attack": 4.98,
    "attack against thirds": 1.17,
    "halves that sound": 3.34,
    "unevenness": -2.32,
}


def choose_pulse(found: list[np.ndarray], cues: Cues, *, bounds: tuple[float, float] | None) -> np.ndarray:
    """The pulse at the likeliest metrical level: one of these beats, or of those that follow from them.

    Parameters
    ----------
    found : list of float64, shape (n,)
        Beats in seconds, at several tempi.
    cues : Cues
    bounds : (lowest, highest), optional
        Tempi that may be; where both are equal, about what it is.
    """
    low, high = tempo_limits(bounds)
    pulses = [pulse for beats in found for pulse in pulses_of(beats)]
    fitting = [pulse for pulse in pulses if len(pulse) >= _FEWEST and low <= _tempo(pulse) <= high]
    whole = cues.at(twice(found[0]))

    def likelihood(pulse: np.ndarray) -> float:
        return sum(_WEIGHTS[name] * value for name, value in features(pulse, cues, whole).items())

    return max(fitting or [found[0], halfway(found[0])], key=likelihood)


def tempo_limits(bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Tempi that may be chosen: any usual one, one about what the user says, or one inside of his bounds."""
    low, high = bounds or (_SLOWEST, _FASTEST)
    slack = _NEAR if low == high else _CLOSE
    return low / slack, high * slack


def pulses_of(beats: np.ndarray) -> list[np.ndarray]:
    """Beats themselves, the moments halfway between them, both together, and every second: each in seconds."""
    return [beats, halfway(beats), twice(beats), beats[::2], beats[1::2]]


def twice(beats: np.ndarray) -> np.ndarray:
    """Beats, and one halfway between each two."""
    return np.sort(np.concatenate([beats, halfway(beats)]))


def features(beats: np.ndarray, cues: Cues, whole: dict[str, np.ndarray]) -> dict[str, float]:
    """What tells a beat from another pulse: a usual tempo, bars, how much sounds at it, how evenly, and beside it."""
    octaves = np.log2(_tempo(beats) / _USUAL)
    thirds = beats[:-1, None] + np.diff(beats)[:, None] * [1 / 3, 2 / 3]
    on, aside = cues.at(beats), cues.at(thirds.ravel())
    level = {name: float(np.log(on[name].mean() / (whole[name].mean() + 1e-9) + 0.05)) for name in ("bass", "attack")}
    return {
        "octaves": octaves,
        "octaves squared": octaves**2,
        "bars": bar_likelihood(beats, cues),
        **level,
        "attack against thirds": _contrast(on["attack"], aside["attack"]),
        "halves that sound": float((cues.at(halfway(beats))["attack"] > _SOUNDS * on["attack"].mean()).mean()),
        "unevenness": float(on["loud"].std() / (on["loud"].mean() + 1e-9)),
    }


def _tempo(beats: np.ndarray) -> float:
    return 60 / float(np.median(np.diff(beats)))


def _contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Which of the two is more: from -1 to 1."""
    a, b = float(one.mean()), float(other.mean())
    return (a - b) / (a + b) if a + b > 0 else 0.0
