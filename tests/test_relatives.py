"""Models that differ from those of a family by what they read beside the latent: Flux Fill, and those not driven."""

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import FluxFillPipeline, FluxKontextPipeline, FluxTransformer2DModel
from PIL import Image
from safetensors.torch import save_file

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.denoisers.unet import told_size
from audioviz.models.families import family_of
from audioviz.models.families.relatives import relative_of
from audioviz.models.files.configs import defaults_of
from audioviz.rendering.guides import Guides, image_conditions
from audioviz.sampling import plan_frame, sample_frame
from audioviz.sampling.guidance import guided

SIZE = 96, 64  # width, height
STEPS, CFG = 10, 3.0


def relative_error(ours, theirs) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def unpacked(tokens: torch.Tensor) -> torch.Tensor:
    return FluxFillPipeline._unpack_latents(tokens, SIZE[1], SIZE[0], 8)


@pytest.fixture(scope="module")
def fill(families):
    folder, pipeline = families("fill")
    return folder, pipeline, load_model(folder).at_size(SIZE)


@pytest.fixture
def scene():
    """A picture, and a mask whose edge is at no cell's."""
    picture = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    mask = np.zeros((SIZE[1], SIZE[0]), np.float32)
    mask[3:45, 13:70] = 1
    return picture, mask


def run_fill(pipeline, start, scene, *, steps=STEPS):
    """The latents that diffusers' own pipeline makes where the mask is white, from unit noise, in the model's scale."""
    picture, mask = scene
    found = pipeline(
        "gold mandala",
        image=Image.fromarray(picture),
        mask_image=Image.fromarray((mask * 255).astype(np.uint8)),
        latents=FluxFillPipeline._pack_latents(start, *start.shape),
        num_images_per_prompt=len(start),
        width=SIZE[0],
        height=SIZE[1],
        num_inference_steps=steps,
        guidance_scale=CFG,
        sigmas=np.linspace(1, 1 / steps, steps),
        output_type="latent",
    )
    return unpacked(found.images)


def guidance_of(model, scene):
    picture, mask = scene
    guides = Guides(init=lambda frame: picture, mask=torch.from_numpy(mask))
    return image_conditions(model, guides)(replace(model.guidance("gold mandala"), negative=None), 0, 1.0, 1.0, {})


def test_one_call_of_flux_fill_is_that_of_diffusers(fill, scene):
    _, pipeline, model = fill
    calls = []
    watch = pipeline.transformer.register_forward_hook(
        lambda module, args, kwargs, out: calls.append((kwargs, out[0])), with_kwargs=True
    )
    try:
        run_fill(pipeline, torch.randn(2, 16, 8, 12, generator=torch.Generator().manual_seed(1)), scene, steps=2)
    finally:
        watch.remove()
    asked, answer = calls[0]
    read, sigma = unpacked(asked["hidden_states"]), asked["timestep"]
    x, guidance = read[:, :16], guidance_of(model, scene)
    assert torch.allclose(guidance.control.inpainting.expand(2, -1, -1, -1), read[:, 16:], atol=1e-5)
    ours = guided(model.denoiser, x, sigma, guidance, CFG)
    assert relative_error(x - ours, unpacked(answer) * sigma[:, None, None, None]) < 1e-5


def test_a_still_of_flux_fill_is_that_of_diffusers(fill, scene):
    _, pipeline, model = fill
    start = torch.cat([model.empty_latent(SIZE)] * 2)
    theirs = run_fill(pipeline, torch.randn(start.shape, generator=torch.Generator().manual_seed(5)), scene)
    plan = plan_frame(guidance_of(model, scene), seed=5, frame=0, steps=STEPS, cfg=CFG, denoise=1.0)
    latent = sample_frame(model.denoiser, plan, start, sampler="euler", scheduler="simple")
    assert relative_error(model.denoiser.units.to_model(latent), theirs) < 1e-3


def test_flux_fill_has_its_own_defaults_and_draws_all_where_nothing_leads(fill):
    folder, _, model = fill
    assert model.defaults == defaults_of(folder) and (model.defaults.cfg, model.defaults.steps) == (30.0, 20)
    beside = model.denoiser.inpainting.blank(8, 12)
    assert beside.shape == (1, 16 + 64, 8, 12) and (beside[:, 16:] == 1).all()
    x, sigma = torch.randn(1, 16, 8, 12), torch.tensor([0.5])
    assert model.denoiser(x, sigma, [model.encode_text("gold")])[0].isfinite().all()


def test_flux_kontext_draws_by_its_text(families, tmp_path):
    folder, pipeline = families("flux")
    FluxKontextPipeline(
        **{name: part for name, part in pipeline.components.items() if part is not None}
    ).save_pretrained(tmp_path / "kontext")
    kontext, flux = load_model(tmp_path / "kontext"), load_model(folder)
    assert (kontext.digest, kontext.defaults) == (flux.digest, flux.defaults)


UNET = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4}


@pytest.mark.parametrize(
    "config, said",
    [
        (UNET | {"in_channels": 8}, "reads a second picture .* --init"),
        (UNET | {"in_channels": 5}, "reads depth .*--controlnet"),
        (UNET | {"in_channels": 7}, "enlarges pictures"),
        (UNET | {"class_embed_type": "projection"}, "unCLIP.*--ip-adapter"),
        (UNET | {"addition_embed_type": "text_time", "projection_class_embeddings_input_dim": 2560}, "the refiner of"),
        ({"_class_name": "FluxTransformer2DModel", "in_channels": 128}, "FLUX.1 Depth and Canny"),
    ],
)
def test_what_a_relative_is_and_what_does_its_work_is_said(config, said):
    assert re.search(said, relative_of(config) or "")


@pytest.mark.parametrize(
    "config",
    [
        UNET,
        UNET | {"in_channels": 9},
        UNET | {"addition_embed_type": "text_time", "projection_class_embeddings_input_dim": 2816},
        {"_class_name": "FluxTransformer2DModel", "in_channels": 64},
        {"_class_name": "FluxTransformer2DModel", "in_channels": 384},
        {"_class_name": "SD3Transformer2DModel"},
    ],
)
def test_models_of_a_family_are_no_relatives(config):
    assert relative_of(config) is None and family_of(config) is not None


def test_a_folder_of_flux_depth_is_refused_in_one_line(families, tmp_path):
    pipeline = copy.copy(families("flux")[1])
    pipeline.transformer = FluxTransformer2DModel.from_config(pipeline.transformer.config, in_channels=128)
    pipeline.save_pretrained(tmp_path / "depth")
    with pytest.raises(ModelError, match="depth: reads a control picture .* use FLUX.1 dev or schnell") as caught:
        load_model(tmp_path / "depth")
    assert "\n" not in str(caught.value)


XL, FIRST = "conditioner.embedders.{}.model.transformer.resblocks.9.mlp.c_proj.bias", "input_blocks.0.0.weight"
FLUX = {"double_blocks.0.img_attn.norm.key_norm.scale": (2,), "guidance_in.in_layer.bias": (2,)}


@pytest.mark.parametrize(
    "shapes, said",
    [
        ({XL.format(0): (1280,)}, "the refiner of SDXL"),
        ({XL.format(1): (1280,), f"model.diffusion_model.{FIRST}": (4, 8, 1, 1)}, "reads a second picture"),
        (FLUX | {"img_in.weight": (2, 128)}, "a control picture"),
    ],
)
def test_a_file_of_a_relative_is_refused_in_one_line(tmp_path, shapes, said):
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "relative.safetensors")
    with pytest.raises(ModelError, match=said):
        load_model(tmp_path / "relative.safetensors")


@pytest.mark.parametrize(
    "size, told",
    [
        ((512, 512), (1024, 1024)),
        ((512, 768), (683, 1024)),
        ((1024, 1024), (1024, 1024)),
        ((640, 1536), (640, 1536)),
        ((768, 1344), (768, 1344)),
    ],
)
def test_sdxl_is_told_of_no_small_picture(size, told):
    assert told_size(*size) == told
