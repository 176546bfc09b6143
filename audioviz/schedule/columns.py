"""The columns of a schedule by name, and the range of each."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from audioviz.colours import colour_to_rgb
from audioviz.errors import InputError, ScheduleError

COLOUR = "flash_colour"  # 0xRRGGBB
EFFECTS = {  # on the finished picture
    "flash": (0.0, 1.0),
    COLOUR: (0.0, float(0xFFFFFF)),
    "strobe": (0.0, 1.0),
    "punch": (0.0, 1.0),
    "blur": (0.0, 1.0),
    "sharpen": (0.0, np.inf),
    "glow": (0.0, np.inf),
    "chroma": (0.0, 1.0),
    "hue": (-np.inf, np.inf),
    "saturation": (-1.0, np.inf),
    "contrast": (-1.0, np.inf),
    "brightness": (-1.0, 1.0),
    "invert": (0.0, 1.0),
    "posterize": (0.0, 1.0),
    "pixelate": (0.0, 1.0),
    "mirror": (0.0, 64.0),
    "ripple": (0.0, 1.0),
    "glitch": (0.0, 1.0),
    "scanlines": (0.0, 1.0),
    "grain": (0.0, np.inf),
    "vignette": (0.0, 1.0),
    "shake": (0.0, 1.0),
    "roll": (-np.inf, np.inf),
    "trails": (0.0, 1.0),
}
RANGES = {
    "seed_mix": (0.0, 1.0),
    "denoise": (0.0, 1.0),
    "noise": (0.0, np.inf),
    "interp": (0.0, 1.0),
    "slerp": (0.0, 1.0),
    "cfg": (0.0, np.inf),
    "unsample": (0.0, 1.0),
    "anchor": (0.0, 1.0),
    "zoom": (1e-30, 1e30),  # a second: tenfold in each of 30 frames
    "angle": (-np.inf, np.inf),
    "shift_x": (-np.inf, np.inf),
    "shift_y": (-np.inf, np.inf),
    "tilt": (-np.inf, np.inf),
    "pan": (-np.inf, np.inf),
    "dolly": (-np.inf, np.inf),
    "fov": (1.0, 170.0),
    "wrap": (0.0, 1.0),
    "in_picture": (0.0, 1.0),
    "flow": (0.0, 1.0),
    "travel": (0.0, 1.0),
    "control": (0.0, np.inf),
    "style": (0.0, np.inf),
    "in_loop": (0.0, 1.0),
    **EFFECTS,
}
SEEDS = ("seed", "seed_to")
ALWAYS = ("seed", "denoise", "noise", "interp")  # those that every schedule has
COLUMNS = (*SEEDS, *RANGES)
LORA = "lora:"  # begins the name of a column that moves a LoRA: the name of its file, in any case, follows
NEUTRAL = {  # what an optional column that is not given stands for; cfg is the model's, and travel follows the times
    "seed_mix": 0.0,
    "slerp": 0.0,
    "unsample": 0.0,
    "anchor": 0.0,
    "zoom": 1.0,
    "angle": 0.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "tilt": 0.0,
    "pan": 0.0,
    "dolly": 0.0,
    "fov": 70.0,
    "wrap": 0.0,
    "in_picture": 1.0,
    "flow": 0.0,
    "control": 1.0,
    "style": 1.0,
    "in_loop": 0.0,
    **dict.fromkeys(EFFECTS, 0.0),
    COLOUR: float(0xFFFFFF),
}


def to_colours(value: Any) -> Any:
    """Names of colours, `#rrggbb` and `0xRRGGBB` as numbers; what is a number already as it is.

    Raises
    ------
    ScheduleError
    """
    if isinstance(value, str):
        try:
            return int.from_bytes(colour_to_rgb(value.replace("0x", "#", 1).strip()))
        except InputError as error:
            raise ScheduleError(f"{COLOUR}: {value!r:.40} is no colour: expected a name or #rrggbb") from error
    return [to_colours(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def column_name(text: str) -> str:
    """The name of a column as schedules have it: those of LoRAs are in lower case."""
    begin = text[: len(LORA)].lower()
    return text if begin != LORA else begin + text[len(LORA) :].strip().lower().removesuffix(".safetensors")


def is_column(name: str) -> bool:
    """Whether a schedule may have a column of this name."""
    return name in COLUMNS or name[: len(LORA)].lower() == LORA != column_name(name)


def expected_columns(*others: str) -> str:
    """The names of all columns, for a message."""
    return f"{', '.join((*others, *COLUMNS))} or {LORA}NAME"


def columns_to_keywords(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by name, and what else a schedule is made of, as its keywords: those of LoRAs stand together."""
    loras = {name.removeprefix(LORA): value for name, value in columns.items() if name.startswith(LORA)}
    rest = {name: value for name, value in columns.items() if not name.startswith(LORA)}
    return rest | ({"loras": loras} if loras else {})


def lora_columns(names: Iterable[str]) -> list[str]:
    """Those of some columns that move a LoRA."""
    return [name for name in names if name.startswith(LORA)]
