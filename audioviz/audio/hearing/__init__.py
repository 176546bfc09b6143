"""Samples become onsets, beats, bars, sections and levels."""
