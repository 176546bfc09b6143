"""Z-Image and FLUX.2 klein against diffusers' own pipelines, from the reader of their prompts to the picture."""

import warnings
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning
from audioviz.models import load_model
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import Conditioning, ksampler, lerp, sequence, slerp
from audioviz.sampling.guidance import guided
from tests.chat_models import NAMES
from tests.models import plans_of

TEXTS = "gold mandala", "a grey and much longer text, beyond what one multiple of the other takes"
CELLS = {"z-image-turbo": (16, 8), "z-image": (16, 8), "klein": (128, 16), "klein-base": (128, 16)}


@pytest.fixture(scope="module")
def loaded(families):
    """A model by its name, and diffusers' own pipeline of it."""
    return cache(lambda name: (load_model(families(name)[0]), families(name)[1]))


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative_error(ours, theirs) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def run_pipeline(name, pipeline, text, latents, *, cfg, steps, **options):
    """The latents that diffusers' own pipeline makes, as it gives them; its negative of FLUX.2 is always empty."""
    options |= {"num_inference_steps": steps, "latents": latents.clone(), "output_type": "latent"}
    height, width = (side * CELLS[name][1] for side in latents.shape[2:])
    if name.startswith("z"):
        options |= {"negative_prompt": "", "guidance_scale": cfg - 1}  # theirs counts from 0
    else:
        options |= {"guidance_scale": cfg}
    with torch.no_grad():
        return pipeline(prompt=text, height=height, width=width, **options).images


def as_theirs(name, model, latent):
    """A latent as diffusers' pipeline gives it: in the model's scale, or unpacked."""
    return model.denoiser.units.to_model(latent) if name.startswith("z") else torch.pixel_shuffle(latent, 2)


@pytest.mark.parametrize("text", [*TEXTS, "", " Ein schönes 图\nand <|im_end|> more ", "gold " * 400])
def test_prompts_are_read_as_by_diffusers(loaded, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudiovizWarning)
        ours = {name: loaded(name)[0].encode_text(text).embeddings[0] for name in ("z-image", "klein")}
    with torch.no_grad():
        (theirs,), _ = loaded("z-image")[1].encode_prompt(text, do_classifier_free_guidance=False)
        long, _ = loaded("klein")[1].encode_prompt(text)
    assert relative_error(ours["klein"], long[0]) < 1e-6
    assert relative_error(ours["z-image"][: len(theirs), :-1], theirs) < 1e-6
    assert (ours["z-image"][:, -1] == (torch.arange(len(ours["z-image"])) < len(theirs))).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_call_is_that_of_diffusers(loaded, name):
    model, pipeline = loaded(name)
    model, cfg = model.at_size((64, 96)), 1.0 if name == "klein" else 3.0
    calls, (channels, cell) = [], CELLS[name]
    watch = pipeline.transformer.register_forward_hook(
        lambda module, args, asked, out: calls.append((args, asked, out[0])), with_kwargs=True
    )
    start = noise(1, channels, 96 // cell, 64 // cell)
    try:
        run_pipeline(name, pipeline, TEXTS[0], start, cfg=cfg, steps=4)
    finally:
        watch.remove()
    args, asked, answer = calls[0]
    if name.startswith("z"):
        seen, sigma = torch.stack(args[0])[:1, :, 0], 1 - args[1][:1]
        wanted, unwanted = (-answer[row].movedim(1, 0) for row in (0, -1))
    else:
        seen, sigma = start, asked["timestep"]
        wanted, unwanted = (calls[row][2].transpose(1, 2).reshape(seen.shape) for row in (0, 1))
    right = wanted if cfg == 1 else unwanted + cfg * (wanted - unwanted)
    ours = guided(model.denoiser, seen, sigma, model.guidance(TEXTS[0]), cfg)
    assert relative_error((seen - ours) / sigma, right) < 1e-5


@pytest.mark.parametrize(
    "name, size, steps, cfg",
    [
        ("z-image-turbo", (64, 64), 8, 1.0),
        ("z-image", (96, 64), 5, 3.0),
        ("klein", (64, 96), 4, 1.0),
        ("klein-base", (96, 64), 10, 3.0),
        ("klein-base", (64, 64), 5, 3.0),
    ],
)
def test_a_still_is_that_of_diffusers(loaded, name, size, steps, cfg):
    model, pipeline = loaded(name)
    channels, cell = CELLS[name]
    model = model.at_size(size, steps=steps)
    start = noise(1, channels, size[1] // cell, size[0] // cell, seed=5)
    theirs = run_pipeline(name, pipeline, TEXTS[0], start, cfg=cfg, steps=steps)
    texts = model.encode_text(TEXTS[0]), model.encode_text("")
    latent = ksampler(model.denoiser, 5, steps, cfg, "euler", "simple", *texts, model.empty_latent(size))
    assert relative_error(as_theirs(name, model, latent), theirs) < 1e-3
    if name.startswith("z"):
        theirs = theirs / pipeline.vae.config.scaling_factor + pipeline.vae.config.shift_factor
    with torch.no_grad():
        picture = pipeline.vae.decode(theirs).sample
    theirs = pipeline.image_processor.postprocess(picture, output_type="np")[0]
    assert np.abs(model.decode(latent) / 255 - theirs).max() <= 0.51 / 255


@pytest.mark.parametrize("name", ["z-image", "klein-base"])
def test_a_batch_of_two_is_that_of_diffusers(loaded, name):
    model, pipeline = loaded(name)
    channels, cell = CELLS[name]
    model = model.at_size((64, 64), steps=4)
    start = noise(2, channels, 64 // cell, 64 // cell, seed=5)
    theirs = run_pipeline(name, pipeline, TEXTS[0], start, cfg=3.0, steps=4, num_images_per_prompt=2)
    x, levels = start, [*model.denoiser.sigmas[249::250].flip(0).float(), torch.tensor(0.0)]
    for sigma, lower in pairwise(levels):
        denoised = guided(model.denoiser, x, sigma.expand(2), model.guidance(TEXTS[0]), 3.0)
        x = denoised + (x - denoised) * lower / sigma
    assert relative_error(as_theirs(name, model, model.denoiser.units.from_model(x)), theirs) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_other_lengths_agree_with_each_alone(loaded, name):
    model = loaded(name)[0]
    x, sigma = noise(2, model.denoiser.channels, 4, 6), torch.tensor([0.4, 0.9])
    texts = [model.encode_text(text) for text in (*TEXTS, "red")]
    together = model.denoiser(x, sigma, texts)
    for text, ours in zip(texts, together):
        for row in range(2):
            (alone,) = model.denoiser(x[row : row + 1], sigma[row : row + 1], [text])
            assert relative_error(ours[row : row + 1], alone) < 1e-5
    assert relative_error(together[0], together[1]) > 1e-3


def test_a_prompt_travels_smoothly_between_texts_of_other_lengths(loaded):
    """Z-Image attends to its padding, so a text that grows by tokens must not grow by all of each at once."""
    model = loaded("z-image-turbo")[0]
    one, other = model.encode_text("gold"), model.encode_text("red mandala")
    x, sigma = noise(1, 16, 8, 8), torch.tensor([0.7])
    for mix in (lerp, slerp):
        begin, near, half, end = (model.denoiser(x, sigma, [mix(one, other, t)])[0] for t in (0.0, 1e-4, 0.5, 1.0))
        way = (end - begin).norm()
        assert (near - begin).norm() < 1e-3 * way and 0.1 * way < (half - begin).norm() < way


def test_a_text_that_grows_beyond_its_padding_is_filled_up_with_padding(loaded):
    model = loaded("z-image-turbo")[0]
    short, long = (model.encode_text(text) for text in ("gold", TEXTS[1]))
    near = lerp(short, long, 1e-6).embeddings
    assert near.shape == long.embeddings.shape and short.embeddings.shape[1] < near.shape[1]
    assert torch.allclose(near[:, : short.embeddings.shape[1]], short.embeddings, atol=1e-4)
    assert near[:, short.embeddings.shape[1] :, -1].max() < 1e-5


@pytest.mark.parametrize("name", ["z-image", "klein"])
def test_six_frames(loaded, name):
    model = loaded(name)[0]
    own = model.defaults
    look = RenderSettings((64, 96), 2, own.cfg, own.sampler, own.scheduler)
    schedule = av.Schedule(denoise=0.6, noise=0.05, prompts=list(TEXTS), clock=Clock.for_duration(1, 6))
    model = model.at_size(look.size, steps=look.steps)
    latents = sequence(
        model.denoiser,
        plans_of(model, schedule, look),
        start=model.empty_latent(look.size),
        sampler=own.sampler,
        scheduler=own.scheduler,
    )
    frames = [model.decode(latent) for latent in latents]
    assert len({frame.tobytes() for frame in frames}) == 6 and {frame.shape for frame in frames} == {(96, 64, 3)}


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_the_schedulers_at_any_size_and_number_of_steps(loaded, name):
    from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

    model, pipeline = loaded(name)
    for size, steps in (((64, 64), 4), ((1024, 512), 20), ((1536, 1024), 50)):
        mu = compute_empirical_mu(size[0] * size[1] // 256, steps)
        pipeline.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), mu=mu)
        ours = model.at_size(size, steps=steps).denoiser.sigmas.flip(0)[:: 1000 // steps]
        assert torch.allclose(ours.float(), pipeline.scheduler.sigmas[:-1], atol=1e-6)


class Crossings(TorchDispatchMode):
    """Counts what is copied from the CPU to the device, for which the meta device stands."""

    copied = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default:
            self.copied += args[0].device.type == "cpu" and found.device.type == "meta"
        return found


@pytest.mark.parametrize("name", ["z-image", "klein"])
def test_a_call_neither_waits_for_the_device_nor_copies_to_it(families, name):
    """Reading a number back from the meta device would be an error."""
    model = load_model(families(name)[0])
    transformer = model.denoiser.transformer.to("meta")
    text = model.encode_text("gold").embeddings.to("meta")
    x, sigma = torch.empty(1, model.denoiser.channels, 4, 4, device="meta"), torch.empty(1, device="meta")
    for _ in range(2):  # the first fills what is kept
        with Crossings() as crossings, torch.no_grad():
            assert model.denoiser.velocity(transformer, x, sigma, Conditioning(text), 1.0).shape == x.shape
    assert crossings.copied == 0


@pytest.mark.parametrize("name", ["z-image", "klein"])
def test_weights_draw_words_from_what_padding_is_in_their_place(loaded, name):
    model = loaded(name)[0]
    plain, heavy, light, none = (
        model.encode_text(f"a {word} fox").embeddings[0] for word in ("red", "(red:1.5)", "(red:0.5)", "(red:0)")
    )
    template = len("user\n") - 4 + 5  # tokens before the words: a mark and five letters
    words = slice(template + 2, template + 5)  # the letters of the word, behind "a", " "
    changed = (heavy != plain).any(-1).nonzero().flatten().tolist()
    assert changed and set(changed) <= set(range(template, template + 8))
    assert torch.allclose(heavy - plain, plain - light, atol=1e-4) and torch.allclose(
        light - none, plain - light, atol=1e-4
    )
    with pytest.warns(AudiovizWarning, match="in one piece: BREAK is left out"):
        broken = model.encode_text("a BREAK fox").embeddings
    assert torch.equal(broken, model.encode_text("a fox").embeddings)
    assert words


@pytest.mark.parametrize("name", ["z-image", "klein"])
def test_what_is_not_read_is_said(loaded, name):
    model = loaded(name)[0]
    with pytest.warns(AudiovizWarning, match="reads 512 words or parts of words, .* not read is 'gold gold"):
        model.encode_text("g" + "old " * 3 + "gold " * 400)
