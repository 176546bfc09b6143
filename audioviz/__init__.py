"""Any song in, a music video out: every frame on the beat, made by any diffusion model that diffusers loads."""

import lazy_loader

# What users type is listed in __init__.pyi, where editors and type checkers find it; each is imported when it is first
# used.
_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str):
    try:
        return _find(name)
    except AttributeError:
        from audioviz.errors import no_attribute

        raise no_attribute("audioviz has", name, __all__) from None
