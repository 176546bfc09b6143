"""Language models as text encoders (Qwen3 of Z-Image and FLUX.2): a prompt is what the user says in a chat.

All of it is read in one piece, behind its chat template. Parts with weights are drawn away from what the empty text,
whose words are padding, has in their place, as those of T5 are: see encoders.py.
"""

from typing import Any

import torch
from torch import Tensor

from audioviz.errors import ModelError
from audioviz.models.text.encoders import say_once, with_embeddings
from audioviz.models.text.weights import BREAK, split_weights
from audioviz.sampling import Conditioning

LENGTH = 512  # tokens that are read, those of the template among them
_WORDS = "\ue000"  # stands for the prompt in a template: a character for private use


def chat_text(pipeline: Any, text: str, *, layers: tuple[int, ...], thinking: bool, filled: bool) -> Conditioning:
    """What a causal language model makes of a prompt.

    Parameters
    ----------
    pipeline : DiffusionPipeline
    text : str
    layers : tuple of int
        The hidden states that are read, side by side, as transformers counts them.
    thinking : bool
        The template leaves the answer open; else it begins with an empty thought.
    filled : bool
        Padding up to LENGTH is read too, by models that were trained so.

    Returns
    -------
    Conditioning with embeddings of shape (1, tokens, layers * width), float32

    Raises
    ------
    ModelError
        If the tokenizer has no chat template.

    Source
    ------
    diffusers, pipeline_z_image.py and pipeline_flux2_klein.py.
    """
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder.base_model
    before, after = _template(tokenizer, thinking=thinking)
    tokens, weights = _tokens(tokenizer, before, text, after)
    embeddings = _hidden(encoder, tokens, layers, pad=tokenizer.pad_token_id, filled=filled)
    if any(weight not in (None, 1.0) for weight in weights):
        empty = [token if weight is None else tokenizer.pad_token_id for token, weight in zip(tokens, weights)]
        unworded = _hidden(encoder, empty, layers, pad=tokenizer.pad_token_id, filled=filled)
        strength = torch.ones(embeddings.shape[1], 1, device=embeddings.device)
        strength[: len(weights), 0] = torch.tensor([1.0 if weight is None else weight for weight in weights])
        embeddings = torch.where(strength == 1, embeddings, unworded + (embeddings - unworded) * strength)
    return Conditioning(embeddings)


def _template(tokenizer: Any, *, thinking: bool) -> tuple[str, str]:
    """What stands before and after the words of the user."""
    if not tokenizer.chat_template:
        raise ModelError("the model's tokenizer has no chat template, where prompts stand; fetch its files again")
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": _WORDS}], tokenize=False, add_generation_prompt=True, enable_thinking=thinking
    )
    before, _, after = chat.partition(_WORDS)
    return before, after


def _tokens(tokenizer: Any, before: str, text: str, after: str) -> tuple[list[int], list[float | None]]:
    """The tokens of a prompt in its template, and the weight of each, None outside the prompt; what is cut is said."""
    parts = split_weights(with_embeddings(tokenizer, text))
    if any(part == BREAK for part, _ in parts):
        say_once(tokenizer, "this model reads a prompt in one piece: BREAK is left out")
    parts = [(" " if part == BREAK else part, weight) for part, weight in parts]
    words = "".join(part for part, _ in parts)
    weights: list[float | None] = [weight for part, weight in parts for _ in part]
    of_characters = [None] * len(before) + weights + [None] * len(after)
    read = tokenizer(before + words + after, return_offsets_mapping=True)
    tokens, ends = read["input_ids"], [end for _, end in read["offset_mapping"]]
    if len(tokens) > LENGTH:
        unread = words[max(0, ends[LENGTH - 1] - len(before)) :]
        say_once(
            tokenizer,
            f"prompt {text!r:.40}: this model reads {LENGTH} words or parts of words, those of its template among "
            f"them; not read is {unread!r:.200}",
        )
    return tokens[:LENGTH], [of_characters[end - 1] for end in ends[:LENGTH]]


def _hidden(encoder: Any, tokens: list[int], layers: tuple[int, ...], *, pad: int, filled: bool) -> Tensor:
    """The hidden states of a row by itself: float32, shape (1, tokens, layers * width)."""
    padding = LENGTH - len(tokens) if filled else 0
    row = torch.tensor([tokens + [pad] * padding], device=encoder.device)
    mask = torch.tensor([[1] * len(tokens) + [0] * padding], device=encoder.device)
    states = encoder(input_ids=row, attention_mask=mask, output_hidden_states=True, use_cache=False).hidden_states
    return torch.cat([states[layer] for layer in layers], -1).float()
