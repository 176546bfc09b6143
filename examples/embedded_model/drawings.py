"""A pattern and a view of it become a scene, which a palette and a look make a picture: see paint.py."""

import numpy as np

from . import built, flow, growth, land, sky
from .canvas import Canvas, Scene

PATTERNS = {
    "nebula": sky.nebula,
    "stars": sky.stars,
    "galaxy": sky.galaxy,
    "planet": sky.planet,
    "aurora": sky.aurora,
    "lightning": sky.lightning,
    "clouds": sky.clouds,
    "mountains": land.mountains,
    "waves": land.waves,
    "dunes": land.dunes,
    "horizon": land.horizon,
    "city": land.city,
    "forest": land.forest,
    "cathedral": land.cathedral,
    "tunnel": land.tunnel,
    "flames": flow.flames,
    "ink": flow.ink,
    "marble": flow.marble,
    "plasma": flow.plasma,
    "silk": flow.silk,
    "caustics": flow.caustics,
    "ripples": flow.ripples,
    "coral": flow.coral,
    "moire": flow.moire,
    "spiral": flow.spiral,
    "fractal": growth.fractal,
    "ether": growth.ether,
    "leaves": growth.leaves,
    "feathers": growth.feathers,
    "flowers": growth.flowers,
    "bubbles": growth.bubbles,
    "mandala": built.mandala,
    "kaleidoscope": built.kaleidoscope,
    "glass": built.glass,
    "crystal": built.crystal,
    "tiles": built.tiles,
    "lattice": built.lattice,
    "lights": built.lights,
    "eclipse": sky.eclipse,
    "fireworks": sky.fireworks,
    "flight": land.flight,
    "chrome": flow.chrome,
    "particles": growth.particles,
    "ribbons": growth.ribbons,
    "iris": growth.iris,
    "rain": built.rain,
    "circuit": built.circuit,
    "waveform": built.waveform,
}

ZOOM = {"close": 0.55, "far": 1.7}
DENSITY = {"sparse": 0.5, "dense": 1.8}
VIEWS = (*ZOOM, *DENSITY)


def sketch(pattern: str, rng: np.random.Generator, *, view: str = "") -> Scene:
    """A scene without colours.

    Parameters
    ----------
    pattern : str
        A key of PATTERNS.
    rng : numpy Generator
        The only source of chance.
    view : str
        One of VIEWS, or "".
    """
    zoom, density = rng.uniform(0.9, 1.1, 2).tolist()
    return PATTERNS[pattern](Canvas(rng, zoom=ZOOM.get(view, zoom), density=DENSITY.get(view, density)))
