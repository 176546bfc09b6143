"""Music analysis: samples become onsets, beats, bars, sections and levels."""
