"""Guidance: texts combined in one place, and what a rescale keeps of the positive's velocity."""

from pathlib import Path

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

from audioviz.errors import InputError
from audioviz.models import load_model, unet_denoiser
from audioviz.sampling import Conditioning, Guidance
from audioviz.sampling.guidance import guided, guided_pair
from tests.checkpoints import BETAS, tiny_pipeline
from tests.fakes import FakeDenoiser, fake_text

SIGMA = torch.tensor([2.0])
REFERENCE, GENERATOR = Path(__file__).parent / "reference", torch.Generator().manual_seed(3)


def noise(seed=0):
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2


def test_a_rescale_is_that_of_diffusers():
    """Theirs works on the model's velocity, ours on the picture that it leads to."""
    x = noise()
    level = 1 + SIGMA.item() ** 2
    plain, model = (unet_denoiser(REFERENCE / "model", rescale=rescale) for rescale in (0.0, 0.7))
    guidance = Guidance(*(Conditioning(torch.randn(1, 5, 32, generator=GENERATOR)) for _ in range(2)))
    velocity = [(x / level - one) * level**0.5 / SIGMA for one in plain(x, SIGMA, [guidance.positive])]
    strong = (x / level - guided(plain, x, SIGMA, guidance, 7.0)) * level**0.5 / SIGMA
    theirs = rescale_noise_cfg(strong, velocity[0], guidance_rescale=0.7)
    ours = (x / level - guided(model, x, SIGMA, guidance, 7.0)) * level**0.5 / SIGMA
    assert torch.allclose(ours, theirs, atol=1e-4) and not torch.allclose(ours, strong, atol=1e-2)
    assert torch.equal(guided(model, x, SIGMA, guidance, 1.0), guided(plain, x, SIGMA, guidance, 1.0))


def test_all_texts_of_a_frame_are_asked_for_at_once():
    model = FakeDenoiser()
    texts = fake_text(1.0), fake_text(3.0), fake_text(0.0)
    both = Guidance(texts[0], texts[2], strength=0.5, others=((texts[1], 1.5),))
    found = guided(model, noise(), SIGMA, both, 4.0)
    assert len(model.calls) == 1
    wanted, other, unwanted = model(noise(), SIGMA, texts)
    assert torch.allclose(found, unwanted + 4 * (0.5 * wanted + 1.5 * other - 2 * unwanted), atol=1e-5)
    guided_pair(model, noise(), SIGMA, both, 0.8)
    assert len(model.calls) == 3
    with pytest.raises(InputError, match="the strengths that AND joins come to 0"):
        guided_pair(model, noise(), SIGMA, Guidance(texts[0], texts[1], strength=0.0), 0.8)


def test_a_model_whose_training_ends_in_pure_noise_keeps_the_frame_before(tmp_path):
    """On Karras' table its denoise of a half would begin at a sigma of 92: each frame a new picture."""
    from diffusers import EulerDiscreteScheduler

    from audioviz.sampling import sigmas_for

    pipeline = tiny_pipeline(tmp_path, prediction_type="v_prediction")
    pipeline.register_modules(
        scheduler=EulerDiscreteScheduler(
            **BETAS, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
        )
    )
    pipeline.save_pretrained(tmp_path / "model", safe_serialization=True)
    model = load_model(tmp_path / "model")
    own = model.defaults
    assert (own.sampler, own.scheduler, own.steps, model.denoiser.rescale) == ("euler", "sgm_uniform", 20, 0.7)
    table = sigmas_for(own.scheduler, model.denoiser.sigmas, own.steps, 0.5)
    assert table[0] < 5
    pipeline.scheduler.set_timesteps(own.steps)
    theirs, ours = pipeline.scheduler.sigmas, sigmas_for(own.scheduler, model.denoiser.sigmas, own.steps)
    assert ours[:-1].allclose(theirs[:-1], rtol=2e-2)
