"""Rendering: the stages joined, so that a Project becomes a video, frame by frame."""
