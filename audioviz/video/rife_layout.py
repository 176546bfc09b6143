"""What the shapes of a RIFE network's weights say of it, told without loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audioviz.errors import ModelError

PREFIXES = ("module.", "flownet.module.", "flownet.")  # that names may begin with
WANTED = "expected the flownet of RIFE 4.2 to 4.26 (hzwer/Practical-RIFE), converted to safetensors"

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class RifeLayout:
    """The sizes of a network.

    Parameters
    ----------
    widths : tuple of int
        Channels of each block, coarse to fine.
    told : int
        Channels that each block tells: the flow to either picture, the mask, and what it passes on to the next; up to
        4.21 one that nothing reads.
    features : int
        Features of each picture that are seen beside it; 0 up to 4.6.
    encoder_width : int
        Channels of what finds those.
    deep_encoder : bool
        Whether that has four layers, as from 4.10 on, and not two.
    """

    widths: tuple[int, ...]
    told: int = 6
    features: int = 0
    encoder_width: int = 0
    deep_encoder: bool = False

    def seen(self, block: int) -> int:
        """Channels that a block sees: two pictures with their features, the time, and what was found before."""
        return 2 * (3 + self.features) + 1 + (5 + self.passed_on if block else 0)

    @property
    def passed_on(self) -> int:
        """Features that each block hands to the next."""
        return self.told - 5 if self.told > 6 else 0


def rife_layout(path: Path, shapes: Shapes) -> RifeLayout:
    """The layout of a file's weights.

    Raises
    ------
    ModelError
        If they are those of another network.
    """
    shapes = {plain_name(name): shape for name, shape in shapes.items()}
    count = sum(f"block{i}.conv0.1.0.weight" in shapes for i in range(9))
    deep = "encode.cnn0.weight" in shapes
    first, last = ("encode.cnn0.weight", "encode.cnn3.weight") if deep else ("encode.0.weight", "encode.1.weight")
    try:
        widths = tuple(shapes[f"block{i}.conv0.1.0.weight"][0] for i in range(max(count, 1)))
        told = shapes["block0.lastconv.0.weight"][1] // 4
        encoder = (shapes[last][1], shapes[first][0]) if first in shapes else (0, 0)
    except (KeyError, IndexError) as error:
        raise ModelError(f"smooth-by {path}: the file holds another network; {WANTED}") from error
    layout = RifeLayout(widths, told, *encoder, deep)
    for i, width in enumerate(widths):
        name, wanted = f"block{i}.conv0.0.0.weight", (width // 2, layout.seen(i), 3, 3)
        if shapes.get(name) != wanted:
            raise ModelError(
                f"smooth-by {path}: {name} is {_times(shapes.get(name, ()))}, not {_times(wanted)}; {WANTED}"
            )
    return layout


def plain_name(name: str) -> str:
    """The name of a weight without what programs that save it put before."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "missing"
