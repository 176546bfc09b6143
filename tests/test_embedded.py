"""The embedded model: what ships is small, whole and loadable, and does as its prompt says; its drawings repeat."""

import hashlib
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import audioviz as av
from audioviz.models.plain.text import load_tokenizer
from audioviz.sampling import ksampler

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "audioviz" / "models" / "embedded"


@pytest.fixture(autouse=True)
def _examples(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")


@pytest.fixture(scope="module")
def model():
    return av.load_model("embedded")


def make(model, prompt, *, seed=3, cfg=3.0, steps=1, size=(256, 256)):
    """A picture in 0..1, float (height, width, 3)."""
    texts = model.encode_text(prompt), model.encode_text("")
    own = model.defaults
    latent = ksampler(model.denoiser, seed, steps, cfg, own.sampler, own.scheduler, *texts, model.empty_latent(size))
    return model.decode(latent) / 255


@cache
def scene_of(pattern, seed, view=""):
    from embedded_model.drawings import sketch

    rng = np.random.default_rng(seed)
    return sketch(pattern, rng, view=view), rng


def draw(pattern, palette, seed, *, view="", look="", each=1):
    """A drawing, float (512, 512, 3), 0..255; or each second, third ... point of it alone is painted."""
    from embedded_model.paint import finish_by_chance, paint

    scene, rng = scene_of(pattern, seed, view)
    fields = (torch.from_numpy(field[::each, ::each].copy())[None] for field in (scene.tone, scene.light))
    finish = finish_by_chance(palette, look, deepcopy(rng))
    return 255 * paint(*fields, [finish])[0].permute(1, 2, 0).numpy()


def test_folder_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 40e6


def test_card_names_the_weights_that_are_there():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    weights = sorted(FOLDER.rglob("*.safetensors"))
    assert len(weights) == 3
    for path in weights:
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(FOLDER).as_posix()}" in card


def test_no_pickles():
    assert {path.suffix for path in FOLDER.rglob("*") if path.is_file()} <= {".safetensors", ".json", ".txt", ".md"}


def test_it_is_what_its_settings_say(model):
    assert model.autoencoder.factor == 16 and model.denoiser.channels == 16 and model.denoiser.distilled
    assert model.defaults.size == 512 and model.defaults.steps == 2
    assert model.denoiser.prediction_type == "v_prediction"


def test_words_of_the_captions_are_single_tokens_and_any_text_is_tokens():
    tokenizer = load_tokenizer(FOLDER / "tokenizer")
    for word in ("nebula", "mandala", "stained", "emerald", "golden", "fireworks", "chrome"):
        assert len(tokenizer.tokenize(word)) == 1
    odd = tokenizer.backend_tokenizer.encode("naïve 日本 🎵 zqxv").ids
    assert tokenizer.backend_tokenizer.decode(odd).replace("</w>", "") == "naïve日本🎵zqxv"


def test_autoencoder_rebuilds_a_drawing_and_its_edges(model):
    drawn = torch.from_numpy(draw("marble", "gold", 5)).permute(2, 0, 1)[None] / 127.5 - 1
    made = model.autoencoder.decode(model.autoencoder.encode(drawn)).clamp(-1, 1)
    assert -10 * np.log10(((made - drawn) / 2).square().mean().item()) > 25

    steepness = [picture.diff(dim=-1).abs().mean() for picture in (made, drawn)]
    assert 0.6 < steepness[0] / steepness[1] < 1.3


def test_pictures_have_contrast_and_the_colours_asked_for(model):
    fire, ocean = make(model, "fire nebula"), make(model, "ocean nebula")
    assert fire.std() > 0.1 and ocean.std() > 0.1
    (fire_red, _, fire_blue), (ocean_red, _, ocean_blue) = fire.mean((0, 1)), ocean.mean((0, 1))
    assert fire_red > fire_blue + 0.1
    assert ocean_blue > ocean_red + 0.1


def test_a_wide_picture_is_one_picture(model):
    wide = make(model, "sunset horizon", size=(512, 288))
    assert wide.shape == (288, 512, 3) and wide.std() > 0.1


@pytest.mark.parametrize("denoise", [0.15, 0.5])
def test_frames_made_from_each_other_neither_blur_nor_harden(model, denoise):
    own = model.defaults
    texts = model.encode_text("fire flames"), model.encode_text("")
    latent, steep = model.empty_latent((128, 128)), []
    for frame in range(40):
        share = denoise if frame else 1.0
        latent = ksampler(
            model.denoiser, frame, own.steps, own.cfg, own.sampler, own.scheduler, *texts, latent, denoise=share
        )
        steep.append(latent.diff(dim=-1).abs().mean().item())
    assert 0.5 < np.mean(steep[-5:]) / np.mean(steep[1:6]) < 1.6


def test_frames_made_from_each_other_under_the_same_noise_keep_their_contrast(model):
    own, stds = model.defaults, []
    texts, latent = (model.encode_text("fire flames"), model.encode_text("")), model.empty_latent((192, 192))
    for frame in range(30):
        denoise = 0.4 if frame else 1.0
        latent = ksampler(
            model.denoiser, 1, own.steps, own.cfg, own.sampler, own.scheduler, *texts, latent, denoise=denoise
        )
        stds.append(latent.std().item())
    assert 0.7 < stds[-1] / np.mean(stds[2:8]) < 1.6


def test_same_seed_same_picture(model):
    assert np.array_equal(make(model, "gold mandala"), make(model, "gold mandala"))


def test_drawings_have_shape_and_contrast_and_differ_in_every_pattern_and_palette():
    from embedded_model.drawings import PATTERNS
    from embedded_model.paint import PALETTES

    palettes = list(PALETTES)
    assert len(PATTERNS) >= 48 and len(palettes) >= 20
    for index, pattern in enumerate(PATTERNS):
        palette = palettes[index % len(palettes)]
        picture, other = (draw(pattern, palette, seed, each=4) for seed in (index, index + 1))
        assert picture.shape == (128, 128, 3)
        assert picture.std() > 12 and np.abs(picture - other).mean() > 2, pattern


def test_drawings_are_deterministic():
    from embedded_model.drawings import PATTERNS

    for pattern in list(PATTERNS)[::6]:
        picture = draw(pattern, "neon", 1)
        scene_of.cache_clear()
        assert picture.shape == (512, 512, 3) and np.array_equal(picture, draw(pattern, "neon", 1))


def test_palettes_differ():
    from embedded_model.paint import PALETTES

    colours = [
        np.concatenate([draw(pattern, palette, 1, each=8).mean((0, 1)) for pattern in ("marble", "clouds")])
        for palette in PALETTES
    ]
    distances = [np.linalg.norm(a - b) for index, a in enumerate(colours) for b in colours[:index]]
    assert min(distances) > 10


def test_views_and_looks_mean_something():
    def detail(picture):
        return np.abs(np.diff(picture, axis=1)).mean()

    def drawn(pattern, **named):
        return draw(pattern, "rose", 1, **named)

    assert drawn("marble", look="bright").mean() > drawn("marble", look="dark").mean() + 30
    assert (
        detail(drawn("tiles", look="soft")) < 0.7 * detail(drawn("tiles")) < 0.7 * detail(drawn("tiles", look="sharp"))
    )
    assert detail(drawn("stars", view="sparse")) < 0.9 * detail(drawn("stars", view="dense"))
    assert detail(drawn("tiles", view="close")) < 0.8 * detail(drawn("tiles", view="far"))
    assert drawn("flames", look="glowing").mean() > drawn("flames").mean()
    for pattern in ("city", "nebula"):
        picture = drawn(pattern, look="symmetrical")
        assert np.abs(picture - picture[:, ::-1]).max() <= 1


def test_a_word_that_names_a_colour_acts_as_one_beside_another_kind():
    from embedded_model.captions import caption
    from embedded_model.labels import Label

    texts = [caption(Label("nebula", "moss"), np.random.default_rng(seed))[0] for seed in range(400)]
    assert any(text.startswith("forest nebula") or "forest coloured nebula" in text for text in texts)
    texts = [caption(Label("forest", "moss"), np.random.default_rng(seed))[0] for seed in range(400)]
    assert not any("forest forest" in text for text in texts)


def test_captions_tell_what_is_drawn_in_words_of_the_vocabulary():
    from embedded_model import captions

    rng = np.random.default_rng(3)
    known = set(captions.vocabulary())
    told = [captions.caption(captions.Label("city", "neon", "far"), rng) for _ in range(200)]
    assert {label.pattern for _, label in told} == {"city", ""} and {label.palette for _, label in told} == {"neon", ""}
    texts = [text for text, _ in told]
    assert len(set(texts)) > 120
    for word in ("cyberpunk", "skyline", "electric", "distant"):
        assert word in known and any(word in text for text in texts)
