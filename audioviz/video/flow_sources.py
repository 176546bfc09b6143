"""What finds optical flow, checked before anything heavy is imported: OpenCV, or a file with the weights of RAFT."""

import importlib.util
from pathlib import Path

from audioviz.errors import InputError


def check_opencv(*, otherwise: str = "") -> None:
    """Refuse optical flow where OpenCV is not installed; `otherwise` is what can be done in its place.

    Raises
    ------
    InputError
    """
    if importlib.util.find_spec("cv2") is None:
        raise InputError(
            f"optical flow is found by OpenCV, which is not installed: pip install 'audioviz[flow]'{otherwise}"
        )


def check_raft(file: Path) -> None:
    """Refuse a file that does not hold the weights of RAFT.

    Raises
    ------
    InputError
    """
    from safetensors import safe_open

    if not file.is_file():
        raise InputError(f"flow-model {file}: there is no such file; expected the weights of RAFT as .safetensors")
    try:
        with safe_open(file, framework="numpy") as opened:
            names = list(opened.keys())
    except Exception as error:  # safetensors has a kind of its own for each fault
        raise InputError(f"flow-model {file}: cannot be read as safetensors ({error!s:.80})") from error
    if not all(any(name.startswith(part) for name in names) for part in ("feature_encoder.", "update_block.")):
        raise no_raft(file)


def no_raft(file: Path) -> InputError:
    """What is said of a file that holds something else."""
    return InputError(
        f"flow-model {file}: holds no RAFT; expected the weights of torchvision's raft_large or raft_small"
    )
