"""How strongly a UNet follows an IP-Adapter's reference, as a tensor that is filled in place.

diffusers keeps a number in each attention processor, which a compiled or captured UNet would not see change. Attention
is linear in its values, so to scale those of the reference is to scale what attention reads from it.
"""

from typing import Any

from torch import Tensor, nn

from audioviz.models.denoisers.strength import Strength


class ScaledLinear(nn.Linear):
    """A linear layer times a strength."""

    def __init__(self, layer: nn.Linear, strength: Strength) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.strength = strength

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * self.strength.tensor


def strength_of_ip_adapter(unet: Any) -> Strength | None:
    """The strength of a UNet's IP-Adapter; None if it has none.

    Once there is one, diffusers' own scales are 1 for good.
    """
    processors = getattr(unet, "attn_processors", {}).values()
    layers = [processor.to_v_ip for processor in processors if hasattr(processor, "to_v_ip")]
    if not layers:
        return None
    if isinstance(layers[0][0], ScaledLinear):
        return layers[0][0].strength
    strength = Strength(1.0)
    for values in layers:
        for number, layer in enumerate(values):
            values[number] = ScaledLinear(layer, strength)
    for processor in processors:
        if hasattr(processor, "scale"):
            processor.scale = [1.0] * len(processor.scale)
    return strength
