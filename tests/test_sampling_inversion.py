"""Unsampling: sampling leads back to the latent, and a changed text moves it less than fresh noise does."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audioviz.models import unet_denoiser
from audioviz.sampling import Conditioning, Guidance, ksampler, plan_frame, sample_frame
from tests.fakes import FakeDenoiser, fake_text

REFERENCE = Path(__file__).parent / "reference"


def there_and_back(model, guidance, latent, **changes):
    options = {"seed": 3, "frame": 1, "steps": 20, "cfg": 1.0, "denoise": 1.0, "unsample": True}
    sampler, scheduler = changes.pop("sampler", "euler"), changes.pop("scheduler", "normal")
    back = sample_frame(
        model, plan_frame(guidance, **{**options, **changes}), latent, sampler=sampler, scheduler=scheduler
    )
    return ((back - latent).norm() / latent.norm()).item()


@pytest.mark.parametrize("sampler", ["euler", "ddim", "heun", "dpmpp_2m", "deis", "res_multistep"])
@pytest.mark.parametrize("denoise", [0.4, 1.0])
def test_the_latent_comes_back_and_the_closer_with_more_steps(sampler, denoise):
    model, text = FakeDenoiser(), Guidance(fake_text(2.0), fake_text(0.0))
    latent = 11 + 2.7 * torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    errors = [
        there_and_back(model, text, latent, sampler=sampler, denoise=denoise, scheduler="karras", steps=steps)
        for steps in (10, 20, 80)
    ]
    assert errors[1] < 0.01
    assert errors[2] < errors[0]


def test_unsampling_costs_two_calls_a_step():
    model = FakeDenoiser()
    there_and_back(model, Guidance(fake_text(2.0)), torch.ones(1, 4, 8, 8), steps=7)
    assert len(model.calls) == 21


def test_a_real_model_comes_back_within_two_per_cent():
    matrix = load_file(REFERENCE / "ksampler_matrix.safetensors")
    model = unet_denoiser(REFERENCE / "model")
    text = Guidance(Conditioning(matrix["positive"]), Conditioning(matrix["negative"]))
    latent = ksampler(model, 1, 12, 1.0, "dpmpp_2m", "karras", text.positive, text.negative, torch.zeros(1, 4, 16, 16))
    assert there_and_back(model, text, latent) < 0.01
    assert there_and_back(model, text, latent, sampler="dpmpp_2m", scheduler="karras") < 0.01


def test_a_changed_text_moves_it_less_than_fresh_noise():
    model = FakeDenoiser()
    latent = 11 + 2.7 * torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    for denoise in (0.3, 0.6, 1.0):
        text = Guidance(fake_text(2.5), fake_text(0.0))
        plans = [
            plan_frame(text, seed=3, frame=1, steps=10, cfg=1.5, denoise=denoise, unsample=unsample)
            for unsample in (True, False)
        ]
        kept, fresh = ((sample_frame(model, plan, latent) - latent).norm() for plan in plans)
        assert kept < fresh


def test_a_changed_text_changes_it_without_guidance_too():
    model = FakeDenoiser()
    latent = 11 + 2.7 * torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    before, after = Guidance(fake_text(2.0)), Guidance(fake_text(2.5))
    plans = [
        plan_frame(text, seed=3, frame=1, steps=20, cfg=1.0, denoise=0.6, unsample=True, conditioning_before=before)
        for text in (before, after)
    ]
    same, changed = ((sample_frame(model, plan, latent) - latent).norm() / latent.norm() for plan in plans)
    assert same < 0.01 < changed
