"""Real architectures with random weights, in the layout of the real checkpoints, against diffusers' own code."""

import shutil

import numpy as np
import pytest
import torch

from audioviz.errors import AudiovizError, InputError, ModelError
from audioviz.models import load_model
from audioviz.sampling.guidance import guided
from tests.checkpoints import tiny_pipeline


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def checkpoint(request, tmp_path_factory):
    """A tiny Stable Diffusion folder, and the pipeline that was saved there."""
    root = tmp_path_factory.mktemp("checkpoint")
    pipeline = tiny_pipeline(root, prediction_type=request.param)
    pipeline.save_pretrained(root / "model", safe_serialization=True)
    return root / "model", pipeline


def relative_error(ours, theirs) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def test_text_is_encoded_as_diffusers_does(checkpoint):
    folder, pipeline = checkpoint
    ours = load_model(folder).encode_text("gold mandala").embeddings
    theirs, _ = pipeline.encode_prompt("gold mandala", "cpu", 1, False)
    assert ours.shape == (1, 77, 32) and relative_error(ours, theirs) < 1e-6


def test_one_guided_call_agrees_with_diffusers(checkpoint):
    folder, pipeline = checkpoint
    model = load_model(folder)
    guidance = model.guidance("gold mandala", "grey")
    generator = torch.Generator().manual_seed(1)
    timestep = 600
    sigma = model.denoiser.sigmas[timestep]
    x = torch.randn(1, 4, 8, 8, generator=generator) * (1 + sigma**2).sqrt()
    ours = guided(model.denoiser, x, sigma[None], guidance, 5.0)
    scaled = x / (1 + sigma**2).sqrt()
    text = torch.cat([pipeline.encode_prompt(t, "cpu", 1, False)[0] for t in ("grey", "gold mandala")])
    with torch.no_grad():
        unconditional, conditional = pipeline.unet(
            scaled.repeat(2, 1, 1, 1), timestep, encoder_hidden_states=text
        ).sample.chunk(2)
    pipeline.scheduler.set_timesteps(1000)
    found = unconditional + 5.0 * (conditional - unconditional)
    theirs = pipeline.scheduler.step(found, timestep, scaled).pred_original_sample
    assert relative_error(ours, theirs) < 1e-5


def test_a_latent_is_decoded_as_diffusers_does(checkpoint):
    folder, pipeline = checkpoint
    latent = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(2))
    ours = load_model(folder).decode(latent)
    with torch.no_grad():
        picture = pipeline.vae.decode(latent).sample
    theirs = pipeline.image_processor.postprocess(picture, output_type="np")[0]
    assert ours.shape == (64, 96, 3) and ours.dtype == np.uint8
    assert np.abs(ours / 255 - theirs).max() <= 0.51 / 255


def test_the_digest_is_of_the_weights_and_not_of_their_place(checkpoint, tmp_path):
    folder, _ = checkpoint
    shutil.copytree(folder, tmp_path / "copy")
    assert load_model(folder).digest == load_model(tmp_path / "copy").digest
    changed = tiny_pipeline(tmp_path)
    with torch.no_grad():
        changed.unet.conv_out.bias += 1
    changed.save_pretrained(tmp_path / "changed")
    assert load_model(tmp_path / "changed").digest != load_model(folder).digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu': use auto, cpu"),
        ({"dtype": "int4"}, "unknown dtype 'int4'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        load_model("embedded", **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said():
    with pytest.raises(InputError, match="device cuda is not there on this machine"):
        load_model("embedded", device="cuda")


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "file.safetensors").write_bytes(b"x" * 100)
    for source, message in (
        (tmp_path, "has no model_index.json"),
        (tmp_path / "file.safetensors", "no whole .safetensors"),
        (tmp_path / "gone", "there is no such file or folder"),
        ("dream", "there is no such file or folder"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            load_model(source)
        assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused(tmp_path):
    tiny_pipeline(tmp_path).save_pretrained(tmp_path / "model", safe_serialization=False)
    with pytest.raises(ModelError, match="its weights are pickled, .* convert them: python -c"):
        load_model(tmp_path / "model")


def test_an_id_without_a_network_is_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelError, match="audioviz-tests/none: is not on this disk, and the hub cannot be reached"
    ) as caught:
        load_model("audioviz-tests/none")
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_words_is_noticed(checkpoint, tmp_path):
    shutil.copytree(checkpoint[0], tmp_path / "model")
    for file in (tmp_path / "model" / "tokenizer").iterdir():
        if file.name != "tokenizer_config.json":
            file.unlink()
    with pytest.raises(ModelError, match="its tokenizer knows no words|cannot be loaded"):
        load_model(tmp_path / "model")


def test_a_broken_checkpoint_is_one_line(checkpoint, tmp_path):
    folder, _ = checkpoint
    shutil.copytree(folder, tmp_path / "model")
    weights = tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(AudiovizError, match="cannot be loaded"):
        load_model(tmp_path / "model")
