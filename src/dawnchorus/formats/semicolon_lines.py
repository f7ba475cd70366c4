"""Files of semicolon-separated fields without a header, the format of the BirdCLEF challenges.

* `write_lines`, `read_lines`: these files, line by line.
* `check_table`, `check_unique`: what such a file can hold.
* `score_text`: a score as text.
* `best_classes`: the columns of the highest scores.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.runtime import artefacts

SEPARATOR = ";"
_SHOWN = 5  # offenders that a message names


def write_lines(path: str | Path, lines: Iterable[Sequence[str]]) -> int:
    """Write lines of fields (UTF-8, LF) and return their number; the file appears whole or not.

    Parameters
    ----------
    path : path
        A file of that name is replaced.
    lines : iterable of sequences of str
        May be a generator: a challenge has millions of lines.
    """
    digest, count = hashlib.sha256(), 0

    def check(temporary: Path) -> None:
        if artefacts.sha256(temporary) != digest.hexdigest():
            raise OSError(f"{path} reads back other bytes than were written; is the disk sound?")

    with artefacts.writing(path, check=check, rows=lambda: count) as temporary:
        with open(temporary, "wb") as file:
            for fields in lines:
                line = f"{SEPARATOR.join(fields)}\n".encode()
                digest.update(line)
                file.write(line)
                count += 1
    return count


def read_lines(path: str | Path, *kinds: Callable[[str], object]) -> Iterator[tuple]:
    """Yield the fields of each line.

    Parameters
    ----------
    path : path
    *kinds : callables
        What makes a value of each field and raises ValueError where it cannot, such as ``float``.

    Raises
    ------
    ValueError
        Naming the first line that has other fields.
    """
    with open(path, encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            fields = line.removesuffix("\n").split(SEPARATOR)
            try:
                values = tuple(kind(field) for kind, field in zip(kinds, fields, strict=True))
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number} is {line!r} ({error}); expected {len(kinds)} fields "
                    f"between {SEPARATOR!r}"
                ) from None
            yield values


def check_table(media_ids: Sequence[str], class_names: Sequence[str], scores: np.ndarray) -> None:
    """Reject scores and names that cannot be submitted.

    Parameters
    ----------
    media_ids : sequence of str
        Of N recordings or intervals.
    class_names : sequence of str
        C, without repeats.
    scores : array, shape (N, C)
        In [0, 1].

    Raises
    ------
    ValueError
        Where shapes do not fit, a name is empty or holds ``;`` or a line break, a class occurs
        twice or a score is not in [0, 1].
    """
    if scores.shape != (len(media_ids), len(class_names)):
        raise ValueError(
            f"scores {scores.shape} of {len(media_ids)} MediaIds and {len(class_names)} classes; "
            "expected a row for each MediaId and a column for each class"
        )
    _check_names("MediaIds", media_ids)
    _check_names("class names", class_names)
    check_unique("classes", class_names)
    # written so that NaN fails too
    bad = ~((scores >= 0) & (scores <= 1)).all(axis=1)
    if bad.any():
        named = [media_ids[index] for index in np.flatnonzero(bad)[:_SHOWN]]
        raise ValueError(
            f"{int(bad.sum())} rows have scores that are not in 0 to 1, of MediaIds {named!r}; "
            "expected the scores of an ensemble"
        )


def check_unique(what: str, names: Sequence) -> None:
    """Reject names of which two are the same."""
    if len(set(names)) < len(names):
        seen: set = set()
        repeated = [name for name in names if name in seen or seen.add(name)]
        raise ValueError(
            f"{len(repeated)} {what} occur twice: {repeated[:_SHOWN]!r}; expected each once"
        )


def score_text(score: float) -> str:
    """Return a score with 16 decimals, which is more than float32 has: no exponent, no ties."""
    return f"{score:.16f}"


def best_classes(scores: np.ndarray, best: int) -> list[int]:
    """Return the columns of the highest scores (C,), highest first; of equal ones the first."""
    return np.argsort(-scores, kind="stable")[:best].tolist()


def _check_names(what: str, names: Sequence[str]) -> None:
    bad = [name for name in names if SEPARATOR in name or name.splitlines() != [name]]
    if bad:
        raise ValueError(
            f"{len(bad)} {what} cannot stand in this file: {bad[:_SHOWN]!r}; expected text without "
            f"{SEPARATOR!r} and line breaks"
        )
