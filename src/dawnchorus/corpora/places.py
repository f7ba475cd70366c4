"""Where the recordings of a listing lie: beside it, and no part of it.

A listing is named by the digest of its content, and a job repeats where that changes. So it does not
say where recordings lie: a folder that is moved repeats nothing. This table does, which the main
process replaces where they have moved. A job may read either version: it compares size and hash of
what it finds there with the listing.

* `path_of`: the table of a listing.
* `content_of`: its content.
* `read`: the path of each recording.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

COLUMNS = ("id", "path")
_SUFFIX = ".places"  # no ``.csv``: those of a corpus are named by their digests


def path_of(listing: str | Path) -> Path:
    """Return where the table of a listing is."""
    return Path(listing).with_suffix(_SUFFIX)


def content_of(rows: Iterable[tuple[str, str]]) -> bytes:
    """Return the table of recordings, each with its id and path, as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue().encode()


def read(listing: str | Path) -> dict[str, str]:
    """Return the path of each recording of a listing, by id.

    Raises
    ------
    ValueError
        Where the table is missing, or is none.
    """
    path = path_of(listing)
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); it says where recordings lie: start the "
            "workflow again, which writes it"
        ) from None
    if rows[:1] != [list(COLUMNS)]:
        raise ValueError(f"{path} has columns {rows[:1]}, expected {list(COLUMNS)}")
    return dict(rows[1:])
