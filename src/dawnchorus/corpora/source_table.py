"""Which sources recordings are composed of, from a table beside them.

Recordings that share a source are not independent: a clip over the same rain as another is easy or hard
with it. The intervals of scores may take sources as their units (``evaluation.bootstrap``); nothing
that trains or predicts reads this table.

* `source_rows`: the sources of the recordings of a corpus, from a person's table.
* `sources_path`, `read_sources`: the table of a listed corpus, named by its digest as those of `tables`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora.tables import Recording, folder_of
from dawnchorus.formats import audio_names, label_sheet, parquet

SOURCES = ("id", "source")


def source_rows(
    settings: Mapping, recordings: Sequence[Recording]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return each recording with each of its sources, sorted, and notes.

    Parameters
    ----------
    settings : mapping
        ``path`` of a CSV; ``recording``: the column of recordings, each by its id, its file name or
        its stem, or what its id ends in after the last slash; ``sources``: the column of their sources;
        ``separator`` between several of a row. A recording may have several rows, and rows of
        recordings that are not there belong to another corpus.
    recordings : sequence of Recording

    Returns
    -------
    list of (id, source)
    list of str
        Blanks that were stripped, and how many recordings have no source.

    Raises
    ------
    ValueError
        Where the table cannot be read, lacks a column, has a name that may be of two recordings, or
        names no recording.
    """
    sheet = label_sheet.read_sheet(settings["path"])
    named: dict[str, set[str]] = {}
    for one in recordings:
        file = os.path.basename(one.path)
        for name in (one.id, one.id.rpartition("/")[2], file, file.rpartition(".")[0]):
            named.setdefault(audio_names.composed(name), set()).add(one.id)
    rows, names = set(), label_sheet.column(sheet, settings["recording"])
    for name, listed, line in zip(
        names, label_sheet.column(sheet, settings["sources"]), sheet.lines, strict=True
    ):
        found = named.get(audio_names.composed(name), set())
        if len(found) > 1:
            raise ValueError(
                f"{sheet.path}, line {line}: {name!r} may be {label_sheet.examples(sorted(found))}; "
                "expected a name that one recording has: write its id"
            )
        sources = map(str.strip, listed.split(settings["separator"]))
        rows |= {(one, source) for one in found for source in sources if source}
    if not rows:
        raise ValueError(
            f"{sheet.path} names no source of a recording: the first is {names[0]!r}, expected "
            f"names such as {recordings[0].id!r}"
        )
    notes, n_without = list(sheet.notes), len(recordings) - len({one for one, _ in rows})
    if n_without:
        notes.append(
            f"{n_without} recordings have no source in {os.path.basename(sheet.path)} and are resampled "
            "with their group"
        )
    return sorted(rows), notes


def sources_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the sources of a corpus' recordings with this digest lie."""
    return folder_of(results, corpus) / f"sources-{digest}.parquet"


def read_sources(path: str | Path) -> dict[str, list[str]]:
    """Return the sources of each recording that has some, by id."""
    found: dict[str, list[str]] = {}
    for identifier, source in zip(*parquet.read_columns(path, SOURCES).values(), strict=True):
        found.setdefault(identifier, []).append(source)
    return found
