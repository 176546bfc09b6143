"""The embedded model's own networks, in torch alone.

Its autoencoder and its UNet are made for two cores and are of no family of diffusers; its text encoder is
transformers', read without transformers, whose import takes longer than the first frame.
"""
