"""Chroma, Lumina2 and PixArt-Sigma, whose texts have attention masks, against diffusers' own pipelines of them."""

import copy
import shutil

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, FluxPipeline
from safetensors.torch import save_file
from torch import Tensor

from audioviz.errors import AudiovizWarning, InputError
from audioviz.models import load_model
from audioviz.models.additions.lora import read_changes, work_in
from audioviz.models.families.lumina2 import SYSTEM_PROMPT
from audioviz.models.files.configs import defaults_of
from audioviz.models.files.pipeline import settings_of
from audioviz.models.memory.footprint import call_bytes
from audioviz.sampling import Conditioning, ksampler
from audioviz.sampling.guidance import guided
from tests.checkpoints import MASKED_FAMILIES

STEPS, CFG = 10, 3.0
TEXTS = "Gold mandala of glass", "grey"
SIZE = 96, 64  # width, height
CELLS = 8, 12  # height, width


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative_error(ours, theirs) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def packed(latents: Tensor) -> Tensor:
    return FluxPipeline._pack_latents(latents, *latents.shape)


def unpacked(tokens: Tensor) -> Tensor:
    return FluxPipeline._unpack_latents(tokens, SIZE[1], SIZE[0], 8)


def run_pipeline(name, pipeline, latents, *, steps=STEPS) -> Tensor:
    """The latents that diffusers' own pipeline makes from unit noise (B, C, 8, 12), in the model's scale."""
    options = {"num_inference_steps": steps, "guidance_scale": CFG, "output_type": "latent"}
    options |= {"width": SIZE[0], "height": SIZE[1], "latents": latents, "num_images_per_prompt": len(latents)}
    if name == "pixart":
        pipeline.register_modules(
            scheduler=EulerDiscreteScheduler.from_config(pipeline.scheduler.config, timestep_spacing="linspace")
        )
        options |= {"use_resolution_binning": False, "clean_caption": False}
        top = pipeline.scheduler.sigmas[0]
        options["latents"] = latents * ((1 + top**2) ** 0.5 / pipeline.scheduler.init_noise_sigma)
        return pipeline(TEXTS[0], negative_prompt=TEXTS[1], **options).images
    options["sigmas"] = np.linspace(1, 1 / steps, steps)
    if name == "lumina2":
        negative = SYSTEM_PROMPT + TEXTS[1]
        return pipeline(TEXTS[0], negative_prompt=negative, cfg_normalization=False, **options).images
    # masks of truth values: diffusers makes numbers of them, which attention adds, and so hides nothing
    embeddings, _, mask, negative, _, negative_mask = pipeline.encode_prompt(TEXTS[0], negative_prompt=TEXTS[1])
    options |= {"latents": packed(latents), "num_images_per_prompt": 1}
    texts = {"prompt_embeds": embeddings, "negative_prompt_embeds": negative}
    texts |= {"prompt_attention_mask": mask.bool(), "negative_prompt_attention_mask": negative_mask.bool()}
    return unpacked(
        pipeline(**{key: torch.cat([value] * len(latents)) for key, value in texts.items()}, **options).images
    )


@pytest.fixture(scope="module")
def pair(families, request):
    folder, pipeline = families(request.param)
    return request.param, pipeline, load_model(folder).at_size(SIZE)


every_family = pytest.mark.parametrize("pair", MASKED_FAMILIES, indirect=True)


@every_family
def test_what_a_call_takes_of_a_gpu_is_told_by_the_transformer(pair):
    _, pipeline, model = pair
    told = call_bytes(settings_of(pipeline.transformer), SIZE, factor=8, element=4)
    assert model.placement.footprint(SIZE).call == told > 0


@every_family
def test_one_call_is_that_of_diffusers(pair):
    """The first step of a pipeline's run, guided, of two pictures that are wider than high."""
    name, pipeline, model = pair
    calls = []
    watch = pipeline.transformer.register_forward_hook(
        lambda module, args, kwargs, out: calls.append((args, kwargs, out[0])), with_kwargs=True
    )
    try:
        run_pipeline(name, pipeline, noise(2, model.denoiser.channels, *CELLS), steps=4)
    finally:
        watch.remove()
    args, asked, answer = calls[0]
    guidance = model.guidance(*TEXTS)
    if name == "pixart":
        timestep = int(asked["timestep"][0])
        sigma, scaled = model.denoiser.sigmas[timestep].float().expand(2), args[0][:2]
        unwanted, wanted = answer[:, :4].chunk(2)
        level = (1 + sigma**2).sqrt()[:, None, None, None]
        seen, right = scaled * level, scaled * level - torch.lerp(unwanted, wanted, CFG) * sigma[:, None, None, None]
    else:
        seen, wanted, unwanted = asked["hidden_states"], answer, calls[1][2]
        velocity = torch.lerp(unwanted, wanted, CFG)
        if name == "chroma":
            seen, velocity, sigma = unpacked(seen), unpacked(velocity), asked["timestep"]
        else:
            velocity, sigma = -velocity, 1 - asked["timestep"]
        right = seen - velocity * sigma[:, None, None, None]
    ours = guided(model.denoiser, seen, sigma, guidance, CFG)
    assert relative_error((seen - ours) / sigma[0], (seen - right) / sigma[0]) < 1e-5


@every_family
def test_a_still_is_that_of_diffusers(pair):
    name, pipeline, model = pair
    start = torch.cat([model.empty_latent(SIZE)] * 2)
    theirs = run_pipeline(name, pipeline, noise(*start.shape, seed=5))
    texts = [model.encode_text(text) for text in TEXTS]
    latent = ksampler(model.denoiser, 5, STEPS, CFG, "euler", "normal" if name == "pixart" else "simple", *texts, start)
    assert relative_error(model.denoiser.units.to_model(latent), theirs) < 1e-3


@every_family
def test_texts_of_other_lengths_are_read_as_alone(pair):
    """A short text and a long one in one call, and each by itself: padding changes nothing."""
    _, _, model = pair
    texts = [model.encode_text(text) for text in ("gold", "a mandala of glass " * 4)]
    assert texts[0].embeddings.shape[1] < texts[1].embeddings.shape[1] or model.denoiser.channels == 16
    x, sigma = noise(1, model.denoiser.channels, *CELLS), torch.tensor([0.5])
    together = model.denoiser(x, sigma, texts)
    alone = [model.denoiser(x, sigma, [text])[0] for text in texts]
    assert all(relative_error(*both) < 1e-5 for both in zip(together, alone))


def encoded_by(pipeline, text: str) -> tuple[Tensor, Tensor]:
    """Embeddings (1, tokens, width) and mask (1, tokens) of a text, as a pipeline of diffusers makes them."""
    found = pipeline.encode_prompt(text, do_classifier_free_guidance=False)
    return found[0], found[2 if type(pipeline).__name__ == "ChromaPipeline" else 1].bool()


@every_family
@pytest.mark.parametrize("text", ["", "Gold mandala", "a very long mandala of glass " * 3])
def test_a_text_is_read_as_diffusers_reads_it(pair, text):
    name, pipeline, model = pair
    ours = model.encode_text(text)
    if name == "lumina2" and not text:
        *_, theirs, mask = pipeline.encode_prompt(
            "", negative_prompt=""
        )  # before which diffusers puts no system prompt
        mask = mask.bool()
    else:
        theirs, mask = encoded_by(pipeline, text)
    assert torch.allclose(ours.embeddings[ours.mask], theirs[mask], atol=1e-4) and ours.embeddings.shape[1] % 64 == 0


@pytest.mark.parametrize("pair", ["lumina2", "pixart"], indirect=True)
def test_what_is_too_long_is_cut_where_diffusers_cuts_it_and_said(pair):
    _, pipeline, model = pair
    text = "gold " * 100
    with pytest.warns(AudiovizWarning, match="not read is"):
        ours = model.encode_text(text)
    theirs, mask = encoded_by(pipeline, text)
    assert torch.allclose(ours.embeddings, theirs, atol=1e-4) and torch.equal(ours.mask, mask) and mask.all()


@every_family
def test_weights_move_what_is_read_and_nothing_else(pair):
    _, _, model = pair
    plain, heavy = model.encode_text("(gold:1.0) mandala"), model.encode_text("(gold:1.5) mandala")
    assert torch.equal(plain.mask, heavy.mask)
    moved = (plain.embeddings != heavy.embeddings).any(-1)[0].nonzero()[:, 0].tolist()
    start = plain.mask.sum().item() - len(model.text_encoder.read.args[0].tokenizer.tokenize("mandala"))
    assert moved and max(moved) < start and len(moved) <= 5


@pytest.mark.parametrize("pair", ["lumina2"], indirect=True)
def test_a_text_may_bring_its_own_system_prompt(pair):
    _, pipeline, model = pair
    *_, negative, mask = pipeline.encode_prompt("gold", negative_prompt="draw badly <Prompt Start> gold")
    ours = model.encode_text("draw badly <Prompt Start> gold")
    assert torch.equal(ours.embeddings[ours.mask], negative[mask.bool()])


@pytest.mark.parametrize("pair", ["pixart"], indirect=True)
def test_a_break_is_left_out_and_said(pair):
    _, _, model = pair
    with pytest.warns(AudiovizWarning, match="BREAK is left out"):
        ours = model.encode_text("gold BREAK Red")
    assert ours.mask.sum() == model.encode_text("gold").mask.sum() + model.encode_text("red").mask.sum() - 1


@every_family
def test_without_a_mask_all_is_read(pair):
    _, _, model = pair
    text = model.encode_text("gold")
    x, sigma = noise(1, model.denoiser.channels, *CELLS), torch.tensor([0.5])
    for mask, alike in ((torch.ones_like(text.mask), True), (text.mask, False)):
        bare, masked = (Conditioning(text.embeddings, mask=one) for one in (None, mask))
        assert torch.equal(*(model.denoiser(x, sigma, [one])[0] for one in (bare, masked))) == alike


@every_family
def test_sizes_are_multiples_of_a_token(pair):
    _, _, model = pair
    with pytest.raises(InputError, match="multiples of 16"):
        model.empty_latent((72, 64))


@pytest.mark.parametrize(
    "pair, file, layer",
    [
        ("chroma", "transformer.transformer_blocks.1.attn.to_q", "transformer_blocks.1.attn.to_q"),
        ("chroma", "lora_unet_single_blocks_0_linear2", "single_transformer_blocks.0.proj_out"),
        ("lumina2", "transformer.layers.0.attn.to_q", "layers.0.attn.to_q"),
        ("pixart", "base_model.model.transformer_blocks.0.attn2.to_k", "transformer_blocks.0.attn2.to_k"),
    ],
    indirect=["pair"],
)
def test_a_lora_acts(pair, file, layer, tmp_path):
    _, pipeline, _ = pair
    weight = pipeline.transformer.get_submodule(layer).weight
    down, up = noise(2, weight.shape[1]), noise(weight.shape[0], 2, seed=2)
    names = ("lora_down", "lora_up") if file.startswith("lora_unet") else ("lora_A", "lora_B")
    save_file({f"{file}.{name}.weight": factor for name, factor in zip(names, (down, up))}, tmp_path / "x.safetensors")
    changed = copy.deepcopy(pipeline)
    changes, unread = read_changes(changed, tmp_path / "x.safetensors")
    work_in(changes, 0.5)
    assert unread == []
    assert torch.allclose(changed.transformer.get_submodule(layer).weight - weight, 0.5 * up @ down, atol=1e-5)


@pytest.mark.parametrize("pair", ["pixart"], indirect=True)
def test_pixart_is_known_by_the_older_name_of_its_class(pair, families, tmp_path):
    """As on the hub, where its class has the name that all transformers had."""
    _, _, model = pair
    folder = tmp_path / "older"
    shutil.copytree(families("pixart")[0], folder)
    for file in (folder / "model_index.json", folder / "transformer" / "config.json"):
        file.write_text(file.read_text().replace("PixArtTransformer2DModel", "Transformer2DModel"))
    older = load_model(folder)
    assert older.digest == model.digest and older.defaults == defaults_of(folder) == model.defaults


@every_family
def test_half_precision_gives_the_same_but_for_rounding(pair, families):
    """With padding too, whose attention hides all: softmax over nothing must not give NaN."""
    name, _, model = pair
    half = load_model(families(name)[0], dtype="float16" if name == "pixart" else "bfloat16").at_size(SIZE)
    x, sigma = noise(1, model.denoiser.channels, *CELLS), torch.tensor([0.5])
    exact, rough = (guided(one.denoiser, x, sigma, one.guidance(*TEXTS), CFG) for one in (model, half))
    assert rough.dtype == torch.float32 and relative_error(rough - x, exact - x) < 0.1
