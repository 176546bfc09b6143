"""Text encoders of the families: functions `(pipeline, text) -> Conditioning`, with weighted prompts where they can."""

import warnings
from typing import Any

from audioviz.errors import AudiovizWarning
from audioviz.models.weights import split_weights
from audioviz.sampling import Conditioning


def clip_text(pipeline: Any, text: str) -> Conditioning:
    """One CLIP text encoder: Stable Diffusion 1 and 2."""
    parts, weights = parts_of(text)
    encoder, tokenizer = pipeline.text_encoder, pipeline.tokenizer
    if set(weights) != {1.0}:
        from compel import EmbeddingsProvider

        provider: Any = EmbeddingsProvider(tokenizer, encoder)
        return Conditioning(
            provider.get_embeddings_for_weighted_prompt_fragments([parts], [weights], device=encoder.device).float()
        )
    words = pipeline.maybe_convert_prompt("".join(parts), tokenizer)
    tokens = tokenizer(
        words, padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt"
    ).input_ids
    return Conditioning(encoder(tokens.to(encoder.device))[0].float())


def sdxl_text(pipeline: Any, text: str) -> Conditioning:
    """Two CLIP text encoders side by side, and the pooled text of the second: SDXL."""
    parts, weights = parts_of(text)
    embeddings, _, pooled, _ = pipeline.encode_prompt(
        "".join(parts), device=pipeline.text_encoder_2.device, do_classifier_free_guidance=False
    )
    if set(weights) != {1.0}:
        from compel.embeddings_provider import EmbeddingsProviderMulti, ReturnedEmbeddingsType

        provider: Any = EmbeddingsProviderMulti(
            [pipeline.tokenizer, pipeline.tokenizer_2],
            [pipeline.text_encoder, pipeline.text_encoder_2],
            returned_embeddings_type=ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED,
        )
        embeddings = provider.get_embeddings_for_weighted_prompt_fragments(
            [parts], [weights], device=pipeline.text_encoder_2.device
        )
    return Conditioning(embeddings.float(), pooled.float())


def sd3_text(pipeline: Any, text: str) -> Conditioning:
    """Two CLIP text encoders, then T5: SD3."""
    words = unweighted(text)
    embeddings, _, pooled, _ = pipeline.encode_prompt(
        words, words, words, device=pipeline.text_encoder.device, do_classifier_free_guidance=False
    )
    return Conditioning(embeddings.float(), pooled.float())


def flux_text(pipeline: Any, text: str) -> Conditioning:
    """T5, and the pooled text of CLIP: Flux. It reads 256 tokens if it was distilled from the other Flux, else 512."""
    longest = 512 if pipeline.transformer.config.guidance_embeds else 256
    words = unweighted(text)
    embeddings, pooled, _ = pipeline.encode_prompt(
        words, words, device=pipeline.text_encoder.device, max_sequence_length=longest
    )
    return Conditioning(embeddings.float(), pooled.float())


def parts_of(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The parts of a prompt, and the weight of each."""
    parts, weights = zip(*split_weights(text) or [("", 1.0)])
    return parts, weights


def unweighted(text: str) -> str:
    """The text without its weights, which T5 does not know; that is said."""
    parts, weights = parts_of(text)
    if set(weights) != {1.0}:
        warnings.warn(
            f"prompt {text!r:.60}: this model knows no weights, they are left out", AudiovizWarning, stacklevel=2
        )
    return "".join(parts)
