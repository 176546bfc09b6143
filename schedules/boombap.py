"""Hip hop: the head nods on the beat, the snare cracks in warm light, and all of it lies on worn vinyl."""

import audioviz as av


def schedule(
    song, *, nod: float = 2.5, crack: float = 0.45, bounce: float = 1.6, dust: float = 0.35, seed: int = 83
) -> av.Schedule:
    """nod: degrees to and fro; crack: light of a snare; bounce: what a kick enlarges by; dust: grain."""
    kicks, snares = song.kicks or song.beats, song.snares or song.beats[1::2]  # in a song without drums
    kick = av.curves.at(kicks, kicks.strength).decay(0.16)
    snare = av.curves.at(snares, snares.strength).decay(0.14)
    left, right = (av.curves.at(song.beats[side::2], 1.0).attack_release(0.05, 0.3) for side in (0, 1))
    return av.Schedule(
        seed=av.seeds.change_at(song.downbeats[::2], base=seed),
        denoise=0.32 + 0.3 * kick + 0.1 * snare,
        noise=0.02 + 0.03 * kick,
        zoom=bounce ** av.curves.push(kicks, seconds=0.16),
        anchor=0.25,
        roll=nod * (right - left),
        flash=crack * snare,
        flash_colour="#ffc27a",
        saturation=0.15,
        contrast=0.15,
        grain=dust,
        vignette=0.5,
        prompts=["amber marble", "sunset city", "ruby ink"],
    )
