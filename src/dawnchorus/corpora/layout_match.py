"""What the kinds of layout share: their result, and names of columns and words that people use.

* `Layout`: an adapter with its settings.
* `column_for`: the column of a table that means something, by the names that people give it.
* `table_head`: header and first rows of a table.
* `best_folder`: the folder of audio files that has most of some stems.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dawnchorus.corpora.folder_survey import Survey, first_bytes
from dawnchorus.formats.audio_names import composed, is_audio

ROWS_READ = 500  # of a table, to see what its columns hold
NEGATIVE = frozenset({
    "nobird", "nobirds", "none", "noise", "background", "empty", "negative", "absent", "absence",
    "nothing", "nocall", "nosignal", "silence", "other",
})  # fmt: skip
# Names of columns, plain (see `plain`), by what they mean; the first that there is counts.
COLUMNS = {
    "labels": (
        "labels", "label", "species", "scientificname", "speciesname", "class", "classes",
        "classname", "category", "primarylabel", "ebirdcode", "commonname", "birdname", "bird",
        "hasbird", "presence", "present", "target", "sound", "calltype", "annotation", "tag", "tags",
        "art", "vogelart", "espece", "especie",
    ),
    "recordist": ("recordist", "author", "recordedby", "recorder", "contributor", "observer", "rec",
                  "beobachter"),
    "site": ("site", "location", "locality", "station", "place", "plot", "loc", "recorderid"),
    "individual": ("individual", "birdid", "ring", "animal"),
    "session": ("session", "group", "source", "srcfile", "sources", "parent", "deployment"),
    "date": ("date", "day", "night", "recordingdate"),
    "fold": ("fold", "folds"),
    "split": ("split", "subset", "partition", "usage"),
}  # fmt: skip
SPLITS = {
    "train": "train", "training": "train", "dev": "train", "development": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip


class Layout(NamedTuple):
    """An adapter that reads a folder: ``settings`` of the corpus, and ``said`` what they rest on."""

    name: str
    settings: dict[str, Any]
    said: list[str]


class Head(NamedTuple):
    """Header and first rows of a table, each row as long as the header."""

    columns: list[str]
    rows: list[list[str]]

    def values(self, column: str) -> list[str]:
        """Return the stripped fields of a column."""
        index = self.columns.index(column)
        return [row[index].strip() for row in self.rows]


def plain(name: str) -> str:
    """Return a name in lower case without blanks, hyphens, underscores and signs."""
    return re.sub(r"[\W_]+", "", composed(name)).casefold()


def column_for(meaning: str, columns: Sequence[str]) -> str | None:
    """Return the column that means this, or None."""
    by_plain = {plain(column): column for column in reversed(columns)}
    return next((by_plain[name] for name in COLUMNS[meaning] if name in by_plain), None)


def table_head(path: str, delimiter: str = ",") -> Head | None:
    """Return the head of a table; None where the file is none."""
    text = first_bytes(path)
    is_cut = len(text) >= 65_000
    lines = text.splitlines()[: -1 if is_cut else None]
    if not lines or "\0" in text:
        return None
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines[: ROWS_READ + 1])), delimiter=delimiter))
    except csv.Error:
        return None
    rows = [row for row in rows if row]
    columns = [name.strip() for name in rows[0]] if rows else []
    if not columns or len(set(columns)) < len(columns):
        return None
    return Head(columns, [row for row in rows[1:] if len(row) == len(columns)])


def stem_of(name: str) -> str:
    """Return the name of a file without folders and without the extension of audio."""
    name = re.split(r"[/\\]", name)[-1]
    return composed(name.rpartition(".")[0] if is_audio(name) else name)


def folders_with(survey: Survey, stems: Iterable[str]) -> dict[str, int]:
    """Return the folders of audio files that have some of these stems, with how many each has."""
    wanted = set(stems)
    counts = {
        folder: len(wanted & {stem_of(name) for name in names})
        for folder, names in survey.audio.items()
    }
    return {folder: count for folder, count in counts.items() if count}


def best_folder(survey: Survey, stems: Iterable[str], near: str = "") -> str | None:
    """Return the folder that has most of these stems, at least half; of equals the one called near."""
    wanted = set(stems)
    counts = folders_with(survey, wanted)
    if not counts:
        return None
    best = max(counts, key=lambda folder: (counts[folder], folder.rpartition("/")[2] == near))
    return best if 2 * counts[best] >= len(wanted) else None
