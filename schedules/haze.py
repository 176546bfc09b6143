"""Ambient: light drifts through mist, breathes with the sound, and what was there stays a while."""

import audioviz as av


def schedule(
    song, *, flow: float = 0.3, mist: float = 0.35, echo: float = 0.7, turn: float = 1.5, seed: int = 71
) -> av.Schedule:
    """flow: denoise when loud; mist: blur when quiet; echo: how long light stays; turn: degrees a second."""
    loud = song.rms.smooth(2.0)
    breath = song.rms.smooth(0.5)
    return av.Schedule(
        **av.seeds.travel(song.downbeats, seed),
        denoise=0.12 + flow * loud,
        noise=0.01 + 0.03 * loud,
        interp=0.7,
        zoom=1.02 + 0.05 * loud,
        angle=turn,
        anchor=0.3,
        blur=mist * (1 - breath) ** 2,
        glow=0.25 + 0.75 * breath,
        trails=echo,
        hue=0.1 * (song.brightness.smooth(3.0) - 0.5),
        vignette=0.3,
        prompts=["pastel clouds", "lagoon caustics", "violet aurora", "rose silk"],
    )
