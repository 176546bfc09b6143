"""A model's files: told apart, weighed, and loaded through diffusers."""
