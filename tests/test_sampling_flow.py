"""Flow matching, where (1 - sigma) of the latent is left at noise level sigma: the same samplers, the same frame."""

import pytest
import torch

from audioviz.errors import InputError
from audioviz.sampling import SAMPLERS, FramePlan, Guidance, ksampler, sample_frame
from audioviz.sampling.samplers import sampler_for
from audioviz.sampling.units import LatentUnits
from tests.fakes import FakeDenoiser, fake_text, flow_sigmas

TEXT, NOTHING = fake_text(2.0), fake_text(0.0)
RIGHT = [name for name, sampler in SAMPLERS.items() if sampler.flow]


def model() -> FakeDenoiser:
    return FakeDenoiser(flow=True, sigmas=flow_sigmas(), units=LatentUnits(0.3, 0.18215))


def draw(seed, shape=(1, 4, 6, 6)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sampler", RIGHT)
def test_samplers_converge_to_the_one_right_latent(sampler):
    exact = 2 + 0.5 * draw(3)  # where the probability-flow equation of a normal world leads
    errors = []
    for steps in (20, 80):
        latent = ksampler(model(), 3, steps, 1.0, sampler, "simple", TEXT, NOTHING, torch.zeros(1, 4, 6, 6))
        errors.append((((latent - 0.3) * 0.18215 - exact).norm() / exact.norm()).item())
    assert errors[1] < max(errors[0] / 2, 5e-3) and errors[1] < 0.02


def test_the_noise_takes_the_place_of_the_latent():
    """One step from half way: the model is shown half of the latent and half of the noise."""
    seen = []
    fake = model()
    latent = draw(1) * 5

    def watch(denoiser, x, sigmas, noise):
        seen.append((x, sigmas[0].item()))
        return x

    sample_frame(fake, FramePlan(Guidance(TEXT), 7, steps=10, denoise=0.5), latent, sampler=watch, scheduler="simple")
    x, sigma = seen[0]
    assert sigma == pytest.approx(0.5)
    assert torch.allclose(x, 0.5 * (latent - 0.3) * 0.18215 + 0.5 * draw(7), atol=1e-6)


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m"])
def test_unsampling_and_sampling_give_the_latent_back(sampler):
    latent = (2 + 0.5 * draw(4)) / 0.18215 + 0.3
    plan = FramePlan(Guidance(TEXT), 7, steps=30, cfg=1.0, denoise=0.7, add_noise=False, unsample_steps=30)
    back = sample_frame(model(), plan, latent, sampler=sampler, scheduler="simple")
    assert (back - latent).norm() < 0.02 * latent.norm()


def test_a_mask_keeps_the_latent_around_it():
    latent, mask = draw(4) * 9, torch.zeros(6, 6)
    mask[:, :3] = 1
    new = sample_frame(model(), FramePlan(Guidance(TEXT), 7, steps=6), latent, scheduler="simple", noise_mask=mask)
    assert torch.allclose(new[..., 3:], latent[..., 3:], atol=1e-3) and not torch.allclose(
        new[..., :3], latent[..., :3]
    )


def test_the_others_are_refused():
    for name, sampler in SAMPLERS.items():
        if name in RIGHT:
            assert sampler_for(name, flow=True) is sampler
        else:
            with pytest.raises(
                InputError, match=f"sampler {name} does not serve models of flow matching .* use one of euler"
            ):
                sampler_for(name, flow=True)
