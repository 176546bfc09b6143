"""Text encoder of the embedded vocabulary: unknown words of a prompt are named, once each, with the nearest known."""

from collections.abc import Callable
from typing import Any

from audioviz.models.plain.known_words import is_known, nearest_word, words_in
from audioviz.models.text.encoders import say_once, words_of
from audioviz.sampling import Conditioning


def embedded_text(pipeline: Any, text: str, *, encode: Callable[..., Conditioning]) -> Conditioning:
    """The conditioning that `encode` gives for a pipeline and a text; a warning names the unknown words of the text."""
    for word in words_in(words_of(text)):
        if not is_known(pipeline.tokenizer.backend_tokenizer, word):
            warn_of_unknown(pipeline.tokenizer, word)
    return encode(pipeline, text)


def warn_of_unknown(tokenizer: Any, word: str) -> None:
    """Warn of a word, the first time that it is met."""
    near = nearest_word(tokenizer.backend_tokenizer, word)
    hint = f"the nearest word that it knows is {near!r}" if near else "its card lists what it draws"
    say_once(tokenizer, f"the model does not know the word {word!r}: {hint}")
