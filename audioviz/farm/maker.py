"""Maker: what a worker does. It plans films, samples pieces of runs, and makes the pictures of chunks."""

import logging
import platform
import traceback
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.digests import json_digest
from audioviz.errors import AudiovizError, AudiovizWarning, Defect
from audioviz.farm.carried import with_files
from audioviz.farm.faults import NotThere, OtherWorker, StoreError, log_name
from audioviz.farm.films import Chunk, FilmPlan, Made, Order
from audioviz.farm.one_chunk import OneChunk, read_piece
from audioviz.farm.runs import film_plan
from audioviz.farm.store import Store
from audioviz.models.model import Model
from audioviz.project import Project
from audioviz.project.look import Look
from audioviz.project.project import document_of
from audioviz.rendering.batches import sampled_latents
from audioviz.rendering.chunk_loop import make_pictures
from audioviz.rendering.finish import PicturesSpoilt
from audioviz.rendering.memory import out_of_memory_explained, pictures_of_one_kind
from audioviz.rendering.plans import Known
from audioviz.rendering.prepare import Notes, Prepared, prepared
from audioviz.rendering.render import inputs_of, load_model_of, loaded_of
from audioviz.sampling.frame import NotFinite
from audioviz.video.chunks import Latents, tensor_bytes

MOST_OPEN = 2  # films that a worker keeps prepared


@dataclass(frozen=True, eq=False)
class _Open:
    """A film that is prepared, and what was read for it."""

    ready: Prepared
    plan: FilmPlan
    known: Known = field(default_factory=Known)


class Maker:
    """Makes what is ordered, and puts it into a store; its model and the last films stay prepared.

    Parameters
    ----------
    store : Store
    device : str, optional
        Which a project's "auto" means here.
    cache : folder, optional
        For the files of films that are not on this machine.
    """

    def __init__(self, store: Store, *, device: str | None = None, cache: Path | None = None):
        self._store, self._device, self._cache = store, device, cache
        self._films: dict[str, _Open] = {}
        self._model: tuple[tuple[Look, frozenset[str]], Model] | None = None
        self._last: tuple[str, Tensor] | None = None  # the piece that was sampled last, and its last latent

    def carry_out(self, order: Order) -> FilmPlan | Made:
        """What is ordered.

        Raises
        ------
        AudiovizError
            What is wrong with it, or with this worker.
        NotThere
            If what it is made of was lost from the store.
        """
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", AudiovizWarning)
            try:
                made = self._carry_out(order)
            except PicturesSpoilt:  # as `make_video` does: once more, with pictures in a wider type
                made = None
            if made is None:
                assert self._model is not None
                self._model[1].autoencoder.watched = True
                self._films.clear()
                made = self._carry_out(order)
        notes = [str(one.message) for one in said if issubclass(one.category, AudiovizWarning)]
        return replace(made, notes=tuple(dict.fromkeys(notes)))

    def _carry_out(self, order: Order) -> FilmPlan | Made:
        film = self._open(order)
        if order.kind == "plan":
            return film.plan
        if order.kind == "prepare":
            return Made(pictures=False)
        _check_same(order, film.plan)
        with (
            out_of_memory_explained("at {}x{}".format(*film.ready.settings.size)),
            pictures_of_one_kind(film.ready.model.autoencoder),
        ):
            return self._sample(film, order.number) if order.kind == "sample" else self._finish(film, order.number)

    def _open(self, order: Order) -> _Open:
        project = with_files(order.film, self._store, self._cache)
        if self._device and project.look.device == "auto":
            project = project.changed(device=self._device)
        key = json_digest([document_of(project), project.schedule.trusted, str(order.film.out)])
        found = self._films.pop(key, None)
        if found is None or order.tiled not in (None, found.plan.tiled):
            while len(self._films) >= MOST_OPEN:
                del self._films[next(iter(self._films))]
            found = self._prepared(project, order)
        self._films[key] = found
        return found

    def _prepared(self, project: Project, order: Order) -> _Open:
        inputs = inputs_of(project, load=self._load)
        inputs.model.autoencoder.sound = None
        ready = prepared(
            project,
            inputs.song,
            inputs.schedule,
            inputs.model,
            part=inputs.part,
            out=order.film.out,
            resume=False,
            tiled=order.tiled,
            notes=Notes(),
        )
        return _Open(ready, film_plan(ready, inputs.song, inputs.schedule))

    def _load(self, look: Look, unfused: frozenset[str]) -> Model:
        wanted = loaded_of(look), unfused
        if self._model is None or self._model[0] != wanted:
            self._model, model = None, None  # the one before is let go of first
            self._films.clear()
            model = load_model_of(look, unfused)
            self._model = wanted, model
        return self._model[1]

    def _sample(self, film: _Open, number: int) -> Made:
        plan, piece = film.plan, film.plan.pieces[number]
        chunk = next(chunk for chunk in plan.chunks if number in chunk.pieces)
        before = self._latent_before(piece.after)
        latents = sampled_latents(
            film.ready.model,
            film.ready.table,
            film.ready.settings,
            film.ready.batches,
            guides=film.ready.guides,
            first=piece.frames.start,
            before=before,
            decode=film.ready.decode,
            known=film.known,
        )
        with closing(latents):
            pictures = len(chunk.pieces) == 1 and self._is_ready(plan, chunk)
            if pictures:
                self._make_pictures(film, chunk, self._remembered(piece.key, latents))
            else:
                self._store.put(piece.key, tensor_bytes(self._sampled(film, piece.frames, piece.key, latents).arrays))
        return Made(pictures)

    def _finish(self, film: _Open, number: int) -> Made:
        self._make_pictures(film, film.plan.chunks[number], None)
        return Made(True)

    def _make_pictures(self, film: _Open, chunk: Chunk, sampled: Iterator[Tensor] | None) -> None:
        ready = film.ready
        with (
            OneChunk(film.plan, chunk, self._store, ready.pictures, sampled=sampled is not None) as work,
            tqdm(disable=True) as bar,
        ):
            make_pictures(
                iter(()) if sampled is None else sampled,
                ready.finisher,
                work,
                logging.getLogger("audioviz.farm"),
                bar,
                part=ready.table.part,
                keep_decoded=False,
            )

    def _is_ready(self, plan: FilmPlan, chunk: Chunk) -> bool:
        """Whether all that a chunk needs besides its own latents is there."""
        needed = [plan.pieces[chunk.pieces.start - 1].key] if chunk.looks_back else []
        needed += [chunk.after] if chunk.after else []
        return not needed or set(needed) <= self._store.keys(plan.folder)

    def _latent_before(self, key: str) -> Tensor | None:
        if not key:
            return None
        if self._last and self._last[0] == key:
            return self._last[1]
        return torch.from_numpy(read_piece(self._store, key).last.copy())

    def _remembered(self, key: str, latents: Iterator[Tensor]) -> Iterator[Tensor]:
        """Latents, the newest of which is remembered as the last of a piece."""
        for latent in latents:
            self._last = key, latent
            yield latent

    def _sampled(self, film: _Open, frames: range, key: str, latents: Iterator[Tensor]) -> Latents:
        shown, latent = [], torch.empty(0)
        for i, latent in zip(frames, self._remembered(key, latents)):
            if not torch.isfinite(latent).all():
                error = NotFinite(film.ready.table.part[i])
                if film.ready.finisher.sound.all():
                    raise error
                raise film.ready.finisher.spoilt(f"frame {error.frame}", sure=False) from error
            shown.append(latent.half().cpu())
        return Latents(torch.cat(shown).numpy(), latent.cpu().numpy())


def _check_same(order: Order, plan: FilmPlan) -> None:
    """Raise OtherWorker where this worker's plan of a film has not what is ordered."""
    parts = plan.pieces if order.kind == "sample" else plan.chunks
    if order.number < len(parts) and parts[order.number].key == order.key:
        return
    wanted, own = _flat(order.identity), _flat(plan.identity)
    other = [
        f"{name} {own.get(name)} where {wanted.get(name)} is wanted"
        for name in sorted({*wanted, *own})
        if wanted.get(name) != own.get(name)
    ]
    raise OtherWorker(
        f"{', '.join(other) or 'the schedule or what it reads is another there'}: it would make other pictures"
    )


def _flat(identity: dict) -> dict:
    return {name: value for name, value in identity.items() if name != "versions"} | identity.get("versions", {})


def carried_out(maker: Maker, order: Order, store: Store) -> FilmPlan | Made:
    """What is ordered; where it fails the whole traceback goes into the store, as `log_name` tells."""
    try:
        return maker.carry_out(order)
    except (NotThere, StoreError):
        raise
    except AudiovizError:
        _log(order, store)
        raise
    except Exception as error:
        _log(order, store)
        raise Defect(f"an error of audioviz's own ({type(error).__name__}: {error!s:.200})") from error


def _log(order: Order, store: Store) -> None:
    about = f"{order.kind} {order.number} of {order.film.out}: {order.key}\n{platform.node()}\n\n"
    with suppress(AudiovizError):  # the store may be what fails
        store.log(log_name(order), about + traceback.format_exc())
