"""The columns of a schedule by name, and the range of each."""

import numpy as np

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
    "wrap": (0.0, 1.0),
    "in_picture": (0.0, 1.0),
    "travel": (0.0, 1.0),
    "control": (0.0, np.inf),
    "style": (0.0, np.inf),
}
SEEDS = ("seed", "seed_to")
ALWAYS = ("seed", "denoise", "noise", "interp")  # those that every schedule has
COLUMNS = (*SEEDS, *RANGES)
NEUTRAL = {  # what an optional column that is not given stands for; cfg is the model's, and travel follows the times
    "seed_mix": 0.0,
    "slerp": 0.0,
    "unsample": 0.0,
    "anchor": 0.0,
    "zoom": 1.0,
    "angle": 0.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "wrap": 0.0,
    "in_picture": 1.0,
    "control": 1.0,
    "style": 1.0,
}
