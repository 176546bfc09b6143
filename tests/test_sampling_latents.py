"""Operations on latents and conditionings: exact where the answer is known, never NaN."""

import math

import pytest
import torch

from audioviz.errors import InputError
from audioviz.sampling import Anchor, Conditioning, lerp, slerp
from audioviz.sampling.anchor import anchor_of, hold
from audioviz.sampling.interpolate import MODES
from audioviz.sampling.warp import warp


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "b", [noise(2, 4, 5, 5, seed=1), torch.zeros(2, 4, 5, 5), noise(2, 4, 5, 5), -noise(2, 4, 5, 5)]
)
def test_interpolation_starts_and_ends_where_it_says(mode, b):
    a = noise(2, 4, 5, 5)
    assert torch.equal(MODES[mode](a, b, 0.0), a) and torch.equal(MODES[mode](a, b, 1.0), b)
    for t in (0.2, 0.5, 0.9):
        between = MODES[mode](a, b, t)
        assert between.isfinite().all() and between.abs().max() < 20
        assert torch.equal(between[:1], MODES[mode](a[:1], b[:1], t))  # a batch is its pictures


def test_blend_and_cosine_weights():
    a, b = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert MODES["blend"](a, b, 0.25).mean() == 0.25
    assert abs(MODES["cosine"](a, b, 0.25).mean() - (1 - math.cos(math.pi / 4)) / 2) < 1e-6


def test_slerp_keeps_the_spread_of_noise():
    a, b = noise(1, 4, 64, 64), noise(1, 4, 64, 64, seed=1)
    assert abs(MODES["slerp"](a, b, 0.5).std() - 1) < 0.01
    assert abs(MODES["blend"](a, b, 0.5).std() - 0.5**0.5) < 0.01


def test_slerp_of_zeros_and_equals():
    zero = torch.zeros(1, 4, 3, 3)
    assert torch.equal(MODES["slerp"](zero, zero, 0.4), zero)
    a = noise(1, 4, 3, 3)
    assert torch.allclose(MODES["slerp"](a, a, 0.4), a, atol=1e-5)


def card():
    """A bright spot near one side of a picture 64 wide and 48 high."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    return torch.exp(-((x - 44) ** 2 + (y - 20) ** 2) / 18)[None, None]


def spot(picture):
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    weight = picture[0, 0].clamp_min(0)
    return (x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()


@pytest.mark.parametrize(
    "zoom, angle, shift_x, shift_y",
    [
        (1.2, 0, 0, 0),
        (0.8, 0, 0, 0),
        (1, 20, 0, 0),
        (1, -35, 0, 0),
        (1, 0, 0.1, 0),
        (1, 0, 0, -0.15),
        (1.1, 15, -0.1, 0.1),
    ],
)
def test_the_camera_lands_within_half_a_pixel(zoom, angle, shift_x, shift_y):
    x, y = 44 - 31.5, 20 - 23.5  # from the middle; clockwise on a screen whose y points down
    turn = math.radians(angle)
    wanted_x = 31.5 + zoom * (x * math.cos(turn) - y * math.sin(turn)) + shift_x * 64
    wanted_y = 23.5 + zoom * (x * math.sin(turn) + y * math.cos(turn)) + shift_y * 48
    found_x, found_y = spot(warp(card(), zoom=zoom, angle=angle, shift_x=shift_x, shift_y=shift_y))
    assert abs(found_x - wanted_x) < 0.5 and abs(found_y - wanted_y) < 0.5


def test_an_unmoved_camera_changes_nothing():
    picture = noise(2, 3, 7, 9)
    assert warp(picture) is picture


def test_the_camera_mirrors_what_it_cannot_see():
    assert warp(torch.ones(1, 4, 8, 8), zoom=0.5, angle=30, shift_x=0.3, shift_y=0.3).allclose(
        torch.ones(1, 4, 8, 8), atol=1e-5
    )


def test_joined_edges_bring_in_what_went_out():
    picture = noise(1, 3, 12, 16)
    moved = warp(picture, shift_x=5 / 16, shift_y=-4 / 12, wrap=True)
    assert moved.allclose(picture.roll((-4, 5), (2, 3)), atol=1e-4)
    assert not warp(picture, shift_x=5 / 16, shift_y=-4 / 12).allclose(moved, atol=0.1)


def test_an_anchor_moves_part_of_the_way():
    latent = noise(2, 4, 16, 16) * 3 + 5
    held = hold(latent, Anchor(torch.zeros(4), torch.ones(4), 0.25))
    mean, std = latent.mean((2, 3)), latent.std((2, 3), correction=0)
    assert torch.allclose(held.mean((2, 3)), mean * 0.75, atol=1e-4)
    assert torch.allclose(held.std((2, 3), correction=0), std * 0.75 + 0.25, atol=1e-4)
    assert torch.allclose(hold(latent, Anchor(torch.zeros(4), torch.ones(4), 0.0)), latent, atol=1e-5)


def test_an_anchor_takes_flat_channels():
    flat = torch.full((1, 2, 4, 4), 3.0)
    assert torch.allclose(hold(flat, Anchor(torch.zeros(2), torch.ones(2), 1.0)), torch.zeros_like(flat))
    assert hold(noise(1, 2, 4, 4), anchor_of(flat, 1.0)).isfinite().all()


@pytest.mark.parametrize("mix", [lerp, slerp])
def test_conditionings_start_and_end_where_they_say(mix):
    a, b = Conditioning(noise(1, 4, 8), noise(1, 8, seed=3)), Conditioning(noise(1, 4, 8, seed=1), noise(1, 8, seed=4))
    assert mix(a, b, 0.0) is a and mix(a, b, 1.0) is b
    half = mix(a, b, 0.5)
    assert half.embeddings.shape == (1, 4, 8) and half.pooled.shape == (1, 8)


def test_slerp_of_conditionings_goes_round_at_mixed_length():
    a = Conditioning(torch.tensor([[[2.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]]))
    b = Conditioning(torch.tensor([[[0.0, 4.0], [3.0, 0.0], [1.0, 1.0], [-1.0, 0.0]]]))
    half = slerp(a, b, 0.5).embeddings[0]
    assert torch.allclose(half[0], torch.tensor([3.0, 3.0]) / 2**0.5, atol=1e-5)
    assert torch.allclose(half[1:3], torch.tensor([[1.5, 0.0], [1.0, 1.0]]))
    assert half.isfinite().all()


def test_texts_of_different_length_mix():
    mixed = lerp(Conditioning(torch.zeros(1, 3, 2)), Conditioning(torch.ones(1, 5, 2)), 0.5)
    assert torch.equal(mixed.embeddings, torch.full((1, 5, 2), 0.5))


def test_conditionings_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="different text encoders .widths 8 and 6."):
        lerp(Conditioning(torch.zeros(1, 4, 8)), Conditioning(torch.zeros(1, 4, 6)), 0.5)
    with pytest.raises(InputError, match="expected .batch, tokens, width."):
        Conditioning(torch.zeros(4, 8))
