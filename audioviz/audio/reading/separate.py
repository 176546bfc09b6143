"""Source separation into stems by an optional library, Demucs: written once, found by the content of the song."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from audioviz.audio.reading.blocks import in_chunks, mended, with_surroundings
from audioviz.audio.reading.cache import drop_oldest, touch
from audioviz.audio.reading.decode import open_stream
from audioviz.errors import InputError
from audioviz.files import user_cache

MODEL = "hf://htdemucs"  # safetensors from the hub, and no pickles
_PIECE, _AROUND = 60.0, 5.0  # seconds that are separated together, and those on each side that the model hears besides
_LIMIT = 4 * 2**30  # bytes that the stems of all songs may take


def separated(path: Path, sha256: str, *, model: str = MODEL) -> dict[str, Path]:
    """The stems of a song, as files of its own length in the user's cache folder.

    Parameters
    ----------
    path, sha256 : Path and str
        The file, and what it holds.
    model : str
        A name that `demucs.pretrained.get_model` knows; it is fetched when it is used for the first time.

    Returns
    -------
    dict of name (drums, bass, other, vocals) to the path of a FLAC file.

    Raises
    ------
    InputError
        If the library is not installed, or its model cannot be fetched.

    Source
    ------
    Rouard, Massa & Défossez, "Hybrid transformers for music source separation", ICASSP 2023.
    """
    begin = f"{sha256}-{model.rpartition('/')[2]}-"
    folder = user_cache() / "stems"
    found = {file.stem.removeprefix(begin): file for file in sorted(folder.glob(f"{begin}*.flac"))}
    whole = folder / f"{begin}whole"  # names the stems, and is written when all of them are
    if whole.exists() and set(whole.read_text(encoding="utf-8").split()) == set(found):
        for file in (*found.values(), whole):
            touch(file)
        return found
    network = _load(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            files = _write_stems(path, network, Path(work))
            for name, file in files.items():
                file.replace(folder / f"{begin}{name}.flac")
        whole.write_text(" ".join(files), encoding="utf-8")
        drop_oldest(folder, _LIMIT)
    except OSError as error:
        raise InputError(
            f"the stems of {path} cannot be written to {folder} ({error.strerror}): make room there, or let "
            "AUDIOVIZ_CACHE name another folder"
        ) from error
    return {name: folder / f"{begin}{name}.flac" for name in files}


def _load(model: str):
    try:
        from demucs.pretrained import get_model  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError as error:
        raise InputError(
            "stems are separated by demucs, which is not installed: pip install 'audioviz[stems]', or give "
            "files of your own: --stem drums=drums.wav"
        ) from error
    try:
        return get_model(model)
    except Exception as error:  # whatever its downloader meets
        raise InputError(
            f"the separation model {model} cannot be loaded ({type(error).__name__}): it is fetched when it is "
            "first used, so check the connection, or give files of your own: --stem drums=drums.wav"
        ) from error


def _write_stems(path: Path, network, folder: Path) -> dict[str, Path]:
    """Separate the song piece by piece, so that its length takes no memory."""
    import torch
    from demucs.apply import apply_model  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    around = round(_AROUND * network.samplerate)
    paths = {name: folder / f"{name}.flac" for name in network.sources}
    files = [soundfile.SoundFile(file, "w", network.samplerate, network.audio_channels) for file in paths.values()]
    try:
        for piece in with_surroundings(_pieces(path, network.samplerate, network.audio_channels), around):
            mix = torch.from_numpy(np.ascontiguousarray(piece.T))
            scale = mix.std() + 1e-8
            stems = apply_model(network, (mix / scale)[None], shifts=0, device=device)[0]  # no shifts: they are random
            for file, stem in zip(files, (stems * scale).numpy()):
                file.write(stem.T[around : len(piece) - around])
    finally:
        for file in files:
            file.close()
    return paths


def _pieces(path: Path, rate: int, channels: int) -> Iterator[np.ndarray]:
    """The song at the rate of the model, in stereo: float32, shape (n, channels)."""
    stream = open_stream(path)
    resampler = soxr.ResampleStream(stream.rate, rate, channels, dtype="float32")

    def blocks() -> Iterator[np.ndarray]:
        for block in mended(stream.blocks, Counter()):
            sides = (
                block if block.shape[1] == channels else np.repeat(block.mean(axis=1, keepdims=True), channels, axis=1)
            )
            yield resampler.resample_chunk(np.ascontiguousarray(sides))
        yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)

    return in_chunks(blocks(), size=round(_PIECE * rate))
