"""Config of a part (config.json) as diffusers hands it out: a dict whose entries are attributes too."""

import json
from pathlib import Path

import torch
from torch import nn


class Settings(dict):
    def __getattr__(self, name: str):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def read_settings(file: Path) -> Settings:
    return Settings(json.loads(file.read_text(encoding="utf-8")))


def device_of(part: nn.Module) -> torch.device:
    """Where its weights lie."""
    return next(part.parameters()).device


def dtype_of(part: nn.Module) -> torch.dtype:
    """What its weights are of."""
    return next(part.parameters()).dtype
