"""The optional tracker: its frames are the library's, its peaks lie where they sound, and what fails is one line."""

import json
import subprocess
import sys
import types
from importlib.util import find_spec
from urllib.error import URLError

import numpy as np
import pytest
import soundfile
from librosa.filters import mel

import audioviz as av
from audioviz.audio import load
from audioviz.audio.hearing.activations import STEPS_PER_SECOND, steps_to_seconds
from audioviz.audio.hearing.beat_this import BeatThis, frames_to_steps, probabilities
from audioviz.audio.reading.beats_model import check_beats_model, load_network
from audioviz.audio.reading.blocks import RATE
from audioviz.command.main import cli
from audioviz.errors import InputError
from audioviz.project import SongFile

STEP = 1 / STEPS_PER_SECOND
SMALL = {"transformer_dim": 32, "n_layers": 1}
needs_library = pytest.mark.skipif(find_spec("beat_this") is None, reason="an extra: pip install 'audioviz[beats]'")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Each test has a cache of its own, for networks of one name differ here."""
    monkeypatch.setenv("AUDIOVIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def song(tmp_path):
    """Eight seconds with a tick at each 0.4 s, of which each third one is loud."""
    t = np.arange(8 * RATE) / RATE
    loud = np.where(np.floor(t / 0.4) % 3 == 0, 0.8, 0.2)
    soundfile.write(tmp_path / "song.wav", loud * np.sin(2 * np.pi * 300 * t) * np.exp(-(t % 0.4) * 30), RATE)
    return tmp_path / "song.wav"


def checkpoint(torch, path, *, seed=0, **changes):
    """A file such as those that are published, of a small network with weights by chance."""
    from beat_this.model.beat_tracker import BeatThis as Network  # pyright: ignore[reportMissingImports]

    torch.manual_seed(seed)
    weights = {f"model.{name}": value for name, value in Network(**SMALL).state_dict().items()}
    content = {
        "state_dict": weights,
        "hyper_parameters": SMALL | {"lr": 0.1, "fps": 50},
        "datamodule_hyper_parameters": {},
    }
    torch.save(content | changes, path)
    return path


def peaks_at(torch, beats, downbeats):
    """A network that hears what it is told, whatever it is given: frames of beats and of downbeats."""

    def network(frames):
        logits = torch.full((2, 1, frames.shape[1]), -8.0)
        for row, at in zip(logits, (beats, downbeats)):
            row[0, torch.tensor(at) + 6] = 4.0  # after the frames that are heard besides
        return {"beat": logits[0], "downbeat": logits[1]}

    return network


def heard(ear, samples):
    """The pulse of samples, which come in uneven blocks."""
    blocks = list(ear.overheard(np.split(samples, [100, 30_000])))
    assert np.array_equal(np.concatenate(blocks), samples)
    return ear.pulse(max(1, round(len(samples) / RATE * STEPS_PER_SECOND)))


def test_each_frame_lands_on_its_nearest_step():
    frames = np.linspace(0.1, 1, 2 * 1000, dtype=np.float32).reshape(2, -1)
    pulse = frames_to_steps(frames, round(20 * STEPS_PER_SECOND))
    assert pulse.dtype == np.float32 and pulse.shape == (2, 1723)
    for row, told in zip(pulse, frames):
        steps = np.flatnonzero(row)
        assert np.array_equal(row[steps], told)
        assert np.abs(steps_to_seconds(steps) - np.arange(1000) / 50).max() < STEP / 2 * 1.001
    late = frames_to_steps(frames, 3)  # what lies beyond the last step is not lost
    assert late[:, -1] == pytest.approx(frames[:, -1]) and frames_to_steps(frames, 1).shape == (2, 1)


def test_a_peak_of_the_network_lies_where_it_was_heard(torch):
    pulse = heard(BeatThis(peaks_at(torch, [500], [250])), np.zeros(12 * RATE, np.float32))
    for row, seconds in zip(pulse, (10.0, 5.0)):
        assert row.max() > 0.98 and np.sum(row > 0.5) == 1
        assert steps_to_seconds(row.argmax()) == pytest.approx(seconds, abs=STEP)


@pytest.mark.parametrize("seconds", [0.0, 0.02, 10.0, 29.9, 41.23])
def test_a_click_is_heard_when_it_sounds(seconds):
    sound = np.zeros(45 * RATE, np.float32)
    sound[round(seconds * RATE)] = 1
    pulse = heard(BeatThis(lambda frames: {"beat": frames.mean(-1), "downbeat": -frames.mean(-1)}), sound)
    assert steps_to_seconds(pulse[0].argmax()) == pytest.approx(seconds, abs=0.01 + STEP)


@pytest.mark.parametrize("samples", [1, 300, 700, 5000, 30 * RATE + 17])
def test_the_network_is_shown_the_frames_that_it_was_trained_on(torch, samples):
    """By torch's own transform, which torchaudio calls in the library's `LogMelSpect`."""
    shown, sound = [], np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    heard(BeatThis(lambda x: shown.append(x[0, 6:-6].numpy()) or {"beat": x[..., 0], "downbeat": x[..., 0]}), sound)
    around = torch.from_numpy(np.pad(sound, 512, "reflect"))
    window = torch.hann_window(1024)
    bins = (
        torch.stft(around, 1024, 441, window=window, center=False, normalized=True, return_complex=True).abs().numpy()
    )
    filters = mel(sr=RATE, n_fft=1024, n_mels=128, fmin=30, fmax=11_000, norm=None)
    expected = np.log1p(1000 * filters @ bins).T
    assert len(expected) == samples // 441 + 1
    assert shown[-1] == pytest.approx(expected[: len(shown[-1])], abs=1e-4)
    assert shown[0][-1] == pytest.approx(expected[-1], abs=1e-4)


@needs_library
def test_long_songs_are_heard_piece_by_piece_as_the_library_does(torch, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))  # which it imports for its files
    from beat_this.inference import split_predict_aggregate  # pyright: ignore[reportMissingImports]

    def network(x):  # what it tells hangs on where a piece begins
        return {"beat": x.mean(-1).cumsum(1), "downbeat": x[..., 0].cumsum(1)}

    for count in (1, 15, 1487, 1488, 1489, 1500, 2976, 4001):
        frames = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (count, 128)).astype(np.float32))
        theirs = split_predict_aggregate(frames, 1500, 6, "keep_first", network)
        expected = torch.sigmoid(torch.stack([theirs["beat"], theirs["downbeat"]])).numpy()
        assert probabilities(network, frames.numpy()) == pytest.approx(expected, abs=1e-6)


@needs_library
def test_a_song_is_heard_with_weights_by_chance(torch, song, tmp_path):
    files = [checkpoint(torch, tmp_path / f"{seed}.ckpt", seed=seed) for seed in (0, 1)]
    assert load_network(files[0])(torch.zeros(1, 50, 128))["beat"].shape == (1, 50)
    songs = [av.load_song(song, beats_model=file) for file in (*files, *files)]
    assert [len(one.onsets) for one in songs] == [len(av.load_song(song).onsets)] * 4
    for first, again in zip(songs[:2], songs[2:]):
        assert np.array_equal(first.beats.seconds, again.beats.seconds)


def test_beats_and_bars_are_those_of_the_network_and_can_be_corrected(torch, song, tmp_path, monkeypatch):
    beats = range(0, 400, 20)
    networks = {"beat_this": peaks_at(torch, beats, beats[1::3]), "other.ckpt": peaks_at(torch, beats[::2], beats[::8])}
    (tmp_path / "other.ckpt").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load, "load_network", networks.__getitem__)
    own = av.load_song(song)
    for _ in range(2):
        found, other = av.load_song(song, beats_model="beat_this"), av.load_song(song, beats_model="other.ckpt")
        assert found.tempo == pytest.approx(150, rel=0.01) and found.beats_per_bar == 3
        assert found.beats.seconds == pytest.approx(np.arange(20) * 0.4, abs=0.03)
        assert found.downbeats.seconds == pytest.approx(np.arange(20)[1::3] * 0.4, abs=0.03)
        assert other.tempo == pytest.approx(75, rel=0.01)
        assert av.load_song(song).tempo == own.tempo
        networks.clear()  # now all is in the cache, and none is mistaken for another
    corrected = av.load_song(song, beats_model="beat_this", grid=av.Grid(first_downbeat="2b", beat_offset=40))
    assert corrected.downbeats.seconds == pytest.approx(np.arange(20)[2::3] * 0.4 + 0.04, abs=0.03)
    for one, same in ((found.onset, own.onset), (found.rms, own.rms)):
        assert np.array_equal(one.values, same.values)
    (tmp_path / "other.ckpt").write_bytes(b"another")
    with pytest.raises(KeyError):  # a file with other content is another model
        av.load_song(song, beats_model="other.ckpt")


@needs_library
def test_weights_are_fetched_once_to_where_the_library_looks(torch, tmp_path, monkeypatch, capsys):
    asked = []

    def fetch(url, place, progress):
        asked.append(url)
        checkpoint(torch, place)

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    for _ in range(2):
        assert not load_network("beat_this").training
    assert asked == ["https://cloud.cp.jku.at/public.php/dav/files/7ik4RrBKTS273gp/final0.ckpt"]
    assert [path.name for path in tmp_path.rglob("*.ckpt")] == ["beat_this-final0.ckpt"]
    assert capsys.readouterr().out == ""
    next(tmp_path.rglob("*.ckpt")).write_bytes(b"half")
    with pytest.raises(InputError, match="beat_this-final0.ckpt: no whole checkpoint .*: remove it, so that"):
        load_network("beat_this")


@needs_library
def test_without_a_network_one_line_says_what_to_do(torch, tmp_path, monkeypatch):
    def fetch(url, place, progress):
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(
        InputError, match=r"cannot be fetched \(.*name resolution.*final0.ckpt elsewhere and give"
    ) as error:
        load_network("beat_this")
    assert "\n" not in str(error.value)


class Trap:
    """What a pickle would run."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was run')",))


@needs_library
@pytest.mark.parametrize(
    "changes",
    [{"state_dict": {}}, {"hyper_parameters": {"n_layers": 2}}, {"hyper_parameters": 7}, {"datamodule": Trap()}],
    ids=["no weights", "another shape", "no parameters", "a pickle"],
)
def test_a_wrong_file_is_one_line(torch, tmp_path, changes):
    with pytest.raises(InputError, match="a.ckpt: no whole checkpoint of beat_this") as error:
        load_network(checkpoint(torch, tmp_path / "a.ckpt", **changes))
    assert "\n" not in str(error.value)


def test_a_name_that_is_no_file_is_refused(song):
    with pytest.raises(InputError, match="beats model beat_thus: there is no such file; expected beat_this, or"):
        av.load_song(song, beats_model="beat_thus")
    check_beats_model("beat_this")
    check_beats_model(song)


def test_without_the_library_one_line_says_how_to_install_it(song, monkeypatch):
    monkeypatch.setitem(sys.modules, "beat_this", None)
    with pytest.raises(InputError, match=r"pip install 'audioviz\[beats\]'") as error:
        cli.main(["analyze", str(song), "--beats-model", "beat_this"], standalone_mode=False)
    assert "\n" not in str(error.value)


def test_nothing_of_it_is_imported_unasked(song):
    code = (
        f"import sys, audioviz as av; av.load_song({str(song)!r}, cache=False)\n"
        "print(*{'torch', 'beat_this'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_project_keeps_it(torch, song, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load, "load_network", lambda source: peaks_at(torch, range(0, 400, 25), range(0, 400, 100)))
    (tmp_path / "mine.ckpt").touch()
    (tmp_path / "beat_this").mkdir()  # as where the library was cloned: a name all the same
    for source, kept in (("beat_this", "beat_this"), ("mine.ckpt", "../mine.ckpt")):
        (tmp_path / "there").mkdir(exist_ok=True)
        options = ["--beats-model", source, "--save", "there/song.avz"]
        cli.main(["schedule", "song.wav", *options], standalone_mode=False)
        assert json.loads((tmp_path / "there/song.avz").read_text())["song"]["beats_model"] == kept
        project = av.load_project("there/song.avz")
        assert check_beats_model(project.song.beats_model or "") is None
        cli.main(["analyze", "there/song.avz", "--json", "heard.json"], standalone_mode=False)
        assert json.loads((tmp_path / "heard.json").read_text())["tempo"] == pytest.approx(120, rel=0.01)
    assert av.Project(SongFile(song)).song.beats_model is None
    with pytest.raises(InputError, match=r"mine.ckpt: would overwrite what is read"):
        cli.main(["analyze", "there/song.avz", "--json", "mine.ckpt"], standalone_mode=False)
