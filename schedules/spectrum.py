"""The bands of the sound are the knobs: bass redraws and zooms, mids stir, treble trembles, brightness obeys."""

import audioviz as av


def schedule(
    song, *, bass: float = 0.45, mids: float = 0.1, treble: float = 0.5, zoom: float = 1.0, seed: int = 41
) -> av.Schedule:
    """bass: adds to the denoise; mids: to the noise; treble: shakes, in widths a second; zoom: by the bass."""
    shake = treble * song.high.decay(0.15)
    return av.Schedule(
        seed=av.seeds.change_at(song.onsets, base=seed),
        denoise=0.2 + bass * song.low.decay(0.1),
        noise=0.01 + mids * song.mid * song.low,
        cfg=2.5 + 3.0 * song.brightness.smooth(0.5),
        zoom=1 + zoom * song.low.decay(0.2),
        shift_x=shake * av.curves.tremor(seed, hz=6),
        shift_y=shake * av.curves.tremor(seed + 1, hz=6),
        anchor=0.1,
        prompts=["acid plasma", "rainbow tiles"],
    )
