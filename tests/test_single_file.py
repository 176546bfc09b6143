"""One file in the original layout loads as the folder it was made from."""

import json
import shutil
from pathlib import Path

import diffusers
import pytest
import torch
import transformers
from safetensors.torch import save_file

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.files import single_file
from audioviz.models.files.configs import defaults_of
from audioviz.models.files.single_file import layout_of, write_layout
from audioviz.models.sources import read_shapes
from audioviz.sampling.guidance import guided
from tests.checkpoints import tiny_pipeline
from tests.originals import original_checkpoint

NAMES = ("sd1", "sd2", "sdxl", "inpainting", "turbo", "sd3")


def only_settings(folder: Path, target: Path) -> None:
    """A copy of a diffusers folder without weights."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_its_folder(families, tmp_path, name):
    folder, pipeline = families(name)
    save_file(original_checkpoint(name, pipeline), tmp_path / "tiny.safetensors")
    only_settings(folder, tmp_path / "tiny")
    ours, theirs = load_model(tmp_path / "tiny.safetensors"), load_model(folder)
    assert ours.defaults == theirs.defaults == defaults_of(tmp_path / "tiny.safetensors")
    x = torch.randn(1, theirs.denoiser.channels, 8, 8, generator=torch.Generator().manual_seed(2))
    sigma = torch.tensor([0.5])
    answers = [
        guided(model.denoiser, x, sigma, model.guidance("gold mandala", "grey"), 3.0) for model in (ours, theirs)
    ]
    assert (answers[0] - answers[1]).norm() < 1e-5 * answers[1].norm()
    assert (ours.decode(x) == theirs.decode(x)).all()


@pytest.mark.parametrize("name", ["flux", "chroma", "lumina2"])
def test_what_the_file_does_not_hold_is_taken_from_beside_it(families, tmp_path, name):
    """As with Flux and later ones, whose files often hold the transformer alone."""
    folder, pipeline = families(name)
    save_file(pipeline.transformer.state_dict(), tmp_path / "tiny.safetensors")
    shutil.copytree(folder, tmp_path / "tiny")
    shutil.rmtree(tmp_path / "tiny" / "transformer")
    only_settings(folder / "transformer", tmp_path / "tiny" / "transformer")
    assert load_model(tmp_path / "tiny.safetensors").digest == load_model(folder).digest


PARAMETERS = {  # of the real models, as their makers tell
    ("v1", "unet"): 859_520_964,
    ("v1", "vae"): 83_653_863,
    ("v1", "text_encoder"): 123_060_480,
    ("inpainting", "unet"): 859_535_364,
    ("v2", "unet"): 865_910_724,
    ("v2", "text_encoder"): 340_387_840,
    ("xl_base", "unet"): 2_567_463_684,
    ("xl_base", "text_encoder_2"): 694_659_840,
    ("flux-dev", "transformer"): 11_901_408_320,
    ("flux-schnell", "transformer"): 11_891_178_560,
    ("flux-dev", "text_encoder_2"): 4_762_310_656,
    ("flux-fill", "transformer"): 11_902_391_360,
    ("chroma", "transformer"): 8_899_983_424,
    ("lumina2", "transformer"): 2_609_769_152,
    ("lumina2", "text_encoder"): 2_614_341_888,
    ("z-image-turbo", "text_encoder"): 4_022_468_096,
    ("flux2-klein-4b", "text_encoder"): 4_022_468_096,
}


def real_shapes(kind: str, tmp_path: Path) -> dict[str, tuple[int, ...]]:
    """Enough names of a real file of a kind that it is known by."""
    unet, sd3 = "model.diffusion_model.", "model.diffusion_model.joint_blocks.{}.context_block.adaLN_modulation.1.bias"
    second = {single_file._SD1_KEY: (320, 640, 1, 1)}
    wide = {unet + "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024)}
    masked = {unet + "input_blocks.0.0.weight": (320, 9, 3, 3)}
    xl = {"conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias": (1280,)}
    flux = {"double_blocks.0.img_attn.norm.key_norm.scale": (128,), "img_in.weight": (3072, 64)}
    z_image = {"layers.0.adaLN_modulation.0.weight": (15360, 256), "cap_embedder.0.weight": (2560,)}
    return {
        "v1": second,
        "inpainting": second | masked,
        "v2": second | wide,
        "inpainting_v2": second | wide | masked,
        "xl_base": xl,
        "xl_inpaint": xl | masked,
        "sd3": {sd3.format(0): (9216,), unet + "pos_embed": (1, 36864, 1536)},
        "sd35_medium": {sd3.format(0): (9216,), unet + "pos_embed": (1, 147456, 1536)},
        "sd35_large": {unet + "joint_blocks.37.x_block.mlp.fc1.weight": (9728, 2432)},
        "flux-dev": flux | {"guidance_in.in_layer.bias": (3072,)},
        "flux-fill": flux | {"guidance_in.in_layer.bias": (3072,), "img_in.weight": (3072, 384)},
        "chroma": flux | {"distilled_guidance_layer.in_proj.bias": (5120,)},
        "lumina2": {unet + "cap_embedder.0.weight": (2304,)},
        "flux-schnell": flux,
        "z-image-turbo": z_image,
        "z-image": z_image,
        "flux2-klein-4b": {"single_stream_modulation.lin.weight": (9216, 3072), "img_in.weight": (3072, 128)},
        "flux2-klein-9b": {"single_stream_modulation.lin.weight": (12288, 4096), "img_in.weight": (4096, 128)},
    }[kind]


KINDS = [
    kind for kind in json.loads((Path(single_file.__file__).parent / "layouts.json").read_text()) if kind != "parts"
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_layouts_are_those_of_the_real_models(tmp_path, kind):
    """diffusers builds each part of them (without memory), and the sizes are those that their makers tell."""
    name = "z_image_bf16" if kind == "z-image" else "dream"  # which nothing but its name tells from Turbo
    layout, parts = layout_of(Path(f"{name}.safetensors"), real_shapes(kind, tmp_path))
    write_layout(tmp_path, layout, parts)
    index = getattr(diffusers, layout).load_config(tmp_path)
    assert set(parts) <= set(index)
    assert parts["scheduler"]["_class_name"] == index["scheduler"][1]
    for name, settings in parts.items():
        own = getattr(transformers, settings["_class_name"], None) or getattr(diffusers, settings["_class_name"])
        if name.startswith("text"):
            with torch.device("meta"):
                part = own(own.config_class.from_pretrained(tmp_path / name))
        elif name in ("unet", "transformer", "vae"):
            with torch.device("meta"):
                part = own.from_config(own.load_config(tmp_path / name))
        else:
            continue
        if (kind, name) in PARAMETERS:
            assert sum(weight.numel() for weight in part.parameters()) == PARAMETERS[kind, name]


def test_names_and_marks_tell_what_weights_do_not():
    shapes = real_shapes("v2", None)
    for name, scheduler, size in (("v2-1_768", "v_prediction", 96), ("512-base-ema", None, 64)):
        _, parts = layout_of(Path(f"{name}.safetensors"), shapes)
        assert (parts["scheduler"].get("prediction_type"), parts["unet"]["sample_size"]) == (scheduler, size)
    _, parts = layout_of(Path("xl.safetensors"), real_shapes("xl_base", None) | {"v_pred": (), "ztsnr": ()})
    assert parts["scheduler"]["prediction_type"] == "v_prediction" and parts["scheduler"]["rescale_betas_zero_snr"]


def test_defaults_of_a_file_are_known_by_its_names_alone(tmp_path):
    shapes = real_shapes("xl_base", tmp_path)
    save_file(
        {name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "sdxl_lightning_4step.safetensors"
    )
    found = defaults_of(tmp_path / "sdxl_lightning_4step.safetensors")
    assert (found.size, found.steps, found.cfg) == (1024, 4, 1.0)


def refused(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_are_no_model_are_refused(tmp_path):
    for name, weights, message in (
        (
            "other",
            {"embedding.weight": torch.zeros(3)},
            "no checkpoint that is known; expected one of Stable Diffusion",
        ),
        (
            "video",
            {"head.modulation": torch.zeros(3), "patch_embedding.weight": torch.zeros(1536, 1)},
            "a checkpoint of wan",
        ),
        ("style", {"lora_unet_mid.lora_up.weight": torch.zeros(3)}, "a LoRA, .* give it with --lora"),
    ):
        save_file(weights, tmp_path / f"{name}.safetensors")
        with pytest.raises(ModelError, match=message):
            load_model(tmp_path / f"{name}.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"x" * 100)
    assert "no whole .safetensors file" in refused(tmp_path / "cut.safetensors")


def test_a_pickled_file_says_how_to_convert_it_and_that_works(tmp_path, monkeypatch):
    torch.save({"state_dict": {"a": torch.ones(3), "b.c": torch.zeros(2)}}, tmp_path / "old.ckpt")
    message = refused(tmp_path / "old.ckpt")
    assert "pickled" in message
    monkeypatch.chdir(tmp_path)
    exec(message.partition('python -c "')[2].removesuffix('"'), {})
    assert read_shapes(tmp_path / "old.safetensors", what="model") == {"a": (3,), "b.c": (2,)}


def test_a_vocabulary_that_is_nowhere_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    names = (single_file._SD1_KEY, "first_stage_model.x", "cond_stage_model.x")
    save_file({name: torch.zeros(1) for name in names}, tmp_path / "dream.safetensors")
    assert (
        f"put the folder tokenizer of any diffusers folder of this family at {tmp_path / 'dream' / 'tokenizer'}"
        in refused(tmp_path / "dream.safetensors")
    )


def test_a_vocabulary_beside_the_file_is_found(tmp_path):
    tiny_pipeline(tmp_path).tokenizer.save_pretrained(tmp_path / "dream" / "tokenizer")
    found = single_file._missing_part(
        tmp_path / "dream.safetensors", "tokenizer", {"_class_name": "CLIPTokenizer", "pad_token": "!"}, torch.float32
    )
    assert found.pad_token == "!" and found("ab").input_ids[0] == 0
