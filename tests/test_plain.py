"""The embedded model's own networks: its text is read as transformers does; its first frame imports nothing heavy."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from transformers import CLIPTextModel, CLIPTokenizer

import audioviz as av
from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.denoisers.sinusoidal import guidance_scale_embedding
from audioviz.models.denoisers.unet import stable_diffusion_betas
from audioviz.models.load import EMBEDDED
from audioviz.models.plain.load import load_plain, plain_text
from audioviz.models.text.encoders import clip_text
from audioviz.sampling.guidance import guided

ROOT = Path(__file__).parents[1]
HEAVY = [
    "accelerate",
    "diffusers",
    "librosa",
    "matplotlib",
    "moviepy",
    "peft",
    "scipy.stats",
    "sklearn",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "torchsde",
    "transformers",
]
TEXTS = [
    "neon aurora",
    "",
    " a  DARK\tNebula, 4k!",
    "It's naïve 日本 🎵 zqxv",
    "<|endoftext|> rose",
    "rose glass " * 40,
]


@pytest.fixture(scope="module")
def parts():
    return load_plain(EMBEDDED)


@pytest.fixture(scope="module")
def theirs():
    """The text's tokenizer and encoder as transformers loads them."""
    encoder = CLIPTextModel.from_pretrained(EMBEDDED / "text_encoder", dtype=torch.float32)
    return SimpleNamespace(
        tokenizer=CLIPTokenizer.from_pretrained(EMBEDDED / "tokenizer"),
        text_encoder=encoder.eval(),
        maybe_convert_prompt=lambda text, tokenizer: text,
    )


@pytest.mark.parametrize("text", TEXTS)
@torch.inference_mode()
def test_text_is_read_as_transformers_does(parts, theirs, text):
    tokens = theirs.tokenizer(text, padding="max_length", truncation=True, max_length=32, return_tensors="pt").input_ids
    assert torch.equal(parts.tokenizer(text), tokens)
    assert parts.tokenizer.tokenize(text) == theirs.tokenizer.tokenize(text)
    assert torch.equal(plain_text(parts, text).embeddings, clip_text(theirs, text).embeddings)


@torch.inference_mode()
def test_weights_in_a_prompt_are_still_read(parts, theirs):
    text = "(rose:1.3) glass"
    assert torch.equal(plain_text(parts, text).embeddings, clip_text(theirs, text).embeddings)


def test_the_vocabulary_and_the_training_schedule_are_the_same(parts, theirs):
    assert parts.tokenizer.get_vocab() == theirs.tokenizer.get_vocab()
    assert np.allclose(parts.scheduler.betas, stable_diffusion_betas(), rtol=1e-6)


def predicted(parts, x, *, timestep=600, scale=3.0):
    """What the UNet says of x, of one text."""
    text = plain_text(parts, "neon aurora").embeddings.expand(len(x), -1, -1)
    told = guidance_scale_embedding(torch.full((len(x),), scale), 64)
    return parts.unet(x, torch.full((len(x),), timestep), encoder_hidden_states=text, timestep_cond=told)[0]


@pytest.mark.parametrize("shape", [(32, 32), (18, 32), (9, 16), (5, 4), (7, 13)], ids=str)
@torch.inference_mode()
def test_networks_take_every_shape_and_each_row_alone(parts, shape):
    height, width = shape
    x = torch.randn(3, 16, height, width, generator=torch.Generator().manual_seed(4))
    together, alone = predicted(parts, x), torch.cat([predicted(parts, row[None]) for row in x])
    assert together.shape == x.shape
    assert torch.allclose(together, alone, atol=2e-5)
    pictures = parts.vae.decode(x).sample
    assert pictures.shape == (3, 3, 16 * height, 16 * width)
    assert parts.vae.encode(pictures).latents.shape == x.shape


@torch.inference_mode()
def test_cells_know_where_they_are_and_how_strong_the_guidance_is(parts):
    x = torch.zeros(1, 16, 16, 16)
    assert predicted(parts, x, timestep=900)[0].std((1, 2)).max() > 0.01
    assert not torch.allclose(predicted(parts, x, scale=1.0), predicted(parts, x, scale=6.0), atol=1e-3)


def test_nothing_can_be_added_to_it(tmp_path):
    with pytest.raises(ModelError, match=r"model embedded: takes no x\.safetensors.*expected another --model"):
        load_model(controlnet="x.safetensors")


def test_it_computes_in_other_types_too():
    model = load_model(dtype="bfloat16")
    assert model.denoiser.dtype == model.autoencoder.dtype == torch.bfloat16
    whole = load_model()
    x, sigma = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(1)), torch.ones(1)
    rough, fine = (guided(m.denoiser, x, sigma, m.guidance("neon aurora"), 3.0) for m in (model, whole))
    assert (rough - fine).norm() < 0.03 * fine.norm()


def test_loading_draws_nothing_at_random():
    before = torch.get_rng_state()
    load_plain(EMBEDDED)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_damaged_folder_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="model embedded: cannot be loaded") as caught:
        load_plain(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_first_frame_imports_nothing_heavy(tmp_path):
    check = f"""
import sys
import os
from audioviz.command import main
leave = os._exit
main.leave = lambda status: None
main.main()
print("imported:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    song = tmp_path / "song.wav"
    soundfile.write(song, np.sin(np.arange(22050) / 9), 22050)

    def run() -> str:
        return subprocess.run(
            [
                sys.executable,
                "-c",
                check,
                "render",
                song,
                "--duration",
                "0.1",
                "--size",
                "64x64",
                "--steps",
                "1",
                "-o",
                tmp_path / "x.mp4",
                "--no-resume",
            ],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout

    av.load_song(song)  # librosa is needed once, to hear it
    assert run().splitlines()[-1] == "imported:"
    assert (tmp_path / "x.mp4").stat().st_size > 0
