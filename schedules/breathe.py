"""The picture breathes in and out with the bars, deeper the louder it is; each kick is a heartbeat."""

import audioviz as av


def schedule(song, *, beats: float = 8.0, depth: float = 0.6, heart: float = 0.3, seed: int = 21) -> av.Schedule:
    """beats: length of a breath; depth: how far it zooms; heart: what a kick adds to the denoise."""
    loud = song.rms.smooth(1.0)
    if len(song.beats) > 1:
        breath = av.curves.oscillate("sine", beats=beats, phase=0.25, low=-1.0)
    else:
        breath = av.curves.oscillate("sine", seconds=beats / 2, phase=0.25, low=-1.0)
    kicks = song.kicks or song.beats  # which a song without drums has
    beat = av.curves.at(kicks, kicks.strength).decay(0.15)
    return av.Schedule(
        **av.seeds.travel(song.beats, seed, ease="out_cubic"),
        denoise=0.26 + 0.08 * loud + heart * beat,
        noise=0.02 + 0.03 * beat,
        interp=0.7 + 0.3 * beat,
        zoom=(1 + depth) ** (breath * (0.15 + loud)),
        anchor=0.3,
        prompts=["lagoon clouds", "candy clouds"],
    )
