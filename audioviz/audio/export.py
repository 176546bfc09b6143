"""Export of the analysis of a song, as JSON and CSV for other programs."""

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np

from audioviz.clock import fps_to_json

if TYPE_CHECKING:
    from audioviz.audio.song import Events, Song


def song_to_json(song: "Song") -> str:
    """Duration, fps, frames, tempo, events in frames and seconds, sections, every curve, stems, and events by hand."""
    return json.dumps(
        {
            "duration": float(song.duration),
            "fps": fps_to_json(song.clock.fps),
            "frames": song.clock.frames,
            "tempo": song.tempo,
            "tempo_confidence": song.tempo_confidence,
            "other_tempi": list(song.other_tempi),
            "beats_per_bar": song.beats_per_bar,
            "beats": _events(song.beats),
            "downbeats": _events(song.downbeats),
            "onsets": _events(song.onsets),
            **_drums(song),
            "sections": [
                {"start": part.start, "end": part.end, "label": part.label, "energy": part.energy}
                for part in song.sections
            ],
            "curves": _curves(song),
        }
        | (
            {
                "stems": {
                    name: {"onsets": _events(stem.onsets), **_drums(stem), "curves": _curves(stem)}
                    for name, stem in song.stems.items()
                }
            }
            if song.stems
            else {}
        )
        | ({"events": {name: _events(tapped) for name, tapped in song.events.items()}} if song.events else {})
    )


def song_to_csv(song: "Song") -> str:
    """A row a frame: its number, its time, every curve (`drums.onset` of a stem), and 1 where an event falls on it."""
    events = {"beat": song.beats, "downbeat": song.downbeats, "onset": song.onsets}
    marks = {name: np.isin(np.arange(song.clock.frames), event.frames).astype(int) for name, event in events.items()}
    columns = {name: np.asarray(curve) for name, curve in song.curves.items()}
    columns |= {
        f"{name}.{curve}": np.asarray(values)
        for name, stem in song.stems.items()
        for curve, values in stem.curves.items()
    }
    columns |= marks
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", "seconds", *columns])
    rows = zip(range(song.clock.frames), song.clock.times.tolist(), *(values.tolist() for values in columns.values()))
    writer.writerows(rows)
    return text.getvalue()


def _curves(song: "Song") -> dict[str, list[float]]:
    return {name: np.asarray(curve).tolist() for name, curve in song.curves.items()}


def _events(events: "Events") -> dict[str, list]:
    return {"frames": events.frames.tolist(), "seconds": events.seconds.tolist()}


def _drums(song: "Song") -> dict[str, dict[str, list]]:
    drums = {"kicks": song.kicks, "snares": song.snares, "hats": song.hats}
    return {name: _events(hits) | {"strengths": hits.strength.tolist()} for name, hits in drums.items()}
