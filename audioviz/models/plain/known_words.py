"""The words that the embedded model knows: which of a prompt's it does not, and the nearest that it does. No torch."""

import difflib
import json
import re
from functools import cache, lru_cache
from typing import NamedTuple

from tokenizers import Tokenizer

from audioviz.models.sources import EMBEDDED

NEAR = 0.75  # likeness of spelling, 0..1, from which on a word is taken for a slip
END = "</w>"  # marks the end of a word in a CLIP tokenizer's vocabulary
_WORD = re.compile(r"[^\W\d_]+")
_NOT_READ = re.compile(r"<\w+:[^<>]*>|\bAND\b|\bBREAK\b")


class UnknownWord(NamedTuple):
    """A word that the model does not know.

    Parameters
    ----------
    start, end : int
        Where it stands in the text, characters.
    word : str
        In lower case.
    nearest : str, optional
        The known word that is spelt most like it; None if none is alike.
    """

    start: int
    end: int
    word: str
    nearest: str | None


def unknown_words(text: str, *, model: str = "embedded") -> list[UnknownWord]:
    """The unknown words of a prompt, in order; none for another model than the embedded one, which reads any.

    Parameters
    ----------
    text : str
        Without its time and its `--neg`. Weights, tags, `AND` and `BREAK` are no words.
    model : name, folder, id or file of the model, as in `Look`

    Examples
    --------
    >>> from audioviz.models.plain.known_words import unknown_words
    >>> unknown_words("gold (mandalla:1.2)")
    [UnknownWord(start=6, end=14, word='mandalla', nearest='mandala')]
    """
    if model != "embedded":
        return []
    read = _NOT_READ.sub(lambda found: " " * len(found[0]), text)
    words = [(found.start(), found.end(), found[0].lower()) for found in _WORD.finditer(read)]
    return [UnknownWord(*word, _nearest(word[2])) for word in words if not is_known(_tokenizer(), word[2])]


def words_in(text: str) -> list[str]:
    """The words of a text, each once, in lower case."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))


def is_known(tokenizer: Tokenizer, word: str) -> bool:
    """Whether the tokenizer need not spell a word out, because some of its captions had it."""
    return len(tokenizer.encode(word, add_special_tokens=False).ids) == 1


def nearest_word(tokenizer: Tokenizer, word: str) -> str | None:
    """The known word that is spelt most like this one; None if none is alike."""
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    endings = {merge[1] if isinstance(merge, list) else merge.split()[1] for merge in merges}  # parts of longer words
    known = [token.removesuffix(END) for token in tokenizer.get_vocab() if token.endswith(END) and token not in endings]
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=NEAR)), None)


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(EMBEDDED / "tokenizer" / "tokenizer.json"))


@lru_cache(1000)
def _nearest(word: str) -> str | None:
    return nearest_word(_tokenizer(), word)
