"""Frames of several runs that are sampled together: each as if it were alone, in order, and the same when resumed."""

import random
import shutil
import signal
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from diffusers import ControlNetModel

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import InputError, ModelError
from audioviz.models import load_model
from audioviz.models.memory.footprint import pictures_at_once
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.guides import Guides
from audioviz.rendering.runs import BatchPlan, runs_of
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import Conditioning, Control
from audioviz.sampling.batched import BatchedDenoiser
from audioviz.sampling.lanes import Lanes
from audioviz.sampling.samplers import SAMPLERS
from tests.checkpoints import tiny_ip_adapter
from tests.models import fake_model

SETTINGS = RenderSettings((64, 64), 3, 2.0, "dpmpp_2m_sde", "normal")
CUTS = (7, 20, 21, 33, 50)  # of sixty frames: runs of 1 to 17
LIVELY = {"zoom": 1.2, "noise": 0.05, "prompts": ["neon nebula", "a gold mandala of light"]}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def schedule(frames=60, cuts=CUTS, **columns):
    rng = np.random.default_rng(1)
    denoise, interp = rng.uniform(0.3, 0.9, frames), rng.uniform(0.7, 0.99, frames)
    denoise[list(cuts)] = interp[list(cuts)] = 1
    seed = np.arange(frames, dtype=np.uint64)
    clock = Clock(Fraction(12), frames)
    return av.Schedule(seed=seed, denoise=denoise, interp=interp, clock=clock, **(LIVELY | columns))


def latents_of(model, plan, settings=SETTINGS, *, batch=1, first=0, before=None, window=None):
    """The latents of a schedule's frames, as a render samples them."""
    table, settings = frame_table(plan, settings), replace(settings, batch=batch)
    batches = batch_plan(model, table, settings, Guides())
    batches = batches if window is None else replace(batches, window=window)
    return list(sampled_latents(model, table, settings, batches, first=first, before=before))


def same(found, wanted):
    return len(found) == len(wanted) and all(map(torch.equal, found, wanted))


# ---- which frames are sampled together


def test_a_run_begins_where_a_frame_needs_none_before_it():
    table = frame_table(schedule(), SETTINGS)
    assert runs_of(table) == [range(7), range(7, 20), range(20, 21), range(21, 33), range(33, 50), range(50, 60)]
    unsampled = frame_table(schedule(unsample=np.arange(60) == 20), SETTINGS)
    assert range(7, 21) in runs_of(unsampled)
    flat = frame_table(schedule(cuts=()), SETTINGS)
    assert runs_of(flat) == [range(60)]


def test_frames_of_an_initial_video_need_none_before_them_unless_they_are_held_or_mixed():
    free = frame_table(av.Schedule(denoise=0.5, prompts=["x"], clock=Clock(Fraction(12), 5)), SETTINGS)
    assert len(runs_of(free, redraws=True)) == 5 and len(runs_of(free)) == 1
    for column in ({"flow": 0.5}, {"interp": 0.9}):
        held = frame_table(av.Schedule(denoise=0.5, prompts=["x"], clock=Clock(Fraction(12), 5), **column), SETTINGS)
        assert len(runs_of(held, redraws=True)) == 1


def random_plan(draw):
    lengths = [draw.choice([1, 2, 5, 24, 24, 80]) for _ in range(draw.randint(1, 12))]
    begins = np.cumsum([0, *lengths]).tolist()
    batch = draw.randint(2, 9)
    return BatchPlan(tuple(map(range, begins, begins[1:])), batch, draw.choice([batch, 30, 1000]))


def test_each_frame_is_sampled_once_after_the_one_before_in_a_place_of_its_own_wherever_it_goes_on():
    draw = random.Random(3)
    for _ in range(60):
        plan = random_plan(draw)
        frames = len(plan.places)
        done = draw.randrange(frames)
        seen, first = set[int](), done
        for batch in plan.after(done):
            places = [plan.places[i] for i in batch]
            assert len(batch) <= plan.batch and len({place.rows for place in places}) == 1
            assert len({place.row for place in places}) == len(batch)
            assert all(place.row < place.rows <= plan.batch for place in places)
            while first in seen:
                first += 1
            assert max(batch) < first + plan.window
            assert all(i - 1 in seen or i == max(plan.run_of(i).start, done) for i in batch)
            assert not seen & set(batch)
            seen |= set(batch)
        assert sorted(seen) == list(range(done, frames))


def test_places_fill_the_batch_as_far_as_there_are_runs():
    plan = BatchPlan(tuple(range(k, k + 24) for k in range(0, 480, 24)), 8, 1000)
    assert [len(batch) for batch in plan.after(0)] == [8] * 48 + [4] * 24
    assert plan.together == 480 / 72
    assert sum(1 for _ in plan.after(60)) <= 72  # no more than from the start


def test_what_is_decided_before_a_frame_does_not_hang_on_what_comes_after_its_batch():
    plan = BatchPlan((range(9), range(9, 20), range(20, 60), range(60, 99)), 3, 1000)
    edited = replace(plan, runs=(*plan.runs[:3], range(60, 70), range(70, 99)))
    assert plan.places[:29] == edited.places[:29]


# ---- lanes


class Doubling:
    """Answers each call with twice its number, and keeps which lanes called."""

    def __init__(self, rank=0, error=None):
        self.rank, self.error, self.asked = rank, error, []

    def answer(self, calls, rows):
        self.asked.append((tuple(calls), rows))
        if self.error:
            raise self.error
        return {lane: 2 * number for lane, number in calls.items()}


def test_lanes_wait_for_each_other_and_one_runs_at_a_time():
    first, then, running = Doubling(0), Doubling(1), []

    def job(lane, calls):
        def work():
            assert running == []
            running.append(lane)
            total = lane
            for of in calls:
                running.remove(lane)
                total = lanes.ask(of, total)
                assert running == []
                running.append(lane)
            running.remove(lane)
            return total

        return work

    with Lanes(3) as lanes:
        found = lanes.run({0: job(0, [then]), 1: job(1, [first, then]), 2: job(2, [first, first, then, then])}, rows=3)
    assert found == {0: 0, 1: 4, 2: 32}
    assert first.asked == [((1, 2), 3), ((2,), 3)]
    assert then.asked == [((0, 1, 2), 3), ((2,), 3)]  # the first lane has waited for the others


def test_the_first_lane_that_fails_is_told_of_and_all_are_ended():
    def job(lane):
        def work():
            lanes.ask(Doubling(), 1)
            if lane:
                raise InputError(f"lane {lane}")
            lanes.ask(Doubling(), 1)

        return work

    with Lanes(3) as lanes, pytest.raises(InputError, match="lane 1"):
        lanes.run({lane: job(lane) for lane in range(3)}, rows=3)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_whatever_ends_an_answer_ends_all_lanes(error):
    with Lanes(2) as lanes, pytest.raises(type(error)):
        lanes.run({lane: lambda: lanes.ask(Doubling(error=error), 1) for lane in range(2)}, rows=2)


# ---- the model, called once for all


def a_call(draw, denoiser, words, *, tokens=4, control=Control(), texts=2, cfg=2.0):
    x = torch.randn(1, denoiser.channels, 8, 8, generator=draw)
    read = [Conditioning(torch.full((1, tokens, 8), word)) for word in (words, -words, 0.5 * words)[:texts]]
    return x, torch.tensor([abs(words) + 0.1]), read, control, cfg


class Watched:
    """A denoiser that keeps how many rows, texts and hints it was called with."""

    def __init__(self, denoiser):
        self.denoiser, self.calls = denoiser, []

    def __getattr__(self, name):
        return getattr(self.denoiser, name)

    def __call__(self, x, sigma, texts, *, control=Control(), cfg=1.0):
        rows = {len(x), len(sigma), *(len(text.embeddings) for text in texts)}
        self.calls.append((rows, len(texts), texts[0].embeddings.shape[1], control.hint, cfg))
        return self.denoiser(x, sigma, texts, control=control, cfg=cfg)


def answered(denoiser, calls, rows=4):
    with Lanes(rows) as lanes:
        batched = BatchedDenoiser(denoiser, lanes)

        def job(x, sigma, texts, control, cfg):
            return lambda: batched(x, sigma, texts, control=control, cfg=cfg)

        return lanes.run({lane: job(*call) for lane, call in calls.items()}, rows=rows)


@pytest.mark.parametrize("distilled", [False, True])
def test_calls_of_one_kind_become_one_and_others_stay_apart(distilled):
    draw, denoiser = torch.Generator().manual_seed(1), Watched(fake_model(distilled=distilled).denoiser)
    hint = Control(hint=torch.rand(1, 3, 64, 64, generator=draw))
    calls = {
        0: a_call(draw, denoiser, 1.0),
        1: a_call(draw, denoiser, 2.0, cfg=5.0),
        2: a_call(draw, denoiser, 3.0, tokens=7),
        3: a_call(draw, denoiser, 4.0),
        4: a_call(draw, denoiser, 5.0, control=hint),
        5: a_call(draw, denoiser, 6.0, texts=3),
        6: a_call(draw, denoiser, 7.0, texts=1, cfg=1.0),
    }
    found = answered(denoiser, calls, rows=8)
    together = denoiser.calls
    assert {frozenset(rows) for rows, *_ in together} == {frozenset([8])}
    assert len(together) == (6 if distilled else 5)  # a scale apart is told apart
    for lane, (x, sigma, texts, control, cfg) in calls.items():
        alone = denoiser(x, sigma, texts, control=control, cfg=cfg)
        assert same(found[lane], alone)


def test_models_whose_texts_have_their_own_lengths_are_called_row_by_row():
    draw, denoiser = torch.Generator().manual_seed(1), Watched(fake_model(ragged=True).denoiser)
    answered(denoiser, {lane: a_call(draw, denoiser, float(lane), tokens=4 + lane) for lane in range(3)})
    assert [rows for rows, *_ in denoiser.calls] == [{1}] * 3


def test_so_are_frames_for_which_loras_have_strengths_of_their_own():
    draw, denoiser = torch.Generator().manual_seed(1), Watched(fake_model().denoiser)
    calls = {
        lane: a_call(draw, denoiser, float(lane), control=Control(loras={"ink": 0.3 * lane} if lane else {}))
        for lane in range(3)
    }
    answered(denoiser, calls)
    assert [rows for rows, *_ in denoiser.calls] == [{1}, {1}, {4}]


def test_hints_masks_and_strengths_go_with_their_row():
    draw, seen = torch.Generator().manual_seed(1), []
    model = fake_model()

    class Kept(Watched):
        def __call__(self, x, sigma, texts, *, control=Control(), cfg=1.0):
            seen.append(control)
            return super().__call__(x, sigma, texts, control=control, cfg=cfg)

    hints = [torch.full((1, 3, 64, 64), lane / 4) for lane in range(3)]
    calls = {
        lane: a_call(draw, model.denoiser, 1.0 + lane, control=Control(hint=hints[lane], inpainting=hints[lane][:, :1]))
        for lane in range(3)
    }
    answered(Kept(model.denoiser), calls)
    assert len(seen) == 1 and torch.equal(seen[0].hint, torch.cat([*hints, hints[0]]))
    assert torch.equal(seen[0].inpainting, seen[0].hint[:, :1])


@pytest.fixture(scope="module")
def parts(families, tmp_path_factory):
    """A ControlNet and an IP-Adapter for sd1."""
    root = tmp_path_factory.mktemp("parts")
    with torch.random.fork_rng():
        torch.manual_seed(6)
        net = ControlNetModel.from_unet(families("sd1")[1].unet)
        for block in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
            torch.nn.init.normal_(block.weight, std=0.3)
    net.save_pretrained(root / "net")
    return root / "net", tiny_ip_adapter(families("sd1")[1].unet, root)


@pytest.mark.parametrize(
    "kind", ["sd1", "controlnet", "ip-adapter", "inpainting", "sdxl", "lcm", "sd3", "flux", "chroma", "pixart"]
)
def test_a_row_of_a_real_model_is_what_it_is_alone(families, parts, kind):
    added = {"controlnet": {"controlnet": parts[0]}, "ip-adapter": {"ip_adapter": parts[1]}}.get(kind, {})
    model = load_model(families("sd1" if added else kind)[0], device="cpu", **added)
    draw, calls = torch.Generator().manual_seed(2), {}
    for lane, word in enumerate(("gold", "a red fox", "gold, far away", "blue")):
        texts = [model.encode_text(text) for text in (word, "dark")]
        picture = torch.rand(1, 3, 64, 64, generator=draw)
        control = Control(hint=picture if kind == "controlnet" else None, strength=0.3 + 0.5 * lane, style=0.2 * lane)
        if kind == "ip-adapter":
            control = replace(control, style=0.5)
            images = model.encode_reference(picture[0].permute(1, 2, 0).mul(255).byte().numpy())
            texts = [replace(text, image=image) for text, image in zip(texts, images)]
        if kind == "inpainting":
            size = model.denoiser.channels, 8, 8
            control = replace(control, inpainting=torch.randn(1, 1 + size[0], *size[1:], generator=draw))
        x = torch.randn(1, model.denoiser.channels, 8, 8, generator=draw)
        sigma = torch.tensor([0.1 + 0.2 * lane])
        calls[lane] = x, sigma, texts[: 1 if model.denoiser.distilled else 2], control, 2.0
    watched = Watched(model.denoiser)
    found = answered(watched, calls)
    assert len(watched.calls) == 1
    for lane, (x, sigma, texts, control, cfg) in calls.items():
        alone = model.denoiser(x, sigma, texts, control=control, cfg=cfg)
        torch.testing.assert_close(found[lane], alone, atol=1e-5, rtol=1e-5)


# ---- the frames of a film


@pytest.mark.parametrize("batch", [2, 8])
@pytest.mark.parametrize(
    "columns", [{}, {"cfg": 1.0}, {"cfg": np.arange(60) % 5}, {"unsample": np.arange(60) % 5 == 2, "anchor": 0.3}]
)
def test_all_is_as_if_each_frame_were_sampled_alone(batch, columns):
    alone, together = fake_model(), fake_model()
    plan = schedule(**columns)
    assert same(latents_of(together, plan, batch=batch), latents_of(alone, plan))
    assert len(together.denoiser.calls) < len(alone.denoiser.calls)


@pytest.mark.parametrize("sampler", ["heun", "lcm", "euler_cfg_pp", "seeds_2", "dpm_adaptive"])
def test_any_sampler_may_be_in_a_batch(sampler):
    assert sampler in SAMPLERS
    plan, settings = schedule(30, cuts=(4, 9, 21)), replace(SETTINGS, sampler=sampler)
    assert same(latents_of(fake_model(), plan, settings, batch=4), latents_of(fake_model(), plan, settings))


def test_eight_runs_cost_an_eighth_of_the_calls():
    plan, alone, together = schedule(80, cuts=range(0, 80, 10), zoom=1.0), fake_model(), fake_model()
    latents_of(alone, plan)
    latents_of(together, plan, batch=8)
    assert len(together.denoiser.calls) * 8 == len(alone.denoiser.calls)


@pytest.mark.parametrize("window", [4, 12, 1000])
def test_it_goes_on_from_any_frame(window):
    plan = schedule(90, cuts=(3, 60, 70, 80), zoom=1.0)  # one run is long
    whole = latents_of(fake_model(), plan, batch=4, window=window)
    assert same(whole, latents_of(fake_model(), plan))
    for first in (1, 31, 60, 89):
        found = latents_of(fake_model(), plan, batch=4, window=window, first=first, before=whole[first - 1])
        assert same(found, whole[first:])


@pytest.fixture(scope="module")
def embedded():
    return av.load_model("embedded", device="cpu")


def test_the_embedded_model_differs_in_last_bits_alone_and_not_at_all_where_it_goes_on(embedded):
    plan = schedule(9, cuts=(2, 4, 6), zoom=1.0)  # the camera starts from what is rounded to float16
    settings = RenderSettings((64, 64), 2, 3.0, "dpmpp_2m", "sgm_uniform")
    alone, together = (latents_of(embedded, plan, settings, batch=batch) for batch in (1, 4))
    assert max((a - b).abs().max() for a, b in zip(alone, together)) < 1e-5
    assert same(latents_of(embedded, plan, settings, batch=4, first=3, before=together[2]), together[3:])


def test_a_failure_names_its_frame_and_ends_all():
    model = fake_model(nan_from_call=20)
    with pytest.raises(ModelError, match=r"^frame \d+: the model gave values that are not numbers"):
        latents_of(model, schedule(), batch=4)


def test_pictures_are_decoded_together_as_far_as_memory_is_bounded():
    assert [pictures_at_once(size, 8) for size in ((256, 256), (512, 512), (1024, 1024), (2048, 2048))] == [8, 8, 2, 1]


# ---- whole renders

RENDER = ("render", "song.wav", "--quiet", "--schedule", "mine.py", "--size", "64", "--batch", "4")
SCRIPT = """import audioviz as av

def schedule(song):
    cuts = av.curves.at([5, 11, 13, 30, 40], 1.0)
    return av.Schedule(
        denoise=0.5 + 0.5 * cuts,
        interp=0.9 + 0.1 * cuts,
        zoom=1.2,
        trails=0.3,
        prompts=["neon nebula", "a gold mandala"],
    )
"""


@pytest.fixture(scope="module")
def film(renders, tmp_path_factory):
    """The folder of a song and a schedule, the bytes of its video, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("film")
    soundfile.write(folder / "song.wav", np.random.default_rng(1).normal(0, 0.1, 22050 * 4), 22050)
    (folder / "mine.py").write_text(SCRIPT)
    done = [renders(*RENDER, cwd=folder) for _ in range(2)][1]
    assert (done["status"], done["err"]) == (0, "")
    return folder, (folder / "song.mp4").read_bytes(), done["seconds"]


@pytest.fixture
def folder(film, tmp_path):
    shutil.copytree(film[0], tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.mp4", "std*"))
    return tmp_path


def test_killed_at_random_moments_a_batched_render_finishes_the_same_file(renders, film, folder):
    _, content, seconds = film
    moments = random.Random(4)
    for _ in range(3):
        ended = renders(*RENDER, cwd=folder, after=moments.uniform(0.2, 1) * seconds)
        assert ended["status"] in (0, -signal.SIGKILL) and ended["err"] == ""
    assert renders(*RENDER, cwd=folder)["status"] == 0
    assert (folder / "song.mp4").read_bytes() == content


@pytest.mark.parametrize("at", [1, 3])
def test_killed_between_chunks_it_does_so_too(renders, film, folder, at):
    ended = renders(*RENDER, cwd=folder, fault="die after a file is put", at=at)
    assert ended["status"] == -signal.SIGKILL
    assert renders(*RENDER, cwd=folder)["status"] == 0
    assert (folder / "song.mp4").read_bytes() == film[1]


def test_the_batch_is_part_of_what_the_work_depends_on(renders, film, folder):
    alone = [*RENDER[:-1], "1"]
    assert renders(*alone, "--keep-work", cwd=folder)["status"] == 0
    found = renders(*RENDER, cwd=folder)
    assert "frames from 0 on are made anew: batch changed" in found["err"]
    assert (folder / "song.mp4").read_bytes() == film[1]


def test_interrupted_it_ends_at_once(renders, folder):
    ended = renders(*RENDER, cwd=folder, fault="pause", at=5, number=signal.SIGINT)
    assert ended["status"] == 130 and ended["to_end"] < 2
    assert ended["err"].strip() == "audioviz: interrupted; the same command goes on with a render where it was"


def test_out_of_memory_it_says_what_to_lower(renders, film, folder):
    ended = renders(*RENDER, cwd=folder, fault="cuda memory", at=3)
    assert ended["status"] == 2 and "out of memory at 64x64: lower --batch or --size" in ended["err"]


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ("[24]", "the frames make 2 runs, so 2 at most are sampled together"),
        ("[0]", "no frame but the first is drawn without the one before, so they are sampled one by one"),
    ],
)
def test_too_few_runs_are_said_once(renders, film, folder, cuts, said):
    (folder / "mine.py").write_text(SCRIPT.replace("[5, 11, 13, 30, 40]", cuts))
    done = renders(*RENDER, cwd=folder)
    assert done["status"] == 0 and done["err"].count("\n") == 1
    assert f"batch 4: {said}; a run begins where denoise and interp are 1" in done["err"]


def test_the_dry_run_tells_how_many_frames_are_sampled_together(renders, folder):
    told = renders(*RENDER, "--dry-run", cwd=folder)
    assert "batch: 2.8 frames at a time of 4, in 6 runs" in told["out"], told


@pytest.mark.parametrize("batch", ["0", "65", "2.5", "many"])
def test_a_batch_is_a_whole_number_from_1_to_64(renders, folder, batch):
    told = renders(*RENDER[:-1], batch, cwd=folder)
    assert told["status"] == 2 and "--batch" in told["err"]
    with pytest.raises(InputError, match="batch"):
        av.Project("song.wav").changed(batch=batch)
