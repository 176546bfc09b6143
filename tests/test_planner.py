import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.rendering.guides import Guides
from audioviz.rendering.plans import ANCHOR_STILLS
from audioviz.schedule import Prompt
from tests.models import SETTINGS, digests_of, fake_model, plans_of

CLOCK = Clock.for_duration(1, 10)


def says(schedule: av.Schedule) -> list[float]:
    """What each frame's text says to the fake model: the mean length of its words."""
    return [20 * plan.conditioning.positive.embeddings.mean().item() for plan in plans_of(fake_model(), schedule)]


def test_what_is_left_of_the_mix_is_the_prompt():
    mix = {"x" * 20: [0.0, 0.5, 1.0, 1.0, 0.0] * 2, "x" * 10: [0.0, 0.0, 0.0, 1.0, 0.5] * 2}
    lengths = says(av.Schedule(prompts=["x" * 4], mix=mix, clock=CLOCK))
    assert lengths[:5] == pytest.approx([4, 12, 20, 15, 7])


def test_a_mix_changes_the_frames_it_is_heard_in():
    plain, mixed = (
        digests_of(av.Schedule(prompts=["a"], mix={"fire": values}, clock=CLOCK))
        for values in ([0.0] * 10, [0.0] * 9 + [0.1])
    )
    assert [one == other for one, other in zip(plain, mixed)] == [True] * 9 + [False]


@pytest.mark.parametrize("way", ["slerp", "lerp"])
def test_prompts_travel_either_way(way):
    prompts = [Prompt(0.0, "x" * 4, ease="linear", way=way), Prompt(0.8, "x" * 20)]
    assert says(av.Schedule(prompts=prompts, clock=CLOCK))[:9] == pytest.approx(np.linspace(4, 20, 9))


def test_the_anchor_follows_the_mix():
    schedule = av.Schedule(prompts=["x" * 4], mix={"x" * 20: [0.0, 1.0] * 5}, anchor=0.5, clock=CLOCK)
    first, second = (plan.anchor.mean.mean() for plan, _ in zip(plans_of(fake_model(), schedule), range(2)))
    assert second > first


def test_the_picture_that_a_part_starts_from_is_neither_moved_nor_noised():
    schedule = av.Schedule(prompts=["x" * 4], noise=0.2, zoom=2.0, clock=CLOCK)
    guides = Guides(init=lambda k: np.zeros((64, 64, 3), np.uint8))
    for part in (range(10), range(4, 8)):
        first, second = (plan for plan, _ in zip(plans_of(fake_model(), schedule, part=part, guides=guides), range(2)))
        assert (first.warp, first.noise_after) == (None, 0) and second.warp and second.noise_after == 0.2


def test_frames_are_mixed_straight_or_along_the_arc():
    schedule = av.Schedule(prompts=["x" * 4], interp=0.5, slerp=[0.0, 1.0] * 5, clock=CLOCK)
    assert [plan.mode for plan in plans_of(fake_model(), schedule)][:4] == ["blend", "slerp"] * 2


def test_the_colours_of_a_prompt_that_returns_are_looked_up_once():
    prompts = [Prompt(0.1 * i, "xy"[i % 2] * 4, ease="hold") for i in range(10)]
    model = fake_model()
    list(plans_of(model, av.Schedule(prompts=prompts, anchor=0.5, clock=CLOCK)))
    assert len(model.denoiser.calls) == 2 * ANCHOR_STILLS * SETTINGS.steps
