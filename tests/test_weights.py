from functools import partial

import pytest
import torch

from audioviz.models.model import Model
from audioviz.models.text.encoders import clip_text
from audioviz.models.text.weights import split_weights
from tests.checkpoints import tiny_pipeline


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    """Only its text half is real."""
    pipeline = tiny_pipeline(tmp_path_factory.mktemp("words"))
    pipeline.text_encoder.eval()
    return Model(
        name="tiny",
        digest="",
        denoiser=None,
        autoencoder=None,
        text_encoder=partial(clip_text, pipeline),
        defaults=None,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a (red:1.3) fox", [("a ", 1.0), ("red", 1.3), (" fox", 1.0)]),
        ("a (red) fox", [("a ", 1.0), ("red", 1.1), (" fox", 1.0)]),
        ("(b (c:2):.25)", [("b ", 0.25), ("c", 0.5)]),
        ("(at 8:30:1.2)", [("at 8:30", 1.2)]),
        (r"a \(plain\) fox", [("a (plain) fox", 1.0)]),
        ("smile :) fox", [("smile :) fox", 1.0)]),
        ("open ( fox", [("open ( fox", 1.0)]),
        ("", []),
    ],
)
def test_weights_are_read_as_the_field_writes_them(text, parts):
    assert split_weights(text) == [(part, pytest.approx(weight)) for part, weight in parts]


def test_a_weight_of_one_changes_nothing(model):
    plain = model.encode_text("red fox").embeddings
    assert torch.equal(model.encode_text("(red:1.0) fox").embeddings, plain)
    assert model.encode_text("").embeddings.shape == plain.shape == (1, 77, 32)


def test_a_heavier_part_moves_its_own_tokens_away_from_the_empty_text(model):
    plain, heavy, empty = (model.encode_text(text).embeddings for text in ("red fox", "(red:1.5) fox", ""))
    assert torch.allclose(heavy[:, 1:4], empty[:, 1:4] + 1.5 * (plain[:, 1:4] - empty[:, 1:4]), atol=1e-5)
    assert torch.allclose(heavy[:, 4:], plain[:, 4:], atol=1e-5)


def test_a_part_of_weight_zero_is_not_there(model):
    plain, half, none = (model.encode_text(text).embeddings for text in ("red fox", "(red:0.5) fox", "(red:0) fox"))
    assert 0 < (half - plain).norm() < (none - plain).norm()
