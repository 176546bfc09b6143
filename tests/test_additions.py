"""LoRA files, textual inversions and other autoencoders act as in diffusers' own pipelines, and only where they fit."""

import copy

import pytest
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline, StableDiffusionXLPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from audioviz.errors import InputError, ModelError
from audioviz.models import load_model
from audioviz.models.additions.loading import other_vae
from audioviz.models.sources import split_weight
from audioviz.sampling.guidance import guided
from tests.originals import VAE, original_checkpoint

X, SIGMA = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)), torch.tensor([0.8])


@pytest.fixture(scope="module")
def loras(families, tmp_path_factory):
    """A LoRA file for each of two families."""
    root = tmp_path_factory.mktemp("loras")
    for name, kind in (("sd1", StableDiffusionPipeline), ("sdxl", StableDiffusionXLPipeline)):
        unet = copy.deepcopy(families(name)[1].unet)
        unet.add_adapter(LoraConfig(r=2, init_lora_weights="gaussian", target_modules=["to_q", "to_k", "to_v"]))
        with torch.random.fork_rng():
            torch.manual_seed(4)
            weights = {key: torch.randn_like(value) * 0.2 for key, value in get_peft_model_state_dict(unet).items()}
        kind.save_lora_weights(root, unet_lora_layers=weights, weight_name=f"{name}.safetensors")
    return root


def answer(model, words="gold mandala"):
    return guided(model.denoiser, X, SIGMA, model.guidance(words, "grey"), 3.0)


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_a_lora_acts_as_in_diffusers(families, loras, name):
    folder, _ = families(name)
    plain = load_model(folder)
    ours = load_model(folder, loras=[f"{loras / name}.safetensors:0.6"])
    kind = StableDiffusionPipeline if name == "sd1" else StableDiffusionXLPipeline
    pipeline = kind.from_pretrained(folder)
    pipeline.load_lora_weights(loras, weight_name=f"{name}.safetensors", adapter_name="style")
    pipeline.set_adapters("style", 0.6)
    guidance, scaled = ours.guidance("gold mandala"), X / (1 + SIGMA**2) ** 0.5
    timestep = (ours.denoiser.sigmas.log() - SIGMA.log()).abs().argmin()
    with torch.no_grad():
        output = pipeline.unet(
            scaled,
            timestep,
            guidance.positive.embeddings,
            added_cond_kwargs=ours.denoiser._added_conditions(X, guidance.positive),
        ).sample
    theirs = X - output * SIGMA
    found = guided(ours.denoiser, X, SIGMA, guidance, 1.0)
    assert (found - theirs).norm() < 1e-5 * theirs.norm()
    assert (found - guided(plain.denoiser, X, SIGMA, guidance, 1.0)).norm() > 1e-3 * theirs.norm()
    assert len({plain.digest, ours.digest, load_model(folder, loras=[f"{loras / name}.safetensors:0.5"]).digest}) == 3


def test_loras_add_up(families, loras):
    folder, _ = families("sd1")
    file = loras / "sd1.safetensors"
    twice, once = (
        answer(load_model(folder, loras=given)) for given in ([f"{file}:0.3", f"{file}:0.5"], [f"{file}:0.8"])
    )
    assert (twice - once).norm() < 1e-5 * once.norm()


@pytest.mark.parametrize("name, other", [("sd1", "sdxl"), ("sdxl", "sd1"), ("flux", "sd1")])
def test_a_lora_of_another_family_is_refused(families, loras, name, other):
    with pytest.raises(
        ModelError, match=f"LoRA .*{other}.safetensors: does not fit this model, a .*Pipeline"
    ) as caught:
        load_model(families(name)[0], loras=[str(loras / f"{other}.safetensors")])
    assert "\n" not in str(caught.value)


def test_weights_stand_after_the_file(tmp_path):
    (tmp_path / "a.safetensors").touch()
    assert split_weight(str(tmp_path / "a.safetensors")) == (tmp_path / "a.safetensors", 1.0)
    assert split_weight(f"{tmp_path}/a.safetensors:-0.5") == (tmp_path / "a.safetensors", -0.5)
    with pytest.raises(InputError, match="--lora b.safetensors:0.8: there is no such file"):
        split_weight("b.safetensors:0.8")


def test_a_textual_inversion_is_a_word(families, tmp_path):
    folder, _ = families("sd1")
    vectors = torch.randn(2, 32, generator=torch.Generator().manual_seed(5))
    save_file({"emb_params": vectors}, tmp_path / "moebius.safetensors")
    plain, ours = load_model(folder), load_model(folder, embeddings=[tmp_path / "moebius.safetensors"])
    assert torch.equal(plain.encode_text("gold").embeddings, ours.encode_text("gold").embeddings)
    assert not torch.allclose(plain.encode_text("a moebius").embeddings, ours.encode_text("a moebius").embeddings)
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.load_textual_inversion(tmp_path / "moebius.safetensors", token="moebius")
    theirs, _ = pipeline.encode_prompt("a moebius", "cpu", 1, False)
    assert torch.allclose(ours.encode_text("a moebius").embeddings, theirs, atol=1e-6)
    assert plain.digest != ours.digest


def test_a_textual_inversion_of_both_encoders(families, tmp_path):
    folder, _ = families("sdxl")
    save_file({"clip_l": torch.randn(1, 32), "clip_g": torch.randn(1, 64)}, tmp_path / "moebius.safetensors")
    plain, ours = (
        load_model(folder, embeddings=given).encode_text("a moebius")
        for given in ((), [tmp_path / "moebius.safetensors"])
    )
    changed = (plain.embeddings != ours.embeddings).any(1)[0]
    assert changed[:32].any() and changed[32:].any()


@pytest.mark.parametrize("name", ["sdxl", "sd3"])
def test_a_textual_inversion_of_another_family_is_refused(families, tmp_path, name):
    save_file({"emb_params": torch.randn(1, 48)}, tmp_path / "moebius.safetensors")
    with pytest.raises(ModelError, match="embedding .*moebius.safetensors: does not fit this model"):
        load_model(families(name)[0], embeddings=[tmp_path / "moebius.safetensors"])


def test_what_is_not_there_is_said(families, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder, _ = families("sd1")
    for options, message in (
        ({"embeddings": [tmp_path / "gone.safetensors"]}, "embedding .*: there is no such file"),
        ({"vae": "audioviz-tests/none"}, "vae audioviz-tests/none: is not on this disk, and the hub cannot"),
        ({"controlnet": "audioviz-tests/none"}, "ControlNet .*: is not on this disk, and the hub cannot"),
        ({"ip_adapter": tmp_path / "gone.safetensors"}, "IP-Adapter .*: there is no such file"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(folder, **options)
    assert not capfd.readouterr().err


def test_another_autoencoder(families, tmp_path):
    folder, pipeline = families("sd1")
    vae = copy.deepcopy(pipeline.vae)
    vae.decoder.conv_out.bias.data += 0.3
    vae.save_pretrained(tmp_path / "vae")
    latent = torch.randn(1, 4, 8, 8)
    plain, ours = load_model(folder), load_model(folder, vae=tmp_path / "vae")
    assert ours.decode(latent).mean() > plain.decode(latent).mean() + 20 and plain.digest != ours.digest
    weights = original_checkpoint("sd1", pipeline)
    save_file({key: value for key, value in weights.items() if key.startswith(VAE)}, tmp_path / "vae.safetensors")
    assert (load_model(folder, vae=tmp_path / "vae.safetensors").decode(latent) == plain.decode(latent)).all()


def test_a_tiny_autoencoder_reads_the_models_own_scale(families, tmp_path):
    folder, _ = families("sd3")
    tiny = AutoencoderTiny(
        latent_channels=16, encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4
    )
    tiny.save_pretrained(tmp_path / "tiny")
    model = load_model(folder, vae=tmp_path / "tiny")
    latent = torch.randn(1, 16, 8, 8) * 3
    with torch.no_grad():
        theirs = tiny.decode((latent - 0.0609) * 1.5305).sample[0].permute(1, 2, 0)
    assert abs(model.decode(latent) / 127.5 - 1 - theirs.clamp(-1, 1).numpy()).max() <= 0.51 / 127.5
    picture = model.decode(latent)
    with torch.no_grad():
        theirs = tiny.encode(torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1).latents
    levels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    assert torch.allclose((model.autoencoder.encode(levels) - 0.0609) * 1.5305, theirs, atol=1e-4)


def test_an_autoencoder_of_other_latents_is_refused(families, tmp_path):
    families("sd3")[1].vae.save_pretrained(tmp_path / "vae")
    with pytest.raises(ModelError, match=": an AutoencoderKL of 16 channels; this model expects one of 4"):
        load_model(families("sd1")[0], vae=tmp_path / "vae")
    AutoencoderTiny(
        encoder_block_out_channels=(8,) * 3,
        decoder_block_out_channels=(8,) * 3,
        num_encoder_blocks=(1,) * 3,
        num_decoder_blocks=(1,) * 3,
    ).save_pretrained(tmp_path / "coarse")
    with pytest.raises(ModelError, match="an AutoencoderTiny of 4 pixels a latent cell, .*; this model expects 8"):
        load_model(families("sd1")[0], vae=tmp_path / "coarse")
    (tmp_path / "none").mkdir()
    with pytest.raises(
        ModelError, match="cannot be loaded .*; expected the folder, the hub id or the .safetensors file"
    ):
        load_model(families("sd1")[0], vae=tmp_path / "none")
    AutoencoderTiny(latent_channels=4).save_pretrained(tmp_path / "tiny")
    with pytest.raises(ModelError, match=r"of a tiny autoencoder \(TAESD\), .* give its diffusers folder or id"):
        load_model(families("sd1")[0], vae=tmp_path / "tiny" / "diffusion_pytorch_model.safetensors")


def test_the_autoencoder_of_a_whole_model_is_taken(families):
    _, pipeline = families("sd1")
    found = other_vae(pipeline, families("sdxl")[0]).state_dict()
    assert all(torch.equal(found[key], value) for key, value in families("sdxl")[1].vae.state_dict().items())
