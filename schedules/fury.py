"""Metal: every kick shakes the frame, snares tear it, and the embers glow where it is loudest."""

import audioviz as av


def schedule(
    song, *, shake: float = 0.45, tear: float = 0.4, blast: float = 0.35, burn: float = 0.7, seed: int = 101
) -> av.Schedule:
    """shake: of a kick; tear: glitch of a snare; blast: zoom blur of both; burn: glow when loud."""
    kicks, snares = song.kicks or song.beats, song.snares or song.beats[1::2]  # in a song without drums
    kick = av.curves.at(kicks, kicks.strength).decay(0.1)
    snare = av.curves.at(snares, snares.strength).decay(0.1)
    loud = song.rms.smooth(0.5)
    return av.Schedule(
        seed=av.seeds.change_at(snares, base=seed),
        denoise=0.32 + 0.3 * kick + 0.2 * snare,
        noise=0.02 + 0.04 * kick,
        zoom=1 + 0.2 * loud,
        anchor=0.2,
        shake=shake * kick,
        glitch=tear * snare,
        punch=blast * (0.6 * kick + 0.4 * snare),
        chroma=0.15 + 0.5 * snare,
        contrast=0.25,
        saturation=-0.2,
        glow=burn * loud,
        grain=0.4,
        vignette=0.6,
        prompts=["fire flames", "ember lightning", "ember cathedral"],
    )
