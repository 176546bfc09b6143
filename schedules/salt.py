"""The way of KSampler Scheduled Sequence: loudness is denoise, from an offset up, and a new seed for each frame."""

import audioviz as av


def schedule(
    song,
    *,
    control: float = 0.4,
    offset: float = 0.3,
    noise: float = 0.05,
    interp: float = 1.0,
    cfg: float = 8.0,
    seed: int = 0,
) -> av.Schedule:
    """control, offset: denoise is control * loudness + offset; noise: strength of each of the original's two draws."""
    loud = song.rms * song.percussive.normalize().decay(0.08)
    return av.Schedule(
        seed=av.seeds.step(seed),
        denoise=control * loud + offset,
        noise=noise * 2**0.5,  # the original draws twice a frame
        interp=interp,  # its latent interpolation is off unless asked for
        cfg=cfg,
    )
