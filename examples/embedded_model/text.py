"""Words to conditioning: a small CLIP tokenizer and text encoder, taught to tell captions apart and then frozen."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import caption, vocabulary
from .labels import NAMES, Label, finish_at, label_at
from .training import Half, Machine, Plan, Weights, averaged, fit

WIDTH = 128
LENGTH = 32  # tokens
PLAN = Plan(steps=2400, batch=64, rate=2e-3, warmup=100, average=0.99)
SETTINGS = {
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "projection_dim": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH,
    "layer_norm_eps": 1e-5,
}
START, END, SUFFIX = "<|startoftext|>", "<|endoftext|>", "</w>"


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent first, until every word is one token.

    Source
    ------
    Sennrich, Haddow & Birch, ACL 2016.
    """
    split = [[*word[:-1], word[-1] + SUFFIX] for word in words]
    merges = []
    while any(len(parts) > 1 for parts in split):
        pairs = Counter(pair for parts in split for pair in pairwise(parts))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        split = [merge(parts, best) for parts in split]
    return merges


def merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Join each occurrence of a pair of neighbours."""
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write vocab.json and merges.txt for the captions' words over all bytes, and load what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(vocabulary())
    bytes_ = sorted(ByteLevel.alphabet())
    tokens = bytes_ + [byte + SUFFIX for byte in bytes_] + [a + b for a, b in merges] + [START, END]
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder for a tokenizer."""
    return CLIPTextModel(
        CLIPTextConfig(
            **SETTINGS,
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def encode(tokenizer: CLIPTokenizer, model: CLIPTextModel, texts: list[str]) -> torch.Tensor:
    """Conditioning as StableDiffusionPipeline makes it, float (B, LENGTH, WIDTH)."""
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt")
    return model(tokens.input_ids.to(model.device)).last_hidden_state


class Reader(torch.nn.Module):
    """The text encoder under four questions, which pattern, palette, view and look; the last answer is "not told"."""

    def __init__(self, encoder: CLIPTextModel):
        super().__init__()
        self.encoder = encoder
        self.heads = torch.nn.ModuleDict(
            {name: torch.nn.Linear(WIDTH, len(values) + 1) for name, values in NAMES.items()}
        )

    def loss(self, tokenizer: CLIPTokenizer, texts: list[str], answers: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropy of the answers, read from the mean over tokens."""
        states = encode(tokenizer, self.encoder, texts).mean(1)
        return sum(F.cross_entropy(self.heads[name](states), answers[name]) for name in NAMES)


def answer_of(label: Label, question: str) -> int:
    """The right answer's number; the number after the last name where the caption does not tell."""
    name = getattr(label, question)
    return NAMES[question].index(name) if name else len(NAMES[question])


def train_text(folder: Path, machine: Machine) -> None:
    """Teach the text encoder, on the CPU; writes folder/tokenizer and the checkpoint folder/text.safetensors."""
    tokenizer = write_tokenizer(folder / "tokenizer")
    torch.manual_seed(PLAN.seed)
    reader = Half(Reader(new_text_encoder(tokenizer)), Machine())

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        rng = np.random.default_rng((PLAN.seed, step))
        told = [
            caption(label_at(int(index), finish_at(int(index), seed=step, turn=0)), rng)
            for index in rng.integers(0, 10**6, PLAN.batch)
        ]
        answers = {name: torch.tensor([answer_of(label, name) for _, label in told]) for name in NAMES}
        return reader.network.loss(tokenizer, [text for text, _ in told], answers)

    fit(reader, loss_at, PLAN, folder / "text.safetensors", Machine(deadline=machine.deadline))


def load_text(folder: Path) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """The tokenizer and the trained text encoder (averaged weights)."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    model = new_text_encoder(tokenizer)
    model.load_state_dict(encoder_weights(folder))
    return tokenizer, model.eval().requires_grad_(False)


def encoder_weights(folder: Path) -> Weights:
    """The trained text encoder's weights, without the questions'."""
    prefix = "encoder."
    weights = averaged(folder / "text.safetensors")
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
