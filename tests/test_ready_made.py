"""The ready-made schedules: valid for any song, calm where it is calm, alive on its beats, each unlike the others."""

import dataclasses
import warnings
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest

import audioviz as av
from audioviz.audio.song import Events
from audioviz.curve import Curve
from audioviz.insight.reaction import Reaction, reaction
from audioviz.sampling import sequence
from audioviz.shelf import names
from tests.models import SETTINGS, fake_model, plans_of
from tests.songs import made_song

NAMES = list(names("schedules"))


def quiet_then_loud():
    """Four quiet seconds without a kick, and six loud ones with a kick on each beat."""
    song = made_song(seconds=10)
    loud = song.clock.times >= 4
    kicks = song.beats[song.beats.seconds >= 4]
    hits = av.curves.at(kicks, 1.0).decay(0.15)
    curves = {name: Curve(np.where(loud, 0.3 + 0.7 * np.asarray(hits), 0.02), song.clock) for name in song.curves}
    curves |= {
        "rms": Curve(np.where(loud, 0.9, 0.05), song.clock),
        "brightness": Curve(np.where(loud, 0.6 + 0.4 * np.sin(song.clock.times), 0.1), song.clock),
    }
    return dataclasses.replace(song, kicks=kicks, onsets=kicks, curves=curves)


def silent():
    song = made_song()
    none = Events.at([], song.clock)
    return dataclasses.replace(
        song,
        tempo=0.0,
        beats=none,
        downbeats=none,
        kicks=none,
        onsets=none,
        curves={name: Curve(0.0, song.clock) for name in song.curves},
    )


def ending_on_a_bar():
    """Its last bar begins at 8.016 s, and its last frame ends at 8 s."""
    return made_song(seconds=8.03, beats_every=0.501)


@cache
def react(name: str) -> Reaction:
    """How the pictures of the fake model follow the song."""
    song, model = quiet_then_loud(), fake_model()
    schedule = av.load_schedule(name)(song)
    plans = plans_of(model, schedule if schedule.prompts else schedule.with_prompts(["x" * 4, "y" * 8]))
    latents = list(sequence(model.denoiser, plans, start=model.empty_latent(SETTINGS.size)))
    energy = np.array([0.0] + [(after - before).square().mean().sqrt().item() for before, after in pairwise(latents)])
    return reaction(energy, song.clock.fps, song.kicks, np.asarray(song.rms))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("song", [quiet_then_loud, silent, ending_on_a_bar], ids=lambda song: song.__name__)
def test_each_is_valid_for_any_song_and_nothing_is_clipped(name, song):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule = av.load_schedule(name)(song())
    assert len(schedule) == song().clock.frames


@pytest.mark.parametrize("name", NAMES)
def test_each_is_calm_where_the_song_is_calm(name):
    assert react(name).loud_to_quiet > 1.2


@pytest.mark.parametrize("name", NAMES)
def test_each_shows_the_kicks(name):
    figures = react(name)
    wanted = dict.fromkeys(("pulse", "cuts", "strobe"), (0.6, 0.95)) | {"was": (0.2, 0.5)}
    wanted |= dict.fromkeys(("drift", "haze"), (0.1, 0.3))
    correlation, hits = wanted.get(name, (0.4, 0.9))
    assert figures.correlation > correlation and figures.hits >= hits, figures


def test_each_is_unlike_the_others():
    song = quiet_then_loud()
    plans = {name: av.load_schedule(name)(song) for name in NAMES}
    for (one, first), (other, second) in combinations(plans.items(), 2):
        assert first.columns.keys() != second.columns.keys() or np.abs(first.denoise - second.denoise).mean() > 0.01, (
            one,
            other,
        )


def said(plan):
    """All that a schedule says, to be compared."""
    return plan.prompts, {name: values.tolist() for name, values in (plan.columns | plan.mix).items()}


@pytest.mark.parametrize("name", NAMES)
def test_each_option_matters(name):
    song, script = quiet_then_loud(), av.load_schedule(name)
    usual = script(song)
    for option, parameter in script.options.items():
        usually = parameter.default
        others = (
            ("other",)
            if isinstance(usually, str)
            else (2 * usually + 1, usually // 2 or 2)
            if isinstance(usually, int)
            else (usually / 2, 0.01)
        )
        plans = [script(song, **{option: other}) for other in others]
        assert any(said(plan) != said(usual) for plan in plans), option


@pytest.mark.parametrize("name", NAMES)
def test_each_fits_one_screen(name):
    from audioviz.shelf import folder

    assert len((folder("schedules") / f"{name}.py").read_text().splitlines()) <= 30
