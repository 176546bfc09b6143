"""The embedded model without diffusers and transformers equals theirs to the bit; its first frame imports neither."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.load import EMBEDDED, _digest
from audioviz.models.pipeline import load_pipeline
from audioviz.models.plain.load import load_plain, plain_text
from audioviz.models.text import clip_text

ROOT = Path(__file__).parents[1]
HEAVY = [
    "accelerate",
    "compel",
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
def both():
    """The parts as plain loads them, and the pipeline of diffusers, both as `load_model` prepares them."""
    found = load_plain(EMBEDDED), load_pipeline(str(EMBEDDED), torch.float32)
    for parts in found:
        for part in (parts.unet, parts.vae, parts.text_encoder):
            part.eval().requires_grad_(False)
        parts.unet.to(memory_format=torch.channels_last)
        parts.vae.to(memory_format=torch.channels_last)
    return found


@pytest.mark.parametrize("text", TEXTS)
@torch.inference_mode()
def test_text_is_read_as_transformers_does(both, text):
    ours, theirs = both
    tokens = theirs.tokenizer(text, padding="max_length", truncation=True, max_length=32, return_tensors="pt").input_ids
    assert torch.equal(ours.tokenizer(text), tokens)
    assert ours.tokenizer.tokenize(text) == theirs.tokenizer.tokenize(text)
    assert torch.equal(plain_text(ours, text).embeddings, clip_text(theirs, text).embeddings)


@torch.inference_mode()
def test_weights_in_a_prompt_are_still_read(both):
    ours, theirs = both
    text = "(rose:1.3) glass"
    assert torch.equal(plain_text(ours, text).embeddings, clip_text(theirs, text).embeddings)


def test_the_vocabulary_and_the_training_schedule_are_the_same(both):
    ours, theirs = both
    assert ours.tokenizer.get_vocab() == theirs.tokenizer.get_vocab()
    assert torch.equal(ours.scheduler.betas, theirs.scheduler.betas)


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 8, 8), (3, 5, 4), (1, 7, 13)], ids=str)
@torch.inference_mode()
def test_networks_equal_those_of_diffusers(both, shape):
    ours, theirs = both
    batch, height, width = shape
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(batch, 16, height, width, generator=generator).to(memory_format=torch.channels_last)
    scales = torch.randn(batch, 64, generator=generator)
    text = clip_text(theirs, "neon aurora").embeddings.expand(batch, -1, -1)
    picture = torch.rand(batch, 3, 16 * height, 16 * width, generator=generator) * 2 - 1
    first, second = (
        parts.unet(x, torch.full((batch,), 600), encoder_hidden_states=text, timestep_cond=scales, return_dict=False)[0]
        for parts in both
    )
    assert torch.equal(first, second)
    assert torch.equal(ours.vae.decode(x).sample, theirs.vae.decode(x).sample)
    assert torch.equal(ours.vae.encode(picture).latents, theirs.vae.encode(picture).latents)


def test_the_digest_is_that_of_diffusers_parts(both):
    ours, theirs = both
    assert load_model().digest == _digest(ours) == _digest(theirs)


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

    def run() -> str:
        return subprocess.run(
            [
                sys.executable,
                "-c",
                check,
                "render",
                ROOT / "examples" / "song.ogg",
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

    run()  # hears the song, for which librosa is needed once
    assert run().splitlines()[-1] == "imported:"
    assert (tmp_path / "x.mp4").stat().st_size > 0
