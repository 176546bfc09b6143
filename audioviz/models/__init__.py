"""Any diffusers model behind one small contract; text to conditioning; the embedded model."""

import lazy_loader

from audioviz.models.threads import spin_briefly

spin_briefly()  # here, as what follows imports torch
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
