"""Text encoders of the families: functions `(pipeline, text) -> Conditioning`.

All read a text in one way, with and without weights: as tokens with a weight each, in chunks of the encoder's length,
of which each is encoded by itself. Chunks, words that are kept together and weights are those of ComfyUI, whose nodes
the sequence sampler follows: a weight draws a token away from what the empty text has in its place. (The AUTOMATIC1111
web interface scales the token and restores the mean over the chunk, so that each weight changes every token.)
"""

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from audioviz.errors import AudiovizWarning
from audioviz.models.text.weights import BREAK, split_weights
from audioviz.sampling import Conditioning

CLIP_LENGTH = 77  # of a chunk, with the tokens that mark its ends
MASKED_STEP = 64  # tokens: texts with a mask have few lengths, so that few kinds of calls are made ready
LONG_GROUP = 8  # tokens of one part of a prompt from which on it may be divided between chunks
EMBEDDING = re.compile(
    r"\bembedding:(?:[\w.-]+[/\\])*([\w.-]*?\w)(?:\.(?:safetensors|pt|bin))?(?![\w.-]*\w)", re.IGNORECASE
)

Tokens = list[tuple[int, float]]  # numbers in the vocabulary, with their weights


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """A text encoder as texts are read by it.

    Parameters
    ----------
    tokenizer : of transformers, or a PlainTokenizer
    encode : function of tokens (chunks, length)
        Embeddings (chunks, length, width), and a pooled vector (chunks, width) or None.
    length : int
        Tokens of a chunk; of T5, which has none, the least.
    chunks : int, optional
        The most that it reads; None is any number.
    whole : bool
        A longer text makes one longer row.
    begin, end : numbers of tokens, optional
        What marks the ends of a chunk; CLIP's if not given.
    step : int, optional
        A row is filled up to a multiple of so many tokens, for texts with a mask; to `length` if not given.
    prefix : str
        What is read before each text.
    """

    tokenizer: Any
    encode: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    length: int
    chunks: int | None = None
    whole: bool = False
    begin: tuple[int, ...] | None = None
    end: tuple[int, ...] | None = None
    step: int | None = None
    prefix: str = ""

    @property
    def marks(self) -> tuple[Tokens, Tokens]:
        """The tokens before and after a chunk."""
        begin = (self.tokenizer.bos_token_id,) if self.begin is None else self.begin
        end = (self.tokenizer.eos_token_id,) if self.end is None else self.end
        return [(token, 1.0) for token in begin], [(token, 1.0) for token in end]


def clip_text(pipeline: Any, text: str) -> Conditioning:
    """One CLIP text encoder: Stable Diffusion 1 and 2."""
    encoder = pipeline.text_encoder
    return one_clip_text(pipeline.tokenizer, lambda tokens: encoder(tokens.to(encoder.device))[0], text)


def one_clip_text(tokenizer: Any, encode: Callable[[Tensor], Tensor], text: str) -> Conditioning:
    """The conditioning of one text encoder, which reads any number of chunks if it is CLIP, else one of its length."""
    length = tokenizer.model_max_length
    encoder = TextEncoder(
        tokenizer, lambda tokens: (encode(tokens), None), length, chunks=None if length == CLIP_LENGTH else 1
    )
    ((embeddings, _),) = encoded([encoder], text)
    return Conditioning(embeddings)


def sdxl_text(pipeline: Any, text: str) -> Conditioning:
    """Two CLIP text encoders side by side, and the pooled text of the second's first chunk: SDXL."""
    (first, _), (second, pooled) = encoded(_clip_pair(pipeline), text)
    return Conditioning(torch.cat((first, second), -1), pooled)


def sd3_text(pipeline: Any, text: str) -> Conditioning:
    """Two CLIP text encoders side by side, then T5, where it is there: SD3."""
    (first, first_pooled), (second, second_pooled) = encoded(_clip_pair(pipeline), text)
    pooled = [vector for vector in (first_pooled, second_pooled) if vector is not None]
    width = pipeline.transformer.config.joint_attention_dim
    both = torch.nn.functional.pad(torch.cat((first, second), -1), (0, width - first.shape[-1] - second.shape[-1]))
    t5 = _t5(pipeline.tokenizer_3, pipeline.text_encoder_3, 256) if pipeline.text_encoder_3 is not None else None
    after = encoded([t5], text)[0][0] if t5 else both.new_zeros(1, 256, width)
    return Conditioning(torch.cat((both, after.to(both.device)), 1), torch.cat(pooled, -1))


def flux_text(pipeline: Any, text: str) -> Conditioning:
    """T5, and the pooled text of CLIP: Flux. It knows 256 tokens if it was distilled from the other Flux, else 512."""
    length = 512 if pipeline.transformer.config.guidance_embeds else 256
    clip = TextEncoder(pipeline.tokenizer, _pooled_output(pipeline.text_encoder), CLIP_LENGTH)
    ((_, pooled),), ((embeddings, _),) = (
        encoded([encoder], text) for encoder in (clip, _t5(pipeline.tokenizer_2, pipeline.text_encoder_2, length))
    )
    return Conditioning(embeddings, pooled)


def _clip_pair(pipeline: Any) -> list[TextEncoder]:
    """The two CLIP text encoders of SDXL and SD3, read at their last layer but one."""
    return [
        TextEncoder(tokenizer, _penultimate(encoder), CLIP_LENGTH)
        for tokenizer, encoder in (
            (pipeline.tokenizer, pipeline.text_encoder),
            (pipeline.tokenizer_2, pipeline.text_encoder_2),
        )
    ]


def _penultimate(encoder: Any) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    def encode(tokens: Tensor) -> tuple[Tensor, Tensor]:
        output = encoder(tokens.to(encoder.device), output_hidden_states=True)
        return output.hidden_states[-2], output[0]  # nobody reads the latter of SDXL's first encoder, which has no pool

    return encode


def _pooled_output(encoder: Any) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    def encode(tokens: Tensor) -> tuple[Tensor, Tensor]:
        output = encoder(tokens.to(encoder.device))
        return output.last_hidden_state, output.pooler_output

    return encode


def _t5(tokenizer: Any, encoder: Any, length: int) -> TextEncoder:
    return TextEncoder(
        tokenizer, lambda tokens: (encoder(tokens.to(encoder.device))[0], None), length, chunks=1, whole=True, begin=()
    )


def masked_t5(tokenizer: Any, encoder: Any, length: int, *, pads: int = 0) -> TextEncoder:
    """T5 that looks away from its padding, but for so many tokens of it that are read in the end."""

    def encode(tokens: Tensor) -> tuple[Tensor, None]:
        tokens = tokens.to(encoder.device)
        return encoder(tokens, attention_mask=(tokens != tokenizer.pad_token_id).long())[0], None

    end = (tokenizer.eos_token_id, *[tokenizer.pad_token_id] * pads)
    return TextEncoder(tokenizer, encode, length, chunks=1, begin=(), end=end, step=MASKED_STEP)


def masked_text(encoder: TextEncoder, text: str) -> Conditioning:
    """The conditioning of an encoder that reads a text in one piece, with the mask of what is read."""
    (chunk,), (begin, end) = _chunks(encoder, text), encoder.marks
    embeddings, _ = _encoded(encoder, [chunk])
    tokens = torch.arange(embeddings.shape[1], device=embeddings.device)
    return Conditioning(embeddings, mask=tokens[None] < len(begin) + len(chunk) + len(end))


def encoded(encoders: Sequence[TextEncoder], text: str) -> list[tuple[Tensor, Tensor | None]]:
    """What each encoder makes of a text, all of them in as many chunks.

    Returns
    -------
    Embeddings (1, chunks * length, width) and the pooled vector (1, width) of the first chunk, or None; float32

    Source
    ------
    ComfyUI, comfy/sd1_clip.py.
    """
    chunked = [_chunks(encoder, text) for encoder in encoders]
    most = max(map(len, chunked))
    return [_encoded(encoder, chunks + [[]] * (most - len(chunks))) for encoder, chunks in zip(encoders, chunked)]


def _encoded(encoder: TextEncoder, chunks: list[Tokens]) -> tuple[Tensor, Tensor | None]:
    rows, pooled = [], []
    for chunk in chunks:
        row = _row(encoder, chunk)
        embeddings, vector = _encoded_row(encoder, row)
        weights = torch.tensor([weight for _, weight in row], device=embeddings.device)[:, None]
        if (weights != 1).any():
            empty, _ = _encoded_row(encoder, _row(encoder, [], at_least=len(row)))
            embeddings = torch.where(weights == 1, embeddings, empty + (embeddings - empty) * weights)
        rows.append(embeddings)
        pooled.append(vector)
    return torch.cat(rows, 1), pooled[0]


def _encoded_row(encoder: TextEncoder, row: Tokens) -> tuple[Tensor, Tensor | None]:
    """A row by itself, so that its numbers do not depend on what else is read, to the last bit."""
    embeddings, pooled = encoder.encode(torch.tensor([[token for token, _ in row]]))
    return embeddings.float(), None if pooled is None else pooled.float()


def _row(encoder: TextEncoder, chunk: Tokens, *, at_least: int = 0) -> Tokens:
    """A chunk between the tokens that mark its ends, filled up."""
    begin, end = encoder.marks
    row = [*begin, *chunk, *end]
    length = min(encoder.length, math.ceil(len(row) / encoder.step) * encoder.step) if encoder.step else encoder.length
    return row + [(encoder.tokenizer.pad_token_id, 1.0)] * (max(length, at_least) - len(row))


def _chunks(encoder: TextEncoder, text: str) -> list[Tokens]:
    """The tokens of a text in chunks, at least one; what goes beyond the most is said and left out."""
    room = encoder.length - sum(map(len, encoder.marks))
    chunks: list[Tokens] = [[]]
    for part, weight in split_weights(encoder.prefix + text):
        if part == BREAK:
            if encoder.chunks == 1:
                say_once(encoder.tokenizer, "this model reads a prompt in one piece: BREAK is left out")
            else:
                chunks.append([])
            continue
        group = [(token, weight) for token in tokens_of(encoder.tokenizer, part)]
        if not encoder.whole and len(group) < LONG_GROUP and len(chunks[-1]) + len(group) > room:
            chunks.append([])
        while not encoder.whole and len(chunks[-1]) + len(group) > room:
            cut = room - len(chunks[-1])
            chunks[-1] += group[:cut]
            group = group[cut:]
            chunks.append([])
        chunks[-1] += group
    if len(chunks) > 1 and not chunks[-1]:  # a BREAK at the end begins nothing
        chunks.pop()
    if encoder.chunks and len(chunks) > encoder.chunks:
        unread = [token for chunk in chunks[encoder.chunks :] for token, _ in chunk]
        say_once(
            encoder.tokenizer,
            f"prompt {text!r:.40}: this model reads {room} words or parts of words; not read is "
            f"{encoder.tokenizer.decode(unread)!r:.200}",
        )
        chunks = chunks[: encoder.chunks]
    return chunks


def tokens_of(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text, with all vectors of each embedding (textual inversion): a word, or `embedding:word`."""
    added = _added(tokenizer)
    tokens = []
    for token in tokenizer.encode(with_embeddings(tokenizer, text), add_special_tokens=False):
        tokens.append(token)
        name, number = tokenizer.convert_ids_to_tokens(token) if added else "", 1
        while (vector := f"{name}_{number}".lower()) in added:
            tokens.append(tokenizer.convert_tokens_to_ids(added[vector]))
            number += 1
    return tokens


def with_embeddings(tokenizer: Any, text: str) -> str:
    """The text with the word of each embedding in the place of `embedding:word`; one that is not loaded is said."""
    added = _added(tokenizer)

    def embedding(match: re.Match) -> str:
        if match[1].lower() in added:
            return f" {added[match[1].lower()]} "
        say_once(
            tokenizer,
            f"the prompt names the embedding {match[1]!r}, which is not loaded and is left out: --embedding FILE loads "
            "one, whose word is the name of its file",
        )
        return " "

    return EMBEDDING.sub(embedding, text)


def _added(tokenizer: Any) -> dict[str, str]:
    """The words that were added to a vocabulary, by their lower case."""
    return {name.lower(): name for name in getattr(tokenizer, "added_tokens_encoder", {})}


def words_of(text: str) -> str:
    """The text without its weights and breaks."""
    return "".join(" " if part == BREAK else part for part, _ in split_weights(text))


def say_once(about: Any, message: str) -> None:
    """Warn, the first time that this is to be said about that, which is not kept alive."""
    said = _SAID.setdefault(about, set())
    if message not in said:
        said.add(message)
        warnings.warn(message, AudiovizWarning, stacklevel=2)


_SAID: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
