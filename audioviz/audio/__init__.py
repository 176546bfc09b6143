"""A file becomes a Song: decoding, one transform, curves, onsets, beats."""

from audioviz.audio.grid import Grid
from audioviz.audio.load import load_song
from audioviz.audio.midi import Midi, load_midi
from audioviz.audio.song import Events, Song

__all__ = ["Events", "Grid", "Midi", "Song", "load_midi", "load_song"]
