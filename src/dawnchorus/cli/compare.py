"""``dawnchorus compare``: runs side by side, or beside scores that were published.

* `run`: print differences, and write them with all else as one page.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

_PAGE = "comparison.html"


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("compare", help="runs side by side, or beside published scores")
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="results, such as results/demo"
    )
    parser.add_argument(
        "--against", metavar="FILE", help="published scores (JSON), or a metrics.json"
    )
    parser.add_argument("--out", metavar="PAGE", help=f"of several: {_PAGE}; of one: none")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare; return 0, or 1 where a score does not agree with the published one."""
    # a start of other commands is to stay quick
    from dawnchorus.evaluation import published_scores
    from dawnchorus.report import agreement_table, comparison_page, run_differences
    from dawnchorus.report.comparison_sections import DIFFERENCE_HEADER, difference_rows
    from dawnchorus.report.run_folder import read_asked

    given = list(dict.fromkeys(Path(folder) for folder in arguments.folders))
    names = [folder.absolute().name for folder in given]
    # by their paths where two have one name
    are_unique = len(set(names)) == len(names)
    folders = dict(zip(names if are_unique else map(str, given), given, strict=True))
    if len(folders) < 2 and arguments.against is None:
        raise ValueError(
            "one folder of results; expected two or more, or --against FILE with published scores"
        )
    out = arguments.out or (_PAGE if len(folders) > 1 else None)
    if out and not out.endswith(".html"):
        raise ValueError(f"--out {out}: expected a name that ends in .html")
    published = published_scores.read_published(arguments.against) if arguments.against else None
    read = {name: read_asked(folder) for name, folder in folders.items()}
    asked = {name: one for name, (one, _) in read.items()}
    compared = run_differences.compare_runs(
        asked, {name: results for name, (_, results) in read.items()}
    )
    found = agreement_table.agreements(compared.runs, published) if published else []
    source = published.source if published else ""
    if compared.differences:
        rows = difference_rows(compared.differences, compared)
        _print(DIFFERENCE_HEADER, rows, "paired differences", out)
    if found:
        rows = agreement_table.agreement_rows(found)
        _print(agreement_table.HEADER, rows, f"scores beside those of {source}", out)
    for note in compared.notes:
        print(note)
    if out:
        comparison_page.write_comparison(compared, out, found, source)
        print(f"{out}: {Path(out).stat().st_size / 1e6:.1f} MB")
    return 1 if any(one.found["agrees"] is False for one in found) else 0


def _print(header: Sequence[str], rows: list[tuple], title: str, out: str | None) -> None:
    from dawnchorus.evaluation import text_table

    # the page has all columns; its titles have ">" for numbers alone
    left = {">p"} if len({row[0] for row in rows}) > 1 else {">p", "run"}
    left |= {">difference"} if ">published" in header else set()
    kept = [column for column, title in enumerate(header) if title not in left]
    titles = [
        header[column] if header[column][0] == ">" else f"<{header[column]}" for column in kept
    ]
    rows = [tuple(row[column] for column in kept) for row in rows]
    print(text_table.screen(title, [(titles, rows)], [], out or "the page that --out FILE writes"))
