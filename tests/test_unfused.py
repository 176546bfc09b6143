"""LoRAs that act beside their layers give what they give when they are worked in, at each strength."""

import copy
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from audioviz.models.additions.lora import read_changes, work_in
from audioviz.models.additions.unfused import Addition, attach
from audioviz.models.denoisers.strength import Strength
from tests.checkpoints import tiny_family

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"  # 32 x 32
CONV = "down_blocks.0.resnets.0.conv1"  # 32 x 32 x 3 x 3
STRIDED = "down_blocks.0.downsamplers.0.conv"  # the same, by steps of 2
POINTS = "down_blocks.0.attentions.0.proj_in"  # 32 x 32 x 1 x 1
GROUPS, LAYER = "down_blocks.0.resnets.0.norm1", "down_blocks.0.attentions.0.transformer_blocks.0.norm1"


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    return tiny_family("sd1", tmp_path_factory.mktemp("vocabulary")).unet


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


DOWN, UP, SMALL = noise(2, 32, seed=2), noise(32, 2, seed=3), noise(4, 4, seed=4)
LORA = {"lora_down.weight": DOWN, "lora_up.weight": UP, "alpha": torch.tensor(1.0)}
LOHA = {"hada_w1_a": UP, "hada_w1_b": DOWN, "hada_w2_a": 2 * UP, "hada_w2_b": DOWN, "alpha": torch.tensor(1.0)}
LOKR = {"lokr_w1": SMALL, "lokr_w2_a": UP[:8], "lokr_w2_b": DOWN[:, :8], "alpha": torch.tensor(1.0)}
CONV_LORA = {"lora_down.weight": noise(2, 32, 3, 3), "lora_up.weight": noise(32, 2, 1, 1)}
TUCKER = {"lora_down.weight": DOWN[..., None, None], "lora_up.weight": UP[..., None, None]}
TUCKER |= {"lora_mid.weight": noise(2, 2, 3, 3)}
CORE = {"hada_w1_a": noise(2, 32), "hada_w1_b": DOWN, "hada_t1": noise(2, 2, 3, 3), "hada_w2_a": noise(2, 32, seed=8)}
CORE |= {"hada_w2_b": DOWN, "hada_t2": noise(2, 2, 3, 3, seed=9)}
CONV_LOKR = {"lokr_w1_a": noise(4, 2), "lokr_w1_b": noise(2, 4), "lokr_w2": noise(8, 8, 3, 3)}
ROWS, COLUMNS = torch.rand(32, 1) + 0.5, torch.rand(1, 32) + 0.5


@pytest.mark.parametrize(
    ("layer", "tensors"),
    [
        (LINEAR, LORA),
        (POINTS, LORA),
        (CONV, CONV_LORA),
        (STRIDED, CONV_LORA),
        (CONV, TUCKER),
        (LINEAR, LOHA),
        (CONV, {"hada_w1_a": UP, "hada_w1_b": noise(2, 288), "hada_w2_a": UP, "hada_w2_b": noise(2, 288, seed=4)}),
        (CONV, CORE),
        (LINEAR, {"hada_w1_a": noise(32, 9), "hada_w1_b": noise(9, 32), "hada_w2_a": UP, "hada_w2_b": DOWN}),
        (LINEAR, LOKR),
        (STRIDED, CONV_LOKR),
        (LINEAR, {"lokr_w1": noise(8, 2), "lokr_w2": noise(4, 16)}),
        (LINEAR, {"diff": noise(32, 32)}),
        (CONV, {"diff": noise(32, 32, 3, 3), "diff_b": noise(32)}),
        (CONV, CONV_LORA | {"diff_b": noise(32)}),
        (CONV, {"diff_b": noise(32)}),
        (GROUPS, {"w_norm": noise(32), "b_norm": noise(32, seed=2)}),
        (LAYER, {"diff_b": noise(32)}),
        *[(LINEAR, LORA | {"dora_scale": scale}) for scale in (ROWS, COLUMNS)],
        *[(STRIDED, CONV_LORA | {"dora_scale": scale[..., None, None]}) for scale in (ROWS, COLUMNS)],
        (LINEAR, LOKR | {"dora_scale": ROWS}),
        (CONV, CONV_LORA | {"dora_scale": COLUMNS[..., None, None], "diff_b": noise(32)}),
        (LAYER, {"diff": noise(32), "dora_scale": ROWS[:, 0]}),
    ],
)
def test_each_kind_gives_what_it_gives_when_it_is_worked_in(unet, tmp_path, layer, tensors):
    prefix = f"lora_unet_{layer.replace('.', '_')}."
    save_file(
        {prefix + name: value.clone().contiguous() for name, value in tensors.items()}, tmp_path / "x.safetensors"
    )
    module = unet.get_submodule(layer)
    x = noise(2, 32, 8, 8) if module.weight.ndim == 4 or layer == GROUPS else noise(2, 5, 32)
    strength, beside, plain = Strength(0.7), copy.deepcopy(unet), module(x)
    other = beside.get_submodule(layer)
    changes, unread = read_changes(SimpleNamespace(unet=beside), tmp_path / "x.safetensors")
    attach((change.module, Addition(change, strength)) for change in changes)
    assert unread == [] and torch.equal(other.weight, module.weight)
    for value in (0.7, -1.5):
        fused = copy.deepcopy(unet)
        work_in(read_changes(SimpleNamespace(unet=fused), tmp_path / "x.safetensors")[0], value)
        strength.set(value, torch.device("cpu"))
        found, wanted = other(x), fused.get_submodule(layer)(x)
        assert torch.allclose(found, wanted, atol=1e-5) and not torch.allclose(found, plain, atol=1e-3)
    strength.set(0.0, torch.device("cpu"))
    assert torch.equal(other(x), plain)
