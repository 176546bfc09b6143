"""The network of an optional beat tracker, Beat This!: its checkpoint is fetched once, or is a file of the user's."""

import hashlib
import inspect
import sys
from pathlib import Path

from audioviz.errors import InputError

BEAT_THIS = "beat_this"
_URL = "https://cloud.cp.jku.at/public.php/dav/files/7ik4RrBKTS273gp/final0.ckpt"  # 78 MB
_FILE = "beat_this-final0.ckpt"  # in torch's own folder of weights, where the library looks for it too


def check_beats_model(source: str | Path) -> None:
    """Refuse what is neither `BEAT_THIS` nor a file.

    Raises
    ------
    InputError
    """
    if str(source) != BEAT_THIS and not Path(source).is_file():
        raise InputError(
            f"beats model {source}: there is no such file; expected {BEAT_THIS}, or the file of a checkpoint of it, "
            "such as final0.ckpt"
        )


def beats_model_key(source: str | Path) -> str:
    """What tells the results of one network from those of another: where it is published, or the digest of its file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if str(source) == BEAT_THIS:
        return _URL
    try:
        with Path(source).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"beats model {source}: cannot be read ({error.strerror})") from error


def load_network(source: str | Path):
    """The network of a checkpoint: a module from (1, frames, 128) to the logits (1, frames) of `beat` and `downbeat`.

    Of the library this imports its network alone: the rest needs torchaudio, which has no build for each torch. And
    the library would unpickle what it has fetched; here nothing is read but weights.

    Parameters
    ----------
    source : str or Path
        `BEAT_THIS`, whose weights are fetched when they are used for the first time, or the file of a checkpoint.

    Raises
    ------
    InputError
        If the library is not installed, its weights cannot be fetched, or the file is no checkpoint of it.

    Source
    ------
    Foscarin, Schlüter & Widmer, "Beat This! Accurate beat tracking without DBN postprocessing", ISMIR 2024.
    """
    import torch

    try:
        from beat_this.model.beat_tracker import BeatThis  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError as error:
        raise InputError(
            "the beats model is beat_this, which is not installed: pip install 'audioviz[beats]', or leave "
            "--beats-model out"
        ) from error
    file = _fetched() if str(source) == BEAT_THIS else Path(source)
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        known = inspect.signature(BeatThis).parameters
        network = BeatThis(**{name: value for name, value in checkpoint["hyper_parameters"].items() if name in known})
        network.load_state_dict({name.removeprefix("model."): w for name, w in checkpoint["state_dict"].items()})
    except Exception as error:  # whatever stands in the file
        again = "remove it, so that it is fetched again" if str(source) == BEAT_THIS else f"one is at {_URL}"
        raise InputError(
            f"beats model {file}: no whole checkpoint of beat_this ({type(error).__name__}): {again}"
        ) from error
    return network.eval()


def _fetched() -> Path:
    """The published checkpoint, in the folder where torch keeps weights."""
    import torch

    file = Path(torch.hub.get_dir()) / "checkpoints" / _FILE
    if file.exists():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(_URL, str(file), progress=sys.stderr.isatty())
    except Exception as error:  # whatever the downloader meets
        raise InputError(
            f"the weights of beat_this cannot be fetched ({error!s:.100}): check the connection, or fetch {_URL} "
            "elsewhere and give the file: --beats-model final0.ckpt"
        ) from error
    return file
