"""Files of Z-Image and FLUX.2 klein as people have them: single and split files, autoencoders, LoRAs; and settings."""

import copy
import shutil

import pytest
import torch
from safetensors.torch import save_file

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.additions.lora import read_changes, work_in
from audioviz.models.families import family_of
from audioviz.models.files.configs import defaults_of
from audioviz.models.files.pipeline import core_settings, settings_of
from audioviz.models.sources import size_step
from tests.chat_originals import original_core, original_vae, original_whole


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))) * 0.1


def saved(weights, file):
    save_file({name: value.clone().contiguous() for name, value in weights.items()}, file)
    return file


def settings_beside(folder, file, *whole):
    """The folder of a file's name with the settings of all parts, and the weights of some."""
    beside = file.with_suffix("")
    shutil.copytree(folder, beside, ignore=shutil.ignore_patterns("*.safetensors"))
    for part in whole:
        shutil.copytree(folder / part, beside / part, dirs_exist_ok=True)


@pytest.mark.parametrize("name", ["z-image-turbo", "klein"])
def test_a_whole_file_is_its_folder(families, tmp_path, name):
    folder, pipeline = families(name)
    file = saved(original_whole(name, pipeline), tmp_path / "tiny.safetensors")
    settings_beside(folder, file)
    ours, theirs = load_model(file), load_model(folder)
    assert ours.digest == theirs.digest and ours.defaults == theirs.defaults == defaults_of(file)
    assert ours.multiple == 16


@pytest.mark.parametrize("name", ["z-image-turbo", "klein"])
def test_split_files_are_their_folder(families, tmp_path, name):
    """As ComfyUI has them: the transformer in one file, the autoencoder in another."""
    folder, pipeline = families(name)
    file = saved(original_core(name, pipeline.transformer), tmp_path / "tiny.safetensors")
    vae = saved(original_vae(name, pipeline.vae), tmp_path / "ae.safetensors")
    settings_beside(folder, file, "text_encoder")
    assert load_model(file, vae=vae).digest == load_model(folder).digest


def test_what_a_split_file_lacks_is_said_at_once(tmp_path):
    file = saved({"layers.0.adaLN_modulation.0.weight": torch.zeros(4, 2)}, tmp_path / "z_image_turbo.safetensors")
    with pytest.raises(ModelError, match=f"holds no vae, text_encoder; put .* at {tmp_path}/z_image_turbo/vae, "):
        load_model(file)
    dev = {"single_stream_modulation.lin.weight": torch.zeros(1), "img_in.weight": torch.zeros(6144, 2)}
    with pytest.raises(ModelError, match="a checkpoint of flux-2-dev; expected one of .* FLUX.2 klein"):
        load_model(saved(dev, tmp_path / "dev.safetensors"))


def test_another_autoencoder_of_flux2(families, tmp_path):
    """Its statistics come with it, also where the model has none of its own."""
    folder, pipeline = families("klein")
    shutil.copytree(folder, tmp_path / "klein")
    (tmp_path / "klein" / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    vae = saved(original_vae("klein", pipeline.vae), tmp_path / "flux2-vae.safetensors")
    ours, theirs = load_model(tmp_path / "klein", vae=vae), load_model(folder)
    assert ours.digest == theirs.digest
    assert torch.equal(ours.denoiser.units.scale, theirs.denoiser.units.scale)
    with pytest.raises(ModelError, match=": an AutoencoderKL of 16 channels; this model expects AutoencoderKLFlux2"):
        load_model(folder, vae=families("z-image-turbo")[0])


def test_latents_of_flux2_are_packed_and_scaled_as_by_diffusers(families):
    folder, pipeline = families("klein")
    model = load_model(folder)
    picture = noise(2, 3, 96, 64) * 4
    with torch.no_grad():
        theirs = pipeline._encode_vae_image(picture, None)
    latent = model.autoencoder.encode(picture)
    assert latent.shape == (2, 128, 6, 4) == (2, *model.empty_latent((64, 96)).shape[1:])
    assert torch.allclose(model.denoiser.units.to_model(latent), theirs, atol=1e-4)
    assert torch.allclose(model.denoiser.units.from_model(theirs), latent, atol=1e-4)
    whole = model.autoencoder.decode(latent)
    module = model.autoencoder.module
    module.enable_tiling()
    module.tile_sample_min_size, module.tile_latent_min_size = 32, 4
    tiled = model.autoencoder.decode(latent)
    with torch.no_grad():
        right = module.tiled_decode(pipeline._unpatchify_latents(latent)).sample
        theirs = pipeline.vae.decode(pipeline._unpatchify_latents(latent)).sample
    assert torch.allclose(whole, theirs, atol=1e-4)
    assert torch.allclose(tiled, right, atol=1e-4) and not torch.allclose(tiled, whole, atol=1e-2)


Z = ("layers.0.attention.to_q", "layers.1.attention.to_out.0", "layers.0.feed_forward.w1", "cap_embedder.1")
KLEIN = ("transformer_blocks.0.attn.to_q", "single_transformer_blocks.1.attn.to_qkv_mlp_proj", "x_embedder")
ORIGINAL = {"double_blocks.0.img_attn.qkv": (96, 32), "single_blocks.1.linear2": (32, 128), "img_in": (32, 128)}


@pytest.mark.parametrize("style", ["diffusers", "comfy", "kohya", "lokr"])
@pytest.mark.parametrize("name", ["z-image-turbo", "klein"])
def test_a_lora_acts_as_in_diffusers(families, tmp_path, name, style):
    _, pipeline = families(name)
    own = pipeline.transformer
    shapes = {layer: tuple(own.get_submodule(layer).weight.shape) for layer in (Z if name[0] == "z" else KLEIN)}
    if name == "klein" and style in ("comfy", "kohya"):
        shapes = ORIGINAL
    if style == "lokr":
        shapes = {layer: shape for layer, shape in shapes.items() if not any(side % 4 for side in shape)}
    weights = {}
    for layer, (out, into) in shapes.items():
        if style == "lokr":
            weights[f"transformer.{layer}.lokr_w1"] = noise(4, 4)
            weights[f"transformer.{layer}.lokr_w2"] = noise(out // 4, into // 4)
        elif style == "kohya":
            at = "lora_unet_" + layer.replace(".", "_")
            weights |= {f"{at}.lora_down.weight": noise(2, into), f"{at}.lora_up.weight": noise(out, 2)}
            weights[f"{at}.alpha"] = torch.tensor(1.0)
        else:
            at = f"{'transformer' if style == 'diffusers' else 'diffusion_model'}.{layer}"
            weights |= {f"{at}.lora_A.weight": noise(2, into), f"{at}.lora_B.weight": noise(out, 2)}
    file = saved(weights, tmp_path / "x.safetensors")
    ours, theirs = (copy.copy(pipeline) for _ in range(2))
    for one in (ours, theirs):
        one.transformer = copy.deepcopy(own)
    changes, unread = read_changes(ours, file)
    work_in(changes, 0.5)
    assert unread == []
    theirs.load_lora_weights(str(file))
    theirs.fuse_lora(lora_scale=0.5)
    theirs.unload_lora_weights()
    right, before = theirs.transformer.state_dict(), own.state_dict()
    found = ours.transformer.state_dict()
    assert all(torch.allclose(found[key], right[key.replace(".base_layer", "")], atol=1e-6) for key in found)
    assert sum(not torch.equal(found[key], before[key]) for key in found) >= len(shapes)


def test_a_lora_of_another_family_is_refused(families, tmp_path):
    flux = {"lora_unet_double_blocks_0_img_mlp_0.lora_down.weight": noise(2, 64)}
    flux["lora_unet_double_blocks_0_img_mlp_0.lora_up.weight"] = noise(64, 2)
    file = saved(flux, tmp_path / "flux.safetensors")
    with pytest.raises(ModelError, match="does not fit this model, a Flux2KleinPipeline .* made for Flux"):
        load_model(families("klein")[0], loras=file)
    with pytest.raises(ModelError, match="does not fit this model, a ZImagePipeline .* made for Flux"):
        load_model(families("z-image")[0], loras=file)


CORES = {"z": {"_class_name": "ZImageTransformer2DModel"}}
CORES["f"] = {"_class_name": "Flux2Transformer2DModel", "guidance_embeds": False}


@pytest.mark.parametrize(
    "core, scheduler, name, steps, cfg",
    [
        ("z", {"shift": 3.0}, "Z-Image-Turbo", 8, 1.0),
        ("z", {"shift": 3.0}, "moody_zit_v3", 8, 1.0),
        ("z", {"shift": 3.0}, "z_image_bf16.safetensors", 30, 4.0),
        ("z", {"shift": 6.0}, "my-model", 30, 4.0),
        ("z", {"shift": 3.0}, "Z-Image-De-Turbo", 30, 4.0),
        ("f", {}, "FLUX.2-klein-4B", 4, 1.0),
        ("f", {}, "flux-2-klein-base-9b-fp8.safetensors", 20, 4.0),
    ],
)
def test_defaults_follow_the_form(core, scheduler, name, steps, cfg):
    found = family_of(CORES[core]).defaults(CORES[core], scheduler, name)
    assert (found.size, found.steps, found.cfg) == (1024, steps, cfg)
    assert (found.sampler, found.scheduler) == ("euler", "simple")


def test_settings_are_known_without_loading(families):
    for name, steps in (("z-image-turbo", 8), ("z-image", 30), ("klein", 4), ("klein-base", 20)):
        folder, pipeline = families(name)
        core, found = core_settings(pipeline), defaults_of(folder)
        assert found == family_of(core).defaults(core, settings_of(pipeline.scheduler), folder.name)
        assert found.steps == steps and size_step(str(folder)) == 16


def test_flux2_dev_is_refused():
    assert family_of(CORES["f"] | {"guidance_embeds": True}) is None


def test_a_tokenizer_without_a_chat_template_is_refused(families, tmp_path):
    folder, _ = families("z-image-turbo")
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model" / "tokenizer" / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load_model(tmp_path / "model").encode_text("gold")


def test_no_more_is_computed_of_a_prompt_than_is_read(families):
    """The scores of all words after each token would take a third of a gigabyte with FLUX.2."""
    model = load_model(families("klein")[0])
    language_model = model.text_encoder.read.args[0].text_encoder
    watch = language_model.lm_head.register_forward_hook(lambda *_: pytest.fail("words were scored"))
    model.encode_text("gold")
    watch.remove()
