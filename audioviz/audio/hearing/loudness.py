"""Momentary loudness (ITU-R BS.1770): power behind the K filter, which hears as the ear does, over 400 ms.

librosa weighs by A, not by K; pyloudnorm measures a whole file at once, and no moments.
"""

import numpy as np

WINDOW = 0.4  # seconds: momentary
SILENCE = -70.0  # LUFS: below, the standard does not listen
_SURROUND = 1.41  # weight of the channels beside the listener, where there are five or more
_SHELF = (1681.974450955533, 3.999843853973347, 0.7071752369554196)  # Hz, dB, Q: the head
_HIGHPASS = (38.13547087602444, 0.5003270373238773)  # Hz, Q


def k_weighting(rate: int) -> np.ndarray:
    """The two stages of the filter at any rate, as scipy's second-order sections: shape (2, 6).

    Source
    ------
    ITU-R BS.1770-5, annex 1, whose coefficients at 48 kHz these are; the analogue filter behind them: De Man,
    "Evaluation of implementations of the EBU R128 loudness measurement", AES 145 (2018).
    """
    hz, decibels, q = _SHELF
    hz = min(hz, 0.45 * rate)  # what lies higher cannot be in the sound
    k, top = np.tan(np.pi * hz / rate), 10 ** (decibels / 20)
    middle, whole = top**0.4996667741545416, 1 + k / q + k * k
    shelf = [
        (top + middle * k / q + k * k) / whole,
        2 * (k * k - top) / whole,
        (top - middle * k / q + k * k) / whole,
        1,
        2 * (k * k - 1) / whole,
        (1 - k / q + k * k) / whole,
    ]
    hz, q = _HIGHPASS
    k = np.tan(np.pi * hz / rate)
    whole = 1 + k / q + k * k
    return np.array([shelf, [1, -2, 1, 1, 2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole]])


def channel_weights(channels: int) -> np.ndarray:
    """1 for channels in front and behind, more for those beside, 0 for the bass channel: shape (channels,)."""
    beside = [_SURROUND, _SURROUND]
    known = {
        5: [1, 1, 1, *beside],
        6: [1, 1, 1, 0, *beside],
        7: [1, 1, 1, 0, 1, *beside],
        8: [1, 1, 1, 0, 1, 1, *beside],
    }
    return np.array(known.get(channels, [1] * channels))


def power_to_lufs(power: np.ndarray) -> np.ndarray:
    """Weighted mean square, summed over the channels, as LUFS; not below `SILENCE`."""
    return np.maximum(SILENCE, -0.691 + 10 * np.log10(np.maximum(power, 1e-20)))
