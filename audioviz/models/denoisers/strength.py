"""Strength: how strongly a LoRA or an IP-Adapter acts, in a tensor that compiled and captured networks read anew."""

from collections.abc import Mapping

import torch


class Strength:
    """How strongly a LoRA or an IP-Adapter acts in the next call; `usual` if nothing is said."""

    def __init__(self, usual: float):
        self.usual, self.value, self.tensor = usual, usual, torch.tensor(usual)

    def set(self, value: float, device: torch.device) -> None:
        """Have it act so strongly from now on, on layers of this device."""
        if self.tensor.device != device:
            with torch.inference_mode(False):  # what is made in that mode could not be filled outside of it
                self.tensor = self.tensor.to(device)
        if value != self.value:
            self.tensor.fill_(value)
            self.value = value

    @property
    def acts(self) -> bool:
        """Whether layers have to reckon with it; compiled code and graphs do always, as they hold for all strengths."""
        if torch.compiler.is_compiling() or self.value != 0:
            return True
        return self.tensor.is_cuda and torch.cuda.is_current_stream_capturing()


def set_strengths(loras: Mapping[str, Strength], strengths: Mapping[str, float], device: torch.device) -> None:
    """Have LoRAs act as strongly as is said by their names; the others as usual."""
    for name, lora in loras.items():
        lora.set(strengths.get(name, lora.usual), device)
