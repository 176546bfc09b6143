"""Models and LoRAs of few steps are known by their names, and sampled as their pages say."""

import pytest
import torch
from diffusers import TCDScheduler

from audioviz.models.denoiser import betas_to_sigmas, stable_diffusion_betas
from audioviz.sampling import SAMPLERS
from tests.checkpoints import BETAS


class Toy:
    """A denoiser whose pictures are normal, as samplers are handed one."""

    sigmas = betas_to_sigmas(stable_diffusion_betas())

    def __call__(self, x, sigma):
        return torch.tanh(x) / (1 + sigma * sigma) + 0.3


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_tcd_is_that_of_diffusers(steps):
    scheduler, toy = TCDScheduler(**BETAS), Toy()
    scheduler.set_timesteps(steps)
    levels = toy.sigmas.float()
    sigmas = torch.cat([levels[scheduler.timesteps], levels[:1]])  # the last step of theirs ends at timestep 0
    start = torch.randn((1, 4, 6, 6), generator=torch.Generator().manual_seed(5)) * sigmas[0]
    draws, theirs = torch.Generator().manual_seed(7), start / (1 + sigmas[0] ** 2).sqrt()
    for timestep in scheduler.timesteps:
        sigma = levels[timestep].item()
        x = theirs * (1 + sigma**2) ** 0.5
        theirs = scheduler.step((x - toy(x, sigma)) / sigma, timestep, theirs, eta=0.3, generator=draws).prev_sample
    again = torch.Generator().manual_seed(7)
    ours = SAMPLERS["tcd"].run(toy, start, sigmas, lambda *_: torch.randn(start.shape, generator=again))
    assert torch.allclose(ours / (1 + levels[0] ** 2).sqrt(), theirs, atol=1e-4)
    assert torch.equal(draws.get_state(), again.get_state())
