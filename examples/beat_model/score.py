"""A score: notes at places counted in beats, and when each beat comes. Whatever plays it, the truth is known."""

from dataclasses import dataclass, field

import numpy as np

KICKS, SNARES, HATS = (35, 36), (37, 38, 39, 40), (42, 44, 46)  # General MIDI drums: a rim shot and a clap are snares
UNSURE = (22, 26, 49, 51, 52, 53, 55, 57, 59, 54, 56, 69, 70, 82)  # cymbals, shakers: hats to some, not to others


@dataclass(frozen=True)
class Part:
    """What plays.

    Parameters
    ----------
    program : int
        General MIDI, 0 to 127; of drums the kit.
    drums : bool
    volume, pan : float
        Both in [0, 1]; a pan of 0.5 is the middle.
    """

    program: int
    drums: bool = False
    volume: float = 0.8
    pan: float = 0.5


@dataclass(frozen=True)
class Note:
    """One note of a part.

    Parameters
    ----------
    at, length : float
        Beats, from the score's first beat on; a pick-up lies before 0.
    pitch : int
        MIDI; of drums the General MIDI drum.
    velocity : int
        1 to 127.
    part : int
        Which of the score's parts.
    """

    at: float
    length: float
    pitch: int
    velocity: int
    part: int


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music.

    Parameters
    ----------
    parts : list of Part
    notes : list of Note
    seconds : float64, shape (n,)
        When each beat comes, the first at 0; n covers every note.
    downbeats : int64, shape (bars,)
        The beats that begin a bar; empty where bars are not known.
    name : str
        Of the piece and where it is from: `openmsx/busy_schedule`. Pieces are kept apart by it.
    from_beat, to_beat : int, optional
        The beats that are true: what lies outside of them (a free ending) is learned from by nobody.
    """

    parts: list[Part]
    notes: list[Note]
    seconds: np.ndarray
    downbeats: np.ndarray
    name: str
    from_beat: int = 0
    to_beat: int | None = None
    made_of: dict[str, object] = field(default_factory=dict)

    def time_of(self, beat: np.ndarray | float) -> np.ndarray:
        """Seconds of any place, carried on at both ends in the tempo there."""
        beat, places = np.asarray(beat, float), np.arange(len(self.seconds))
        inside = np.interp(beat, places, self.seconds)
        first, last = self.seconds[1] - self.seconds[0], self.seconds[-1] - self.seconds[-2]
        return inside + np.minimum(beat, 0) * first + np.maximum(beat - places[-1], 0) * last
