"""What files hold is read, or said: prediction types, scaled fp8 weights, variants, missing parts, unread tensors."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from audioviz.errors import AudiovizWarning, InputError, ModelError
from audioviz.models import load_model
from audioviz.models.files.single_file import layout_of
from audioviz.models.sources import read_shapes
from audioviz.project import Look
from tests.originals import VAE, original_checkpoint

XL = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"


def beside(folder, file, *, without=("*.safetensors",)):
    """The settings of a diffusers folder in the folder that belongs to a single file."""
    shutil.copytree(folder, file.with_suffix(""), ignore=shutil.ignore_patterns(*without))
    return file


@pytest.fixture
def single(families, tmp_path):
    """The weights of a tiny file of Stable Diffusion 1, and the file, whose settings lie beside it."""
    folder, pipeline = families("sd1")
    return original_checkpoint("sd1", pipeline), beside(folder, tmp_path / "dream.safetensors")


@pytest.mark.parametrize(
    ("name", "tensors", "header", "yaml", "kind"),
    [
        ("x", (), {"modelspec.prediction_type": "v"}, "", "v_prediction"),
        ("x-vpred", (), {"modelspec.prediction_type": "epsilon"}, "", "epsilon"),
        ("x", ("v_pred",), {}, "", "v_prediction"),
        ("x", (), {"ss_v_parameterization": "True"}, "", "v_prediction"),
        ("x", (), {}, 'model:\n  params:\n    parameterization: "v"\n', "v_prediction"),
        ("noobaiXL_vPred10", (), {}, "", "v_prediction"),
        ("revpredator", (), {}, "", "epsilon"),
    ],
)
def test_what_a_file_predicts_is_told_by_it(tmp_path, name, tensors, header, yaml, kind):
    file = tmp_path / f"{name}.safetensors"
    save_file({key: torch.zeros(1) for key in (XL, *tensors)}, file, metadata=header)
    if yaml:
        file.with_suffix(".yaml").write_text(yaml)
    scheduler = layout_of(file, read_shapes(file, what="model"))[1]["scheduler"]
    assert scheduler.get("prediction_type", "epsilon") == kind and not scheduler.get("rescale_betas_zero_snr")
    save_file({key: torch.zeros(1) for key in (XL, *tensors, "ztsnr")}, file, metadata=header)
    scheduler = layout_of(file, read_shapes(file, what="model"))[1]["scheduler"]
    assert bool(scheduler.get("rescale_betas_zero_snr")) == (kind == "v_prediction")


def test_prediction_can_be_said(families):
    folder, _ = families("sd1")
    assert load_model(folder, prediction="v").denoiser.prediction_type == "v_prediction"
    assert load_model(folder, prediction="v").digest != load_model(folder).digest
    with pytest.raises(InputError, match="unknown prediction 'x'"):
        Look(prediction="x")
    for source in (families("sd3")[0], "embedded"):
        with pytest.raises(ModelError, match="prediction v.*leave it out"):
            load_model(source, prediction="v")


def test_the_noise_schedule_edm_is_refused(tmp_path):
    save_file({XL: torch.zeros(1), "edm_vpred.sigma_max": torch.zeros(1)}, tmp_path / "cosxl.safetensors")
    with pytest.raises(ModelError, match="trained with the noise schedule EDM"):
        load_model(tmp_path / "cosxl.safetensors")


@pytest.mark.parametrize("style", ["scale_weight", "weight_scale"])
def test_scaled_fp8_weights_are_their_product(single, style, recwarn):
    weights, file = single
    scaled = {name for name, value in weights.items() if value.ndim == 2 and "attn" in name and "model.diff" in name}
    packed, plain = dict(weights), dict(weights)
    for number, name in enumerate(sorted(scaled)):
        scale = torch.tensor(0.25) if number % 2 else torch.full((len(weights[name]), 1), 0.25)
        packed[name] = (weights[name] / 0.25).to(torch.float8_e4m3fn)
        plain[name] = packed[name].float() * 0.25
        packed[name.removesuffix("weight") + style] = scale
        if style == "scale_weight":
            packed[name.removesuffix("weight") + "scale_input"] = torch.tensor(1.0)
        else:
            packed[name.removesuffix("weight") + "comfy_quant"] = torch.tensor(
                list(json.dumps({"format": "float8_e4m3fn"}).encode()), dtype=torch.uint8
            )
    if style == "scale_weight":
        packed["scaled_fp8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
    save_file(plain, file)
    digest = load_model(file).digest
    save_file(packed, file)
    assert load_model(file).digest == digest
    assert not [warning for warning in recwarn if issubclass(warning.category, AudiovizWarning)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("a.weight.quant_state.bitsandbytes__nf4", torch.zeros(1), r"4 or 8 bits by bitsandbytes \(nf4, int8\)"),
        ("a.weight_scale_2", torch.zeros(1), "nvfp4"),
        ("a.qweight", torch.zeros(1), "GPTQ, AWQ or SVDQuant"),
        ("a.weight_scale", torch.zeros(1), "a.weight_scale scales no fp8 weights"),
        ("a.comfy_quant", torch.tensor(list(b'{"format": "int8_x"}'), dtype=torch.uint8), "a is quantised to int8_x"),
    ],
)
def test_other_quantised_weights_are_refused(single, name, value, said):
    weights, file = single
    save_file(weights | {name: value}, file)
    with pytest.raises(ModelError, match=said):
        load_model(file)
    file.with_suffix(".gguf").touch()
    with pytest.raises(ModelError, match=r"quantised \(GGUF\), which is not read"):
        load_model(file.with_suffix(".gguf"))


def test_a_folder_without_a_part_is_said_to_lack_it_and_sd3_does_without_t5(families, tmp_path):
    def copy(name, *absent):
        return shutil.copytree(families(name)[0], tmp_path / name, ignore=shutil.ignore_patterns(*absent))

    with pytest.raises(ModelError, match="has no folder scheduler, text_encoder, which its model_index.json names"):
        load_model(copy("sd1", "text_encoder", "scheduler"))
    folder = copy("sd3", "text_encoder_3", "tokenizer_3")
    first = load_model(folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"text_encoder_3": [None, None]}))
    assert load_model(folder).digest == first.digest != load_model(families("sd3")[0]).digest
    assert first.encode_text("a").embeddings[:, 77:].abs().max() == 0


def test_text_encoders_of_the_first_checkpoints_are_read(single, recwarn):
    weights, file = single
    save_file(weights, file)
    digest = load_model(file).digest
    old, new = "cond_stage_model.transformer.", "cond_stage_model.transformer.text_model."
    save_file({key.replace(new, old): value for key, value in weights.items()}, file)
    assert load_model(file).digest == digest
    assert not [warning for warning in recwarn if issubclass(warning.category, AudiovizWarning)]


@pytest.mark.parametrize(("name", "part"), [("sd1", "out.2.weight"), ("sd3", "joint_blocks.0.x_block.attn.qkv.weight")])
def test_a_file_with_a_hole_is_said_to_have_one(families, tmp_path, name, part):
    folder, pipeline = families(name)
    weights = original_checkpoint(name, pipeline)
    del weights[f"model.diffusion_model.{part}"]
    save_file(weights, beside(folder, tmp_path / "dream.safetensors"))
    with pytest.raises(
        ModelError, match=f"weights {'' if name == 'sd1' else f'such as {part} '}are missing: it is dam"
    ):
        load_model(tmp_path / "dream.safetensors")


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl", "sd3"])
def test_tensors_that_nobody_reads_are_said(families, tmp_path, name, recwarn):
    folder, pipeline = families(name)
    file = beside(folder, tmp_path / "dream.safetensors")
    weights = original_checkpoint(name, pipeline) | {
        "model_ema.decay": torch.zeros(1),
        "alphas_cumprod": torch.zeros(9),
    }
    save_file(weights, file)
    load_model(file)
    assert not [str(w.message) for w in recwarn if issubclass(w.category, AudiovizWarning)]
    inside = "joint_blocks.0.x_block.attn.qkw.weight" if name == "sd3" else "input_blocks.77.0.weight"
    extra = ("control_model.x.weight", f"model.diffusion_model.{inside}", "first_stage_model.more.weight")
    save_file(weights | {key: torch.zeros(2, 2) for key in extra}, file)
    with pytest.warns(AudiovizWarning) as caught:
        load_model(file)
    (said,) = [str(w.message) for w in caught if "tensors belong to no part" in str(w.message)]
    assert f": 3 of its {len(weights) + 3} tensors" in said and all(key in said for key in extra)


def test_what_transformers_finds_missing_or_too_many_is_told(families, tmp_path):
    shutil.copytree(families("sd1")[0], tmp_path / "model")
    file = tmp_path / "model" / "text_encoder" / "model.safetensors"
    weights = load_file(file)
    save_file(weights | {"more.weight": torch.zeros(2)}, file, metadata={"format": "pt"})
    with pytest.warns(AudiovizWarning, match="1 tensors of .*text_encoder are not used: more.weight"):
        load_model(tmp_path / "model")
    lacking = next(name for name in weights if "q_proj" in name)
    save_file({name: value for name, value in weights.items() if name != lacking}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"1 weights are missing: {lacking}; fetch its files again"):
        load_model(tmp_path / "model")


def test_a_load_that_is_right_says_nothing(families):
    """In a process of its own, as importing the libraries has words of its own."""
    code = f"from audioviz.models import load_model; load_model({str(families('sd1')[0])!r}).encode_text('a b')"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-W", "always::UserWarning", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr


def test_variants_of_weights_load_in_silence(families, tmp_path, capfd):
    folder, _ = families("sd1")
    for source, target in ((folder, tmp_path / "model"), (folder / "vae", tmp_path / "vae")):
        shutil.copytree(source, target)
        for weights in list(target.rglob("*.safetensors")):
            weights.rename(weights.with_suffix(".fp16.safetensors"))
    capfd.readouterr()
    assert load_model(tmp_path / "model", vae=tmp_path / "vae").digest == load_model(folder).digest
    assert not capfd.readouterr().err


def test_a_vae_completes_what_has_none(single, families, tmp_path):
    weights, file = single
    save_file({name: value for name, value in weights.items() if not name.startswith(VAE)}, file)
    save_file(
        {name.removeprefix(VAE): value for name, value in weights.items() if name.startswith(VAE)},
        tmp_path / "v.safetensors",
    )
    folder, _ = families("sd1")
    whole = load_model(folder).digest
    assert load_model(file, vae=tmp_path / "v.safetensors").digest == whole
    with pytest.raises(ModelError, match=rf"holds no vae; give its vae with --vae, or put .* at {tmp_path}/dream/vae"):
        load_model(file)
    shutil.copytree(
        folder,
        tmp_path / "model",
        ignore=lambda place, _: ["diffusion_pytorch_model.safetensors"] * place.endswith("vae"),
    )
    assert load_model(tmp_path / "model", vae=tmp_path / "v.safetensors").digest == whole
    save_file({name: value for name, value in weights.items() if name.startswith("model.")}, file)
    with pytest.raises(ModelError, match=f"holds no text_encoder, vae; put .*{tmp_path}/dream/text_encoder"):
        load_model(file)
