"""Renders with pictures that float16 spoils: they go on from the last chunk, to what they had been from the start."""

import warnings
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from torch import nn

import audioviz as av
import audioviz.rendering.make as making
import audioviz.rendering.prepare as preparing
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ModelError
from audioviz.models.autoencoder import Autoencoder
from audioviz.models.denoisers.inpainting import Inpainting, mask_before
from audioviz.models.speed.compiled import compiled
from audioviz.schedule.prompt import Prompt
from audioviz.video.chunks import sha256_of
from tests.containers import ffmpeg
from tests.mini import mini_model
from tests.models import FakeVae, fake_model

FRAMES = 30
DIM, WHITE = "a" * 4, "a" * 60  # drawn about their length / 20, in the model's units
LIMIT = 10.0  # what a latent may be in the mean, in the autoencoder's units


class Narrow(nn.Module):
    """A decoder or an encoder that gives no numbers, in some types, of latents whose mean is `spoils`."""

    def __init__(self, *, narrow=(torch.float16,), spoils=lambda mean: mean > LIMIT, way="decode", most=10**9):
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.float16), False)
        self.narrow, self.spoils, self.way, self.most = narrow, spoils, way, most

    dtype = property(lambda self: self.weight.dtype)
    device = property(lambda self: self.weight.device)

    def decode(self, latent):
        if latent.shape[-1] > self.most:
            raise MemoryError
        picture = FakeVae().decode(latent.float() / 6).sample
        return SimpleNamespace(sample=self._made("decode", picture, latent))

    def encode(self, picture):
        cells = FakeVae().encode(picture.float())["latents"] * 6
        return SimpleNamespace(latents=self._made("encode", cells, cells))

    def _made(self, way, made, latent):
        if way != self.way or self.dtype not in self.narrow:
            return made
        return torch.where(self.spoils(latent.float().mean((1, 2, 3), keepdim=True)), torch.nan, made)


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * FRAMES // 12), 22050)
    return av.load_song(path, fps=12)


@pytest.fixture(autouse=True)
def short_chunks(unjoined, monkeypatch):
    monkeypatch.setattr(making, "CHUNK_SECONDS", 0.5)  # six frames


def model_with(*, watched=False, **narrow):
    model = fake_model()
    return replace(model, autoencoder=Autoencoder(Narrow(**narrow), model.denoiser.units, 8, watched=watched))


class Encoder(nn.Module):
    """Spoils pictures that are half as bright as white in float16: white ones of which half is to be drawn."""

    def forward(self, picture):
        half = (picture.dtype == torch.float16) & ((picture.float().mean((1, 2, 3), keepdim=True) - 0.5).abs() < 0.1)
        return torch.where(half, torch.nan, FakeVae().encode(picture.float())["latents"] * 6)


class Decoder(nn.Module):
    def forward(self, latent):
        return FakeVae().decode(latent.float() / 6).sample


class InParts(Narrow):
    """An autoencoder that can be compiled."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def encode(self, picture):
        return SimpleNamespace(latents=self.encoder(picture))

    def decode(self, latent):
        return SimpleNamespace(sample=self.decoder(latent))


def inpainting_model():
    """One that reads the rest of a picture beside its latents."""
    model = mini_model()
    autoencoder = Autoencoder(InParts(), model.denoiser.units, 8)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model.denoiser.unet.conv_in = nn.Conv2d(9, 8, 3, padding=1).requires_grad_(False)
    denoiser = replace(model.denoiser, inpainting=Inpainting(autoencoder, mask_before))
    return replace(model, denoiser=denoiser, autoencoder=autoencoder)


@pytest.fixture(scope="module")
def brightening(tmp_path_factory):
    """A video that is black, and from frame 15 on white."""
    path = tmp_path_factory.mktemp("init") / "init.mp4"
    films = [("-f", "lavfi", "-i", f"color={colour}:s=64x64:r=12:d=1.25") for colour in ("black", "white")]
    ffmpeg(*films[0], *films[1], "-filter_complex", "[0][1]concat=n=2", path)
    return path


def schedule(first=DIM, then=WHITE, **columns):
    """Runs of seven frames, of which those of the second half are bright; the camera moves all."""
    frame = np.arange(FRAMES)
    cut = frame % 7 == 0
    return av.Schedule(
        **{
            "seed": frame.astype(np.uint64),
            "denoise": np.where(cut, 1, 0.6),
            "interp": np.where(cut, 1, 0.9),
            "zoom": 1.2,
            "prompts": [f"0s: {first}", f"1.4s: {first}", f"1.6s: {then}"],
            "clock": Clock(Fraction(12), FRAMES),
        }
        | columns
    )


def render(song, model, out, plan=None, **options):
    """The sum of the video, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AudiovizWarning)
        av.render(song, plan or schedule(), model=model, out=out, progress=False, **options)
    return sha256_of(out), [str(one.message) for one in said if issubclass(one.category, AudiovizWarning)]


@pytest.mark.parametrize(
    ("first", "options"),
    [
        (DIM, {}),
        (WHITE, {}),
        (DIM, {"batch": 3}),
        (WHITE, {"batch": 3}),
        (DIM, {"smooth": "2x"}),
        (WHITE, {"batch": 3, "resume": False}),
    ],
)
def test_a_spoilt_render_is_what_it_had_been_if_it_was_watched_from_the_start(song, tmp_path, first, options):
    plan = schedule(first)
    wanted, _ = render(song, model_with(watched=True), tmp_path / "wanted.mp4", plan, **options)
    found, said = render(song, model_with(), tmp_path / "found.mp4", plan, **options)
    assert found == wanted
    (note,) = [note for note in said if not note.startswith("batch")]
    assert "go beyond float16: pictures that this spoils are made again in float32" in note
    assert {path.name for path in tmp_path.iterdir()} == {"wanted.mp4", "found.mp4"}


@pytest.mark.parametrize("resume", [True, False])
def test_it_goes_on_from_its_last_chunk(song, tmp_path, resume):
    plain, spoilt = model_with(narrow=()), model_with()
    render(song, plain, tmp_path / "plain.mp4")
    render(song, spoilt, tmp_path / "spoilt.mp4", resume=resume)
    calls = len(plain.denoiser.calls)
    assert calls < len(spoilt.denoiser.calls) <= calls * (FRAMES + 6) / FRAMES


@pytest.mark.parametrize("batch", [1, 3])
def test_latents_that_are_spoilt_where_a_picture_is_encoded_are_made_again_too(song, tmp_path, batch):
    wanted, _ = render(song, model_with(way="encode", watched=True), tmp_path / "wanted.mp4", batch=batch)
    found, said = render(song, model_with(way="encode"), tmp_path / "found.mp4", batch=batch)
    assert found == wanted and "go beyond float16" in "".join(said)


@pytest.fixture(scope="module")
def a_mean_between_frames(song, tmp_path_factory):
    """The mean of a latent that is decoded for a picture between two frames."""
    out = tmp_path_factory.mktemp("means") / "means.mp4"

    def means(**options):
        seen = []
        model = model_with(spoils=lambda mean: seen.extend(mean.flatten().tolist()) or mean > 1e9)
        render(song, model, out, **options)
        return seen

    frames = means()
    between = [mean for mean in means(smooth="2x") if mean not in frames]
    return torch.tensor(between[len(between) // 2])


def test_pictures_between_frames_are_looked_at_too(song, a_mean_between_frames, tmp_path):
    one, out = a_mean_between_frames, tmp_path / "out.mp4"
    wanted, _ = render(song, model_with(spoils=lambda mean: mean == one, watched=True), out, smooth="2x")
    found, said = render(song, model_with(spoils=lambda mean: mean == one), out, smooth="2x")
    assert found == wanted and "go beyond float16" in "".join(said)


@pytest.mark.parametrize("smooth", [None, "2x"])
def test_a_render_that_was_killed_goes_on_to_the_same_video(song, tmp_path, monkeypatch, smooth):
    wanted, _ = render(song, model_with(watched=True), tmp_path / "wanted.mp4", smooth=smooth)
    finish_chunk, done = making.Work.finish_chunk, []

    def interrupted(*arguments):
        finish_chunk(*arguments)
        done.append(1)
        if len(done) == 4:  # whose last picture was spoilt
            raise KeyboardInterrupt

    monkeypatch.setattr(making.Work, "finish_chunk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        render(song, model_with(), tmp_path / "found.mp4", smooth=smooth)
    found, _ = render(song, model_with(), tmp_path / "found.mp4", smooth=smooth)
    assert found == wanted


@pytest.mark.parametrize(("batch", "zoom"), [(1, 1.2), (3, 1)])
def test_where_the_wider_type_is_spoilt_too_one_line_names_the_frame(song, tmp_path, batch, zoom):
    model = model_with(narrow=(torch.float16, torch.float32))
    with (
        pytest.warns(AudiovizWarning, match="go beyond float16"),
        pytest.raises(
            ModelError, match=r"^frame (1\d|2\d): the autoencoder gave values that are not numbers, in float16"
        ),
    ):
        av.render(song, schedule(zoom=zoom), model=model, out=tmp_path / "out.mp4", progress=False, batch=batch)
    assert [path.name for path in tmp_path.iterdir()] == ["out.audioviz"], "no video, but the work to go on from"
    found, _ = render(song, model_with(), tmp_path / "out.mp4", schedule(zoom=zoom), batch=batch)
    wanted, _ = render(song, model_with(narrow=()), tmp_path / "wanted.mp4", schedule(zoom=zoom), batch=batch)
    assert found == wanted


@pytest.mark.parametrize("batch", [1, 3])
def test_a_model_that_fails_is_not_taken_for_its_autoencoder(song, tmp_path, batch):
    model = replace(model_with(), denoiser=fake_model(nan_from_call=12).denoiser)
    with warnings.catch_warnings(), pytest.raises(ModelError, match="^frame .*: the model gave values"):
        warnings.simplefilter("error", AudiovizWarning)
        av.render(song, schedule(then=DIM), model=model, out=tmp_path / "out.mp4", progress=False, batch=batch)


def test_memory_that_lacks_and_a_spoilt_picture_in_one_render(song, tmp_path):
    plan = schedule(WHITE)
    _, said = render(song, model_with(most=7), tmp_path / "out.mp4", plan)
    assert sum("begun again in tiles" in note for note in said) == sum("beyond float16" in note for note in said) == 1


@pytest.mark.parametrize("memory", [10**9, 7])
def test_a_render_that_is_begun_again_says_its_notes_once(song, tmp_path, capsys, memory):
    lyrics = tmp_path / "late.lrc"
    lyrics.write_text("[10:00]late")
    plan = schedule(WHITE, prompts=[Prompt(0, WHITE, "ice")], in_picture=1)
    options = {"batch": 8, "cfg": 1, "lyrics": lyrics, "upscale": "2x"}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AudiovizWarning)
        av.render(song, plan, model=model_with(most=memory), out=tmp_path / "out.mp4", **options)
    notes = [str(one.message) for one in said]
    assert len(notes) == len(set(notes)) and sum("begun again" in note for note in notes) == (memory == 7)
    told = " ".join(notes)
    assert all(part in told for part in ("beyond float16", "negative prompts", "5 runs", "is sung from"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("audioviz: ")]
    assert [line.split(": ")[1] for line in lines] == ["fake", "MP4, h264"]


@pytest.mark.parametrize("compile", [False, True])
def test_what_an_inpainting_model_reads_is_made_again_too(song, tmp_path, brightening, monkeypatch, compile):
    monkeypatch.setattr(preparing, "compiled", partial(compiled, backend="eager"))
    mask = tmp_path / "mask.png"
    Image.fromarray(np.full((64, 64), np.arange(64) * 4, np.uint8)).save(mask)
    options = {"init": brightening, "mask": mask, "compile": compile}
    model = inpainting_model()
    model.autoencoder.watched = True
    wanted, _ = render(song, model, tmp_path / "wanted.mp4", schedule(zoom=1), **options)
    found, said = render(song, inpainting_model(), tmp_path / "found.mp4", schedule(zoom=1), **options)
    assert found == wanted and "go beyond float16" in "".join(said)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("types", [(torch.float16, torch.float32), (torch.float32,)])
def test_an_init_that_no_type_saves_is_named(song, tmp_path, brightening, batch, types):
    model = model_with(narrow=types, way="encode", spoils=lambda mean: mean > 5)
    model.autoencoder.module.to(types[0])
    named = "in float16 and in wider types" if len(types) > 1 else "in float32"
    with (
        warnings.catch_warnings(),
        pytest.raises(ModelError, match=f"^frame 15, its init: the autoencoder gave .* {named}: its weights"),
    ):
        warnings.simplefilter("ignore", AudiovizWarning)
        options = {"init": brightening, "batch": batch, "progress": False}
        av.render(song, schedule(zoom=1), model=model, out=tmp_path / "out.mp4", **options)


def test_a_picture_between_frames_that_no_type_saves_is_named(song, a_mean_between_frames, tmp_path):
    one = a_mean_between_frames
    model = model_with(narrow=(torch.float16, torch.float32), spoils=lambda mean: (mean - one).abs() < 2e-3)
    with (
        pytest.warns(AudiovizWarning, match="go beyond float16"),
        pytest.raises(ModelError, match=r"^a picture between frames \d+ and \d+: the autoencoder gave"),
    ):
        av.render(song, schedule(), model=model, out=tmp_path / "out.mp4", smooth="2x", progress=False)
