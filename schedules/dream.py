"""Each picture grows out of the one before by unsampling it: forms stay, their meaning flows with the sound."""

import audioviz as av


def schedule(song, *, depth: float = 0.4, swell: float = 0.3, hold: float = 0.15, seed: int = 81) -> av.Schedule:
    """depth: how far each picture is unsampled; swell: what a hit adds; hold: seconds that it lasts."""
    hit = (song.percussive.normalize() * song.rms).attack_release(0.02, hold)
    return av.Schedule(
        seed=seed,
        unsample=1.0,
        denoise=depth + swell * hit,
        noise=0.02 + 0.25 * hit,
        interp=0.8 + 0.2 * hit,
        cfg=2.5 + 1.5 * hit,
        travel=(0.05 + song.rms).accumulate(),
        anchor=0.2,
        prompts=["cosmic nebula", "lagoon coral", "violet nebula"],
    )
