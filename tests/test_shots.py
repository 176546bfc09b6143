"""Shots: where they begin, that a film falls into runs there, and that each by itself is as in the whole film."""

import json
import re
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import audioviz as av
from audioviz.audio.sections import Sections
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.guides import Guides
from audioviz.rendering.inputs import schedule_of
from audioviz.rendering.runs import runs_of
from audioviz.rendering.settings import RenderSettings
from audioviz.schedule.lanes import Lane
from audioviz.schedule.shots import cut_points, shot_starts, with_shots
from audioviz.video.work import Work
from tests.models import fake_model
from tests.songs import made_song

STARTS = [7, 20, 21, 33]  # of 40 frames
FRAMES = 40
LIVELY = {
    "noise": 0.05,
    "zoom": 1.2,
    "angle": 5.0,
    "anchor": 0.2,
    "glow": 0.3,
    "in_loop": 1.0,
    "unsample": np.arange(FRAMES) % 3 == 1,
    "prompts": ["neon nebula", "a gold mandala of light"],
}
FINISHED = {"denoise": 0.5, "interp": 0.9, "zoom": 1.2, "noise": 0.05, "trails": 0.6, "grain": 0.3, "shake": 0.5}


def with_sections(song, *starts):
    sections = Sections.at(np.array(starts), np.arange(len(starts)), duration=song.duration, rms=song.rms)
    return replace(song, sections=sections)


def lively(**columns):
    rng = np.random.default_rng(1)
    clock = Clock(made_song().clock.fps, FRAMES)
    with av.bound(made_song(seconds=FRAMES / 12)):
        seeds = av.seeds.travel([0, 5, 11, 30], 7)
    given = {"denoise": rng.uniform(0.3, 0.9, FRAMES), "interp": rng.uniform(0.7, 0.99, FRAMES)}
    return av.Schedule(**(given | seeds | LIVELY | columns), clock=clock)


# ---- where they begin


@pytest.mark.parametrize("fps", ["12", "30000/1001", "7"])
def test_they_begin_in_the_frames_of_bars_sections_and_the_schedule_cuts(fps):
    song = with_sections(made_song(seconds=20.0, fps=fps, beats_every=0.53), 0.0, 3.71, 11.2)
    bars = song.clock.seconds_to_frame(song.downbeats.seconds)
    assert shot_starts("bar:1", song).tolist() == bars[1:].tolist()
    assert shot_starts("bar:3", song).tolist() == bars[3::3].tolist()
    assert shot_starts("section", song).tolist() == [song.clock.seconds_to_frame(start) for start in (3.71, 11.2)]
    loud = bars[song.rms.peak(0.1)[bars] >= 0.15]
    assert shot_starts("cuts", song).tolist() == [frame for frame in loud.tolist() if frame]
    assert 0 < len(shot_starts("cuts", song)) < len(bars) - 1, "a bar that is silent is not cut"


def test_bars_count_from_the_first_and_those_of_one_frame_are_cut_once():
    song = made_song(seconds=8.0)
    late = replace(song, downbeats=song.beats[1::4])
    assert shot_starts("bar:2", late).tolist() == [6, 54]
    assert shot_starts("bar:1", made_song(seconds=2.0, fps=1, beats_every=0.1)).tolist() == [1]


@pytest.mark.parametrize("shots", ["bar:0", "bar:-1", "bar", "bar:1.5", "foo", "section ", "", "bar:8,section"])
def test_what_is_none_of_them_is_refused_before_a_song_is_heard(shots):
    with pytest.raises(InputError, match=r"^shots: unknown shots '.*': expected section, cuts, or bar:N such as"):
        av.Project("song.wav", shots=shots)
    with pytest.raises(InputError, match="shots: unknown shots"):
        av.Project("song.wav").changed(shots=shots)


@pytest.mark.parametrize("shots", ["section", "bar:1", "bar:9", "cuts"])
def test_a_song_without_such_a_place_is_refused(shots):
    song = made_song() if shots == "bar:9" else replace(made_song(), downbeats=made_song().beats[:0])
    heard = f"bars: {2 if shots == 'bar:9' else 0}, sections: 1"
    with pytest.raises(InputError, match=rf"^shots {shots}: the song has no such place after its .* \({heard}\): give"):
        shot_starts(shots, song)


# ---- what they are in a schedule


def test_nothing_but_the_way_to_a_shot_is_changed():
    plan = lively(trails=0.5, flow=0.4)
    for redraws, expected in (
        (False, {"denoise": 1, "interp": 1, "unsample": 0, "trails": 0}),
        (True, {"interp": 1, "flow": 0, "trails": 0}),
    ):
        cut = with_shots(plan, np.array(STARTS), redraws=redraws)
        assert cut.prompts == plan.prompts and cut.clock == plan.clock and cut.columns.keys() == plan.columns.keys()
        for name, values in cut.columns.items():
            wanted = plan[name].copy()
            if name in expected:
                wanted[STARTS] = expected[name]
            np.testing.assert_array_equal(values, wanted, err_msg=name)


def test_they_are_laid_over_lanes_and_kept_in_files(tmp_path):
    song = made_song()
    project = av.Project("made.wav", schedule="pulse", lanes={"denoise": Lane(expression="0.4")}, shots="bar:1")
    av.save_project(project, tmp_path / "song.avz")
    assert json.loads((tmp_path / "song.avz").read_text())["shots"] == "bar:1"
    with pytest.warns(AudiovizWarning, match="shots"):
        plan = schedule_of(av.load_project(tmp_path / "song.avz"), song)
    assert plan.denoise.tolist() == [1.0 if frame == 24 else 0.4 for frame in range(48)]
    assert np.array_equal(plan.seed, schedule_of(project.changed(shots=None), song).seed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shots": "bar:1"}, "shots bar:1: 4 of 2.00 s, each drawn .* so that the film differs from the one without"),
        ({"shots": "bar:3"}, "shots bar:3: 2 of 2.00 to 6.00 s, each drawn"),
        ({"shots": "bar:1", "start": 1.5, "duration": 2.0}, "shots bar:1: 2 of 0.50 to 1.50 s, each drawn"),
        ({"shots": "bar:3", "duration": 2.0}, "shots bar:3: 1 of 2.00 s, at frames .* so that nothing changes$"),
        ({"shots": "cuts", "schedule": "cuts"}, "shots cuts: . of .* s, at frames .* so that nothing changes$"),
    ],
)
def test_how_many_there_are_is_said_and_whether_the_film_differs(options, said):
    project = av.Project("made.wav").changed(**options)
    with pytest.warns(AudiovizWarning, match=said) as told:
        schedule_of(project, made_song(seconds=8.0))
    assert len(told) == 1


# ---- each by itself is as in the whole film


def latents_of_runs(plan, settings, guides, model):
    """The runs of a schedule, and the latents of the whole film and of each run made by itself."""
    table = frame_table(plan, settings, anew=guides.init is None)
    batches = batch_plan(model, table, settings, guides)
    whole = list(sampled_latents(model, table, settings, batches, guides=guides))
    alone = [
        list(islice(sampled_latents(model, table, settings, batches, guides=guides, first=run.start), len(run)))
        for run in batches.runs
    ]
    return batches.runs, whole, [latent for run in alone for latent in run]


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_sde", "lms", "euler_ancestral"])
def test_a_film_falls_into_runs_there_and_each_is_sampled_by_itself_as_in_the_whole(sampler):
    settings = RenderSettings((64, 64), 3, 2.0, sampler, "normal")
    plan = with_shots(lively(), np.array(STARTS))
    assert np.flatnonzero(cut_points(plan)).tolist() == [0, *STARTS]
    runs, whole, alone = latents_of_runs(plan, settings, Guides(), fake_model())
    assert [run.start for run in runs] == [0, *STARTS]
    assert len(whole) == FRAMES and all(map(torch.equal, whole, alone))
    assert len(runs_of(frame_table(lively(), settings))) == 1, "without shots it is one run"


@pytest.mark.parametrize("moves", [False, True])
def test_so_it_is_with_an_initial_picture_and_with_an_initial_video(moves):
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 255, (FRAMES, 64, 64, 3)).astype(np.uint8)
    guides = Guides(init=lambda k: pictures[k if moves else 0], moves=moves)
    settings = RenderSettings((64, 64), 2, 2.0, "euler", "normal")
    plan = with_shots(lively(), np.array(STARTS), redraws=moves)
    runs, whole, alone = latents_of_runs(plan, settings, guides, fake_model())
    assert [run.start for run in runs] == [0, *STARTS]
    assert all(map(torch.equal, whole, alone))


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 4), 22050)
    return made_song(path=path)


@pytest.fixture
def pictures_of(song, unjoined, tmp_path, monkeypatch):
    """Renders, and gives the pictures that would be encoded."""
    shown: list[np.ndarray] = []
    write = Work.write
    monkeypatch.setattr(Work, "write", lambda work, picture: (shown.append(picture.copy()), write(work, picture))[1])

    def render(columns, *, shots="bar:1", **options):
        shown.clear()
        plan = av.Schedule(**columns, clock=song.clock)
        out, model = tmp_path / "out.mp4", options.pop("model", None) or fake_model()
        with pytest.warns(AudiovizWarning):
            av.render(song, plan, out=out, shots=shots, model=model, progress=False, resume=False, **options)
        return list(shown)

    return render


def test_each_shot_is_rendered_by_itself_to_the_same_pictures(song, pictures_of):
    """With all that goes on after a frame: noise, camera, the echo of earlier pictures, random effects."""
    columns = FINISHED | {"seed": np.arange(48) // 5, "prompts": ["a", "b c"]}
    whole = pictures_of(columns)
    parts = [*pairwise((0, *shot_starts("bar:1", song).tolist(), 48))]
    alone = [pictures_of(columns, start=f"{a}f", duration=f"{b - a}f") for a, b in parts]
    assert len(parts) == 2 and len(whole) == 48
    assert all(map(np.array_equal, whole, [picture for part in alone for picture in part]))
    elsewhere = pictures_of(columns, start="20f", duration="20f")
    assert not np.array_equal(elsewhere[0], whole[20]) and np.array_equal(elsewhere[4], whole[24])


@pytest.mark.parametrize("by", ["arc", "blend"])
def test_smoothing_reads_nothing_across_a_cut(pictures_of, by):
    """Also where denoise hardly rises at the cut, and pictures on both sides are alike."""

    def shown(first, second):
        prompts = [av.Prompt(0.0, first, ease="hold"), av.Prompt(2.0, second, ease="hold")]
        columns = {"seed": 3, "denoise": 0.97, "zoom": 1.3, "trails": 0.3, "prompts": prompts}
        return pictures_of(columns, smooth=30, smooth_by=by)

    film, other_end, other_begin = shown("abc", "abcd"), shown("abc", "abcdefgh"), shown("abcdefgh", "abcd")
    assert len(film) == 120
    assert all(map(np.array_equal, film[:60], other_end[:60])) and not np.array_equal(film[60], other_end[60])
    assert all(map(np.array_equal, film[60:], other_begin[60:])) and not np.array_equal(film[59], other_begin[59])


def test_kept_work_is_made_anew_from_the_first_frame_that_shots_change(song, unjoined, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    plan = av.Schedule(denoise=0.5, prompts=["x"], clock=song.clock)

    def calls(name, **options):
        model = fake_model()
        av.render(song, plan, out=tmp_path / name, model=model, progress=False, **options)
        return len(model.denoiser.calls), (tmp_path / name).read_bytes()

    all_calls, without = calls("kept.mp4", keep_work=True)
    with (
        pytest.warns(AudiovizWarning, match="shots bar:1: 2 of 2.00 s"),
        pytest.warns(AudiovizWarning, match="frames from 24 on are made anew: the schedule changed"),
    ):
        some_calls, edited = calls("kept.mp4", keep_work=True, shots="bar:1")
    with pytest.warns(AudiovizWarning, match="shots"):
        _, fresh = calls("fresh.mp4", shots="bar:1")
    assert 2 * some_calls == all_calls and edited == fresh != without


def test_an_initial_video_goes_on_through_them(song, tmp_path):
    frames = [Image.new("RGB", (64, 64), (5 * i, 0, 0)) for i in range(9)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:], duration=100)
    frames[0].save(tmp_path / "still.png")
    project = av.Project(song.path, schedule=av.Schedule(denoise=0.4, interp=0.8, clock=song.clock), shots="bar:1")
    for init, denoise in (("moves.gif", 0.4), ("still.png", 1.0)):
        with pytest.warns(AudiovizWarning, match="shots"):
            plan = schedule_of(project.changed(init=tmp_path / init), song)
        assert (plan.denoise[24], plan.interp[24], plan.interp[23]) == (denoise, 1.0, 0.8)


# ---- the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a song of eight bars, hit on each beat."""
    folder = tmp_path_factory.mktemp("songs")
    t = np.arange(22050 * 16) / 22050
    kick = np.sin(2 * np.pi * 55 * (t % 0.5)) * np.exp(-(t % 0.5) * 12) * np.where(t % 2 < 0.5, 1.0, 0.4)
    soundfile.write(folder / "song.wav", 0.8 * kick, 22050)
    return folder


def test_the_command_says_it_in_a_line_and_the_file_of_the_project_gives_the_same(renders, folder):
    asked = ("render", "song.wav", "--quiet", "--size", "64", "--steps", "1", "--fps", "4", "--shots", "bar:2")
    made = renders(*asked, "--save", "song.avz", "-o", "a.mp4", cwd=folder)
    assert made["status"] == 0 and made["err"].count("\n") == 1, made["err"]
    assert re.match(r"audioviz: shots bar:2: \d of .* s, each drawn .*, so that the film differs", made["err"])
    again = renders("render", "song.avz", "--quiet", "-o", "b.mp4", cwd=folder)
    assert again["err"] == made["err"] and (folder / "a.mp4").read_bytes() == (folder / "b.mp4").read_bytes()
    told = renders(*asked, "--dry-run", cwd=folder)
    assert told["err"] == made["err"] and told["status"] == 0


@pytest.mark.parametrize(
    ("shots", "said"), [("bar:0", "unknown shots 'bar:0': expected"), ("section", "the song has no such place")]
)
def test_bad_input_is_one_line(renders, folder, shots, said):
    ended = renders("render", "song.wav", "--shots", shots, cwd=folder)
    assert ended["status"] == 2 and ended["err"].count("\n") == 1 and said in ended["err"]
