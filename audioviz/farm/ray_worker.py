"""What an actor of Ray does on its machine: it says whether it can work there, and carries out orders."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from audioviz.errors import AudiovizError
from audioviz.farm.films import FilmPlan, Made, Order
from audioviz.farm.store import Store
from audioviz.models.threads import spin_briefly
from audioviz.project import Project
from audioviz.project.project import project_of
from audioviz.rendering.check import check_look

if TYPE_CHECKING:
    from audioviz.farm.maker import Maker

BESIDE = 1 << 30  # bytes of a GPU that a process takes beside its tensors, and what an estimate may miss


class RayWorker:
    """Carries out orders in a process that Ray began.

    Parameters
    ----------
    place : str
        Of the store.
    """

    def __init__(self, place: str):
        spin_briefly()
        self._place = place
        self._maker: Maker | None = None

    def hello(self, wanted: str, token: str, documents: Sequence[Mapping[str, Any]], share: int | None) -> "Hello":
        """How many workers may have this one's GPU, and what keeps it from work; empty if nothing does.

        Parameters
        ----------
        wanted : str
            The version of audioviz.
        token : str
            A key that is in the store.
        documents : sequence of mappings
            Projects, one of each model and size that will be asked for.
        share : int, optional
            How many have the GPU; None if it is this one's alone, and is to be measured.
        """
        if (own := version("audioviz")) != wanted:
            return 1, f"audioviz {own} where {wanted} is wanted: install the same there"
        store = store_at_once(self._place)
        unseen = f"it does not see the store {store.place}: give a folder that all machines share, or s3://..."
        try:
            if store.get(token) is None:
                return 1, unseen
        except AudiovizError as error:
            return 1, str(error) if "://" in self._place else unseen
        projects = [project_of(dict(document)) for document in documents]
        try:
            for project in projects:
                check_look(project.look)
            return (_measured_share(projects) if share is None else _kept_to(share)), ""
        except AudiovizError as error:
            return 1, f"{error} (each machine needs the model)"

    def carry_out(self, order: Order) -> tuple[FilmPlan | Made | None, AudiovizError | None]:
        """What is ordered, or why it cannot be made."""
        from audioviz.farm.maker import Maker, carried_out  # which needs torch

        store = Store(self._place)
        self._maker = self._maker or Maker(store)
        try:
            return carried_out(self._maker, order, store), None
        except AudiovizError as error:
            return None, error.with_traceback(None)


def store_at_once(place: str) -> Store:
    """A store that tells its trouble without waiting for the end of it."""
    return Store(place, pause=lambda _: None)


Hello = tuple[int, str]  # builtins alone, which other versions can read too


def _measured_share(projects: Sequence[Project]) -> int:
    """How many workers the GPU that is here has memory for, by the project that takes most."""
    import torch

    if not torch.cuda.is_available():
        return 1
    from audioviz.models.memory.placement import free_bytes
    from audioviz.rendering.estimate import settings_of
    from audioviz.rendering.gpu_memory import bytes_wanted

    device = torch.device("cuda")
    taken = [bytes_wanted(project.look, settings_of(project)[1].size, device) for project in projects]
    return share_of(free_bytes(device), taken)


def share_of(free: int, taken: Sequence[int | None]) -> int:
    """How many workers fit in so many bytes; one where it is not known what they take."""
    if not taken or None in taken:
        return 1
    return max(1, free // (max(one for one in taken if one is not None) + BESIDE))


def _kept_to(share: int) -> int:
    """Keep to the memory of a part of the GPU, so that what this worker does with it does not depend on others."""
    if share > 1:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(1 / share)
    return share
