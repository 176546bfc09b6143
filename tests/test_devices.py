"""Devices by name, and the digest of a model, which does not depend on where it lies."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from audioviz.errors import InputError
from audioviz.files import user_cache
from audioviz.models import load_model
from audioviz.models.devices import check_device, find_device
from audioviz.models.files import digest
from audioviz.models.files.pipeline import with_variant
from audioviz.pixels import read_at


@pytest.mark.parametrize("name", ["tpu", "cuda:", "cuda:x", "cpu:0", "mps:1", "CUDA"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(InputError, match=f"unknown device '{name}'.*: use auto, cpu, cuda, xpu or mps, or one of"):
        check_device(name)


def test_one_of_several_gpus_is_known_by_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == torch.device("cuda") and find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="device cuda:2 is not there on this machine, whose last is cuda:1"):
        find_device("cuda:2")


def test_tests_run_on_the_cpu():
    assert find_device("auto") == torch.device("cpu") and os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_a_digest_is_remembered_until_a_file_changes(families, tmp_path, monkeypatch):
    folder = shutil.copytree(families("sd1")[0], tmp_path / "model")
    first = load_model(folder).digest
    computed = []
    monkeypatch.setattr("audioviz.models.load.parts_digest", lambda *_: computed.append(1) or digest.parts_digest(*_))
    assert load_model(folder).digest == first and not computed
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    os.utime(weights, ns=(1, 1))
    assert load_model(folder).digest == first and len(computed) == 1, "the content counts, and the time is no content"
    assert load_model(folder, prediction="v").digest != first and len(computed) == 2
    (user_cache() / "digests.json").write_text(json.dumps({"damaged": 3}))
    assert load_model(folder).digest == first and len(computed) == 3


def test_pictures_are_read_at_places_alike_in_all_modes():
    picture = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    y, x = torch.meshgrid(*(torch.arange(8) / 4 + 0.125 - 1,) * 2, indexing="ij")
    grid = torch.stack((x, y), -1)[None]
    for mode in ("bilinear", "bicubic"):
        assert read_at(picture, grid, mode=mode).allclose(picture, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "there", "asked"),
    [
        (torch.float32, {None, "fp16"}, [None]),
        (torch.float32, {"fp16"}, [None, "fp16"]),
        (torch.float16, {None, "fp16"}, ["fp16"]),
        (torch.bfloat16, {None}, ["fp16", None]),
    ],
)
def test_half_precision_fetches_half_of_the_bytes(dtype, there, asked):
    """A hub id is asked for the variant first that is nearest to what is to run."""
    seen = []

    def load(*, variant=None, **options):
        seen.append(variant)
        if variant not in there:
            raise OSError("no such weights")
        return variant

    assert with_variant(Path("owner/name"), load, dtype=dtype) in there and seen == asked
    with pytest.raises(OSError, match="no such weights"):
        with_variant(Path("owner/name"), _nothing, dtype=dtype)


def _nothing(**options):
    raise OSError("no such weights")
