"""A quiet stage for words: a dim scene that changes with the parts of the song and only leans into its drums."""

import audioviz as av

SCENES = ("midnight horizon", "violet clouds", "amber forest", "arctic aurora")  # one for each kind of part


def schedule(
    song, *, dim: float = 0.15, lean: float = 0.2, soft: float = 0.1, light: float = 0.5, seed: int = 53
) -> av.Schedule:
    """dim: darkness behind the words; lean: what a kick adds to the denoise; soft: blur; light: glow of a snare."""
    kicks, snares = song.kicks or song.beats, song.snares or song.beats[1::2]  # in a song without drums
    kick = av.curves.at(kicks, kicks.strength).decay(0.2)
    snare = av.curves.at(snares, snares.strength).decay(0.25)
    kinds = list(dict.fromkeys(part.label for part in song.sections))
    scenes = [av.Prompt(part.start, SCENES[kinds.index(part.label) % len(SCENES)]) for part in song.sections]
    return av.Schedule(
        seed=av.seeds.change_at(song.sections, base=seed),
        denoise=0.33 + lean * kick + 0.08 * song.rms.smooth(1.0),
        noise=0.02 + 0.02 * kick,
        interp=0.8 + 0.2 * kick,
        pan=2 * av.curves.tremor(seed, hz=0.1),
        zoom=1.04,
        anchor=0.25,
        blur=soft,
        brightness=-dim + 0.1 * kick,
        glow=0.2 + light * snare,
        vignette=0.6,
        prompts=scenes if len(kinds) > 1 else SCENES,
    )
