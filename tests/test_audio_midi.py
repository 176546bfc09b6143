"""MIDI: exact events and curves, through tempo changes, on the clock of the song."""

import random
import warnings

import numpy as np
import pytest
from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from tests.songs import made_song

CLOCK = Clock.for_duration(10, "30000/1001")


@pytest.fixture
def path(tmp_path):
    """120 bpm for two beats, then 60; drums with a kick on each beat, and a melody with two controllers."""
    file = MidiFile(ticks_per_beat=480)
    tempo, drums, melody = MidiTrack(), MidiTrack(), MidiTrack()
    tempo += [MetaMessage("set_tempo", tempo=bpm2tempo(120)), MetaMessage("set_tempo", tempo=bpm2tempo(60), time=960)]
    drums.append(MetaMessage("track_name", name="drums"))
    for beat in range(6):
        key = 38 if beat % 2 else 36
        drums += [
            Message("note_on", channel=9, note=key, velocity=127 - beat, time=360 if beat else 0),
            Message("note_on", channel=9, note=key, velocity=0, time=120),
        ]
    melody += [
        MetaMessage("track_name", name="Gesang ä".encode().decode("latin-1")),
        Message("control_change", control=1, value=127, time=480),
        Message("note_on", note=60, velocity=64, time=480),
        Message("note_on", note=60, velocity=32, time=240),
        Message("note_off", note=60, time=240),
        Message("note_off", note=60, time=480),
        Message("control_change", control=1, value=0),
        Message("control_change", control=7, value=127),
        Message("note_on", note=64, velocity=100),
    ]
    melody.append(MetaMessage("end_of_track", time=480))
    file.tracks += [tempo, drums, melody]
    file.save(tmp_path / "a.mid")
    return tmp_path / "a.mid"


def test_events_are_exact_through_tempo_changes(path):
    drums = av.load_midi(path, CLOCK).track("drums")
    assert drums.seconds == pytest.approx([0, 0.5, 1, 2, 3, 4], abs=1e-9)
    assert list(drums.notes) == [round(s * 30000 / 1001) for s in (0, 0.5, 1, 2, 3, 4)]
    assert drums.velocities.tolist() == [127, 126, 125, 124, 123, 122]
    assert drums.note(36).seconds == pytest.approx([0, 1, 3])
    assert np.flatnonzero(drums.velocity).tolist() == list(drums.notes)
    assert drums.velocity[0] == 1 and drums.velocity[15] == pytest.approx(126 / 127)
    assert drums.ends == pytest.approx([0.125, 0.625, 1.25, 2.25, 3.25, 4.25])


def test_tracks_channels_notes_and_controllers(path):
    midi = av.load_midi(path, Clock.for_duration(10, 10))
    assert midi.names == ("", "drums", "Gesang ä") and len(midi.notes) == 9
    assert np.array_equal(midi.channel(10).seconds, midi.track(1).seconds)
    voice = midi.track("Gesang ä")
    notes = np.stack([voice.seconds, voice.ends, voice.pitches, voice.velocities], axis=1)
    assert notes == pytest.approx(
        np.array([(1, 2, 60, 64), (1.5, 3, 60, 32), (3, 4, 64, 100)])
    )  # the last is never ended
    held = voice.held.values * 127
    assert held[[9, 10, 19, 20, 29, 30, 39, 40]] == pytest.approx([0, 64, 64, 32, 32, 100, 100, 0])
    wheel = midi.controller(1).values
    assert wheel[:5].max() == 0 and wheel[5:30].min() == 1 and wheel[30:].max() == 0
    assert midi.controller(7)[31] == 1 and midi.track("drums").controller(1).values.max() == 0
    with pytest.raises(InputError, match="no MIDI track 'bass': the file has 0 '', 1 'drums', 2 'Gesang ä'"):
        midi.track("bass")


def test_it_stands_on_the_song_and_what_lies_outside_is_said(path):
    song = made_song(seconds=3, fps=10)
    with pytest.warns(AudiovizWarning, match="3 of its 9 notes lie outside of the song and are left out"):
        assert av.load_midi(path, song).seconds.max() == 2
    object.__setattr__(song, "start", 2.0)
    with pytest.warns(AudiovizWarning):
        midi = av.load_midi(path, song, offset=0.5)
    assert midi.seconds == pytest.approx([0, 0.5, 1.5, 1.5, 2.5]) and midi.clock is song.clock
    assert midi.controller(1)[0] == 1  # as it was left before the part began
    for text in ("0.5s", "0:00.5", "5f"):
        with pytest.warns(AudiovizWarning):
            assert np.array_equal(av.load_midi(path, song, offset=text).seconds, midi.seconds)
    for wrong in ("soon", "2b", float("nan"), None):
        with pytest.raises(InputError, match=r"offset|time|beats"):
            av.load_midi(path, song, offset=wrong)
    plan = av.Schedule(
        seed=av.seeds.change_at(midi.notes), denoise=0.3 + 0.3 * midi.velocity.decay(0.2), clock=song.clock
    )
    assert plan.seed[-1] == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no midi",
        b"MThd\0\0\0\6\0\2\0\0\1\xe0",
        b"MThd\0\0\0\6\0\1\0\1\xe7\0MTrk\0\0\0\4\0\xff\x2f\0",
        b"MThd\0\0\0\6\0\1\0\1\xf0\x28MTrk\0\0\0\4\0\xff\x2f\0",
        b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0",
    ],
)
def test_what_is_no_midi_is_one_line(tmp_path, content):
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(InputError, match="a.mid"):
        av.load_midi(tmp_path / "a.mid", CLOCK)
    with pytest.raises(InputError, match="there is no such file"):
        av.load_midi(tmp_path / "b.mid", CLOCK)
    with pytest.raises(InputError, match="no MIDI file that can be read"):
        av.load_midi(tmp_path, CLOCK)


def raw(*events, division=b"\1\xe0", between=b""):
    """A file of one track of these bytes."""
    track = b"".join(events) + b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\1\0\1" + division + between + b"MTrk" + len(track).to_bytes(4, "big") + track


NOTE = b"\x64\x90\x3c\x40\x64\x80\x3c\x40"  # from tick 100 to 200


def test_a_note_that_begins_with_the_part_belongs_to_it(tmp_path):
    """8.2 - (10.3 - 2.1) is a hair below 0."""
    song = made_song(seconds=3)
    object.__setattr__(song, "start", 10.3)
    (tmp_path / "a.mid").write_bytes(raw(b"\xbd\x40" + NOTE[1:]))
    assert av.load_midi(tmp_path / "a.mid", song, offset=2.1).seconds.tolist() == [0]


@pytest.mark.parametrize(
    ("content", "second"),
    [
        (raw(NOTE), 960),
        (raw(b"\0\xff\x59\x02\x09\0", NOTE), 960),
        (raw(NOTE, between=b"XFIH\0\0\0\3abc"), 960),
        (raw(NOTE, division=b"\xe7\x28"), 1000),
        (raw(NOTE, division=b"\xe3\x64"), 100 * 30000 / 1001),
        (b"\0" * 128 + raw(NOTE), 960),
        (b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + raw(NOTE), 960),
        (raw(b"\0\xff\x54\x05\xff\0\0\0\0", b"\0\xff\x58\x02\x04\x02", b"\0\xff\x51\x03\0\0\0", NOTE), 960),
        (raw(b"\0\xff\x51\x02\x07\xa1", NOTE), 960),
        (raw(b"\0\xf4\0\xf8", NOTE), 960),
        (raw(NOTE) + b"\0" * 64, 960),
        (raw(NOTE).replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\0\0"), 960),
        (raw(NOTE).replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\xff\0"), 960),
    ],
)
def test_what_the_standard_allows_is_read(tmp_path, content, second):
    (tmp_path / "a.mid").write_bytes(content)
    midi = av.load_midi(tmp_path / "a.mid", CLOCK)
    assert (midi.seconds[0], midi.ends[0]) == pytest.approx((100 / second, 200 / second))


@pytest.mark.parametrize(
    ("content", "velocity", "said"),
    [
        (raw(b"\0\xb0\x07\xff", NOTE), 64, "1 values above 127 are read as 127"),
        (raw(NOTE.replace(b"\x40\x64", b"\xfd\x64")), 127, "1 values above 127 are read as 127"),
        (raw(NOTE)[:9] + b"\1\0\3" + raw(NOTE)[12:], 64, "the header tells of 3 tracks, and there are 1"),
        (raw(b"") + raw(NOTE)[14:], 64, "the header tells of 1 tracks, and there are 2"),
        (raw(NOTE)[:-6], 64, "track 0 breaks off, and is read to there"),
    ],
)
def test_what_is_there_is_read_and_what_is_wrong_is_said(tmp_path, content, velocity, said):
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.warns(AudiovizWarning, match=f"a.mid: {said}$"):
        midi = av.load_midi(tmp_path / "a.mid", CLOCK)
    assert midi.seconds == pytest.approx([100 / 960]) and midi.velocities.tolist() == [velocity]


def test_notes_are_those_that_mido_hears(tmp_path):
    chance = random.Random(2)
    for type_ in (0, 1):
        file = MidiFile(type=type_, ticks_per_beat=chance.choice((96, 480)))
        for channel in range(1 + 2 * type_):
            track = MidiTrack(
                [MetaMessage("set_tempo", tempo=chance.randrange(200_000, 900_000), time=chance.randrange(99))]
            )
            for _ in range(80):
                kind, velocity = chance.choice(("note_on", "note_off")), chance.randrange(128)
                note = Message(kind, channel=channel, note=chance.randrange(60, 64), velocity=velocity)
                track.append(note.copy(time=chance.randrange(200)))
                track.append(Message("pitchwheel", pitch=chance.randrange(-8192, 8192), time=chance.randrange(3)))
            file.tracks.append(track)
        file.save(tmp_path / "a.mid")
        now, heard = 0.0, []
        for message in MidiFile(tmp_path / "a.mid"):
            now += message.time
            if message.type == "note_on" and message.velocity:
                heard.append((now, message.note, message.velocity, message.channel + 1))
        midi = av.load_midi(tmp_path / "a.mid", Clock.for_duration(120, 12))
        found = np.stack([midi.seconds, midi.pitches, midi.velocities, midi.channels], axis=1)
        assert found[np.lexsort(found.T)] == pytest.approx(
            np.array(sorted(heard, key=lambda n: (n[3], n[2], n[1], n[0])))
        )


def test_notes_and_controllers_at_the_edges_of_the_song(path):
    song = made_song(seconds=2.4, fps=10)
    with pytest.warns(AudiovizWarning, match="3 of its 9"):
        midi = av.load_midi(path, song)
    assert midi.track(2).held[22] == pytest.approx(32 / 127) and midi.controller(7).values.max() == 0
    object.__setattr__(song, "start", 1.7)
    with pytest.warns(AudiovizWarning, match="3 of its 9"):  # two more began before, and sound
        part = av.load_midi(path, song)
    voice = part.track(2)
    assert voice.held.values[:3] == pytest.approx(64 / 127) and voice.held.values[3:13] == pytest.approx(32 / 127)
    assert voice.velocity.values[:13].max() == 0 and part.note(36).held.values[:13].max() == 0


def test_damaged_files_are_read_or_refused(path):
    chance, whole = random.Random(1), path.read_bytes()
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(200):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 1, 3))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
            try:
                av.load_midi(path, CLOCK).held
            except InputError:
                refused += 1
    assert 0 < refused < 50  # most of a damaged file can still be played
