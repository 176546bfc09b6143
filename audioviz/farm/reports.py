"""What a sweep leaves beside its drafts: their figures as CSV, a contact sheet as a table, and their projects."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from audioviz.farm.combinations import Parameter
from audioviz.farm.drafts import Drawn, best_of
from audioviz.files import remove, text_or_file
from audioviz.insight.table import Tile, table_sheet
from audioviz.project import save_project

CSV, SHEET, BEST = "sweep.csv", "sheet.png", "best.avz"


def write_reports(drawn: Sequence[Drawn], parameters: Sequence[Parameter], folder: Path) -> list[Path]:
    """Write the reports of drafts that were made, in the order of the values, and give those that say it shortest.

    Raises
    ------
    InputError
        If one cannot be written.
    """
    order = {parameter.name: [value.text for value in parameter.values] for parameter in parameters}
    drawn = sorted(drawn, key=lambda one: [order[name].index(v) for name, v in one.draft.combination.values.items()])
    best, csv_file, sheet = best_of(drawn), folder / CSV, folder / SHEET
    text_or_file(figures_to_csv(drawn), csv_file)
    for one in drawn:
        save_project(one.draft.combination.project, one.draft.out.with_suffix(".avz"))
    tiles = [
        Tile(tuple(map(" ".join, one.draft.combination.values.items())), one.draft.out, caption(one))
        for one in drawn
        if one.reaction
    ]
    last = parameters[-1]
    columns = [f"{last.name} {value.text}" for value in last.values]
    for path in (sheet, folder / BEST):
        remove(path)  # of an earlier sweep
    if tiles:
        table_sheet(tiles, sheet, columns=columns, marked=best and best.draft.out)
    if best:
        save_project(best.draft.combination.project, folder / BEST)
    return [path for path in (sheet, csv_file, folder / BEST) if path.is_file()]


def caption(drawn: Drawn) -> str:
    """The name of a draft, and how well it follows the kicks."""
    found = drawn.reaction.correlation if drawn.reaction else math.nan
    return drawn.draft.out.stem + ("" if math.isnan(found) else f"  kicks {found:.2f}")


def figures_to_csv(drawn: Sequence[Drawn]) -> str:
    """A row for each draft: its video, its values, and its figures, which are empty where there is none."""
    text = io.StringIO()
    names = [*drawn[0].draft.combination.values]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["video", *names, "kicks", "correlation", "hits", "loud_to_quiet"])
    for one in drawn:
        found = asdict(one.reaction).values() if one.reaction else [math.nan] * 4
        figures = ["" if math.isnan(value) else f"{value:.4g}" for value in found]
        writer.writerow([one.draft.out.name, *one.draft.combination.values.values(), *figures])
    return text.getvalue()
