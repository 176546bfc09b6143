"""Frames become a file: encoding, muxing, probing, chunks that survive a crash."""
