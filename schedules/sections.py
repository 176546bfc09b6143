"""Each part of the song is a world of its own: it arrives with a swell, and is as lively as the part is loud."""

import audioviz as av

WORLDS = ("neon aurora", "sunset mountains", "ocean waves", "rose glass", "violet nebula")  # one for each kind of part


def schedule(song, *, beats: int = 32, swell: float = 1.5, punch: float = 0.35, seed: int = 31) -> av.Schedule:
    """beats: length of a part where the song is all one; swell: seconds of the arrival; punch: what a kick adds."""
    parts = song.sections if len(song.sections) > 1 else song.beats[::beats]
    arrival = av.curves.at(parts, 1.0).anticipate(swell / 3).attack_release(0.0, swell / 3)
    kinds = list(dict.fromkeys(part.label for part in song.sections))
    prompts = [
        av.Prompt(part.start, WORLDS[kinds.index(part.label) % len(WORLDS)], ease="hold") for part in song.sections
    ]
    loud = song.rms.smooth(2.0)
    kicks = song.kicks or song.beats  # which a song without drums has
    kick = av.curves.at(kicks, kicks.strength).decay(0.15)
    return av.Schedule(
        seed=av.seeds.random_at(parts, seed) + av.seeds.change_at(kicks),
        denoise=0.22 + 0.1 * loud + punch * kick + 0.3 * arrival * (1 - kick),
        noise=0.02 + 0.04 * arrival,
        interp=0.7 + 0.3 * kick,
        zoom=1 + 0.5 * arrival * loud,
        anchor=0.1,
        prompts=prompts if len(kinds) > 1 else (),
    )
