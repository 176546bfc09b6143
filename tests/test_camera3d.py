"""The camera in three dimensions: a test card lands where projection puts it, in the plane and in relief."""

import math

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from audioviz.sampling.warp import move_part, warp

HEIGHT, WIDTH = 96, 128
MOVES = [
    {"tilt": 20.0},
    {"pan": -15.0},
    {"dolly": 0.2},
    {"dolly": -0.3, "shift_x": 0.05},
    {"tilt": 12.0, "pan": 9.0, "fov": 100.0},
    {"tilt": -25.0, "fov": 30.0},
    {"tilt": 6.0, "pan": -8.0, "dolly": 0.1, "zoom": 1.1, "angle": 12.0, "shift_x": 0.04, "shift_y": -0.05},
]


def card(*places, height=HEIGHT, width=WIDTH):
    """Soft points at places (x, y) on black."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return sum(torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 4.5) for a, b in places)[None, None]


def middle(picture, x, y, reach=6):
    """The middle of the light around a place."""
    rows, columns = slice(round(y) - reach, round(y) + reach + 1), slice(round(x) - reach, round(x) + reach + 1)
    light = picture[0, 0, rows, columns].clamp(min=0) ** 2
    down, right = (torch.arange(side.start, side.stop).float() for side in (rows, columns))
    return (light.sum(0) @ right / light.sum()).item(), (light.sum(1) @ down / light.sum()).item()


def projected(
    x, y, *, zoom=1, angle=0, shift_x=0, shift_y=0, tilt=0, pan=0, dolly=0, fov=70, depth=0.5, size=(WIDTH, HEIGHT)
):
    """Where a place of the picture is seen after a move, by trigonometry; the viewer is at 0 and looks along z."""
    width, height = size
    focal = max(size) / 2 / math.tan(math.radians(fov) / 2)
    far, turn = 1 / (0.5 + depth), math.radians(angle)
    right, down = (x - (width - 1) / 2) / focal, (y - (height - 1) / 2) / focal
    right, down = (
        far * zoom * (right * math.cos(turn) - down * math.sin(turn)),
        far * zoom * (right * math.sin(turn) + down * math.cos(turn)),
    )
    away, lean, swing = far - 1, math.radians(tilt), math.radians(pan)
    down, away = down * math.cos(lean) + away * math.sin(lean), away * math.cos(lean) - down * math.sin(lean)
    right, away = right * math.cos(swing) - away * math.sin(swing), away * math.cos(swing) + right * math.sin(swing)
    right, down = right + shift_x * width / focal, down + shift_y * height / focal
    away += math.exp(-dolly)
    return (width - 1) / 2 + focal * right / away, (height - 1) / 2 + focal * down / away


def textured(seed=0, size=64):
    noise = torch.rand(1, 3, size // 8, size // 8, generator=torch.Generator().manual_seed(seed))
    return interpolate(noise, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)


@pytest.mark.parametrize("move", MOVES, ids=str)
def test_a_test_card_lands_within_half_a_pixel(move):
    places = [(64, 48), (34, 30), (96, 32), (40, 68), (92, 66)]
    moved = warp(card(*places), **move)
    for place in places:
        wanted = projected(*place, **move)
        assert math.dist(middle(moved, *wanted), wanted) < 0.5


def test_what_the_viewer_sees_of_a_tilt_and_a_pan():
    (left, top), (right, bottom) = (34, 30), (94, 66)
    tilted, panned = (projected(left, top, **{name: 20}) for name in ("tilt", "pan"))
    moved = warp(card((left, top), (right, bottom)), tilt=20)
    upper, lower = middle(moved, *tilted), middle(moved, *projected(right, bottom, tilt=20))
    assert upper[0] > left and upper[1] > top, "the upper edge goes away, so it is drawn together"
    assert lower[0] > right, "and the lower one comes nearer"
    assert middle(warp(card((left, top)), pan=20), *panned)[1] < top, "the left edge comes nearer"


def test_without_depth_a_dolly_is_a_zoom():
    picture = textured()
    assert warp(picture, dolly=0.2).allclose(warp(picture, zoom=math.exp(0.2)), atol=1e-4)


def test_at_rest_the_camera_is_what_it_was():
    picture = textured()
    assert warp(picture, fov=90.0, depth=torch.rand(1, 1, 64, 64)) is picture
    flat = {"zoom": 1.1, "angle": 7.0, "shift_x": 0.03, "shift_y": -0.02}
    assert torch.equal(warp(picture, **flat), warp(picture, **flat, tilt=0, pan=0, dolly=0, fov=40))
    golden = torch.tensor([0.2844, 0.2926, 0.3019, 0.3137, 0.3298])
    assert warp(picture, **flat)[0, 1, 30, 20:25].allclose(golden, atol=1e-4)


@pytest.mark.parametrize("move", [*MOVES, {"zoom": 1.3, "angle": 40.0, "shift_x": 0.1}, {"angle": 180.0}], ids=str)
def test_parts_of_a_move_make_the_whole(move):
    picture, inner = textured(), (..., slice(20, -20), slice(20, -20))
    whole = warp(picture, **move)
    parts = warp(warp(picture, **move_part(move, 0.3)), **move_part(move, 0.7))
    assert (parts - whole)[inner].abs().max() < 0.05 < (whole - picture)[inner].abs().max()
    back = warp(whole, **move_part(move, -1))
    assert (back - picture)[inner].abs().max() < 0.05
    assert warp(picture, **move_part(move, 0)) is picture


def test_a_move_too_wide_for_parts_jumps_halfway():
    move = {"angle": 171.5, "tilt": -27.6, "pan": 43.6, "shift_x": 0.2, "dolly": 0.7, "zoom": 1.2}
    picture = textured()
    assert warp(picture, **move_part(move, 0.6)).allclose(warp(picture, **move), atol=1e-4)
    assert warp(picture, **move_part(move, 0.4)).allclose(picture, atol=1e-4)


@pytest.mark.parametrize("move", [{"tilt": 1000.0}, {"pan": 90.0, "fov": 170.0}, {"dolly": 30.0}, {"dolly": -30.0}])
@pytest.mark.parametrize("depth", [None, torch.linspace(0, 1, 32).expand(1, 1, 32, 32)], ids=["flat", "deep"])
def test_nothing_is_seen_of_the_wildest_moves_but_pictures(move, depth):
    seen = warp(textured(size=32), **move, depth=depth)
    assert seen.isfinite().all() and seen.min() > -0.5 and seen.max() < 1.5


def test_joined_edges_hold_in_space_too():
    """Far from the middle a picture of stripes goes on as stripes where it is joined, and is mirrored where not."""
    x = torch.arange(64).float()
    stripes = (0.5 + 0.5 * torch.sin(2 * math.pi * x / 16 + 0.7)).expand(1, 1, 64, 64)
    joined, mirrored = (warp(stripes, dolly=-0.3, tilt=1.0, wrap=wrap)[0, 0, 32] for wrap in (True, False))
    scale = math.exp(0.3)
    wanted = 0.5 + 0.5 * torch.sin(2 * math.pi * ((x - 31.5) * scale + 31.5) / 16 + 0.7)
    assert (joined - wanted).abs().max() < 0.05 < (mirrored - wanted).abs().max()


@pytest.mark.parametrize("move", [move for move in MOVES if move.get("angle") or len(move) > 1 or "dolly" in move])
def test_two_planes_move_by_their_depths(move):
    """A near square before a far ground: points on both are seen where each depth puts them."""
    near, far = (0.9, 0.2)
    depth = torch.full((1, 1, HEIGHT, WIDTH), far)
    depth[..., 32:64, 44:84] = near
    places = {(64, 48): near, (54, 42): near, (76, 56): near, (20, 20): far, (108, 74): far, (24, 70): far}
    seen = warp(card(*places), depth=depth, **move)
    found = 0
    for place, its_depth in places.items():
        wanted = projected(*place, depth=its_depth, **move)
        if 8 < wanted[0] < WIDTH - 8 and 8 < wanted[1] < HEIGHT - 8:
            assert math.dist(middle(seen, *wanted, reach=5), wanted) < 0.5
            found += 1
    assert found >= 4


def test_depth_that_is_grey_everywhere_is_the_plane():
    picture, grey = textured(), torch.full((1, 1, 64, 64), 0.5)
    for move in MOVES:
        inner = (..., slice(16, -16), slice(16, -16))
        assert (warp(picture, depth=grey, **move) - warp(picture, **move))[inner].abs().max() < 0.03


@pytest.mark.parametrize("soft", [1, 5], ids=["sharp", "soft"])
@pytest.mark.parametrize(
    "move", [{"shift_x": 0.1}, {"shift_y": -0.08}, {"dolly": 0.2, "shift_x": -0.05}, {"pan": 12.0}, {"tilt": -10.0}]
)
def test_what_near_things_uncover_is_filled_with_the_ground(move, soft):
    """A red disc leaves no red, no black and no grey behind on a green ground."""
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    disc = ((x - 48) ** 2 + (y - 48) ** 2 < 18**2).float()[None, None]
    blend = avg_pool2d(disc, 3, 1, 1)
    picture = torch.cat((blend, 1 - blend, torch.zeros_like(blend)), 1)
    depth = avg_pool2d(disc, soft, 1, soft // 2)
    seen = warp(picture, depth=depth, **move)
    assert (seen[:, 0] + seen[:, 1]).allclose(torch.ones(1, 96, 96), atol=0.05), "no holes"
    red = (seen[0, 0] > 0.3).nonzero().float()
    around = [(48 + 18 * math.cos(turn), 48 + 18 * math.sin(turn)) for turn in torch.linspace(0, 6.3, 60).tolist()]
    edge = torch.tensor([projected(*place, depth=1.0, **move, size=(96, 96)) for place in around]).flip(1)
    centre, reach = edge.mean(0), (edge - edge.mean(0)).norm(dim=1).max()
    assert len(red) > 600 and (red - centre).norm(dim=1).max() < reach + 3


def test_a_gap_between_near_things_shows_the_ground():
    """What is uncovered between two pillars is filled neither with the one nor with the other."""
    x = torch.arange(96).expand(96, 96)
    pillars = (((x > 30) & (x <= 40)) | ((x > 48) & (x <= 58))).float()[None, None]
    seen = warp(torch.cat((pillars, 1 - pillars, pillars * 0), 1), depth=pillars, shift_x=0.11)
    width = (seen[0, 0, 40:60] > 0.5).sum(1)
    assert width.min() >= 19 and width.max() <= 21


def test_edges_from_outside_hold_no_near_thing_twice():
    """A pillar at the lower edge is not mirrored into ground that comes in from below."""
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    pillar = ((x > 60) & (x < 70) & (y > 20)).float()[None, None]
    seen = warp(torch.cat((pillar, 1 - pillar, pillar * 0), 1), depth=pillar, pan=10)
    assert (seen[0, 0, 80:] > 0.5).sum(1).max() < 14
