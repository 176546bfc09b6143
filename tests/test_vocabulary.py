"""The embedded model names the words that it does not know, once, and takes no other word for unknown."""

import subprocess
import sys
import warnings

import pytest
from transformers import CLIPTokenizer

from audioviz.errors import AudiovizWarning
from audioviz.models.load import EMBEDDED
from audioviz.models.plain.known_words import is_known, nearest_word, unknown_words
from audioviz.models.plain.vocabulary import embedded_text, warn_of_unknown
from audioviz.rendering.inputs import DEFAULT_PROMPTS


@pytest.fixture
def tokenizer():
    return CLIPTokenizer.from_pretrained(EMBEDDED / "tokenizer")


def test_known_words_are_not_named():
    assert unknown_words(" ".join(DEFAULT_PROMPTS) + ", a DARK Nebula in (gold), 4k!") == []


def test_unknown_words_are_named_where_they_stand():
    text = "Xylophone nebula and a (wombat:1.3), xylophone"
    found = unknown_words(text)
    assert [word.word for word in found] == ["xylophone", "wombat", "xylophone"]
    assert [text[word.start : word.end] for word in found] == ["Xylophone", "wombat", "xylophone"]


def test_what_is_no_word_is_not_named():
    assert unknown_words("gold <lora:wombat:0.8> AND neon BREAK [rose:violet:0.5] 1234 (silk:1.2)") == []
    assert [word.start for word in unknown_words("<lora:a:1> wombat")] == [11]
    assert unknown_words("") == []


def test_other_models_know_all_words():
    assert unknown_words("xylophone", model="runwayml/wombat") == []


@pytest.mark.parametrize(
    ("slip", "meant"), [("nebulas", "nebula"), ("mandalla", "mandala"), ("mountins", "mountains"), ("xylophone", None)]
)
def test_the_nearest_word_is_one_that_is_known(tokenizer, slip, meant):
    assert nearest_word(tokenizer.backend_tokenizer, slip) == meant == unknown_words(slip)[0].nearest
    assert meant is None or is_known(tokenizer.backend_tokenizer, meant)


def test_a_word_is_said_once(tokenizer):
    with pytest.warns(
        AudiovizWarning, match="does not know the word 'nebulaa': the nearest word that it knows is 'nebula'"
    ):
        warn_of_unknown(tokenizer, "nebulaa")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown(tokenizer, "nebulaa")


def test_a_render_warns_of_those_that_the_page_underlines(tokenizer):
    class Pipeline:
        pass

    pipeline, text = Pipeline(), "Xylophone (nebula:1.2) BREAK a [wombat] and a wombat"
    pipeline.tokenizer = tokenizer
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert embedded_text(pipeline, text, encode=lambda pipeline, text: text) == text
    named = list(dict.fromkeys(word.word for word in unknown_words(text)))
    assert named == ["xylophone", "wombat"] and len(said) == 2
    assert all(f"'{word}'" in str(warning.message) for word, warning in zip(named, said))


def test_it_takes_no_torch():
    code = (
        "import sys; from audioviz.models.plain.known_words import unknown_words; unknown_words('wombat'); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
