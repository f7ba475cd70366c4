"""``dawnchorus summarise``: detections by class, site, date and hour, against the hours recorded.

Written to a folder: ``counts.csv`` (a row for each class, site, date and hour with detections),
``effort.csv`` (recorded hours of each site, date and hour, also of those without a detection) and
``activity.png``.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping

from dawnchorus.exported import detection_counts, detections
from dawnchorus.exported.detection_counts import Cell
from dawnchorus.formats import annotation, label_sheet
from dawnchorus.runtime import artefacts

_SHOWN = 15  # rows of a table on the terminal


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "summarise", help="count detections by class, site, date and hour, as tables and a picture"
    )
    parser.add_argument(
        "detections", nargs="+", metavar="DETECTIONS", help="tables of `dawnchorus predict`"
    )
    parser.add_argument("--out", required=True, metavar="FOLDER", help="what is written")
    parser.add_argument(
        "--effort",
        metavar="PATH",
        help="all that was recorded: the folder that the paths in the tables start from, or that was "
        "given to `predict`, or a CSV with columns file and duration (s), and as far as known site and "
        "time",
    )
    parser.add_argument(
        "--threshold",
        default="0",
        metavar="SCORE",
        help="least score that counts: a number, or a CSV with columns class and threshold",
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Count, write and draw; return the exit status."""
    import pyarrow as pa

    table = pa.concat_tables([detections.read(path) for path in arguments.detections])
    thresholds = read_thresholds(arguments.threshold)
    recordings, unreadable = [], []
    if arguments.effort is not None:
        recordings, unreadable = detection_counts.read_effort(arguments.effort)
    for sentence in unreadable:
        print(f"warning: left out of the effort: {sentence}", file=sys.stderr)
    is_folder = arguments.effort is not None and os.path.isdir(arguments.effort)
    root = arguments.effort if is_folder else None
    counts = detection_counts.counts_of(table, thresholds, recordings, root)
    effort = detection_counts.effort_of(recordings) if recordings else None
    rows = []
    for (label, cell), n in counts.items():
        hours = (effort or {}).get(cell)
        rate = f"{n / hours:.6g}" if hours else ""
        rows.append((label, *cell, n, "" if hours is None else f"{hours:.6g}", rate))
    folder = arguments.out
    columns = ("class", *Cell._fields, "detections", "hours", "per_hour")
    artefacts.write_table(os.path.join(folder, "counts.csv"), columns, rows)
    if effort is not None:
        own = [(*cell, f"{hours:.6g}") for cell, hours in effort.items()]
        artefacts.write_table(os.path.join(folder, "effort.csv"), (*Cell._fields, "hours"), own)
    # before anything is printed: `dawnchorus summarise ... | head` ends the command
    try:
        # imported here: tables are written without Matplotlib too
        from dawnchorus.plots import activity_plot

        title = f"{sum(counts.values())} detections"
        activity_plot.draw_activity(counts, effort, os.path.join(folder, "activity.png"), title)
    except ModuleNotFoundError as error:
        print(f"note: no picture, as {error.name} is not installed", file=sys.stderr)
    except ValueError as error:
        print(f"note: {error}", file=sys.stderr)
    print("\n".join(_lines(counts, effort)))
    print(f"\nwritten to {folder}")
    return 0


def read_thresholds(text: str) -> float | dict[str, float]:
    """Return a threshold, or those of classes from a CSV with columns ``class`` and ``threshold``."""
    try:
        return float(text)
    except ValueError:
        pass
    if not os.path.isfile(text):
        raise ValueError(f"--threshold {text!r}; expected a number or a CSV of thresholds")
    sheet = label_sheet.read_sheet(text)
    names, values = (label_sheet.column(sheet, name) for name in ("class", "threshold"))
    return {
        name: float(annotation.parse_number(value, "threshold", f"{text}, line {line}"))
        for name, value, line in zip(names, values, sheet.lines, strict=True)
    }


def _lines(
    counts: Mapping[tuple[str, Cell], int], effort: Mapping[Cell, float] | None
) -> Iterable[str]:
    """Yield the totals by class, site, date and hour of the day as aligned text."""
    recorded = sum((effort or {}).values())
    known = f"in {recorded:.1f} recorded hours" if effort else "(no --effort, so no rates)"
    yield f"{sum(counts.values())} detections {known}"
    untimed = sum(n for (_, cell), n in counts.items() if not cell.date)
    if untimed:
        yield f"{untimed} of them have no time: the names of their recordings tell none"
    for title in ("class", *Cell._fields):
        found: dict[str, int] = {}
        hours: dict[str, float] = {}
        for (label, cell), n in counts.items():
            key = label if title == "class" else getattr(cell, title)
            found[key] = found.get(key, 0) + n
        for cell, own in (effort or {}).items():
            key = "" if title == "class" else getattr(cell, title)
            hours[key] = hours.get(key, 0.0) + own
        keys = sorted(found.keys() | (hours.keys() if title != "class" else set()))
        if title == "class":
            keys.sort(key=lambda key: -found[key])
        if keys in ([], [""]):
            continue  # no site or time is known
        width = max(len(title), *(len(key) for key in keys[:_SHOWN]))
        yield f"\n{title:{width}}  detections" + "     hours  per hour" * bool(effort)
        for key in keys[:_SHOWN]:
            own = recorded if title == "class" else hours.get(key, 0.0)
            rate = f"{found.get(key, 0) / own:8.2f}" if own else ""
            yield f"{key or '-':{width}}  {found.get(key, 0):10}" + f"{own:10.2f}  {rate}" * bool(
                effort
            )
        if len(keys) > _SHOWN:
            yield f"and {len(keys) - _SHOWN} more in counts.csv"
