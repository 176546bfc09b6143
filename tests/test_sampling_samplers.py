"""Samplers find the one right answer where it is known, and agree with diffusers' where one corresponds."""

from itertools import pairwise

import diffusers
import pytest
import torch
import torchsde

from audioviz.errors import InputError
from audioviz.sampling import SAMPLERS, FramePlan, Guidance, ksampler, sample_frame, sigmas_for
from audioviz.sampling.noise import brownian, cuda_randn, fresh, injected
from audioviz.sampling.samplers import multistep, one_step, sampler_for, sde
from tests.fakes import FakeDenoiser, fake_text

DETERMINISTIC = sorted(
    set(SAMPLERS)
    - {name for name in SAMPLERS if "sde" in name or "ancestral" in name}
    - {"ddpm", "lcm", "tcd", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece"}
)
WITHOUT_CFG_PP = [name for name in DETERMINISTIC if "cfg_pp" not in name]
TEXT, NOTHING = fake_text(2.0), fake_text(0.0)


def sampled(sampler, steps, *, shape=(1, 4, 6, 6), cfg=1.0, seed=3, scheduler="karras"):
    model = FakeDenoiser()
    return ksampler(model, seed, steps, cfg, sampler, scheduler, TEXT, NOTHING, torch.zeros(shape))


def exact(shape=(1, 4, 6, 6), seed=3):
    """Where the probability-flow equation of FakeDenoiser leads from the seed's noise."""
    model = FakeDenoiser()
    top = model.sigmas[-1].item()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * (1 + top**2) ** 0.5
    return (2 + (x - 2) * model.spread / (model.spread**2 + top**2) ** 0.5) / model.units.scale


@pytest.mark.parametrize("sampler", WITHOUT_CFG_PP)
def test_deterministic_samplers_converge_to_the_same_latent(sampler):
    errors = [((sampled(sampler, steps) - exact()).norm() / exact().norm()).item() for steps in (24, 96)]
    floor = 0.02 if sampler in ("dpm_fast", "dpm_adaptive", "ipndm_v", "heunpp2", "gradient_estimation") else 2e-3
    assert errors[1] < max(errors[0] / 2, floor)
    assert errors[1] < 0.02


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if "cfg_pp" not in name])
def test_every_sampler_gives_what_the_text_says(sampler):
    """Its mean is the text's, and its spread about the world's own."""
    latent = sampled(sampler, 30, shape=(1, 4, 32, 32)) * FakeDenoiser().units.scale
    assert latent.isfinite().all()
    assert abs(latent.mean().item() - 2) < 0.1
    assert 0.3 < latent.std().item() < 0.7 or sampler == "lcm"


@pytest.mark.parametrize("sampler", sorted(set(DETERMINISTIC) - {"dpm_adaptive"}))
def test_a_batch_is_its_pictures(sampler):
    start = torch.randn((3, 4, 6, 6), generator=torch.Generator().manual_seed(1))

    def run(latent):
        return ksampler(FakeDenoiser(), 3, 7, 4.0, sampler, "normal", TEXT, NOTHING, latent, 0.6, disable_noise=True)

    assert torch.allclose(run(start), torch.cat([run(one[None]) for one in start]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_are_finite(sampler, steps):
    assert sampled(sampler, steps, cfg=3.0).isfinite().all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_two_runs_give_the_same_bytes(sampler):
    state = torch.get_rng_state()
    assert torch.equal(sampled(sampler, 5, cfg=3.0), sampled(sampler, 5, cfg=3.0))
    assert torch.equal(torch.get_rng_state(), state)  # and the global generator has not moved


@pytest.mark.parametrize("channels, height, width", [(1, 5, 7), (8, 4, 4), (16, 3, 9)])
def test_any_channels_and_any_size(channels, height, width):
    latent = ksampler(
        FakeDenoiser(channels=channels),
        1,
        4,
        2.0,
        "dpmpp_2m",
        "karras",
        TEXT,
        NOTHING,
        torch.zeros(1, channels, height, width),
    )
    assert latent.shape == (1, channels, height, width)


def diffusers_run(scheduler, sigmas, x, noises=None):
    """The scheduler's own steps along our table, on a model with known answers."""
    model = FakeDenoiser()
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.set_begin_index(0)
    sigmas = sigmas.clone()
    if isinstance(scheduler, diffusers.HeunDiscreteScheduler):
        sigmas = torch.cat((sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]))
    scheduler.sigmas = sigmas
    variance_preserving = isinstance(scheduler, diffusers.DPMSolverMultistepScheduler)
    if variance_preserving:
        x = x / (1 + sigmas[0] ** 2) ** 0.5
    for i, t in enumerate(scheduler.timesteps):
        sigma = sigmas[i]
        noisy = x * (1 + sigma**2) ** 0.5 if variance_preserving else x
        epsilon = (noisy - model(noisy, sigma[None], [TEXT])[0]) / sigma
        if not variance_preserving:
            scheduler.scale_model_input(x, t)
        extra = {} if noises is None or i >= len(noises) else {"variance_noise": noises[i]}
        x = scheduler.step(epsilon, t, x, **extra).prev_sample
    return x


@pytest.mark.parametrize(
    "ours, theirs, options",
    [
        (one_step.euler, diffusers.EulerDiscreteScheduler, {}),
        (one_step.heun, diffusers.HeunDiscreteScheduler, {}),
        (multistep.dpmpp_2m, diffusers.DPMSolverMultistepScheduler, {"final_sigmas_type": "zero"}),
        (
            sde.dpmpp_2m_sde,
            diffusers.DPMSolverMultistepScheduler,
            {"final_sigmas_type": "zero", "algorithm_type": "sde-dpmsolver++"},
        ),
        (
            sde.dpmpp_2m_sde_heun,
            diffusers.DPMSolverMultistepScheduler,
            {"final_sigmas_type": "zero", "algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
        ),
    ],
)
def test_diffusers_schedulers_agree(ours, theirs, options):
    sigmas = sigmas_for("karras", FakeDenoiser().sigmas, 16)
    noises = torch.randn((15, 1, 4, 6, 6), generator=torch.Generator().manual_seed(2))
    x = torch.randn((1, 4, 6, 6), generator=torch.Generator().manual_seed(5)) * sigmas[0]
    model, handed = FakeDenoiser(), iter(noises)
    latent = ours(
        lambda x, sigma: model(x, torch.tensor([sigma]), [TEXT])[0],
        x,
        sigmas,
        lambda sigma, after: next(handed),
    )
    reference = diffusers_run(theirs(**options), sigmas, x, noises if "sde" in ours.__name__ else None)
    assert torch.allclose(latent, reference, rtol=1e-4, atol=1e-4)


def test_a_function_is_a_sampler():
    straight = lambda denoiser, x, sigmas, noise: denoiser(x, sigmas[0].item())  # noqa: E731
    assert abs(sampled(straight, 4).mean() * FakeDenoiser().units.scale - 2) < 0.1


def test_an_unknown_sampler_lists_the_known():
    with pytest.raises(
        InputError,
        match="sampler 'eular' is not known .did you mean euler..: expected one of euler, euler_ancestral, heun",
    ):
        sampler_for("eular")


def test_cfg_pp_needs_a_negative():
    with pytest.raises(InputError, match="this sampler needs a negative"):
        sample_frame(FakeDenoiser(), FramePlan(Guidance(TEXT), 1), torch.zeros(1, 4, 6, 6), sampler="euler_cfg_pp")


def test_brownian_increments_have_unit_variance_and_add_up():
    sigmas = torch.tensor([10.0, 5.0, 1.0, 0.0])
    noise = brownian(1, torch.zeros(1, 4, 64, 64), sigmas)
    first, second, both = noise(10.0, 5.0), noise(5.0, 1.0), noise(10.0, 1.0)
    assert abs(first.std() - 1) < 0.03 and abs(second.std() - 1) < 0.03
    assert torch.allclose(both * 3, first * 5**0.5 + second * 2, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 12345, 2**63 + 5])
@pytest.mark.parametrize("steps, low, high", [(8, 0.0292, 14.6146), (20, 0.1, 3.0), (3, 0.5, 0.500003)])
def test_brownian_path_is_that_of_torchsde(seed, steps, low, high):
    sigmas = torch.linspace(high ** (1 / 7), low ** (1 / 7), steps) ** 7
    noise = brownian(seed, torch.zeros(1, 4, 6, 6), sigmas)
    ends = sorted(round(sigma, 6) for sigma in (sigmas[0].item(), sigmas[-1].item()))
    tree = torchsde.BrownianInterval(*ends, size=(1, 4, 6, 6), entropy=seed, tol=1e-6, pool_size=24, halfway_tree=True)
    for sigma, after in pairwise(sigmas.tolist()):
        wanted = -tree(max(after, ends[0]), min(sigma, ends[1])) / (sigma - after) ** 0.5
        assert torch.allclose(noise(sigma, after), wanted, atol=1e-4)


def test_streams_differ_by_seed_frame_and_purpose():
    draws = [
        injected(seed, frame, purpose)((2, 3))
        for seed in (0, 1, 2**64 - 1)
        for frame in (0, 1)
        for purpose in ("before", "after")
    ] + [fresh(0, torch.zeros(2, 3), torch.tensor([1.0]))(1.0, 0.0)]
    assert len({tuple(draw.flatten().tolist()) for draw in draws}) == len(draws)
    assert torch.equal(injected(7, 3, "after")((2, 3)), injected(7, 3, "after")((2, 3)))


def test_cuda_numbers_without_cuda():
    known = [0.1940, 2.1614, -0.1721, 0.8491, -1.9244, 0.6530, -0.6494, -0.8175]  # torch.manual_seed(42) on a GPU
    assert torch.allclose(cuda_randn(42, (2, 4)).flatten(), torch.tensor(known), atol=6e-5)
