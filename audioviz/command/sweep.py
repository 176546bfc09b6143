"""`audioviz sweep`: drafts of every combination of some values, to choose from."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioviz.command.making import Ways, farm_options, make_by_workers
from audioviz.command.options import (
    FilePath,
    duration_option,
    fps_option,
    grid_options,
    look_options,
    model_options,
    options,
    schedule_options,
    song_argument,
    start_option,
    stem_option,
    to_project,
    to_settings,
    trust_option,
)
from audioviz.command.output import each_warning_once, say
from audioviz.command.render import make_folder
from audioviz.errors import AudiovizError, InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audioviz.audio.song import Song
    from audioviz.farm.combinations import Parameter, Value
    from audioviz.farm.drafts import Draft, Drawn
    from audioviz.insight.reaction import Reaction
    from audioviz.project import Project

MOST = 100  # combinations that are made without being asked again
TEXTS = ("prompt", "negative")  # in which a comma is a comma
AROUND = (
    "varied",
    "sample",
    "out",
    "settings",
    "stems",
    "start",
    "duration",
    "on",
    "store",
    "threads",
)  # options that are not varied


@click.command()
@song_argument
@click.option(
    "--vary",
    "varied",
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="What to try, once for each NAME: a setting of the schedule, an option of this command without its dashes, or "
    "a column, as a number or a formula. punch=0.2,0.5,0.8; 'prompt=neon nebula|gold mandala'.",
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Make N of the combinations, always the same ones.")
@click.option("--yes", is_flag=True, help=f"Make more than {MOST} of them.")
@click.option("-o", "--out", type=FilePath(), metavar="DIR", help="The folder; if not given, SONG-sweep, here.")
@options(*schedule_options, stem_option, fps_option, start_option, *grid_options)
@duration_option("Seconds of each draft; 4 if not given. Without --start it begins where the song is liveliest.")
@options(*model_options, *look_options, trust_option)
@options(*farm_options)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sweep(song, varied, sample, yes, out, start, duration, trust, on, store, json_progress, quiet, **typed) -> None:
    """Make a short draft of SONG with each combination of values, a table of them, and a project of the best."""
    from audioviz.farm.combinations import combinations, count_of
    from audioviz.farm.drafts import (
        SECONDS,
        best_of,
        check_combinations,
        check_schedules,
        drafts_of,
        listener,
    )
    from audioviz.farm.reports import BEST, CSV, SHEET, write_reports
    from audioviz.files import check_apart
    from audioviz.rendering.check import files_of

    ways = Ways.of(on, store, json_progress=json_progress, quiet=quiet)
    film = to_project(song, typed, trust=trust)
    duration = duration or SECONDS
    film.changed(start=start or 0.0, duration=duration)
    parameters = to_parameters(varied, film, to_settings(typed["settings"]))
    count = min(count_of(parameters), sample or sys.maxsize)
    if count > MOST and not yes:
        raise InputError(
            f"--vary: {count} combinations; --sample {MOST} makes so many of them, and --yes makes more than {MOST}"
        )
    folder = out or Path(f"{song.stem}-sweep")
    wanted = combinations(film, parameters, sample=sample)
    check_combinations(wanted, folder)
    hear = listener()
    drafts = drafts_of(wanted, folder, hear=hear, start=start, duration=duration)
    check_apart([folder / name for name in (CSV, SHEET, BEST)], [song, *files_of(film)])
    with each_warning_once():
        check_schedules(drafts, hear=hear)
        make_folder(folder)
        drawn = make_all(drafts, ways, hear=hear)
    for path in write_reports(drawn, parameters, folder):
        click.echo(path)
    best = best_of(drawn)
    if best and best.reaction:
        values = ", ".join(f"{name} {text}" for name, text in best.draft.combination.values.items())
        say(f"best by correlation of change with kicks, {best.reaction.correlation:.2f}: {values}")
    else:
        say("no draft is the best, for none has kicks to follow: each has its project beside it")
    failed = [one for one in drawn if one.error]
    for one in failed:
        say(f"{one.draft.out.name} failed: {one.error}")
    if failed:
        sys.exit(2)


def make_all(drafts: "Sequence[Draft]", ways: Ways, *, hear: "Callable[[Project], Song]") -> "list[Drawn]":
    """Make the drafts, here or by workers."""
    from audioviz.command.json_progress import JsonBar
    from audioviz.farm.drafts import Drawn, make_drafts, measure_draft
    from audioviz.farm.films import Film

    if ways.on is None:
        return make_drafts(drafts, hear=hear, progress=JsonBar("drafts") if ways.json_progress else not ways.quiet)
    reactions: dict[int, Reaction] = {}

    def measure(number: int) -> None:
        reactions[number] = measure_draft(drafts[number], hear(drafts[number].project))

    errors: dict[Path, AudiovizError | None] = {}
    films = [Film(draft.project, draft.out) for draft in drafts]
    make_by_workers(films, ways, end=lambda film, error: errors.update({film.out: error}), made=measure)
    return [Drawn(draft, reactions.get(i), errors[draft.out]) for i, draft in enumerate(drafts)]


def to_parameters(varied: tuple[str, ...], film: "Project", settings: dict[str, str]) -> list["Parameter"]:
    """What each `--vary NAME=VALUES` asks for.

    Parameters
    ----------
    settings : of the schedule, as typed
        Which another schedule keeps.

    Raises
    ------
    InputError, ScheduleError
        If a name is unknown or there twice, or a value is none.
    """
    from audioviz.farm.combinations import Parameter
    from audioviz.farm.drafts import schedule_settings

    pairs = [(name.strip(), text) for name, _, text in (one.partition("=") for one in varied)]
    split = {name: _values(name, text) for name, text in pairs}
    if len(split) < len(pairs):
        raise InputError(
            f"--vary: {max(split, key=[name for name, _ in pairs].count)} is there twice; give all values at once"
        )
    known = schedule_settings(film, split.get("schedule", []))
    return [Parameter(name, [_value(name, text, known, settings) for text in texts]) for name, texts in split.items()]


def _values(name: str, text: str) -> list[str]:
    """Texts between `|`, where there is one, or else between commas; prompts and formulas keep theirs."""
    separator = "|" if "|" in text or name in TEXTS or "(" in text else ","
    values = [part.strip() for part in text.split(separator) if part.strip()]
    if not values:
        raise InputError(
            f"--vary {name}: expected NAME=VALUES, such as punch=0.2,0.5,0.8 or 'prompt=neon nebula|gold mandala'"
        )
    if len(set(values)) < len(values):
        raise InputError(f"--vary {name}: {max(values, key=values.count)} is there twice")
    return values


def _value(name: str, text: str, known: list[str], settings: dict[str, str]) -> "Value":
    """A value of a setting of the schedule, of an option, or of a column."""
    from audioviz.farm.combinations import Value
    from audioviz.schedule.columns import COLOUR, COLUMNS, is_column
    from audioviz.schedule.lanes import Lane

    context = click.get_current_context()
    varied = {
        option.opts[-1].lstrip("-").replace("-", "_"): option
        for option in context.command.params
        if isinstance(option, click.Option) and not option.is_flag and option.name not in AROUND
    }
    plain = name.replace("-", "_")
    option = varied.get(plain)
    if plain == "seed" or plain in known:
        return Value(text, {"settings": {plain: text}})
    if is_column(name) and (option is None or _is_number(text)):
        lane = Lane(keys={"0s": text}) if name == COLOUR else Lane(expression=text)
        return Value(text, lanes={name: lane})
    if option is None:
        hint = nearest(plain, [*known, *varied, *COLUMNS])
        raise InputError(
            f"--vary {name}: nothing has this name{hint}: the schedule has {', '.join(known) or 'no settings'}; "
            f"options are {', '.join(varied)}; columns are {', '.join(COLUMNS)} or lora:NAME"
        )
    try:
        value: Any = option.type_cast_value(context, [text] if option.multiple else text)
    except click.BadParameter as error:
        raise InputError(f"--vary {name}={text}: {error.message}") from error
    return Value(text, {str(option.name): value} | ({"settings": settings} if option.name == "schedule" else {}))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
