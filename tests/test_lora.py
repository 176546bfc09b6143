"""LoRA and its kin act as PEFT and LyCORIS have them, under the names that people's files have; the rest is said."""

import copy
import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from audioviz.errors import AudiovizWarning, ModelError
from audioviz.models import load_model
from audioviz.models.additions.lora import read_changes, work_in
from tests.checkpoints import tiny_family
from tests.originals import UNET, original_checkpoint

LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"  # 32 x 32
CONV = "down_blocks.0.resnets.0.conv1"  # 32 x 32 x 3 x 3


@pytest.fixture
def pipeline(tmp_path):
    return tiny_family("sd1", tmp_path)


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def worked_in(pipeline, tmp_path, strength=1.0):
    """The names of what of a file is not used."""
    changes, unread = read_changes(pipeline, tmp_path / "x.safetensors")
    work_in(changes, strength)
    return unread


def change(pipeline, tmp_path, layer, weights, strength=1.0):
    """What a file changes in a layer of a UNet, and what of it is not used."""
    save_file({name: value.clone().contiguous() for name, value in weights.items()}, tmp_path / "x.safetensors")
    module = pipeline.unet.get_submodule(layer)
    before = module.weight.data.clone()
    unread = worked_in(pipeline, tmp_path, strength)
    return module.weight.data - before, unread


def kohya(layer):
    return "lora_unet_" + layer.replace(".", "_")


A, B, S = noise(2, 32, seed=2), noise(32, 2, seed=3), noise(4, 4, seed=4)
DOWN, UP, MID = noise(2, 32, 1, 1, seed=5), noise(32, 2, 1, 1, seed=6), noise(2, 2, 3, 3, seed=7)


@pytest.mark.parametrize(
    ("layer", "tensors", "delta"),
    [
        (LAYER, {"lora_down.weight": A, "lora_up.weight": B, "alpha": torch.tensor(1.0)}, 0.5 * B @ A),
        (LAYER, {"lora_A.weight": A, "lora_B.weight": B}, B @ A),
        (CONV, {"lora_down.weight": DOWN, "lora_up.weight": UP, "lora_mid.weight": MID}, None),
        (LAYER, {"hada_w1_a": B, "hada_w1_b": A, "hada_w2_a": 2 * B, "hada_w2_b": A}, (B @ A) * (2 * B @ A)),
        (LAYER, {"lokr_w1": S, "lokr_w2_a": B[:8], "lokr_w2_b": A[:, :8], "alpha": torch.tensor(1.0)}, None),
        (LAYER, {"diff": noise(32, 32)}, noise(32, 32)),
    ],
    ids=["lora", "peft", "tucker", "loha", "lokr", "diff"],
)
def test_each_kind_adds_what_its_paper_says(pipeline, tmp_path, layer, tensors, delta):
    if "lora_mid.weight" in tensors:
        delta = torch.zeros(32, 32, 3, 3)
        for r in range(2):
            for s in range(2):
                delta += (UP[:, r, 0, 0, None] * DOWN[None, s, :, 0, 0])[..., None, None] * MID[r, s]
    if "lokr_w1" in tensors:
        block = 0.5 * B[:8] @ A[:, :8]
        delta = torch.cat([torch.cat([S[i, j] * block for j in range(4)], 1) for i in range(4)])
    found, unread = change(
        pipeline, tmp_path, layer, {f"{kohya(layer)}.{key}": value for key, value in tensors.items()}, 0.7
    )
    assert unread == [] and torch.allclose(found, 0.7 * delta, atol=1e-5)


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_of_peft_acts_as_in_peft(families, tmp_path, dora):
    folder, pipeline = families("sd1")
    config = LoraConfig(
        r=4, lora_alpha=2, use_dora=dora, target_modules=["to_q", "to_k", "conv1"], init_lora_weights=False
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        theirs = get_peft_model(copy.deepcopy(pipeline.unet), config)
    weights = get_peft_model_state_dict(theirs)
    if dora:
        weights = {key: value * 1.5 if "magnitude" in key else value for key, value in weights.items()}
        theirs.load_state_dict(
            {
                key.replace(".weight", ".default.weight").replace("vector", "vector.default.weight")
                if "lora" in key
                else key: value
                for key, value in weights.items()
            },
            strict=False,
        )
    save_file(weights, tmp_path / "adapter_model.safetensors")
    config.save_pretrained(tmp_path)
    ours = load_model(folder, loras=[str(tmp_path / "adapter_model.safetensors")]).denoiser.unet
    merged = theirs.merge_and_unload().state_dict()
    assert any(not torch.equal(value, merged[name]) for name, value in pipeline.unet.state_dict().items())
    for name, value in ours.state_dict().items():
        assert torch.allclose(value, merged[name], atol=1e-5), name


def test_dora_of_kohya_scales_columns_or_rows(pipeline, tmp_path):
    weight = pipeline.unet.get_submodule(LAYER).weight.data.clone()
    merged = weight + B @ A
    names = {f"{kohya(LAYER)}.lora_down.weight": A, f"{kohya(LAYER)}.lora_up.weight": B}
    for axis, scale in ((1, torch.rand(32, 1) + 0.5), (0, torch.rand(1, 32) + 0.5)):
        right = merged / merged.norm(dim=axis, keepdim=True) * scale - weight
        found, _ = change(pipeline, tmp_path, LAYER, names | {f"{kohya(LAYER)}.dora_scale": scale}, 0.5)
        assert torch.allclose(found, 0.5 * right, atol=1e-5)
        pipeline.unet.get_submodule(LAYER).weight.data = weight.clone()


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_layers_are_known_by_their_original_names(families, tmp_path, name):
    """Each weight of a UNet as a difference, under its name in single files: all fit, to twice the weight."""
    folder, pipeline = families(name)
    originals = {
        key.removeprefix(UNET): value
        for key, value in original_checkpoint(name, pipeline).items()
        if key.startswith(UNET)
    }
    changes = {}
    for key, value in originals.items():
        layer, _, kind = key.rpartition(".")
        changes[f"lora_unet_{layer.replace('.', '_')}.{'diff' if kind == 'weight' else 'diff_b'}"] = value
    save_file(changes, tmp_path / "x.safetensors")
    ours = load_model(folder, loras=[str(tmp_path / "x.safetensors")]).denoiser.unet.state_dict()
    assert all(torch.allclose(ours[key], 2 * value, atol=1e-6) for key, value in pipeline.unet.state_dict().items())


def test_text_encoders_are_changed_too(families, tmp_path):
    folder, _ = families("sdxl")
    weights = {}
    for prefix, width in (("lora_te1_", 32), ("lora_te2_", 64)):
        layer = f"{prefix}text_model_encoder_layers_0_self_attn_q_proj"
        weights |= {f"{layer}.lora_down.weight": noise(2, width), f"{layer}.lora_up.weight": noise(width, 2)}
    save_file(weights, tmp_path / "x.safetensors")
    plain, ours = (
        load_model(folder, loras=given).encode_text("a") for given in ([], [str(tmp_path / "x.safetensors")])
    )
    assert (plain.embeddings[..., :32] != ours.embeddings[..., :32]).any() and not torch.equal(
        plain.pooled, ours.pooled
    )


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("model.diffusion_model.{}", None),
        ("unet.base_model.model.{}", None),
        ("lycoris_{_}", None),
        ("text_encoders.clip_l.transformer.{}", "text_encoder"),
        ("text_encoders.clip_g.transformer.{}", "text_encoder_2"),
        ("clip_g.transformer.{}", "text_encoder_2"),
    ],
)
def test_prefixes_of_other_programs_are_known(families, tmp_path, name, encoder):
    _, pipeline = families("sdxl")
    pipeline = copy.deepcopy(pipeline)
    layer = "text_model.encoder.layers.0.self_attn.q_proj" if encoder else LAYER.replace("blocks.0", "blocks.1", 1)
    core = getattr(pipeline, encoder or "unet")
    parameters = {key.removeprefix("text_model."): value for key, value in core.named_parameters()}
    weight = parameters[layer.removeprefix("text_model.") + ".weight"]
    before, prefix = weight.data.clone(), name.format(layer, _=layer.replace(".", "_"))
    down, up = noise(2, weight.shape[1]), noise(weight.shape[0], 2)
    save_file({f"{prefix}.lora_down.weight": down, f"{prefix}.lora_up.weight": up}, tmp_path / "x.safetensors")
    assert worked_in(pipeline, tmp_path) == []
    assert torch.allclose(weight.data - before, up @ down, atol=1e-5)


def test_the_first_names_of_diffusers_are_known(pipeline, tmp_path):
    names = [
        ("text_encoder.text_model.encoder.layers.0.self_attn.to_{}_lora", "text_encoder", ("k", "out"), 32),
        (LAYER.replace("to_k", "processor.to_{}_lora"), "unet", ("k", "out"), 32),
    ]
    weights = {
        f"{name.format(part)}.{role}.weight": noise(*shape)
        for name, _, parts, width in names
        for part in parts
        for role, shape in (("down", (2, width)), ("up", (width, 2)))
    }
    save_file(weights, tmp_path / "x.safetensors")
    assert worked_in(pipeline, tmp_path) == []


def test_the_original_names_of_flux_are_those_of_kohya(families, tmp_path):
    found = []
    for layer, roles in (
        ("lora_unet_double_blocks_0_img_attn_qkv", ("lora_down", "lora_up")),
        ("diffusion_model.double_blocks.0.img_attn.qkv", ("lora_A", "lora_B")),
        ("base_model.model.double_blocks.0.img_attn.qkv", ("lora_A", "lora_B")),
    ):
        pipeline = copy.deepcopy(families("flux")[1])
        down, up = (f"{layer}.{role}.weight" for role in roles)
        save_file({down: noise(2, 32), up: noise(96, 2)}, tmp_path / "x.safetensors")
        assert worked_in(pipeline, tmp_path) == []
        found.append(pipeline.transformer.transformer_blocks[0].attn.to_k.weight.data)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert not torch.equal(found[0], families("flux")[1].transformer.transformer_blocks[0].attn.to_k.weight.data)


def test_a_lora_of_flux_acts_by_its_names_in_kohyas_scripts(families, tmp_path):
    folder, pipeline = families("flux")
    layer = "transformer.transformer_blocks.0.attn.to_q"
    save_file(
        {f"{layer}.lora_A.weight": noise(2, 32), f"{layer}.lora_B.weight": noise(32, 2)}, tmp_path / "x.safetensors"
    )
    ours = load_model(folder, loras=[f"{tmp_path / 'x.safetensors'}:0.5"]).denoiser.transformer
    found = ours.transformer_blocks[0].attn.to_q.weight - pipeline.transformer.transformer_blocks[0].attn.to_q.weight
    assert torch.allclose(found, 0.5 * noise(32, 2) @ noise(2, 32), atol=1e-5)


def test_what_fits_no_layer_is_said(families, tmp_path):
    good, bad = (
        {f"{name}.lora_down.weight": A, f"{name}.lora_up.weight": B} for name in (kohya(LAYER), "lora_unet_zz")
    )
    bad = {name: value.clone() for name, value in bad.items()}
    save_file(good | bad | {f"{kohya(LAYER)}.on_input": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.warns(AudiovizWarning, match="3 of its 5 tensors change nothing .*: .*lora_unet_zz.lora_down"):
        load_model(families("sd1")[0], loras=[str(tmp_path / "x.safetensors")])


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({f"{kohya(LAYER)}.oft_blocks": A}, "an OFT, which is not read"),
        ({"model.diffusion_model.out.2.bias": A}, "a whole model; give it with --model"),
        ({"emb_params": A}, "an embedding; give it with --embedding"),
        (
            {f"{kohya(LAYER)}.lora_down.weight": noise(2, 768), f"{kohya(LAYER)}.lora_up.weight": B},
            "made for Stable Diff",
        ),
        ({"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": A}, "it seems made for Flux"),
    ],
)
def test_reasons_of_a_refusal_are_true(families, tmp_path, weights, said):
    save_file(weights, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match=said):
        load_model(families("sd1")[0], loras=[str(tmp_path / "x.safetensors")])


def test_names_that_are_not_read_are_the_reason_where_the_family_is_right(families, tmp_path):
    layer = "lora_unet_joint_blocks_0_x_block_attn_qkv"
    save_file({f"{layer}.lora_down.weight": A, f"{layer}.lora_up.weight": B}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="made for SD3, but its layers are named in a way that is not read"):
        load_model(families("sd3")[0], loras=[str(tmp_path / "x.safetensors")])


def test_reasons_why_an_embedding_is_refused(families, tmp_path):
    def refused(name, *files):
        with pytest.raises(ModelError) as caught:
            load_model(families(name)[0], embeddings=[tmp_path / file for file in files])
        return str(caught.value)

    (tmp_path / "other").mkdir()
    for file, weights in (
        ("g", {"clip_g": noise(1, 64)}),
        ("word", {"emb_params": noise(1, 32)}),
        ("other/word", {"emb_params": noise(1, 32)}),
        ("a", {"emb_params": noise(1, 32)}),
        ("pair", {"clip_l": noise(1, 32), "clip_g": noise(1, 64)}),
        ("wide", {"emb_params": noise(1, 768)}),
        ("style", {"lora_unet_x.lora_up.weight": A}),
        ("two", {"<b>": noise(1, 32), "<c>": noise(1, 32)}),
    ):
        save_file(weights, tmp_path / f"{file}.safetensors")
    assert "it holds clip_g alone, and SDXL has two text encoders" in refused("sdxl", "g.safetensors")
    assert "one kind of vectors (it seems made for Stable Diffusion 1 or 2)" in refused("sdxl", "word.safetensors")
    assert "the word 'word' is given twice" in refused("sd1", "word.safetensors", "other/word.safetensors")
    assert "'a' is a word of the model's own; give the file another name" in refused("sd1", "a.safetensors")
    assert "it is made for SDXL" in refused("sd1", "pair.safetensors")
    assert "768 wide, and those of a StableDiffusionPipeline are 32 (it seems made for Stable" in refused(
        "sd1", "wide.safetensors"
    )
    assert "a StableDiffusion3Pipeline, which takes no embeddings" in refused("sd3", "word.safetensors")
    assert "holds 2 words (<b>, <c>); expected one a file" in refused("sd1", "two.safetensors")
    assert "a LoRA; give it with --lora" in refused("sd1", "style.safetensors")


def test_text_with_an_embedding_is_pooled_at_its_end(families, tmp_path):
    """transformers takes a new word for the end of the text where a config has the old number of that."""
    folder, pipeline = families("sdxl")
    config = json.loads((folder / "text_encoder_2" / "config.json").read_text())
    model_folder = tmp_path / "model"
    pipeline.save_pretrained(model_folder)
    (model_folder / "text_encoder_2" / "config.json").write_text(json.dumps(config | {"eos_token_id": 2}))
    save_file({"clip_l": noise(1, 32), "clip_g": noise(1, 64)}, tmp_path / "moebius.safetensors")
    right, ours = (
        load_model(place, embeddings=[tmp_path / "moebius.safetensors"]).encode_text("moebius a b").pooled
        for place in (folder, model_folder)
    )
    assert torch.equal(right, ours)
