"""Prompts as the field writes them: any length, weights, breaks, embeddings, editing, AND and tags."""

import gc
import weakref
from dataclasses import replace
from functools import partial

import pytest
import torch
from safetensors.torch import save_file

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models import load_model
from audioviz.models.text.editing import changes, components, text_at, without_tags
from audioviz.models.text.weights import split_weights
from audioviz.project import Look
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.inputs import with_named_loras
from audioviz.rendering.plans import text_guidance_at
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import FramePlan, lerp, sample_frame
from audioviz.sampling.guidance import guided
from audioviz.sampling.units import LatentUnits

LONG = " ".join("abcdefghij"[i % 10] for i in range(90))


@pytest.fixture(scope="module")
def sd1(families):
    return load_model(families("sd1")[0])


def comfy(pipeline, groups, *, layer):
    """ComfyUI's encode_token_weights, told again: groups of (text, weight) as chunks of 75 tokens, each by itself."""
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder

    def run(tokens):
        row = [tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id]
        row += [tokenizer.pad_token_id] * (77 - len(row))
        out = encoder(torch.tensor([row]), output_hidden_states=True)
        return (out.last_hidden_state if layer is None else out.hidden_states[layer])[0]

    tokens = [
        (token, weight) for text, weight in groups for token in tokenizer(text, add_special_tokens=False).input_ids
    ]
    rows = []
    for start in range(0, len(tokens), 75):
        chunk = tokens[start : start + 75]
        z, empty = run([token for token, _ in chunk]), run([])
        for place, (_, weight) in enumerate(chunk, 1):
            if weight != 1:
                z[place] = (z[place] - empty[place]) * weight + empty[place]
        rows.append(z)
    return torch.cat(rows)[None]


@torch.no_grad()
def test_long_prompts_are_read_whole_in_chunks_with_their_weights(families, sd1):
    pipeline = families("sd1")[1]
    for text, groups in (
        (LONG, [(LONG, 1.0)]),
        (f"(x y:1.4) {LONG} (z:0.5)", [("x y", 1.4), (LONG, 1.0), ("z", 0.5)]),
        ("[a] (b:-0.5)", [("a", 1 / 1.1), ("b", -0.5)]),
    ):
        ours, theirs = sd1.encode_text(text).embeddings, comfy(pipeline, groups, layer=None)
        assert ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-5)
    first, second = (sd1.encode_text(f"{LONG} {end}").embeddings for end in ("x y z", "q r s"))
    assert first.shape == (1, 154, 32) and not torch.allclose(first[:, 77:], second[:, 77:])


@torch.no_grad()
def test_sdxl_reads_long_prompts_with_both_encoders_and_pools_the_first_chunk(families):
    folder, pipeline = families("sdxl")
    ours, short = (load_model(folder).encode_text(text) for text in (LONG, LONG[: 2 * 75 - 1]))
    assert ours.embeddings.shape == (1, 154, 96)
    assert torch.allclose(ours.embeddings[..., :32], comfy(pipeline, [(LONG, 1.0)], layer=-2), atol=1e-5)
    assert torch.equal(ours.pooled, short.pooled)


@pytest.mark.parametrize("name, tokens", [("sd3", 154 + 256), ("flux", 512), ("schnell", 256)])
def test_transformers_read_long_prompts(families, name, tokens):
    model = load_model(families(name)[0]).at_size((64, 64))
    first, second = (model.encode_text(f"{LONG} {end}") for end in ("x", "z"))
    assert first.embeddings.shape[1] == tokens and not torch.equal(first.embeddings, second.embeddings)
    x, guidance = torch.randn(1, model.denoiser.channels, 8, 8), model.guidance(LONG, "a")
    alone = [guided(model.denoiser, x, torch.tensor([0.5]), model.guidance(text), 1.0) for text in (LONG, "a")]
    together = guided(model.denoiser, x, torch.tensor([0.5]), guidance, 3.0)
    if name == "sd3":
        assert torch.allclose(together, torch.lerp(alone[1], alone[0], 3.0), atol=1e-4)


def test_travel_to_a_longer_prompt_leaves_without_a_leap(sd1):
    short, long = sd1.encode_text("a b"), sd1.encode_text(LONG)
    x, sigma = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([2.0])
    start, just = (sd1.denoiser(x, sigma, [text])[0] for text in (short, lerp(short, long, 1e-6)))
    assert torch.allclose(start, just, atol=1e-4)


def test_the_embedded_model_says_what_it_does_not_read():
    model = load_model("embedded")
    words = "rose glass " * 20
    with pytest.warns(AudiovizWarning, match="reads 30 words or parts of words; not read is 'rose glass rose glass"):
        long = model.encode_text(words)
    assert torch.equal(long.embeddings, model.encode_text("rose glass " * 15).embeddings)
    with pytest.warns(AudiovizWarning, match="BREAK is left out"):
        model.encode_text("rose BREAK glass")


def test_break_begins_a_chunk(sd1):
    both, first, second = (sd1.encode_text(text).embeddings for text in ("a b BREAK c d", "a b", "c d"))
    assert torch.equal(both, torch.cat((first, second), 1))
    assert torch.equal(sd1.encode_text("a b BREAK").embeddings, first)


def test_embeddings_act_alike_with_and_without_weights(families, tmp_path):
    vectors = torch.randn(3, 32, generator=torch.Generator().manual_seed(5))
    save_file({"emb_params": vectors}, tmp_path / "Moebius.safetensors")
    model = load_model(families("sd1")[0], embeddings=[tmp_path / "Moebius.safetensors"])
    word = model.encode_text("a moebius").embeddings
    assert torch.equal(model.encode_text("a embedding:Moebius").embeddings, word)
    empty = model.encode_text("").embeddings
    heavy = model.encode_text("a (moebius:1.5)").embeddings
    assert torch.allclose(heavy[:, 2:5], empty[:, 2:5] + 1.5 * (word - empty)[:, 2:5], atol=1e-5)
    for other in ("embedding:Moebius.pt", "embedding:styles/moebius.safetensors", r"(embedding:a\moebius.bin:1)"):
        assert torch.equal(model.encode_text(f"a {other}").embeddings, word), other
    with pytest.warns(AudiovizWarning, match="names the embedding 'gone', which is not loaded"):
        assert torch.equal(model.encode_text("a embedding:gone").embeddings, model.encode_text("a").embeddings)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a (b:-0.5)", [("a ", 1.0), ("b", -0.5)]),
        ("[b] [[c]]", [("b", 1 / 1.1), (" ", 1.0), ("c", 1 / 1.21)]),
        ("[(b:1.1)]", [("b", 1.0)]),
        ("（a：1.2） b", [("a", 1.2), (" b", 1.0)]),
        (r"\[a\] \(b\)", [("[a] (b)", 1.0)]),
        ("(a:1.2) (b", [("a", 1.2), (" (b", 1.0)]),
        ("(a BREAK b:1.3)", [("a", 1.3), ("BREAK", 1.0), ("b", 1.3)]),
        ("BREAKFAST", [("BREAKFAST", 1.0)]),
    ],
)
def test_brackets_are_read_as_the_field_writes_them(text, parts):
    assert split_weights(text) == [(part, pytest.approx(weight)) for part, weight in parts]


@pytest.mark.parametrize(
    ("text", "steps", "texts"),
    [
        ("[a:b:0.5]", 4, ["a", "a", "b", "b"]),
        ("[a:0.5] c", 4, [" c", " c", "a c", "a c"]),
        ("[a::3]", 4, ["a", "a", "a", ""]),
        ("[a|b|]", 4, ["a", "b", "", "a"]),
        ("[[a:b:0.25]:(c:1.2):0.5]", 4, ["a", "b", "(c:1.2)", "(c:1.2)"]),
        (r"[a] \[b:0.5\]", 4, [r"[a] \[b:0.5\]"] * 4),
        ("[a:b:0.5]", 1, ["b"]),
    ],
)
def test_prompt_editing(text, steps, texts):
    assert [text_at(text, step, steps) for step in range(steps)] == texts
    assert changes(text, steps) == [step for step in range(steps) if step == 0 or texts[step] != texts[step - 1]]


def test_components_and_tags():
    assert components("a :0.9 AND b c:-.1 AND d") == [("a", 0.9), ("b c", -0.1), ("d", 1.0)]
    assert components("16:9 SAND") == [("16:9 SAND", 1.0)]
    text, tags = without_tags(r"<lora:ink:0.8> a <lyco:x><lora:styles\y.safetensors:-1>")
    assert text == " a " and [(tag.name, tag.weight) for tag in tags] == [("ink", 0.8), ("x", 1.0), ("y", -1.0)]


def denoised(model, x, text, negative, cfg, **options):
    return guided(model.denoiser, x, torch.tensor([1.5]), model.guidance(text, negative, **options), cfg)


@pytest.mark.parametrize("name", ["sd1", "sd3"])
def test_and_is_drawn_by_each(families, name):
    model = load_model(families(name)[0]).at_size((64, 64))
    x = torch.randn(1, model.denoiser.channels, 8, 8, generator=torch.Generator().manual_seed(1))
    of = partial(denoised, model, x)
    a, b, n = (of(text, "", 1.0) for text in ("a", "b", "n"))
    assert torch.allclose(of("a:0.9 AND b:0.4", "n", 3.0), n + 3 * (0.9 * (a - n) + 0.4 * (b - n)), atol=1e-4)
    assert torch.allclose(of("a AND b:3", "n", 1.0), 0.25 * a + 0.75 * b, atol=1e-4)
    assert torch.allclose(of("a AND a:0", "n", 3.0), of("a", "n", 3.0), atol=1e-4)
    with pytest.raises(InputError, match="AND joins come to -1"):
        of("a AND b:-2", "n", 1.0)


def test_the_steps_of_a_frame_draw_what_editing_says(sd1):
    settings = RenderSettings((64, 64), 4, 3.0, "euler", "normal")
    schedule = av.Schedule(denoise=0.5, prompts=["[a:b:0.5] AND c", "d"], clock=Clock.for_duration(1, 4))
    table = frame_table(schedule, settings)
    guidance = text_guidance_at(table, 0, sd1.encode_text, steps=4)
    assert [step for step, _ in guidance.later] == [2] and len(guidance.others) == 1
    seen = []

    class Listener:
        sigmas, units, channels = sd1.denoiser.sigmas, LatentUnits(), 4
        device, flow, distilled, rescale = torch.device("cpu"), False, False, 0.0

        def __call__(self, x, sigma, texts, *, control, cfg):
            seen.append(texts[0].embeddings)
            return (x,) * len(texts)

    plan = FramePlan(seed=1, steps=4, cfg=3.0, conditioning=guidance, denoise=0.5)
    sample_frame(Listener(), plan, torch.zeros(1, 4, 8, 8))
    a, b = (sd1.encode_text(text).embeddings for text in "ab")
    assert all(torch.equal(found, right) for found, right in zip(seen, (a, a, b, b), strict=True))
    with pytest.warns(AudiovizWarning, match="a frame of one step has no time to edit it: it is 'b'"):
        sd1.guidance("[a:b:0.5]", steps=1)


def test_what_is_not_read_is_said_once(sd1):
    for text, said in (
        ("a <lora:ink:0.8>", r"the LoRA ink is not worked into the model, .*--lora ink.safetensors:0.8"),
        ("a <hypernet:x:1>", "hypernetworks such as x are not read"),
        ("{a|b} c", r"'\{a\|b\}' means nothing to this program"),
        ("a++ b", r"'\+\+' means nothing"),
    ):
        with pytest.warns(AudiovizWarning, match=said) as caught:
            sd1.encode_text(text)
            sd1.encode_text(text)
        assert len(caught) == 1


def test_a_model_of_which_something_was_said_is_not_kept(sd1):
    model = replace(sd1)
    with pytest.warns(AudiovizWarning, match="ink is not worked into"):
        model.encode_text("a <lora:ink:0.8>")
    kept = weakref.ref(model)
    del model
    gc.collect()
    assert kept() is None


def test_loras_that_prompts_name_come_from_their_folder(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "Ink.safetensors").touch()
    clock = Clock.for_duration(1, 4)
    schedule = av.Schedule(denoise=0.5, prompts=["a <lora:ink:0.6>", "b <lora:ink:0.6>"], clock=clock)
    look = with_named_loras(Look(lora_dir=str(tmp_path)), schedule)
    assert look.loras == (f"{tmp_path / 'styles' / 'Ink.safetensors'}:0.6",)
    with pytest.raises(InputError, match=r"there is no LoRA inkk in .* \(did you mean ink\?\)"):
        with_named_loras(look, av.Schedule(denoise=0.5, prompts=["<lora:inkk:1>"], clock=clock))
