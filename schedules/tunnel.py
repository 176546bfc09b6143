"""A flight into the picture: every kick is a thrust forward, and the way slowly turns with the beat."""

import audioviz as av


def schedule(song, *, speed: float = 1.15, thrust: float = 1.4, turn: float = 4.0, seed: int = 61) -> av.Schedule:
    """speed: zoom a second when nothing beats; thrust: what each kick enlarges by; turn: degrees a beat when loud."""
    kicks = song.kicks or song.beats  # which a song without drums has
    kick = av.curves.at(kicks, kicks.strength).decay(0.18)
    loud = song.rms.smooth(1.0)
    beat_rate = av.curves.beat_rate() if len(song.beats) > 1 else 0.0
    return av.Schedule(
        seed=av.seeds.change_at(kicks, base=seed),
        denoise=0.33 + 0.3 * kick,
        noise=0.02 + 0.03 * kick,
        zoom=speed * thrust ** av.curves.push(kicks, seconds=0.18),
        angle=turn * beat_rate * loud,
        anchor=0.3,
        prompts=["neon tunnel", "midnight tunnel"],
    )
