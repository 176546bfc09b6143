"""Each family against diffusers' own pipeline of it: what the model is fed, what it answers, and a whole still."""

import numpy as np
import pytest
import torch
from diffusers import EDMEulerScheduler, EulerDiscreteScheduler, FluxPipeline, UNet2DConditionModel
from PIL import Image

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import InputError, ModelError
from audioviz.models import load_model
from audioviz.models.denoisers.unet import betas_to_sigmas
from audioviz.models.families import family_of
from audioviz.models.files.configs import defaults_of
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import Conditioning, Guidance, ksampler, sequence
from audioviz.sampling.guidance import guided
from tests.checkpoints import BETAS, FAMILIES, MASKED_FAMILIES, tiny_family, tiny_pipeline
from tests.models import plans_of

STEPS = 10  # divides both the 999 steps between the timesteps of a UNet, and the 1000 levels of flow matching
FLOW = ("sd3", "flux", "schnell")
TEXTS = "gold mandala", "grey"


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative_error(ours, theirs) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def run_pipeline(name, pipeline, latents, *, cfg, steps=STEPS):
    """The latent that diffusers' own pipeline makes from unit noise (1, C, 8, 8), in the model's scale."""
    options = {"num_inference_steps": steps, "guidance_scale": cfg, "output_type": "latent"}
    if name != "lcm":
        options["negative_prompt"] = TEXTS[1]
    if name in FLOW:
        options["sigmas"] = np.linspace(1, 1 / steps, steps)
    else:
        pipeline.register_modules(
            scheduler=EulerDiscreteScheduler.from_config(
                pipeline.scheduler.config, timestep_spacing="linspace", steps_offset=1
            )
        )
        top = pipeline.scheduler.sigmas[0]
        latents = latents * (1 + top**2) ** 0.5 / top  # the largest sigma counts the latent as one more unit of noise
    if name in ("flux", "schnell"):
        del options["negative_prompt"]
        packed = FluxPipeline._pack_latents(latents, 1, 16, 8, 8)
        found = pipeline(
            TEXTS[0], height=64, width=64, latents=packed, **options, max_sequence_length=512 if name == "flux" else 256
        ).images
        return FluxPipeline._unpack_latents(found, 64, 64, 8)
    if name == "sdxl":
        options |= {"original_size": (1024, 1024), "target_size": (1024, 1024)}  # as no picture is told to be small
    if name == "inpainting":
        options |= {"image": Image.new("RGB", (64, 64)), "mask_image": Image.new("L", (64, 64), 255)}
    return pipeline(TEXTS[0], height=64, width=64, latents=latents, **options).images


@pytest.mark.parametrize("name", FAMILIES)
def test_one_call_is_that_of_diffusers(families, name):
    """The first call of a pipeline's run: x and its level go in, what the core is asked and answers is compared."""
    folder, pipeline = families(name)
    model = load_model(folder).at_size((64, 64))
    cfg = 1.0 if name == "schnell" else 3.0
    calls = []
    core = pipeline.transformer if name in FLOW else pipeline.unet
    watch = core.register_forward_hook(
        lambda module, args, kwargs, out: calls.append((args, kwargs, out[0])), with_kwargs=True
    )
    start = noise(1, model.denoiser.channels, 8, 8)
    try:
        if name == "lcm":
            pipeline(TEXTS[0], height=64, width=64, latents=start, num_inference_steps=1, guidance_scale=cfg)
        else:
            run_pipeline(name, pipeline, start, cfg=cfg, steps=4)
    finally:
        watch.remove()
    args, asked, answer = calls[0]
    right = answer if len(answer) == 1 else torch.lerp(*answer.chunk(2), cfg)
    guidance = model.guidance(*TEXTS)
    if name in FLOW:
        seen = asked["hidden_states"][:1]
        if name != "sd3":
            seen, right = (FluxPipeline._unpack_latents(value, 64, 64, 8) for value in (seen, right))
        sigma = asked["timestep"][:1].float() / (1000 if name == "sd3" else 1)
        ours, theirs = guided(model.denoiser, seen, sigma, guidance, cfg), seen - right * sigma
    else:
        timestep = int(args[1] if len(args) > 1 else asked["timestep"])
        sigma = model.denoiser.sigmas[timestep].float()[None]
        scaled = args[0][:1, :4]
        seen = scaled * (1 + sigma**2) ** 0.5
        ours = guided(model.denoiser, seen, sigma, guidance, cfg)
        alpha = 1 / (1 + sigma**2)
        theirs = (
            (scaled - (1 - alpha) ** 0.5 * right) / alpha**0.5
            if name != "sd2"
            else (alpha**0.5 * scaled - (1 - alpha) ** 0.5 * right)
        )
    assert relative_error((seen - ours) / sigma, (seen - theirs) / sigma) < 1e-5
    assert relative_error(ours, theirs) < 1e-5 * max(1, sigma.item())


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "lcm"])
def test_a_still_is_that_of_diffusers(families, name):
    folder, pipeline = families(name)
    cfg = 1.0 if name == "schnell" else 3.0
    model = load_model(folder).at_size((64, 64))
    theirs = run_pipeline(name, pipeline, noise(1, model.denoiser.channels, 8, 8, seed=5), cfg=cfg)
    latent = ksampler(
        model.denoiser,
        5,
        STEPS,
        cfg,
        "euler",
        "simple" if name in FLOW else "normal",
        *(model.encode_text(text) for text in TEXTS),
        model.empty_latent((64, 64)),
    )
    ours = model.denoiser.units.to_model(latent)
    assert relative_error(ours, theirs) < 1e-3
    with torch.no_grad():
        picture = pipeline.vae.decode(latent).sample
    theirs = pipeline.image_processor.postprocess(picture, output_type="np")[0]
    assert np.abs(model.decode(latent) / 255 - theirs).max() <= 0.51 / 255


@pytest.mark.parametrize("name", FAMILIES | MASKED_FAMILIES)
def test_six_frames(families, name):
    """A small render with the family's own sampler: prompts travel, frames change, none is equal to another."""
    model = load_model(families(name)[0]).at_size((64, 96))
    schedule = av.Schedule(denoise=0.6, noise=0.05, prompts=["gold", "red"], clock=Clock.for_duration(1, 6))
    own = model.defaults
    look = RenderSettings((64, 96), 2, own.cfg, own.sampler, own.scheduler)
    latents = sequence(
        model.denoiser,
        plans_of(model, schedule, look),
        start=model.empty_latent(look.size),
        sampler=own.sampler,
        scheduler=own.scheduler,
    )
    frames = [model.decode(latent) for latent in latents]
    assert len({frame.tobytes() for frame in frames}) == 6 and {frame.shape for frame in frames} == {(96, 64, 3)}


def test_the_size_shifts_the_levels_of_flux(families):
    model = load_model(families("flux")[0])
    small, large = (model.at_size((side, side)).denoiser.sigmas for side in (64, 1024))
    assert torch.equal(large, model.denoiser.sigmas) and (small[:-1] < large[:-1]).all()
    assert small[-1] == large[-1] == 1
    unmoved = load_model(families("schnell")[0])
    assert torch.equal(unmoved.at_size((64, 64)).denoiser.sigmas, unmoved.denoiser.sigmas)


def test_a_text_mixes_with_all_that_it_says(families):
    model = load_model(families("sdxl")[0])
    one, other = (model.encode_text(text) for text in TEXTS)
    between = av.sampling.lerp(one, other, 0.25)
    assert torch.allclose(between.pooled, torch.lerp(one.pooled, other.pooled, 0.25))
    heavy = model.encode_text("(gold:1.5) mandala")
    assert torch.equal(heavy.pooled, one.pooled) and not torch.allclose(heavy.embeddings, one.embeddings)


@pytest.mark.parametrize("name, sampler", [("sd3", "euler_ancestral"), ("flux", "dpmpp_sde")])
def test_samplers_that_flow_matching_does_not_allow_are_refused(families, name, sampler):
    model = load_model(families(name)[0])
    with pytest.raises(
        InputError, match=f"sampler {sampler} does not serve models of flow matching .* use one of euler, heun"
    ):
        sequence(model.denoiser, [], start=model.empty_latent((64, 64)), sampler=sampler)


def test_transformers_make_multiples_of_sixteen(families):
    with pytest.raises(InputError, match="size 72x64: this model makes multiples of 16 .* try 64x64"):
        load_model(families("sd3")[0]).empty_latent((72, 64))


UNET, XL = {"_class_name": "UNet2DConditionModel", "sample_size": 64}, {"addition_embed_type": "text_time"}
FLUX = {"_class_name": "FluxTransformer2DModel"}


@pytest.mark.parametrize(
    "core, scheduler, name, size, steps, cfg, sampler",
    [
        (UNET, {}, "dream", 512, 20, 7.0, "dpmpp_2m"),
        (
            UNET | {"sample_size": 96},
            {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
            "v",
            768,
            20,
            7.0,
            "euler",
        ),
        (UNET | XL | {"sample_size": 128}, {}, "xl", 1024, 20, 6.0, "dpmpp_2m"),
        (UNET | XL, {"timestep_spacing": "trailing"}, "sdxl", 512, 2, 1.0, "euler"),
        (UNET | XL | {"sample_size": 128}, {}, "sdxl_lightning_8step", 1024, 8, 1.0, "euler"),
        (UNET, {"_class_name": "LCMScheduler"}, "dream", 512, 4, 1.5, "lcm"),
        (UNET | {"time_cond_proj_dim": 256}, {}, "dream", 512, 4, 8.0, "lcm"),
        ({"_class_name": "SD3Transformer2DModel", "sample_size": 128}, {}, "sd3", 1024, 28, 4.5, "euler"),
        ({"_class_name": "SD3Transformer2DModel", "sample_size": 128}, {}, "sd3.5-large-turbo", 1024, 4, 1.0, "euler"),
        (FLUX | {"guidance_embeds": True}, {}, "flux", 1024, 20, 3.5, "euler"),
        (FLUX, {}, "flux", 1024, 4, 1.0, "euler"),
    ],
)
def test_defaults_follow_the_family(core, scheduler, name, size, steps, cfg, sampler):
    found = family_of(core).defaults(core, scheduler, name)
    assert (found.size, found.steps, found.cfg, found.sampler) == (size, steps, cfg, sampler)


@pytest.mark.parametrize("name", FAMILIES | MASKED_FAMILIES)
def test_defaults_are_known_without_loading(families, name):
    folder, _ = families(name)
    assert defaults_of(folder) == load_model(folder).defaults


def test_a_model_of_no_known_family_is_refused(tmp_path):
    pipeline = tiny_family("inpainting", tmp_path)
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config, in_channels=6)
    pipeline.save_pretrained(tmp_path / "model")
    with pytest.raises(
        ModelError, match="audioviz cannot drive; expected one of the families Stable Diffusion 1 and 2, SDXL"
    ):
        load_model(tmp_path / "model")


def test_a_noise_schedule_that_is_not_known_is_refused(tmp_path):
    pipeline = tiny_pipeline(tmp_path)
    pipeline.register_modules(scheduler=EDMEulerScheduler())
    pipeline.save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="noise schedule of EDMEulerScheduler"):
        load_model(tmp_path / "model")


def test_training_that_ends_in_pure_noise_has_finite_levels():
    betas = EulerDiscreteScheduler(**BETAS, rescale_betas_zero_snr=True).betas
    sigmas = betas_to_sigmas(betas.double().numpy())
    assert sigmas.isfinite().all() and 4000 < sigmas[-1] < 4200


@pytest.mark.parametrize("name", ["sdxl", "sd3"])
def test_a_conditioning_without_pooled_text_is_refused(families, name):
    model = load_model(families(name)[0])
    text = model.encode_text("gold")
    x = noise(1, model.denoiser.channels, 8, 8)
    with pytest.raises(InputError, match="no pooled text"):
        guided(model.denoiser, x, torch.tensor([0.5]), Guidance(Conditioning(text.embeddings)), 1.0)
