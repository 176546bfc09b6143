"""A file becomes a Song: reading it, hearing its beats, bars and sections, and its curves on the clock."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
