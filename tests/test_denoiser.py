"""The denoiser contract, held by a UNet of every prediction type."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from audioviz.errors import InputError, ModelError
from audioviz.models import unet_denoiser
from audioviz.models.denoisers.unet import stable_diffusion_betas
from audioviz.sampling import Conditioning, Guidance
from audioviz.sampling.guidance import guided

MODEL = Path(__file__).parent / "reference" / "model"


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def unet():
    return UNet2DConditionModel.from_pretrained(MODEL)


def text(tokens, seed, batch=1):
    return Conditioning(noise(batch, tokens, 32, seed=seed))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_predictions_are_those_of_diffusers(unet, prediction_type):
    """diffusers' own scheduler says what the denoised picture is at a whole timestep."""
    scheduler = DDPMScheduler(
        trained_betas=stable_diffusion_betas().tolist(), prediction_type=prediction_type, clip_sample=False
    )
    model = unet_denoiser(unet, prediction_type=prediction_type)
    for timestep in (3, 400, 980):
        sigma = model.sigmas[timestep].float()
        x = noise(1, 4, 8, 8) * (1 + sigma)
        ours = guided(model, x, sigma[None], Guidance(text(5, 1)), 1.0)
        scaled = x / (1 + sigma**2).sqrt()
        with torch.no_grad():
            output = unet(scaled, timestep, text(5, 1).embeddings).sample
        theirs = scheduler.step(output, timestep, scaled, generator=torch.Generator()).pred_original_sample
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * theirs.abs().max().item())


def test_guidance_pushes_away_from_the_negative(unet):
    model = unet_denoiser(unet)
    x, sigma = noise(2, 4, 8, 8) * 3, torch.tensor([3.0, 0.5])
    wanted, unwanted = text(5, 1), text(5, 2)
    alone = [guided(model, x, sigma, Guidance(one), 7.0) for one in (wanted, unwanted)]  # no negative: no guidance
    assert torch.allclose(guided(model, x, sigma, Guidance(wanted, unwanted), 1.0), alone[0])
    found = guided(model, x, sigma, Guidance(wanted, unwanted), 4.0)
    assert torch.allclose(found, alone[1] + 4 * (alone[0] - alone[1]), atol=1e-4)


@pytest.mark.parametrize("tokens, calls", [((5, 5), [2]), ((4, 6), [2]), ((3, 4), [2]), ((5, 6), [1, 1])])
def test_the_two_halves_are_one_batch_where_their_lengths_allow(unet, tokens, calls):
    batches = []
    handle = unet.register_forward_pre_hook(lambda module, arguments: batches.append(len(arguments[0])))
    try:
        model = unet_denoiser(unet)
        x, sigma = noise(1, 4, 8, 8), torch.tensor([1.0])
        wanted, unwanted = text(tokens[0], 1), text(tokens[1], 2)
        found = guided(model, x, sigma, Guidance(wanted, unwanted), 3.0)
        assert batches == calls
        alone = [guided(model, x, sigma, Guidance(one), 1.0) for one in (wanted, unwanted)]
    finally:
        handle.remove()
    assert torch.allclose(found, alone[1] + 3 * (alone[0] - alone[1]), atol=1e-4)


def test_the_model_is_fed_the_nearest_whole_timestep(unet):
    fed = []
    handle = unet.register_forward_pre_hook(lambda module, arguments: fed.append(arguments[1].tolist()))
    try:
        model = unet_denoiser(unet)
        sigmas = model.sigmas[torch.tensor([0, 300, 999])].float() * torch.tensor([1e-3, 1.0005, 5.0])
        guided(model, noise(3, 4, 8, 8), sigmas, Guidance(text(5, 1)), 1.0)
    finally:
        handle.remove()
    assert fed == [[0, 300, 999]]


def test_the_factors_of_the_autoencoder_are_its_units(unet):
    latent = noise(1, 4, 8, 8)
    model = unet_denoiser(unet, prediction_type="epsilon", scaling_factor=0.5, shift_factor=0.25)
    assert torch.equal(model.units.to_model(latent), (latent - 0.25) * 0.5)
    assert model.units.from_model(model.units.to_model(latent)).allclose(latent)


def test_a_batch_has_a_text_and_a_sigma_for_each(unet):
    model = unet_denoiser(unet)
    x, sigma, texts, negative = noise(3, 4, 8, 8), torch.tensor([0.2, 1.0, 9.0]), text(5, 1, batch=3), text(5, 2)
    together = guided(model, x, sigma, Guidance(texts, negative), 3.0)
    for i in range(3):
        one = guided(
            model, x[i : i + 1], sigma[i : i + 1], Guidance(Conditioning(texts.embeddings[i : i + 1]), negative), 3.0
        )
        assert torch.allclose(together[i : i + 1], one, atol=1e-4)


@pytest.mark.parametrize("dtype, close", [(torch.float32, 1e-4), (torch.bfloat16, 0.05)])
def test_the_unet_runs_in_its_own_type_and_memory(dtype, close):
    plain = unet_denoiser(MODEL)
    unet = UNet2DConditionModel.from_pretrained(MODEL).to(dtype, memory_format=torch.channels_last)
    model = unet_denoiser(unet)
    assert model.memory_format == torch.channels_last and plain.memory_format == torch.contiguous_format
    arguments = noise(1, 4, 8, 8), torch.tensor([1.0]), Guidance(text(5, 1), text(5, 2)), 2.0
    ours = guided(model, *arguments)
    assert ours.dtype == torch.float32
    assert (ours - guided(plain, *arguments)).norm() < close * ours.norm()


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(InputError, match="prediction type 'x0' is not known: expected one of epsilon, v_pred"):
        unet_denoiser(MODEL, prediction_type="x0")
    with pytest.raises(ModelError, match="no UNet can be loaded"):
        unet_denoiser(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"}))
    with pytest.raises(ModelError, match="no UNet can be loaded"):
        unet_denoiser(tmp_path)
