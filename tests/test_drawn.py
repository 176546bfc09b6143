"""What a frame takes from the CPU: noise drawn before the first step is that which the steps would draw."""

import threading

import pytest
import torch

from audioviz.errors import ModelError
from audioviz.sampling import SAMPLERS, FramePlan, Guidance, sequence
from audioviz.sampling.drawn import StepNoise, draw, made_ahead
from audioviz.sampling.frame import next_latent, run_sigmas
from tests.fakes import FakeDenoiser, fake_text

GUIDANCE = Guidance(fake_text(0.5), fake_text(-0.5))
START = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
META = torch.device("meta")


@pytest.mark.parametrize("name", SAMPLERS)
def test_noise_that_is_drawn_before_the_steps_is_the_same(name):
    """As it is drawn for a GPU, and as on the CPU, where each step draws its own."""
    model, kind = FakeDenoiser(), SAMPLERS[name]
    plan = FramePlan(GUIDANCE, 7, frame=3, steps=4, denoise=0.7, noise_before=0.1, noise_after=0.2)
    sigmas = run_sigmas(model, plan, kind, "karras")
    frames = []
    for device in (META, model.device):
        drawn = draw(plan, sigmas, kind, START.shape, training=model.sigmas, device=device)
        ahead = isinstance(drawn.steps, StepNoise)
        frames.append(next_latent(model, plan, START, kind, drawn, None))
        assert not ahead or device == META
    assert torch.equal(*frames)
    if kind.noise.__name__ == "brownian" or name in ("lcm", "euler_ancestral", "er_sde"):
        assert draw(plan, sigmas, kind, START.shape, training=model.sigmas, device=META).steps.values.shape[0] >= 3


def test_a_sampler_of_ones_own_draws_in_its_steps():
    """It may ask for noise that hangs on the picture."""
    kind = SAMPLERS["lcm"]
    own = type(kind)(lambda denoiser, x, sigmas, noise: x)
    plan = FramePlan(GUIDANCE, 7, steps=2)
    drawn = draw(plan, torch.tensor([2.0, 1.0, 0.0]), own, START.shape, training=torch.ones(2), device=META)
    assert not isinstance(drawn.steps, StepNoise)


def test_each_is_made_while_the_one_before_is_used_and_no_earlier():
    made = []

    def make(item):
        made.append((item, threading.current_thread() is not threading.main_thread()))
        if item == 3:
            raise ValueError("3 cannot be made")
        return -item

    taken = iter(range(10))
    used = made_ahead(taken, make)
    assert next(used) == (0, 0) and next(taken) == 2, "one more is taken, and one is not"
    taken = made_ahead([1, 2, 3], make)
    assert [next(taken), next(taken)] == [(1, -1), (2, -2)]
    with pytest.raises(ValueError, match="3 cannot be made"):
        next(taken)
    assert all(elsewhere for _, elsewhere in made)
    assert list(made_ahead([], make)) == []


def test_who_looks_himself_is_given_what_is_not_a_number():
    def frames(**options):
        plans = [FramePlan(GUIDANCE, 1, frame=k, steps=2) for k in range(3)]
        return sequence(FakeDenoiser(nan_from_call=3), plans, start=START, **options)

    with pytest.raises(ModelError, match="frame 1: the model gave values that are not numbers"):
        list(frames())
    finite = [bool(latent.isfinite().all()) for latent in frames(checked=False)]
    assert finite == [True, False, False]
