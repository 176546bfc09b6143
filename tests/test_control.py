"""ControlNet, IP-Adapter, masks and initial pictures, against diffusers' own code where it has a counterpart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import save_file

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.additions.control import load_controlnet
from audioviz.sampling import Control, Guidance
from audioviz.sampling.guidance import guided
from tests.checkpoints import tiny_ip_adapter
from tests.originals import original_controlnet

X, SIGMA = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)), torch.tensor([0.8])


@pytest.fixture(scope="module")
def nets(families, tmp_path_factory):
    """A ControlNet for each of two families."""
    root = tmp_path_factory.mktemp("nets")
    for name in ("sd1", "sdxl"):
        with torch.random.fork_rng():
            torch.manual_seed(6)
            net = ControlNetModel.from_unet(families(name)[1].unet)
            for block in (
                *net.controlnet_down_blocks,
                net.controlnet_mid_block,
                net.controlnet_cond_embedding.conv_out,
            ):
                torch.nn.init.normal_(block.weight, std=0.3)
        net.save_pretrained(root / name)
    return root


@pytest.fixture(scope="module")
def adapter(families, tmp_path_factory):
    """An IP-Adapter file for sd1 with its image encoder beside it."""
    return tiny_ip_adapter(families("sd1")[1].unet, tmp_path_factory.mktemp("adapter"))


def watched(core, run):
    """What a core answers at its first call in a run."""
    calls = []
    handle = core.register_forward_hook(
        lambda module, args, kwargs, out: calls.append((args, kwargs, out[0])), with_kwargs=True
    )
    try:
        run()
    finally:
        handle.remove()
    args, _, answer = calls[0]
    return args[0], args[1], answer


def first_call(scaled, timestep, answer, model, cfg):
    """x, its level and the denoised picture of an answer whose first row is the negative's."""
    sigma = model.denoiser.sigmas[int(timestep)].float()[None]
    x = scaled[:1] * (1 + sigma**2) ** 0.5
    return x, sigma, x - sigma * torch.lerp(*answer.chunk(2), cfg)


@pytest.mark.parametrize("strength", [0.7, 1.5])
def test_a_controlnet_leads_as_in_diffusers(families, nets, strength):
    folder, _ = families("sd1")
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        folder, controlnet=ControlNetModel.from_pretrained(nets / "sd1")
    )
    pipeline.set_progress_bar_config(disable=True)
    model = load_model(folder, controlnet=nets / "sd1")
    found = watched(
        pipeline.unet,
        lambda: pipeline(
            "gold",
            image=Image.fromarray(picture),
            negative_prompt="grey",
            num_inference_steps=2,
            guidance_scale=3.0,
            height=64,
            width=64,
            controlnet_conditioning_scale=strength,
            output_type="latent",
        ),
    )
    x, sigma, theirs = first_call(*found, model, 3.0)
    guidance = model.guidance("gold", "grey")
    hint = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    ours = guided(
        model.denoiser, x, sigma, Guidance(guidance.positive, guidance.negative, Control(hint, strength)), 3.0
    )
    assert ((x - ours) - (x - theirs)).norm() < 1e-5 * (x - theirs).norm()
    assert (ours - guided(model.denoiser, x, sigma, guidance, 3.0)).norm() > 1e-3 * (x - theirs).norm()


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_a_controlnet_in_one_file_is_that_of_its_folder(families, nets, tmp_path, name):
    net = ControlNetModel.from_pretrained(nets / name)
    files = [nets / name / "diffusion_pytorch_model.safetensors"]
    if name == "sd1":  # those of SDXL are shipped under diffusers' names alone
        save_file(original_controlnet(net), tmp_path / "control.safetensors")
        files.append(tmp_path / "control.safetensors")
    for file in files:
        found = load_controlnet(families(name)[1], file).state_dict()
        assert found.keys() == net.state_dict().keys()
        assert all(torch.equal(found[key], value) for key, value in net.state_dict().items())


def test_a_controlnet_in_one_file_leads_an_inpainting_model(families, nets, tmp_path):
    save_file(original_controlnet(ControlNetModel.from_pretrained(nets / "sd1")), tmp_path / "control.safetensors")
    net = load_controlnet(families("inpainting")[1], tmp_path / "control.safetensors")
    assert net.config["in_channels"] == 4


def test_a_controlnet_leads_sdxl_too(families, nets):
    model = load_model(families("sdxl")[0], controlnet=nets / "sdxl")
    guidance = model.guidance("gold", "grey")
    led, free = (
        guided(model.denoiser, X, SIGMA, Guidance(guidance.positive, guidance.negative, control), 3.0)
        for control in (Control(torch.rand(1, 3, 64, 64)), Control())
    )
    assert not torch.allclose(led, free)
    assert model.digest != load_model(families("sdxl")[0]).digest


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_an_ip_adapter_follows_as_in_diffusers(families, adapter, scale):
    folder, _ = families("sd1")
    picture = np.random.default_rng(2).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_ip_adapter(
        str(adapter.parent), subfolder="", weight_name=adapter.name, image_encoder_folder="image_encoder"
    )
    pipeline.set_ip_adapter_scale(scale)
    model = load_model(folder, ip_adapter=adapter)
    found = watched(
        pipeline.unet,
        lambda: pipeline(
            "gold",
            ip_adapter_image=Image.fromarray(picture),
            negative_prompt="grey",
            num_inference_steps=2,
            guidance_scale=3.0,
            height=64,
            width=64,
            output_type="latent",
        ),
    )
    x, sigma, theirs = first_call(*found, model, 3.0)
    style, none = model.encode_reference(picture)
    plain = model.guidance("gold", "grey")
    ours = guided(
        model.denoiser,
        x,
        sigma,
        Guidance(replace(plain.positive, image=style), replace(plain.negative, image=none), Control(style=scale)),
        3.0,
    )
    assert ((x - ours) - (x - theirs)).norm() < 1e-5 * (x - theirs).norm()


def test_what_does_not_fit_is_refused(families, nets, adapter, tmp_path):
    config = ControlNetModel.load_config(nets / "sd1")
    others = {"coarse": {"conditioning_embedding_out_channels": (16, 32, 96)}, "wide": {"in_channels": 9}}
    for name, other in others.items():
        ControlNetModel.from_config({**config, **other}).save_pretrained(tmp_path / name)
    for name, options, message in (
        ("sd1", {"controlnet": nets / "sdxl"}, "made for another family than this model"),
        ("sd1", {"controlnet": tmp_path / "coarse"}, "made for latents of 4 channels and 4 pixels .* has 4 and 8; use"),
        ("sd1", {"controlnet": tmp_path / "wide"}, "made for latents of 9 channels and 8 pixels .* has 4 and 8; use"),
        ("sd1", {"controlnet": tmp_path}, "ControlNet .*cannot be loaded"),
        ("sd1", {"controlnet": families("sd1")[0] / "unet"}, "ControlNet .*: weights are missing; expected the"),
        ("sd1", {"controlnet": nets / "sdxl" / "diffusion_pytorch_model.safetensors"}, "ControlNet .*cannot be loaded"),
        ("sdxl", {"ip_adapter": adapter}, "IP-Adapter .*does not fit this model"),
        (
            "sd3",
            {"controlnet": nets / "sd1"},
            "ControlNet: this model is a StableDiffusion3Pipeline; expected one of Stable",
        ),
        ("flux", {"ip_adapter": adapter}, "IP-Adapter: this model is a FluxPipeline"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            load_model(families(name)[0], **options)
        assert "\n" not in str(caught.value)
