"""Text encoder of the embedded vocabulary: unknown words of a prompt are named, once each, with the nearest known."""

import difflib
import json
import re
from collections.abc import Callable
from typing import Any

from audioviz.models.text import say_once, words_of
from audioviz.sampling import Conditioning

NEAR = 0.75  # likeness of spelling, 0..1, from which on a word is taken for a slip
END = "</w>"  # marks the end of a word in a CLIP tokenizer's vocabulary


def embedded_text(pipeline: Any, text: str, *, encode: Callable[..., Conditioning]) -> Conditioning:
    """The conditioning that `encode` gives for a pipeline and a text; a warning names the unknown words of the text."""
    for word in unknown_words(pipeline.tokenizer, words_of(text)):
        warn_of_unknown(pipeline.tokenizer, word)
    return encode(pipeline, text)


def unknown_words(tokenizer: Any, text: str) -> list[str]:
    """Words that the tokenizer has to spell out, because none of its captions had them; each once, lower case."""
    words = dict.fromkeys(re.findall(r"[^\W\d_]+", text.lower()))
    return [word for word in words if len(tokenizer.tokenize(word)) > 1]


def nearest_word(tokenizer: Any, word: str) -> str | None:
    """The known word that is spelt most like this one; None if none is alike."""
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    endings = {merge[1] if isinstance(merge, list) else merge.split()[1] for merge in merges}  # parts of longer words
    known = [token.removesuffix(END) for token in tokenizer.get_vocab() if token.endswith(END) and token not in endings]
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=NEAR)), None)


def warn_of_unknown(tokenizer: Any, word: str) -> None:
    """Warn of a word, the first time that it is met."""
    near = nearest_word(tokenizer, word)
    hint = f"the nearest word that it knows is {near!r}" if near else "its card lists what it draws"
    say_once(tokenizer, f"the model does not know the word {word!r}: {hint}")
