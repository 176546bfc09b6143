"""Synthwave: a neon drive on a worn tape, which loses its tracking on the snares of the loud parts."""

import audioviz as av


def schedule(
    song, *, speed: float = 1.35, worn: float = 0.35, neon: float = 0.6, turn: float = 0.06, seed: int = 89
) -> av.Schedule:
    """speed: zoom a second when loud; worn: tape; neon: glow; turn: of all colours, to and fro."""
    kicks, snares = song.kicks or song.beats, song.snares or song.beats[1::2]  # in a song without drums
    kick = av.curves.at(kicks, kicks.strength).decay(0.15)
    snare = av.curves.at(snares, snares.strength).decay(0.12)
    loud = song.rms.smooth(1.0)
    return av.Schedule(
        seed=av.seeds.change_at(song.beats[::4], base=seed),
        denoise=0.34 + 0.3 * kick,
        noise=0.02 + 0.03 * kick,
        zoom=1 + (speed - 1) * loud,
        anchor=0.25,
        hue=turn * av.curves.oscillate("sine", seconds=16, low=-1),
        saturation=0.3,
        glow=neon * (0.5 + 0.5 * kick),
        chroma=0.4 * worn + worn * snare,
        glitch=worn * snare * loud,
        scanlines=worn,
        grain=0.5 * worn,
        vignette=0.35,
        prompts=["neon horizon", "rose horizon", "violet horizon"],
    )
