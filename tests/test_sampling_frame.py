"""One frame and the sequence of them: what a plan promises."""

import functools
import itertools
import pickle

import numpy as np
import pytest
import torch

from audioviz import sampling
from audioviz.errors import InputError, ModelError
from audioviz.sampling import Anchor, Conditioning, FramePlan, Guidance, anchor_of, plan_frame, sample_frame, sequence
from audioviz.sampling.frame import NotFinite
from audioviz.sampling.units import LatentUnits
from audioviz.sampling.warp import warp
from tests.fakes import FakeDenoiser, fake_text

GUIDANCE = Guidance(fake_text(2.0), fake_text(0.0))
START = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
MOVE = functools.partial(warp, zoom=1.05, angle=3.0, shift_x=0.02, shift_y=-0.01)


def plans(count, **changes):
    for k in range(count):
        yield plan_frame(
            GUIDANCE,
            **{
                "seed": 5,
                "frame": k,
                "steps": 4,
                "cfg": 3.0,
                "denoise": 0.5,
                "noise": 0.2,
                "interp": 0.7,
                "mode": "slerp",
                "warp": MOVE,
                **changes,
            },
        )


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde", "dpmpp_2m"])
@pytest.mark.parametrize("unsample", [False, True])
def test_a_frame_alone_is_the_frame_in_the_sequence(sampler, unsample):
    frames = list(sequence(FakeDenoiser(), plans(5, unsample=unsample), start=START, sampler=sampler))
    alone = sample_frame(FakeDenoiser(), list(plans(5, unsample=unsample))[3], frames[2], sampler=sampler)
    assert torch.equal(alone, frames[3])
    resumed = sequence(
        FakeDenoiser(), itertools.islice(plans(5, unsample=unsample), 2, None), start=frames[1], sampler=sampler
    )
    assert all(torch.equal(a, b) for a, b in zip(resumed, frames[2:], strict=True))


@pytest.mark.parametrize("mode", ["slerp", "blend"])
def test_what_follows_does_not_depend_on_the_order_of_the_axes_in_memory(mode):
    def moved(latent):  # as an autoencoder gives it whose weights are so
        return latent.to(memory_format=torch.channels_last)

    start = torch.randn((1, 4, 48, 40), generator=torch.Generator().manual_seed(0))
    frames = list(sequence(FakeDenoiser(), plans(4, mode=mode, warp=moved), start=start))
    read_back = torch.from_numpy(np.ascontiguousarray(frames[0].numpy()))
    rest = list(sequence(FakeDenoiser(), itertools.islice(plans(4, mode=mode, warp=moved), 1, None), start=read_back))
    assert all(torch.equal(a, b) for a, b in zip(rest, frames[1:], strict=True))
    assert all(frame.is_contiguous() for frame in frames)


def test_two_runs_give_the_same_bytes_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    runs = [torch.cat(list(sequence(FakeDenoiser(), plans(4), start=START))) for _ in range(2)]
    assert torch.equal(*runs)
    assert torch.equal(torch.get_rng_state(), state)


def test_plans_are_taken_one_at_a_time():
    model = FakeDenoiser()
    frames = sequence(model, plans(10**9), start=START)
    next(frames)
    assert len(model.calls) == 4


def test_denoise_zero_keeps_the_latent():
    model = FakeDenoiser()
    plan = plan_frame(GUIDANCE, seed=1, frame=1, steps=4, cfg=3.0, denoise=0.0, noise=0.5, unsample=True)
    assert torch.equal(sample_frame(model, plan, START), START)
    assert model.calls == []


def test_interp_one_is_off_and_zero_freezes():
    for mode in ("blend", "slerp", "cosine"):
        (frozen,) = sequence(FakeDenoiser(), plans(1, interp=0.0, mode=mode, warp=None), start=START)
        assert torch.equal(frozen, START)
        (new,) = sequence(FakeDenoiser(), plans(1, interp=1.0, mode=mode), start=START)
        (plain,) = sequence(FakeDenoiser(), plans(1, interp=1.0), start=START)
        assert torch.equal(new, plain)


@pytest.mark.parametrize("denoise", [0.1, 0.37, 0.8, 1.0])
def test_every_frame_costs_its_steps(denoise):
    model = FakeDenoiser()
    list(sequence(model, plans(3, denoise=denoise, steps=6), start=START))
    assert len(model.calls) == 18


def test_equal_seeds_do_not_inject_one_pattern():
    quiet = {"denoise": 0.02, "noise": 1.0, "warp": None, "interp": 1.0}
    model, empty = FakeDenoiser(spread=50.0), torch.zeros_like(START)
    first, second = (sample_frame(model, plan, empty) for plan in plans(2, **quiet))
    assert abs(torch.corrcoef(torch.stack((first.flatten(), second.flatten())))[0, 1]) < 0.3


def test_injected_noise_is_in_the_autoencoders_units():
    for factor in (0.18215, 1.0):
        plan = FramePlan(GUIDANCE, 1, denoise=0.0, noise_after=0.3)
        noisy = sample_frame(FakeDenoiser(units=LatentUnits(0.0, factor)), plan, torch.zeros(1, 4, 64, 64))
        assert abs(noisy.std() - 0.3) < 0.01


def test_units_do_not_change_the_picture():
    """The same world, its autoencoder's units others: the same latents in the model's own."""
    ours = sample_frame(FakeDenoiser(), FramePlan(GUIDANCE, 1, steps=5, denoise=0.6), START)
    model = FakeDenoiser(units=LatentUnits(0.25, 0.5))
    theirs = sample_frame(model, FramePlan(GUIDANCE, 1, steps=5, denoise=0.6), START * 0.18215 / 0.5 + 0.25)
    assert torch.allclose(ours * 0.18215, (theirs - 0.25) * 0.5, atol=1e-5)


def test_a_mask_keeps_what_it_covers():
    mask = torch.zeros(32, 32)
    mask[:, 16:] = 1
    plan = FramePlan(GUIDANCE, 1, steps=8)
    latent = sample_frame(FakeDenoiser(), plan, START, noise_mask=mask)
    assert torch.allclose(latent[..., :3], START[..., :3], atol=1e-5)
    assert (latent[..., 5:] - START[..., 5:]).abs().mean() > 1
    whole = sample_frame(FakeDenoiser(), plan, START, noise_mask=torch.ones(1, 8, 8))
    assert torch.allclose(whole, sample_frame(FakeDenoiser(), plan, START), atol=1e-5)


def test_a_frame_may_start_from_a_latent_of_its_own():
    other = START.flip(0, 2)
    plan = FramePlan(GUIDANCE, 1, steps=3, denoise=0.4)
    assert torch.equal(
        sample_frame(FakeDenoiser(), FramePlan(GUIDANCE, 1, steps=3, denoise=0.4, start=other), START),
        sample_frame(FakeDenoiser(), plan, other),
    )


def test_an_anchor_stops_drift():
    strong = Guidance(fake_text(6.0), fake_text(0.0))
    anchor = anchor_of(START, 1.0)
    (held,) = sequence(FakeDenoiser(), [FramePlan(strong, 1, steps=4, denoise=0.5, anchor=anchor)], start=START)
    assert torch.allclose(held.mean((0, 2, 3)), START.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(held.std((0, 2, 3), correction=0), START.std((0, 2, 3), correction=0), rtol=1e-4)


def test_nan_from_the_model_names_the_frame():
    frames = sequence(FakeDenoiser(nan_from_call=9), plans(5), start=START)
    with pytest.raises(ModelError, match="frame 2: the model gave values that are not numbers"):
        list(frames)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"denoise": 1.2}, "frame 0: denoise is 1.2, expected 0 to 1"),
        ({"denoise": float("nan")}, "frame 0: denoise is nan"),
        ({"interp": -0.1}, "interp is -0.1, expected 0 to 1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"steps": 0}, "steps is 0"),
        ({"cfg": -1.0}, "cfg is -1.0"),
        ({"noise": -0.5}, "noise_after is -0.5"),
        ({"mode": "spline"}, "interpolation 'spline' is not known: expected one of blend, slerp, cosine"),
        ({"seed": 1.5}, "seed is 1.5, expected a whole number"),
        ({"interp": "half"}, "interp is 'half', expected 0 to 1"),
    ],
)
def test_a_wrong_plan_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        next(plans(1, **changes))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"start": torch.zeros(1, 3, 8, 8)}, "expects .batch, 4, height, width."),
        ({"start": torch.zeros(4, 8, 8)}, "expects .batch, 4, height, width."),
        ({"start": torch.full((1, 4, 8, 8), float("nan"))}, "not numbers"),
        ({"sampler": "rk45"}, "sampler 'rk45' is not known"),
        ({"scheduler": "even"}, "scheduler 'even' is not known"),
        ({"noise_mask": torch.ones(3, 8, 8)}, "a noise mask has the shape .3, 8, 8."),
        ({"noise_mask": torch.ones(1, 4, 8, 8)}, "a noise mask has the shape"),
        ({"noise_mask": torch.full((8, 8), 2.0)}, "not from 0 to 1"),
    ],
)
def test_wrong_arguments_are_named_at_the_call(arguments, message):
    model = FakeDenoiser()
    with pytest.raises(InputError, match=message):
        sequence(model, plans(1), **{"start": START, **arguments})
    assert model.calls == []


SALT = {
    "seed_sequence": [1, 2],
    "steps": 4,
    "cfg": 3.0,
    "sampler_name": "euler",
    "scheduler": "normal",
    "denoise_sequence": [0.5],
    "positive_sequence": torch.ones(3, 4, 8),
    "negative_sequence": torch.zeros(3, 4, 8),
    "latent_image": START,
}
WAS = {
    "sampler_name": "euler",
    "scheduler": "normal",
    "steps": 4,
    "positive_seq": torch.ones(3, 4, 8),
    "negative_seq": torch.zeros(3, 4, 8),
    "latent_image": START,
}


@pytest.mark.parametrize(
    "system, options, changes, message",
    [
        (sampling.salt_sequence, SALT, {"seed_sequence": []}, "seed_sequence is .*: expected a list of numbers"),
        (sampling.salt_sequence, SALT, {"seed_sequence": [-1.5]}, "seed_sequence holds -1.5: expected numbers from 0"),
        (sampling.salt_sequence, SALT, {"denoise_sequence": "0.5"}, "denoise_sequence is '0.5'"),
        (sampling.salt_sequence, SALT, {"denoise_sequence": [0.5, "x"]}, "denoise_sequence holds 'x'"),
        (sampling.salt_sequence, SALT, {"denoise_sequence": [2.0]}, "denoise_sequence holds 2.0"),
        (sampling.salt_sequence, SALT, {"denoise_sequence": [float("nan")]}, "denoise_sequence holds nan"),
        (sampling.salt_sequence, SALT, {"noise_strength_sequence": 0.1}, "noise_strength_sequence is 0.1"),
        (sampling.salt_sequence, SALT, {"negative_sequence": torch.zeros(2, 4, 8)}, "negative sequence has 2"),
        (sampling.salt_sequence, SALT, {"positive_sequence": torch.zeros(0, 4, 8)}, "positive sequence is empty"),
        (sampling.salt_sequence, SALT, {"latent_interpolation_mode": "blend"}, "one of Blend, Slerp, Cosine Interp"),
        (sampling.salt_sequence, SALT, {"latent_image": START * float("nan")}, "not numbers"),
        (sampling.salt_sequence, SALT, {"sampler_name": "dpmpp_2m_sde"}, "cannot run backwards"),
        (
            sampling.was_sequence,
            WAS,
            {"seed_mode_seq": "shuffle"},
            "expected one of increment, decrement, random, fixed",
        ),
        (sampling.was_sequence, WAS, {"seed_keying_mode": "cosine"}, "expected one of sine, modulo"),
        (sampling.was_sequence, WAS, {"seed_divisor": 0}, "seed_divisor is 0"),
        (sampling.was_sequence, WAS, {"cond_keyframes": [1, -2]}, "cond_keyframes holds -2"),
        (sampling.was_sequence, WAS, {"frame_count": -1}, "frame_count is -1"),
        (sampling.was_sequence, WAS, {"denoise_seq": 1.5, "denoise_sine": False}, "denoise is 1.5"),
    ],
)
def test_the_originals_name_what_is_wrong_before_any_call(system, options, changes, message):
    model = FakeDenoiser()
    with pytest.raises(InputError, match=message):
        system(model, **{**options, **changes})
    assert model.calls == []


def test_the_originals_take_conditionings_too():
    texts = [fake_text(float(k)) for k in range(3)]
    stacked = torch.cat([text.embeddings for text in texts])
    listed, tensors = (
        sampling.salt_sequence(
            FakeDenoiser(), **{**SALT, "positive_sequence": all_texts, "negative_sequence": all_texts}
        )
        for all_texts in (texts, stacked)
    )
    assert torch.equal(listed, tensors)


def test_conditionings_have_a_row_for_all_or_for_each():
    three = Conditioning(torch.zeros(3, 4, 8))
    with pytest.raises(InputError, match="a conditioning has 3 rows for 2 latents: expected 1 or 2"):
        sample_frame(FakeDenoiser(), FramePlan(Guidance(three), 1), START.repeat(2, 1, 1, 1))


def test_ksampler_checks_its_batch_index():
    with pytest.raises(InputError, match="batch_index is .0, 1.: expected 1 numbers"):
        sampling.ksampler(
            FakeDenoiser(), 1, 2, 1.0, "euler", "normal", fake_text(1.0), fake_text(0.0), START, batch_index=[0, 1]
        )


def test_an_anchor_checks_its_strength():
    with pytest.raises(InputError, match="anchor strength is 2"):
        Anchor(torch.zeros(4), torch.ones(4), 2.0)


def test_a_frame_that_is_not_of_numbers_is_told_alike_by_another_process():
    told = pickle.loads(pickle.dumps(NotFinite(7)))
    assert str(told) == str(NotFinite(7)) and told.frame == 7
