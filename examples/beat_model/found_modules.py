"""Tracker modules: played by libopenmpt, which tells when each row comes. Where they say so plainly, rows are beats."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

GAMES = Path("/usr/share/games")
MODULES = [
    *((GAMES / f"powermanga/sounds/music_{name}.zik", 0) for name in ("congratulations", "game", "menu")),
    *((Path(f"/usr/share/tuxtype/sounds/{name}.mod"), 0) for name in ("game", "game2", "game3")),  # tuxtype-data
    *((GAMES / "jumpnbump/jumpbump.dat", start) for start in (364, 109650, 280714)),  # inside of its pack
    (GAMES / "gltron/music/song_revenge_of_cats.it", 0),
]
RATE, STEP, LONGEST = 44100, 64, 180
ROWS_A_BEAT = (3, 4, 6, 8, 12)
EACH, BOTH = 1.2, 2.25  # how much stronger beats must be than what lies half-way, in either band and as a product


@dataclass(frozen=True, eq=False)
class Heard:
    """Music as sound, with the times of its beats in seconds; no downbeats where bars are not known."""

    name: str
    audio: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray
    made_of: dict[str, object] = field(default_factory=dict)


def module_songs() -> Iterator[Heard]:
    """Every module whose beats are plain: mono, float32, at 44100 Hz."""
    for path, start in MODULES:
        if path.exists():
            heard = module_song(path.read_bytes()[start:], f"modules/{path.parts[-3]}/{path.stem}{start or ''}")
            if heard is not None:
                yield heard


def module_song(data: bytes, name: str) -> Heard | None:
    """The sound of a module and its beats; None where no count of rows is plainly the beat."""
    audio, times, orders, rows = play(data)
    if len(times) < 128:
        return None
    bass, middle = (_strength(audio, low, times) for low in (True, False))
    best, per, made = 0.0, 0, {}
    for rows_a_beat in ROWS_A_BEAT:
        on = rows % rows_a_beat == 0
        tempo = 60 / np.median(np.diff(times[on]))
        between = (rows + rows_a_beat // 2) % rows_a_beat == 0
        if not 70 <= tempo <= 190 or (np.diff(np.flatnonzero(on)) != rows_a_beat).mean() > 0.02:
            continue
        ratios = [float(band[on].mean() / (band[between].mean() + 1e-9)) for band in (bass, middle)]
        usual = np.exp(-0.5 * (np.log2(tempo / 120) / 0.7) ** 2)
        worth = float(np.prod(np.minimum(ratios, 6.0)) * usual)
        if min(ratios) > EACH and np.prod(ratios) > BOTH and worth > best:
            best, per, made = worth, rows_a_beat, {"tempo": float(tempo), "rows": rows_a_beat, "ratios": ratios}
    if not best:
        return None
    beats = times[rows % per == 0]
    return Heard(name, audio, beats, times[_bars(orders, rows, per)], made)


def _bars(orders: np.ndarray, rows: np.ndarray, per: int) -> np.ndarray:
    """The rows that begin a bar of four beats; none if a pattern is not whole fours of bars or is broken off."""
    lengths = np.diff(np.flatnonzero(np.r_[True, np.diff(orders) != 0]))
    if not len(lengths) or (lengths % (4 * per)).any() or np.median(lengths) // per not in (8, 16, 32, 64):
        return np.zeros(0, int)
    return np.flatnonzero(rows % (4 * per) == 0)


def _strength(audio: np.ndarray, low: bool, times: np.ndarray) -> np.ndarray:
    """How much louder it gets just after each time, in the bass or between it and the hats; quiet counts little."""
    heard = sosfilt(butter(2, 200 if low else [200, 2500], "low" if low else "band", fs=RATE, output="sos"), audio)
    hop = 256
    blocks = heard[: len(heard) // hop * hop].reshape(-1, hop)
    level = (blocks**2).mean(1) ** 0.3
    rise = np.maximum(np.r_[np.zeros(4), level[4:] - level[:-4]], 0)
    first = np.clip((times * RATE / hop).astype(int), 0, len(rise) - 1)
    peaks = np.max([rise[np.minimum(first + k, len(rise) - 1)] for k in range(9)], axis=0)
    return peaks / (rise.mean() + 1e-9)


def play(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sound of a module, and time, place in the order and number of each row that was played."""
    openmpt = ctypes.CDLL("libopenmpt.so.0")
    openmpt.openmpt_module_create_from_memory2.restype = ctypes.c_void_p
    openmpt.openmpt_module_read_float_mono.restype = ctypes.c_size_t
    openmpt.openmpt_module_read_float_mono.argtypes = [
        ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t, ctypes.POINTER(ctypes.c_float)
    ]  # fmt: skip
    module = openmpt.openmpt_module_create_from_memory2(data, ctypes.c_size_t(len(data)), *[None] * 7)
    none = np.zeros(0)
    if not module:
        return none, none, none, none
    handle, block, pieces, seen = ctypes.c_void_p(module), (ctypes.c_float * STEP)(), [], []
    for step in range(LONGEST * RATE // STEP):
        count = openmpt.openmpt_module_read_float_mono(handle, RATE, STEP, block)
        if not count:
            break
        pieces.append(np.array(block[:count], np.float32))
        order = openmpt.openmpt_module_get_current_order(handle), openmpt.openmpt_module_get_current_row(handle)
        if not seen or seen[-1][1:] != order:
            seen.append((step * STEP / RATE, *order))
    openmpt.openmpt_module_destroy(handle)
    times, orders, rows = (np.array(column) for column in zip(*seen, strict=True)) if seen else (none,) * 3
    return np.concatenate(pieces) if pieces else none, times, orders, rows
