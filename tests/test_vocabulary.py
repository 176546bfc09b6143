"""The embedded model names the words that it does not know, once, and takes no other word for unknown."""

import warnings

import pytest
from transformers import CLIPTokenizer

from audioviz.errors import AudiovizWarning
from audioviz.models.load import EMBEDDED
from audioviz.models.vocabulary import nearest_word, unknown_words, warn_of_unknown
from audioviz.rendering.inputs import DEFAULT_PROMPTS


@pytest.fixture(scope="module")
def tokenizer():
    return CLIPTokenizer.from_pretrained(EMBEDDED / "tokenizer")


def test_known_words_are_not_named(tokenizer):
    assert unknown_words(tokenizer, " ".join(DEFAULT_PROMPTS) + ", a DARK Nebula in (gold), 4k!") == []


def test_unknown_words_are_named_once_in_their_order(tokenizer):
    assert unknown_words(tokenizer, "Xylophone nebula and a wombat, xylophone") == ["xylophone", "wombat"]


@pytest.mark.parametrize(
    ("slip", "meant"), [("nebulas", "nebula"), ("mandalla", "mandala"), ("mountins", "mountains"), ("xylophone", None)]
)
def test_the_nearest_word_is_one_that_is_known(tokenizer, slip, meant):
    assert nearest_word(tokenizer, slip) == meant
    assert meant is None or unknown_words(tokenizer, meant) == []


def test_a_word_is_said_once(tokenizer):
    with pytest.warns(
        AudiovizWarning, match="does not know the word 'nebulaa': the nearest word that it knows is 'nebula'"
    ):
        warn_of_unknown(tokenizer, "nebulaa")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown(tokenizer, "nebulaa")
