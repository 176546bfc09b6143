"""The text encoder and the tokenizer of the embedded model: transformers' CLIPTextModel and CLIPTokenizer."""

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from audioviz.models.plain.settings import Settings, device_of, dtype_of, read_settings

# what transformers' settings say beside the config.json; the digest of a model is over them too
DEFAULTS = {
    "output_hidden_states": False,
    "return_dict": True,
    "chunk_size_feed_forward": 0,
    "is_encoder_decoder": False,
    "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "problem_type": None,
    "output_attentions": False,
}


@dataclass(frozen=True, eq=False)
class PlainTokenizer:
    """A tokenizer with those methods of transformers' that audioviz calls."""

    backend_tokenizer: Tokenizer
    length: int  # tokens that the model reads
    pad_token: str  # fills up what is shorter

    def __call__(self, text: str) -> Tensor:
        """The tokens of a text between those that mark its ends, cut or filled up: int64, shape (1, length)."""
        tokens = self.backend_tokenizer.encode(text).ids
        if len(tokens) > self.length:
            tokens = [*tokens[: self.length - 1], tokens[-1]]
        return torch.tensor([tokens + [self.pad_token_id] * (self.length - len(tokens))])

    bos_token_id = property(lambda self: self.backend_tokenizer.token_to_id("<|startoftext|>"))
    eos_token_id = property(lambda self: self.backend_tokenizer.token_to_id("<|endoftext|>"))
    pad_token_id = property(lambda self: self.backend_tokenizer.token_to_id(self.pad_token))
    model_max_length = property(lambda self: self.length)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids

    def decode(self, tokens: list[int]) -> str:
        return self.backend_tokenizer.decode(tokens).replace("</w>", " ").strip()

    def tokenize(self, text: str) -> list[str]:
        return self.backend_tokenizer.encode(text, add_special_tokens=False).tokens

    def get_vocab(self) -> dict[str, int]:
        return self.backend_tokenizer.get_vocab()


def load_tokenizer(folder: Path) -> PlainTokenizer:
    """The tokenizer of a folder."""
    settings = read_settings(folder / "tokenizer_config.json")
    return PlainTokenizer(
        Tokenizer.from_file(str(folder / "tokenizer.json")), settings.model_max_length, settings.pad_token
    )


class TextEncoder(nn.Module):
    """Tokens (1, T) to embeddings (1, T, width); each token knows those before it.

    Parameters
    ----------
    settings : what the config.json says

    Source
    ------
    Radford et al., ICML 2021 (CLIP).
    """

    device, dtype = property(device_of), property(dtype_of)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.config = Settings(settings | DEFAULTS)
        self.embeddings, self.encoder = Embeddings(settings), Layers(settings)
        self.final_layer_norm = nn.LayerNorm(settings.hidden_size, eps=settings.layer_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.final_layer_norm(self.encoder(self.embeddings(tokens)))


class Embeddings(nn.Module):
    """Tokens (1, T) to the sum of what they and their positions are embedded as: (1, T, width)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.token_embedding = _embedding(settings.vocab_size, settings.hidden_size)
        self.position_embedding = _embedding(settings.max_position_embeddings, settings.hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.token_embedding(tokens) + self.position_embedding.weight[: tokens.shape[1]]


class Layers(nn.Module):
    """The transformer layers, one after the other."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.num_hidden_layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def _embedding(count: int, width: int) -> nn.Embedding:
    # the normal draw of nn.Embedding() without memory behind it would import torch's compiler, which takes a second
    return nn.Embedding.from_pretrained(torch.empty(count, width))


class Layer(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, inner = settings.hidden_size, settings.intermediate_size
        self.heads = settings.num_attention_heads
        self.self_attn = nn.ModuleDict(
            {name: nn.Linear(width, width) for name in ("k_proj", "v_proj", "q_proj", "out_proj")}
        )
        self.layer_norm1, self.layer_norm2 = (nn.LayerNorm(width, eps=settings.layer_norm_eps) for _ in range(2))
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attend(self.layer_norm1(x))
        inner = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](inner * torch.sigmoid(1.702 * inner))  # quick GELU

    def _attend(self, x: Tensor) -> Tensor:
        query, key, value = (
            self.self_attn[name](x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.self_attn["out_proj"](seen.transpose(1, 2).reshape(x.shape))
