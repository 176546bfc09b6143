"""The stages joined: a Project becomes a video, frame by frame."""
