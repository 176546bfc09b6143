"""A Song becomes a Schedule: curves, seeds, prompts, expressions, file formats, user scripts; no torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
