"""Columns `lora:NAME` move the strength of a LoRA, in each way that a schedule is written, down to the pictures."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from torch._dynamo.testing import CompileCounter

import audioviz as av
from audioviz.clock import Clock
from audioviz.command.dry_run import describe_render
from audioviz.errors import AudiovizWarning, InputError, ScheduleError
from audioviz.models import load_model
from audioviz.rendering.render import render_project
from audioviz.sampling import sequence
from audioviz.schedule.files import csv_to_schedule, deforum_to_schedule, json_to_schedule
from audioviz.schedule.formats.lines import is_values, values_to_columns
from audioviz.schedule.lanes import Lane, with_lanes
from audioviz.schedule.part import cut_schedule, placed_schedule
from audioviz.video.probe import probe, read_metadata
from tests.models import SETTINGS, digests_of, plans_of

CLOCK = Clock(12, 6)
LAYERS = {
    "sd1": ["down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", "mid_block.attentions.0.proj_in"],
    "sdxl": ["down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj"],
    "sd3": ["transformer_blocks.0.attn.to_q", "transformer_blocks.1.attn.to_out.0"],
    "flux": ["transformer_blocks.0.attn.to_q", "single_transformer_blocks.0.attn.to_k"],
}


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def core_of(pipeline):
    return getattr(pipeline, "unet", None) or pipeline.transformer


@pytest.fixture
def ink(families, tmp_path):
    """A function of a family: its folder, and the file of a LoRA for it."""

    def made(name, *, text=False):
        folder, pipeline = families(name)
        weights, core = {}, core_of(pipeline)
        begin = "unet" if name in ("sd1", "sdxl") else "transformer"
        for number, layer in enumerate(LAYERS[name]):
            weight = core.get_submodule(layer).weight
            weights[f"{begin}.{layer}.lora_A.weight"] = noise(2, *weight.shape[1:], seed=number)
            weights[f"{begin}.{layer}.lora_B.weight"] = noise(len(weight), 2, *[1] * (weight.ndim - 2), seed=number + 9)
        if text:
            layer = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
            weights |= {f"{layer}.lora_down.weight": noise(2, 32), f"{layer}.lora_up.weight": noise(32, 2)}
        save_file(weights, tmp_path / "Ink.safetensors")
        return folder, str(tmp_path / "Ink.safetensors")

    return made


def plan(**columns):
    return av.Schedule(**{"denoise": [1.0, 0.6, 0.6, 1.0, 0.6, 0.6], "prompts": ["gold"], "clock": CLOCK} | columns)


def latents_of(model, schedule, **guides):
    start = model.empty_latent(SETTINGS.size)
    return list(sequence(model.denoiser, plans_of(model, schedule), start=start, sampler="euler", scheduler="simple"))


@pytest.mark.parametrize("name", ["sd1", "sdxl", "sd3", "flux"])
def test_a_strength_that_rests_gives_what_is_worked_in(families, ink, name):
    folder, file = ink(name, text=name == "sd1")
    fused, beside = load_model(folder, loras=f"{file}:0.8"), load_model(folder, loras=f"{file}:0.8", unfused=["INK"])
    theirs, ours = latents_of(fused, plan()), latents_of(beside, plan(loras={"ink": 0.8}))
    plain = latents_of(load_model(folder), plan())
    for wanted, found, other in zip(theirs, ours, plain):
        scale = wanted.abs().max().item()
        assert torch.allclose(found, wanted, atol=1e-5 * scale) and not torch.allclose(found, other, atol=1e-3 * scale)
    assert all(torch.equal(*pair) for pair in zip(ours, latents_of(beside, plan())))  # unsaid, it is that of the file
    assert fused.digest != beside.digest


def test_it_moves_frame_by_frame_and_at_0_is_not_there(ink):
    folder, file = ink("sd1")
    model, plain = load_model(folder, loras=file, unfused=["ink"]), load_model(folder)
    moved = latents_of(model, plan(loras={"ink": [0, 0, 1.0, 0, 0.5, -1.0]}))
    rest = latents_of(plain, plan())
    assert [torch.equal(*pair) for pair in zip(moved, rest)] == [True, True, False, True, False, False]


def test_the_text_is_read_as_the_file_is_given(ink):
    folder, file = ink("sd1", text=True)
    model = load_model(folder, loras=f"{file}:0.5", unfused=["ink"])
    fused, plain = load_model(folder, loras=f"{file}:0.5"), load_model(folder)
    texts = [one.encode_text("gold").embeddings for one in (model, fused, plain)]
    latents_of(model, plan(loras={"ink": 0.0}))
    assert torch.equal(texts[0], texts[1]) and not torch.equal(texts[0], texts[2])
    assert torch.equal(model.encode_text("gold").embeddings, texts[0])


def test_unsampling_goes_back_as_strongly_as_the_frame_before_was_made(ink):
    folder, file = ink("sd1")
    model = load_model(folder, loras=file, unfused=["ink"])
    plans = list(plans_of(model, plan(unsample=1.0, loras={"ink": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})))
    strengths = [(p.conditioning_before.control.loras["ink"], p.conditioning.control.loras["ink"]) for p in plans[1:]]
    assert strengths == [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6)]


def test_a_strength_that_moves_compiles_nothing_anew(ink):
    folder, file = ink("sd1")
    model = load_model(folder, loras=file, unfused=["ink"])
    block = model.denoiser.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    counter = CompileCounter()
    compiled, x = torch.compile(block, backend=counter, dynamic=False), noise(1, 16, 32)
    lora = model.denoiser.loras["ink"]
    found = []
    with torch.no_grad():
        for strength in (0.0, 0.3, 1.0, 0.0, -2.0):
            lora.set(strength, x.device)
            found.append(compiled(x, x))
            assert torch.allclose(found[-1], block(x, x), atol=1e-6)
    assert counter.frame_count == 1 and torch.equal(found[0], found[3]) and not torch.equal(found[0], found[1])


def test_a_frame_depends_on_the_strengths_up_to_it():
    one, other, none = (digests_of(plan(loras=loras)) for loras in ({"a": [0, 0, 1, 0, 0, 0]}, {"a": 0}, None))
    assert [a == b for a, b in zip(one, other)] == [True, True, False, True, True, True]
    assert not set(other) & set(none)


def test_every_way_of_writing_a_schedule_has_them():
    made = plan(loras={"Ink": [0, 0.25, 0.5, 0.75, 1, -1], "gold leaf": 0.5})
    assert list(made.columns)[-2:] == ["lora:ink", "lora:gold leaf"] and made["lora:INK"][3] == made[3]["lora:ink"]
    again = [json_to_schedule(made.to_json(), CLOCK), csv_to_schedule(made.to_csv(), CLOCK)]
    again.append(placed_schedule(cut_schedule(made, range(6)), range(6), CLOCK))
    for other in again:
        assert all(np.array_equal(other[name], values) for name, values in made.columns.items())
    assert cut_schedule(made, range(2, 5)).loras["ink"].tolist() == [0.5, 0.75, 1]
    text = "denoise: 0:(0.4)\nlora:Ink: 0:(0), 5:(1)"
    assert np.allclose(values_to_columns(text, CLOCK, name="words")["loras"]["ink"], [0, 0.2, 0.4, 0.6, 0.8, 1])
    assert is_values("lora:Ink: 0:(0), 5:(1)")
    for write, tool in ((made.to_deforum, "deforum"), (made.to_parseq, "parseq"), (made.to_lists, "lists")):
        with pytest.warns(AudiovizWarning, match=f"{tool}: left out.*lora:ink, lora:gold leaf"):
            write()


def test_lanes_lie_over_them():
    song = SimpleNamespace(clock=CLOCK)
    lanes = {"lora:Ink": Lane(keys={"0f": 0.0, "5f": 1.0}), "lora:gold": Lane(keys={"0f": 2.0}, mode="multiply")}
    laid = with_lanes(plan(loras={"gold": 0.5, "rose": 0.1}), lanes, song=song)
    assert {name: values[5] for name, values in laid.loras.items()} == {"gold": 1.0, "rose": 0.1, "ink": 1.0}
    project = av.Project("song.mp3", lanes={"lora:Ink": Lane(expression="low")})
    assert av.Project.from_json(project.to_json()) == project and list(project.lanes) == ["lora:ink"]
    with pytest.raises(InputError, match="unknown column 'lora:'"):
        av.Project("song.mp3", lanes={"lora:": Lane(expression="low")})
    with pytest.raises(ScheduleError, match="lane lora:ink: the schedule has none to add; let the lane replace it"):
        with_lanes(plan(), {"lora:ink": Lane(keys={"0f": 1.0}, mode="add")}, song=song)


def test_weights_in_the_prompts_of_deforum_become_columns():
    prompts = {"0": "a cat <lora:Ink:`0.5 + t / 10`>", "3": "a dog <lora:gold:0.8>", "4": "a dog"}
    found = deforum_to_schedule(json.dumps({"prompts": prompts, "fps": 12, "max_frames": 6}), CLOCK)
    assert {name: values.tolist() for name, values in found.loras.items()} == {
        "ink": [0.5, 0.6, 0.7, 0, 0, 0],
        "gold": [0, 0, 0, 0.8, 0, 0],
    }
    assert [prompt.text for prompt in found.prompts] == ["a cat", "a dog"]
    still = {"0": "a cat <lora:ink:0.8>", "3": "a dog <lora:ink:0.8>"}
    found = deforum_to_schedule(json.dumps({"prompts": still, "fps": 12, "max_frames": 6}), CLOCK)
    assert found.loras == {} and found.prompts[0].text == "a cat <lora:ink:0.8>"


@pytest.mark.parametrize(
    ("loras", "message"),
    [
        ({"a": 1, "A": 2}, "loras: 'A': given twice"),
        ({" ": 1}, "loras: ' ': expected a name"),
        ([1], r"loras: expected LoRAs with a curve each, \{name: curve\}, not \[1\]"),
        ({"a": float("nan")}, "lora:a is not finite at frame 0"),
        ({"a": "x"}, "lora:a: expected numbers, not 'x'"),
    ],
)
def test_what_is_no_column_is_refused(loras, message):
    with pytest.raises(ScheduleError, match=message):
        plan(loras=loras)


@pytest.fixture
def project(ink, tmp_path):
    """Of half a second, six frames, whose lane moves a LoRA."""
    folder, file = ink("sd1")
    t = np.arange(22050) / 44100
    soundfile.write(tmp_path / "song.wav", np.sin(2 * np.pi * 55 * t) * np.exp(-t * 9), 44100)
    project = av.Project(tmp_path / "song.wav", lanes={"lora:ink": Lane(keys={"0f": 0.0, "5f": 1.0})}, prompts="gold")
    return project.changed(model=str(folder), loras=[f"{file}:0.7"], size=64, steps=2)


def test_an_edit_of_strengths_makes_again_what_it_changes(project, tmp_path):
    def bytes_of(one, name, **options):
        av.render(one, out=tmp_path / name, progress=False, **options)
        return (tmp_path / name).read_bytes()

    first, other = bytes_of(project, "a.mp4", keep_work=True), {"lora:ink": Lane(keys={"0f": 0.0, "5f": -1.0})}
    edited, fresh = (bytes_of(project.changed(lanes=other), name) for name in ("a.mp4", "b.mp4"))
    assert edited == fresh != first
    assert read_metadata(probe(tmp_path / "b.mp4").metadata)["schedule"]["lora:ink"][-1] == -1


def test_a_column_without_its_lora_is_one_line(project, tmp_path):
    out, look = tmp_path / "video.mp4", project.look
    wrong = project.changed(lanes={"lora:inks": Lane(keys={"0f": 1.0})})
    message = (
        r"lora:inks: no LoRA of this name is loaded \(did you mean ink\?\): give its file \(--lora inks.safetensors\)"
    )
    for ask in (lambda: describe_render(wrong, out=out), lambda: av.render(wrong, out=out, progress=False)):
        with pytest.raises(InputError, match=message):
            ask()
    with pytest.raises(InputError, match=r"prompt or column: there is no LoRA inks in .*\(did you mean ink\?\)"):
        describe_render(wrong.changed(loras=[], lora_dir=str(tmp_path)), out=out)
    assert "lora:ink" in describe_render(project.changed(loras=[], lora_dir=str(tmp_path)), out=out)
    loaded = load_model(look.model, loras=look.loras)
    with pytest.raises(InputError, match=r"lora:ink: the model holds no LoRA .*unfused=\['ink'\]"):
        render_project(project, out=out, model=loaded, progress=False)
    with pytest.raises(
        InputError, match=r"unfused 'inks' \(did you mean ink\?\): expected the name of one of the LoRAs"
    ):
        load_model(look.model, loras=look.loras, unfused=["inks"])
