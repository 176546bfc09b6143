"""A song and its schedule as one picture: waveform, beats, and every column over time."""

import io
from pathlib import Path

import numpy as np

from audioviz.insight.report import tempo_in_words
from audioviz.video.files import write_whole

INK, ACCENT, FAINT = "#1d1f27", "#c2410c", "#9aa0ac"


def plot_song(song, path: Path) -> None:
    """Write a PNG of the waveform with its beats, bars and sections, and of every curve of the song and its stems."""
    marks = [(part.start, part.label) for part in song.sections]
    rows = song.curves | {
        f"{name}.{curve}": stem.curves[curve] for name, stem in song.stems.items() for curve in ("rms", "onset")
    }
    _write(song, {name: np.asarray(curve) for name, curve in rows.items()}, marks, path)


def plot_schedule(song, schedule, path: Path) -> None:
    """Write a PNG of the waveform with its beats and bars, and of every column of the schedule and its prompts."""
    columns = {name: values for name, values in schedule.columns.items() if name not in ("seed", "seed_to")}
    columns |= {f"mix {text}": values for text, values in schedule.mix.items()}
    columns["seed changes"] = np.r_[False, np.diff(schedule.seed.astype(np.int64)) != 0].astype(float)
    _write(song, columns, [(prompt.seconds, prompt.text) for prompt in schedule.prompts], path)


def _write(song, rows: dict[str, np.ndarray], prompts: list[tuple[float, str]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 1.6 + 1.0 * len(rows)), layout="constrained", facecolor="white")
    axes = figure.subplots(len(rows) + 1, 1, sharex=True, height_ratios=[1.6] + [1] * len(rows))
    _draw_waveform(axes[0], song, prompts)
    for axis, (name, values) in zip(axes[1:], rows.items()):
        axis.vlines(song.beats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=FAINT, lw=0.4)
        axis.step(song.clock.times, values, where="post", color=ACCENT, lw=1.1)
        axis.fill_between(song.clock.times, values, values.min(), step="post", color=ACCENT, alpha=0.15, lw=0)
        axis.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
        axis.margins(x=0, y=0.1)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    axes[-1].set_xlabel("seconds")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_whole(path, picture.getvalue())


def _draw_waveform(axis, song, prompts: list[tuple[float, str]]) -> None:
    low, high = song.waveform
    axis.fill_between(np.linspace(0, float(song.duration), len(low)), low, high, color=INK, lw=0)
    axis.vlines(song.beats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=ACCENT, lw=0.4, alpha=0.5)
    axis.vlines(song.downbeats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=ACCENT, lw=1.2)
    for seconds, text in prompts:
        axis.axvline(seconds, color=INK, lw=1, ls=":")
        axis.annotate(text, (seconds, 1.02), xycoords=axis.get_xaxis_transform(), fontsize=9, color=INK)
    tempo = f"{tempo_in_words(song)}, " if song.tempo else ""
    axis.set_title(
        f"{song.path.name}: {float(song.duration):.1f} s, {tempo}{song.clock.frames} frames at {song.clock.fps} fps",
        loc="left",
        pad=18 if prompts else 6,
        fontsize=11,
        color=INK,
    )
    axis.set_ylabel("waveform", rotation=0, ha="right", va="center", color=INK)
    axis.set_yticks([])
    axis.margins(x=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
