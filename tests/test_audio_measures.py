"""What is heard on demand: right against known values, on any clock, once, and only when it is asked for."""

import dataclasses

import numpy as np
import pytest
import soundfile

from audioviz.audio import load_song
from audioviz.audio.hearing import on_demand
from audioviz.audio.hearing.loudness import k_weighting
from audioviz.audio.reading import decode
from audioviz.audio.reading.cache import cache_folder
from audioviz.audio.song import ON_DEMAND
from audioviz.errors import InputError, ScheduleError
from audioviz.schedule.binding import bound
from audioviz.schedule.curves import expression

RATE = 48_000


def sine(hz, seconds, *, level=0.5, rate=RATE):
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def song_of(tmp_path):
    def make(*channels, rate=RATE, fps=24, **options):
        soundfile.write(tmp_path / "a.wav", np.stack(channels, axis=1), rate, subtype="FLOAT")
        return load_song(tmp_path / "a.wav", fps=fps, **options)

    return make


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    ("left", "right", "lufs"),
    [
        (1.0, 0.0, -3.01),
        (1.0, 1.0, 0.0),
        (10 ** (-23 / 20), 10 ** (-23 / 20), -23.0),
        (10 ** (-33 / 20), 10 ** (-33 / 20), -33.0),
    ],
)
def test_loudness_of_the_standards_sines(song_of, rate, left, right, lufs):
    hz = 997 if left == 1 else 1000  # BS.1770 and EBU Tech 3341, cases 1 and 2
    song = song_of(sine(hz, 2, level=left, rate=rate), sine(hz, 2, level=right, rate=rate), rate=rate)
    assert song.loudness.values[12:-12] == pytest.approx(lufs, abs=0.1)


def test_loudness_weighs_the_channels_of_surround(song_of):
    tone, none = sine(997, 2, level=1.0), np.zeros(2 * RATE)
    for place, lufs in ((0, -3.01), (2, -3.01), (3, -70.0), (4, -3.01 + 1.49), (5, -3.01 + 1.49)):  # L R C LFE Ls Rs
        song = song_of(*(tone if i == place else none for i in range(6)))
        assert song.loudness.values[12:-12] == pytest.approx(lufs, abs=0.05)


def test_loudness_of_eight_channels_leaves_the_bass_out(song_of):
    tone, none = sine(997, 1, level=1.0), np.zeros(RATE)
    for place, lufs in ((2, -3.01), (3, -70.0), (4, -3.01), (7, -3.01 + 1.49)):  # L R C LFE Lb Rb Ls Rs
        song = song_of(*(tone if i == place else none for i in range(8)))
        assert song.loudness.values[10:-10] == pytest.approx(lufs, abs=0.05)


def test_the_filter_is_the_standards():
    assert k_weighting(48_000) == pytest.approx(
        np.array(
            [
                [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
                [1, -2, 1, 1, -1.99004745483398, 0.99007225036621],
            ]
        ),
        abs=1e-7,
    )


def test_momentary_loudness_is_that_of_400_ms(song_of):
    tone = np.r_[np.zeros(RATE), sine(1000, 0.2, level=1.0), np.zeros(RATE)]
    loudness = song_of(tone, tone, fps=50).loudness
    assert loudness.values.max() == pytest.approx(-3.0, abs=0.15)  # half of the window at 0
    assert np.flatnonzero(loudness.values > -69)[[0, -1]] / 50 == pytest.approx([0.8, 1.4], abs=0.05)


@pytest.mark.parametrize("fps", ["12", "30000/1001", "60"])
def test_a_band_hears_what_is_in_it(song_of, fps):
    song = song_of(np.r_[sine(90, 2), sine(400, 2), np.zeros(RATE), sine(9000, 2), sine(15000, 2)], fps=fps)
    t = song.clock.times

    def mean(curve, start):
        return curve.values[(t > start + 0.2) & (t < start + 1.7)].mean()

    for low, high, at in ((60, 120, 0), (300, 500, 2), (8000, 10_000, 5), (12_000, 24_000, 7), (0, 200, 0)):
        levels = {start: mean(song.band(low, high), start) for start in (0, 2, 5, 7)}
        assert levels.pop(at) > 0.9 and max(levels.values()) < 0.05, (low, high)
        assert song.band(low, high).values[int(4.3 * song.clock.fps) : int(4.8 * song.clock.fps)].max() < 0.02


def test_a_band_is_not_late(song_of):
    burst = np.r_[np.zeros(RATE), sine(90, 0.25), np.zeros(RATE)]
    curve = song_of(burst, fps=100).band(60, 120).values
    middle = (curve * np.arange(len(curve))).sum() / curve.sum() / 100
    assert middle == pytest.approx(1.125, abs=0.01)


def test_long_files_are_filtered_without_seams(song_of):
    values = song_of(sine(80, 14), fps=20).band(60, 120).values
    assert np.ptp(values[20:-20]) < 0.02


def test_mel_bands_go_from_low_to_high(song_of):
    song = song_of(np.concatenate([sine(hz, 1) for hz in (100, 1000, 5000)]))
    bands = np.array(song.mel(16))
    assert bands.shape == (16, song.clock.frames)
    strongest = [int(bands[:, k : k + 16].mean(axis=1).argmax()) for k in (4, 28, 52)]
    assert strongest == sorted(strongest) and strongest[0] < 2 and strongest[2] > 10


def test_chroma_hue_and_pitch_follow_notes(song_of):
    notes = [60, 64, 69, 71]  # C E A B
    song = song_of(
        np.concatenate(
            [sum(sine(440 * 2 ** ((n - 69) / 12) * h, 2, level=0.3 / h) for h in (1, 2, 3)) for n in notes]
            + [np.zeros(2 * RATE)]
        )
    )
    for i, note in enumerate(notes):
        part = slice(i * 48 + 16, i * 48 + 32)
        assert np.mean(song.chroma, axis=0).shape == song.hue.values.shape
        assert int(np.argmax([curve.values[part].mean() for curve in song.chroma])) == note % 12
        assert np.abs((song.hue.values[part] - note % 12 / 12 + 0.5) % 1 - 0.5).max() < 0.02
        assert song.pitch.values[part] == pytest.approx(440 * 2 ** ((note - 69) / 12), rel=0.005)
        assert song.voiced.values[part].min() > 0.9
    turn = np.diff(song.hue.values)
    assert np.abs((turn + 0.5) % 1 - 0.5).max() < 0.1  # no jump on the circle
    rest = slice(9 * 24, None)
    assert (
        np.ptp(song.hue.values[rest]) < 0.02
        and np.ptp(song.pitch.values[rest]) == 0
        and song.voiced.values[rest].max() < 0.1
    )


def test_a_tone_beyond_the_notes_is_none_of_them():
    for note in (29, 33, 36, 38, 39, 40, 43, 48, 60, 88, 95, 96, 99, 103, 107, 108, 115, 118):
        tone = sine(440 * 2 ** ((note - 69) / 12), 1, rate=22_050).astype(np.float32)
        levels = on_demand.pitch_classes(on_demand.Sound(22_050, 1, iter([tone[:, None]]))).values[6:14]
        assert (levels.argmax(axis=1) == note % 12).all() if 40 <= note < 108 else not levels.any(), note


def test_a_tone_above_the_pitches_is_none(song_of):
    song = song_of(np.concatenate([sine(hz, 1) for hz in (1950, 2100, 2500, 4000, 9000)]))
    assert song.pitch.values[8:16] == pytest.approx(1950, rel=0.005) and song.voiced.values[8:16].min() > 0.9
    assert song.voiced.values[26:].max() < 0.7 and song.voiced.values[26:].mean() < 0.05
    assert song.pitch.values[26:] == pytest.approx(1950, rel=0.02)


def test_noise_has_no_pitch(song_of):
    song = song_of(0.3 * np.random.default_rng(0).standard_normal(3 * RATE))
    assert song.voiced.values.mean() < 0.4


def test_silence_and_flux(song_of):
    clicks = np.zeros(4 * RATE)
    clicks[RATE // 2 :: RATE] = 0.9
    song = song_of(np.r_[np.zeros(RATE), sine(300, 2), clicks, np.zeros(RATE)], fps=20)
    assert (
        set(song.silence.values) == {0.0, 1.0}
        and song.silence.values[:19].all()
        and not song.silence.values[21:59].any()
    )
    peaks = np.flatnonzero(song.flux.values > 0.3)
    assert {70, 90, 110, 130} <= set(peaks.tolist()) | set((peaks + 1).tolist()) and song.flux.values[25:55].max() < 0.1


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.zeros(1), np.full(10, 0.5)])
def test_silence_and_moments_are_measured_too(song_of, samples):
    song = song_of(samples)
    for name in ON_DEMAND:
        assert np.isfinite(getattr(song, name).values).all()
    assert len(song.mel(4)) == 4 and song.band(60, 120).values.max() <= 1 and len(song.chroma) == 12


def test_a_part_is_measured_as_such(song_of):
    song = song_of(np.r_[sine(200, 2), sine(300, 2), sine(400, 2)], start=2, duration=2)
    assert song.pitch.values == pytest.approx(300, rel=0.01)


def test_each_is_heard_once_and_only_when_asked(song_of, monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIOVIZ_CACHE", str(tmp_path / "kept"))
    song = song_of(sine(220, 2))
    opened = []
    monkeypatch.setattr(on_demand, "open_stream", lambda path: opened.append(path) or decode.open_stream(path))
    with bound(song):
        with pytest.raises(
            ScheduleError, match="unknown name 'bass': use .*low.*hue, loudness, flux, pitch, voiced, silence"
        ):
            expression("bass + 1")
        expression("0.5 * low")
        with pytest.raises(
            AttributeError,
            match="a song has no 'bass': it has band, .*chroma, .*hue, .*mel, .*rms",
        ):
            song.bass
        assert opened == []
        assert expression("where(voiced > 0.5, pitch, 0)").values[5:-5] == pytest.approx(220, rel=0.01)
        assert np.array_equal(expression("hue"), song.hue) and len(song.chroma) == 12
    assert len(opened) == 2  # pitch and voiced together, chroma and hue together
    again = load_song(song.path, fps=24)
    assert np.array_equal(again.pitch, song.pitch) and len(opened) == 2
    uncached = load_song(song.path, fps=24, cache=False)
    kept = len(list(cache_folder().iterdir()))
    assert np.array_equal(uncached.flux, load_song(song.path, fps=24).flux) and len(opened) == 4
    assert len(list(cache_folder().iterdir())) == kept + 1


def test_a_song_that_has_changed_is_one_clear_error(song_of):
    song = song_of(sine(220, 1), cache=False)
    song_of(sine(330, 1))
    with pytest.raises(InputError, match="a.wav has changed since it was loaded: load it again"):
        song.pitch
    song.path.unlink()
    with pytest.raises(InputError, match="a.wav cannot be read"):
        dataclasses.replace(song).loudness


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda song: song.band(120, 60), "the lower one first"),
        (lambda song: song.band(30_000, 40_000), "nothing above 24000 Hz"),
        (lambda song: song.band(-1, 60), "two frequencies"),
        (lambda song: song.mel(0), "1 to 128 bands"),
        (lambda song: song.band(float("nan"), 60), "two frequencies"),
        (lambda song: song.band("60", "120"), "two frequencies"),
        (lambda song: song.band(440, 440.001), "at least 2.2 Hz apart"),
        (lambda song: song.band(20, 20.9), "at least 1 Hz apart"),
        (lambda song: song.mel("4"), "1 to 128 bands"),
        (lambda song: song.mel(2.5), "1 to 128 bands"),
    ],
)
def test_impossible_bands_are_refused(song_of, call, said):
    with pytest.raises(InputError, match=said):
        call(song_of(sine(220, 0.5)))


def test_there_is_a_measure_for_each_name():
    assert on_demand._MEASURES.keys() == {*ON_DEMAND, "chroma"}
