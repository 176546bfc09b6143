"""Many videos at once: sweeps over what a video can be made with."""
