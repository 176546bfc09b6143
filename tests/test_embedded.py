"""The embedded model: what ships is small, whole and loadable, and does as its prompt says; its drawings repeat."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "audioviz" / "models" / "embedded"


@pytest.fixture
def drawings(monkeypatch):
    """The module that draws the training pictures."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    from embedded_model import drawings

    return drawings


@pytest.fixture
def captions(monkeypatch):
    """The module that puts drawings into words."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    from embedded_model import captions

    return captions


@pytest.fixture(scope="module")
def pipe():
    """The shipped folder as any user of diffusers would load it."""
    import torch
    from diffusers import StableDiffusionPipeline

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    pipe = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipe.set_progress_bar_config(disable=True)
    yield pipe
    torch.set_num_threads(threads)


def paint(pipe, prompts, *, seed=3, cfg=3.0):
    """Pictures in [0, 1], float (B, 256, 256, 3)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return pipe(prompts, num_inference_steps=8, guidance_scale=cfg, generator=generator, output_type="np").images


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


def test_loads_as_stable_diffusion(pipe):
    import torch

    assert pipe.unet.config.in_channels == pipe.vae.config.latent_channels
    assert pipe.vae_scale_factor == 16
    assert pipe.scheduler.config.prediction_type == "v_prediction"
    assert pipe.text_encoder.config.hidden_size == pipe.unet.config.cross_attention_dim
    assert {next(part.parameters()).dtype for part in (pipe.unet, pipe.vae, pipe.text_encoder)} == {torch.float32}


def test_words_of_the_captions_are_single_tokens_and_any_text_is_tokens(pipe):
    assert [len(pipe.tokenizer.tokenize(word)) for word in ("nebula", "mandala", "stained", "emerald", "golden")] == [
        1
    ] * 5
    odd = pipe.tokenizer("naïve 日本 🎵 zqxv").input_ids
    assert pipe.tokenizer.decode(odd, skip_special_tokens=True).replace(" ", "") == "naïve日本🎵zqxv"


def test_autoencoder_rebuilds_a_drawing(pipe, drawings):
    import torch

    picture = drawings.draw("plasma", "gold", np.random.default_rng(5))
    real = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        made = pipe.vae.decode(pipe.vae.encode(real).latents).sample.clamp(-1, 1)
    assert -10 * np.log10(((made - real) / 2).square().mean().item()) > 28


def test_pictures_have_contrast_and_the_colours_asked_for(pipe):
    fire, ocean = paint(pipe, ["fire nebula", "ocean nebula"])
    assert fire.std() > 0.1 and ocean.std() > 0.1
    (fire_red, _, fire_blue), (ocean_red, _, ocean_blue) = fire.mean((0, 1)), ocean.mean((0, 1))
    assert fire_red > fire_blue + 0.1
    assert ocean_blue > ocean_red + 0.1


def test_the_unet_obeys_the_guidance_that_it_is_told(pipe):
    weak, strong = (paint(pipe, ["fire nebula"], cfg=cfg)[0].mean((0, 1)) for cfg in (1.5, 6.0))
    assert strong[0] - strong[2] > weak[0] - weak[2] + 0.02


def test_same_seed_same_picture(pipe):
    assert np.array_equal(paint(pipe, "gold mandala"), paint(pipe, "gold mandala"))


def test_drawings_are_deterministic_and_differ(drawings):
    for pattern in drawings.PATTERNS:
        first, again, other = (drawings.draw(pattern, "neon", np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert np.abs(first.astype(int) - other).mean() > 2, pattern


def test_drawings_have_shape_and_contrast_in_every_pattern_and_palette(drawings):
    assert len(drawings.PATTERNS) >= 24 and len(drawings.PALETTES) >= 20
    palettes = list(drawings.PALETTES)
    for index, pattern in enumerate(drawings.PATTERNS):
        picture = drawings.draw(pattern, palettes[index % len(palettes)], np.random.default_rng(index))
        assert picture.shape == (256, 256, 3) and picture.dtype == np.uint8
        assert picture.std() > 12, pattern


def test_palettes_differ(drawings):
    colours = [
        np.concatenate(
            [drawings.draw(pattern, palette, np.random.default_rng(1)).mean((0, 1)) for pattern in ("marble", "dunes")]
        )
        for palette in drawings.PALETTES
    ]
    distances = [np.linalg.norm(a - b) for index, a in enumerate(colours) for b in colours[:index]]
    assert min(distances) > 15


def test_modifiers_mean_something(drawings):
    def drawn(pattern, modifier):
        return drawings.draw(pattern, "rose", np.random.default_rng(1), modifier=modifier).astype(float)

    def detail(picture):
        return np.abs(np.diff(picture, axis=1)).mean()

    assert drawn("marble", "bright").mean() > drawn("marble", "dark").mean() + 30
    assert (
        detail(drawn("crystal", "soft")) < 0.7 * detail(drawn("crystal", "")) < 0.6 * detail(drawn("crystal", "sharp"))
    )
    assert detail(drawn("tiles", "sparse")) < 0.8 * detail(drawn("tiles", "dense"))
    assert detail(drawn("spiral", "close")) < 0.8 * detail(drawn("spiral", "far"))
    assert drawn("flames", "glowing").mean() > drawn("flames", "").mean()
    for pattern in ("city", "nebula"):
        picture = drawn(pattern, "symmetrical")
        assert np.abs(picture - picture[:, ::-1]).max() <= 1


def test_captions_tell_what_is_drawn_in_words_of_the_vocabulary(captions):
    rng = np.random.default_rng(3)
    known = set(captions.vocabulary())
    told = [captions.caption(captions.Label("city", "neon", "far"), rng) for _ in range(200)]
    assert {label.pattern for _, label in told} == {"city", ""} and {label.palette for _, label in told} == {"neon", ""}
    texts = [text for text, _ in told]
    assert len(set(texts)) > 120
    for word in ("cyberpunk", "skyline", "electric", "distant"):
        assert word in known and any(word in text for text in texts)
