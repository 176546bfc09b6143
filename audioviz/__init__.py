"""Any song in, a music video out: every frame on the beat, made by any diffusion model that diffusers loads."""

from importlib import import_module

_HOMES = {
    "load_song": "audioviz.audio",
    "Grid": "audioviz.audio",
    "load_midi": "audioviz.audio",
    "load_schedule": "audioviz.schedule",
    "Schedule": "audioviz.schedule",
    "Prompt": "audioviz.schedule",
    "curves": "audioviz.schedule",
    "seeds": "audioviz.schedule",
    "bound": "audioviz.schedule",
    "Curve": "audioviz.curve",
    "load_model": "audioviz.models",
    "render": "audioviz.rendering",
    "AudiovizError": "audioviz.errors",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'audioviz' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
