"""Films of a farm, and their plans: pieces of runs to sample, chunks of pictures to make, and what joins those."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from audioviz.clock import Clock
from audioviz.project import Project


@dataclass(frozen=True)
class Film:
    """A video that is to be made.

    Parameters
    ----------
    project : Project
    out : Path
    files : mapping of a path in the project to a name in the store
        What a worker takes from there where it has no such file.
    """

    project: Project
    out: Path
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """Latents that are sampled one from the other: the frames of a run in a chunk.

    Parameters
    ----------
    frames : range
        Rows of the frame table.
    key : str
        The name of its latents in the store.
    after : str
        That of the piece before it in its run; empty where a run begins.
    """

    frames: range
    key: str
    after: str


@dataclass(frozen=True)
class Chunk:
    """Pictures that are made of the latents of some pieces, encoded from a keyframe on.

    Parameters
    ----------
    frames : range
        Rows of the frame table.
    pieces : range
        Numbers of those that it shows.
    key : str
        The name of its pictures in the store.
    looks_back : bool
        Whether it needs the latents of the piece before, too.
    after : str
        The chunk before, if its pictures depend on those; empty if not.
    """

    frames: range
    pieces: range
    key: str
    looks_back: bool
    after: str

    @property
    def state(self) -> str:
        """The name of what its last picture leaves to the next one."""
        return f"{self.key}.state"


@dataclass(frozen=True)
class FilmPlan:
    """What a film is made of; equal on all machines where the same bytes come out.

    Parameters
    ----------
    identity : dict
        What all frames depend on.
    tiled : bool
        Whether pictures are decoded in tiles.
    folder : str
        What the names in the store begin with.
    pieces, chunks
        In order.
    metadata : str
        JSON for the video.
    shown : Clock
        Of the video.
    begin : Fraction
        When its first frame is shown, seconds in the song.
    codec : str
    song_sha256 : str
    first : int
        The number of its first frame in the song.
    seeds : tuple of int
        Of each frame.
    notes : tuple of str
        What users should know.
    """

    identity: dict[str, Any]
    tiled: bool
    folder: str
    pieces: tuple[Piece, ...]
    chunks: tuple[Chunk, ...]
    metadata: str
    shown: Clock
    begin: Fraction
    codec: str
    song_sha256: str | None
    first: int
    seeds: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many are sampled."""
        return len(self.seeds)


Kind = Literal["plan", "prepare", "sample", "finish"]


@dataclass(frozen=True)
class Order:
    """What a worker is asked for: the plan of a film, the latents of a piece, or the pictures of a chunk.

    To prepare a film is to be ready for its pieces, while another worker plans it.

    Parameters
    ----------
    kind : "plan", "prepare", "sample" or "finish"
    film : Film
    number : int
        Of the piece or the chunk.
    key : str
        Its name in the store.
    identity, tiled
        Of the plan that it is part of.
    """

    kind: Kind
    film: Film
    number: int = 0
    key: str = ""
    identity: dict[str, Any] = field(default_factory=dict)
    tiled: bool | None = None


@dataclass(frozen=True)
class Made:
    """What became of a piece or a chunk.

    Parameters
    ----------
    pictures : bool
        Whether the pictures of the chunk are there too.
    notes : tuple of str
        What users should know.
    """

    pictures: bool
    notes: tuple[str, ...] = ()
