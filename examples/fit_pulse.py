"""Fit the weights by which `audioviz/audio/pulse.py` tells the beat from other pulses, and print them.

    python examples/fit_pulse.py [FIRST_SEED [COUNT]]

Each song of `grid_songs.py`, three at random to two of usual drum patterns, offers its pulses, and the one with the
best F-measure is the right one: the weights maximise the likelihood of those (a conditional logit), held near zero.
Judge them by seeds that they were not fitted to, and by songs of another synthesiser.
"""

import sys

import numpy as np
import soxr
import synth
from grid_songs import USUAL, GridSong, draw, usual
from mir_eval.beat import f_measure, trim_beats
from scipy.optimize import minimize

from audioviz.audio.hearing.analysis import analyse
from audioviz.audio.hearing.beats import chains, settle
from audioviz.audio.hearing.cues import Cues
from audioviz.audio.hearing.metrical_level import features, pulses_of, twice
from audioviz.audio.reading.blocks import RATE

PENALTY = 0.3  # on the squares of the weights
CLOSE = 0.03  # of the F-measure: pulses that differ by less are both right
FEWEST = 9  # beats of a pulse


def offers(song: GridSong) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features of every pulse of a song, how right each is (adding up to 1), and the names of the features."""
    heard = analyse([soxr.resample(song.samples, synth.RATE, RATE)])
    cues = Cues(low=heard.series["low"], **heard.cues)
    found = [settle(chain, heard.onsets) for chain in chains(cues.strength, heard.onsets, None)]
    pulses = [pulse for beats in found for pulse in pulses_of(beats) if len(pulse) >= FEWEST]
    rows = [features(pulse, cues, cues.at(twice(found[0]))) for pulse in pulses]
    scores = np.array([f_measure(trim_beats(song.beats), trim_beats(pulse)) for pulse in pulses])
    right = np.exp((scores - scores.max()) / CLOSE)
    return np.array([list(row.values()) for row in rows]), right / right.sum(), list(rows[0])


def loss(weights: np.ndarray, songs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Minus the log likelihood of the right pulses, and the penalty."""
    total = PENALTY * weights @ weights / 2
    for rows, right in songs:
        odds = rows @ weights
        total += np.logaddexp.reduce(odds) - right @ odds
    return float(total)


def main(first: int, count: int) -> None:
    """Draw songs, fit, print."""
    kinds = ("steady", "steady", "ramp", "steps")
    songs = (
        usual(seed, list(USUAL)[seed % 4]) if seed % 5 < 2 else draw(seed, tempi=kinds[seed % 4])
        for seed in range(first, first + count)
    )
    offered = [offers(song) for song in songs]
    names, songs = offered[0][2], [(rows, right) for rows, right, _ in offered]
    fitted = minimize(loss, np.zeros(len(names)), args=(songs,), method="L-BFGS-B").x
    print("\n".join(f'"{name}": {weight:.2f},' for name, weight in zip(names, fitted)))


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] + ["0", "600"][len(sys.argv) - 1 :])))
