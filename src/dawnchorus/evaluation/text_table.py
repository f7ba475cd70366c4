"""Text of one screen: plain aligned tables, cut where the screen ends.

* `screen`: a title, tables and remarks, with as many rows as fit.
* `titled`, `excluded`: the first line, and a remark.
* `with_interval`, `number`, `listed`, `cut`: what stands in a cell.
* `MARKS`: signs behind a name that say why its score is better than it should be.

Not rich's tables: these cut names and rows so that the text fits the screen, keep the marks of a name
that is cut, and are files with equal bytes wherever they are written.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

LINES, COLUMNS = 45, 100
NAME = 22  # columns for a name outside the tables
MARKS = {
    "teachers_saw_fold": "*",
    "chose_epoch": "+",
    "split_groups": "!",
    "transductive": "^",
    "seen_in_pretraining": "~",
}
_LISTED = 5  # names in a remark

Table = tuple[Sequence[str], Sequence[Sequence]]


def screen(
    title: str,
    tables: Sequence[Table],
    remarks: Sequence[str],
    source: str,
    ranks: Sequence[int] = (),
) -> str:
    """Return a text of at most `LINES` lines of `COLUMNS` columns that ends in a line feed.

    Parameters
    ----------
    title : str
        First line.
    tables : sequence of (header, rows)
        A column title starts with "<" for names (left), "=" for other text (left) or ">" (right).
        A table without rows and a column with nothing in it are left out.
    remarks : sequence of str
        Last lines.
    source : str
        The file that has what is left out here.
    ranks : sequence of int, optional
        Of each table; those of a higher rank lose rows first, down to one each. Without ranks all
        lose them at once.
    """
    ranks = list(ranks) or [0] * len(tables)
    most = dict.fromkeys(ranks, max((len(rows) for _, rows in tables), default=1) or 1)
    limits = [dict(most)]
    for lowered in sorted(most, reverse=True):
        for limit in range(most[lowered] - 1, 0, -1):
            most[lowered] = limit
            limits.append(dict(most))
    # the first choice that fits, from all rows down to one of each table
    for shown in ([rows_of[rank] for rank in ranks] for rows_of in limits):
        lines = [title]
        for n_shown, (header, rows) in zip(shown, tables, strict=True):
            lines += ["", *_table(header, rows, n_shown, source)] if rows else []
        lines += ["", *remarks] if remarks else []
        if len(lines) <= LINES:
            break
    # remarks are cut last: they say how the scores are to be read
    if len(lines) > LINES:
        left = len(lines) - LINES + 1
        lines = [*lines[: LINES - 1], f"and {left} more remarks; what they say is in {source}"]
    return "".join(f"{cut(line, COLUMNS).rstrip()}\n" for line in lines)


def titled(name: str, about: str) -> str:
    """Return the first line: the name of an experiment, cut, and what the text is about."""
    return cut(name, min(NAME, COLUMNS - len(about))) + about


def excluded(name: str, found: Mapping) -> Iterator[str]:
    """Yield the remark on excluded recordings of a test subset, by code, where there are any."""
    if found["excluded"]:
        codes = [f"{code} {n}" for code, n in sorted(found["excluded_by_code"].items())]
        yield f"excluded of {cut(name, NAME)}: {', '.join(codes)}"


def with_interval(found: Mapping, key: str, form: str = ".3f") -> str:
    """Return a value with its ``low`` and ``high``."""
    low, high = (number(found[side], form) for side in ("low", "high"))
    return f"{number(found[key], form)} [{low}, {high}]"


def number(value: float | None, form: str = ".3f") -> str:
    """Return a number, or ``n/a`` for None and NaN."""
    return "n/a" if value is None or math.isnan(value) else format(value, form)


def listed(names: Sequence[str]) -> str:
    """Return the first names, cut to `NAME` columns, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(cut(name, NAME) for name in names[:_LISTED]) + more


def cut(name: str, width: int) -> str:
    """Return the beginning of a name that is too wide, and the marks at its end."""
    if len(name) <= width:
        return name
    # marks stay: they say why a score is too good
    head, _, marks = name.rpartition(" ")
    is_marked = head and marks and set(marks) <= set("".join(MARKS.values()))
    end = f"... {marks}" if is_marked else "..."
    return f"{name[: width - len(end)]}{end}"


def _table(header: Sequence[str], rows: Sequence[Sequence], most: int, source: str) -> list[str]:
    """Return aligned lines, names cut as far as the screen is narrow."""
    filled = [any(str(cell) for cell in column) for column in zip(*rows, strict=True)]
    header, *rows = (list(compress(row, filled)) for row in (header, *rows))
    # 30 columns are enough for most names, below 10 they say nothing
    for width in range(30, 10, -1):
        shown = [
            [cut(str(cell), width if title[0] == "<" else COLUMNS) for cell, title in cells]
            for cells in (zip(row, header, strict=True) for row in rows[:most])
        ]
        titles = [title[1:] for title in header]
        widths = [max(map(len, column)) for column in zip(titles, *shown, strict=True)]
        if sum(widths) + 2 * (len(widths) - 1) <= COLUMNS:
            break
    lines = [
        "  ".join(
            cell.rjust(width) if title[0] == ">" else cell.ljust(width)
            for cell, width, title in zip(row, widths, header, strict=True)
        )
        for row in (titles, *shown)
    ]
    left = len(rows) - len(shown)
    return lines + ([f"  and {left} more in {source}"] if left else [])
