"""Damaged and hostile files end in a result or in one clear line, soon, in little memory, and touch nothing else."""

import random
import sys

import numpy as np
import pytest

import audioviz as av
from audioviz.audio.hearing.hpss import percussive_and_harmonic
from audioviz.errors import AudiovizError
from tests.checkpoints import tiny_pipeline
from tests.fuzz import alarm, changed, corpus, damaged, run


def test_the_corpus(tmp_path):
    resource = pytest.importorskip("resource")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("precious")
    folder = tmp_path / "cases"
    folder.mkdir()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words = [run(case, folder) for case in corpus()]
    assert words.count("refused") > 100 and words.count("taken") > 100
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # bytes on macOS, KiB elsewhere
    assert grown < 2 ** (30 if sys.platform == "darwin" else 20)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["cases", "outside", "outside/x"]
    assert (outside / "x").read_text() == "precious"


def test_the_corpus_is_the_same_every_time():
    first, again = ([(case.name, case.content) for case in corpus()] for _ in range(2))
    assert len(first) >= 300 and first == again


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a tiny model."""
    folder = tmp_path_factory.mktemp("model")
    tiny_pipeline(folder).save_pretrained(folder / "tiny")
    return folder / "tiny"


@pytest.mark.filterwarnings("ignore")  # of diffusers, about settings that are odd on purpose
@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
    ],
)
def test_a_damaged_model_is_refused_in_one_line_or_loads(model, name):
    path = model / name
    content = path.read_bytes()
    chance = random.Random(name)
    try:
        for _ in range(6):
            if path.suffix == ".json":
                path.write_bytes(changed(content, chance))
            else:
                path.write_bytes(damaged(content[:2000], chance) + content[2000:])
            with alarm(30):
                try:
                    av.load_model(model, device="cpu")
                except AudiovizError as error:
                    assert "\n" not in str(error)
    finally:
        path.write_bytes(content)


def test_a_sound_shorter_than_the_filters_is_split_without_a_look_at_foreign_memory():
    mel = np.random.default_rng(0).random((5, 48)).astype(np.float32)
    for _ in range(30):
        garbage = [np.full(size, np.nan, np.float32) for size in (8, 31, 64, 500, 4000)]
        del garbage
        assert all(np.isfinite(part).all() for part in percussive_and_harmonic(mel))
