"""Settings that every corpus has; those of an adapter stand in its module in `corpora.adapters`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.section import ByName, Few, Settings, Share, SomeNames, Unit


class SourceTable(Settings):
    """The sources that recordings are composed of; intervals of scores can take them as units."""

    path: str
    """CSV with a row for each recording, or for each of its sources."""
    recording: str = "recording"
    """Column of recordings: id, file name or stem."""
    sources: str = "source"
    """Column of sources."""
    separator: Annotated[str, Field(min_length=1)] = ";"
    """Between the sources of a row."""


class CorpusSettings(Settings):
    """A named set of recordings with labels."""

    adapter: str
    """The layout of the data on disk."""
    shards: Annotated[Few, Unit("shards")] = 8
    """Units of preprocessing; part of the identity of the corpus."""
    recordings_per_job: Annotated[int, Field(ge=1), Unit("recordings")] | None = None
    """A job of predict scores consecutive shards of so many on average; null: 4,000, or 2 GB of files."""
    fingerprint: Literal["content", "stat"] = "content"
    """content: hash every file; stat: size and time of change, for archives too large to read."""
    missing_files: Literal["error", "exclude"] = "error"
    """What to do with labels that have no file."""
    max_excluded: Share = 0.01
    """The run stops where a greater share of the recordings is excluded."""
    rename_classes: dict[str, str] | None = None
    """Other names of classes, by the name in the data; several may become one."""
    strict_names: bool = False
    """Stop where class names differ by little, instead of a note."""
    source_table: SourceTable | None = None
    """What recordings are composed of; null: nothing is known of it."""
    collection: Literal["xeno_canto", "macaulay"] | None = None
    """Whose numbers ids are, or the sources of source_table; those like XC123 or ML123 tell it."""
    outside: Literal["error", "drop"] = "error"
    """Annotated events without overlap with their recording; drop: they do not count."""
    crossing: Literal["clip", "error", "drop"] = "clip"
    """Annotated events that are partly outside, by over 20 ms at the end; clip: they are cut there."""
    licence: str | None = None
    """Licence of the recordings, which an exported model repeats; null: not known."""
    attribution: str | None = None
    """Who has to be named where the recordings are used; an exported model repeats it."""


class ClassSelection(Settings):
    """Which classes of a corpus are used, by their number of recordings."""

    top_classes: Annotated[int, Field(ge=1), Unit("classes")] | None = None
    """Use only so many classes, those with the most recordings."""
    whitelist: SomeNames | None = None
    """Use only these classes."""
    min_per_class: Annotated[int, Field(ge=1), Unit("recordings")] | None = None
    """Leave out classes with fewer recordings."""
    max_per_class: Annotated[int, Field(ge=1), Unit("recordings")] | None = None
    """Use at most so many recordings of each class."""


# A table of files: one path, or subset name -> path.
Paths = str | Annotated[dict[str, str], Field(min_length=1)] | None

ADAPTERS = ByName("dawnchorus.corpora.adapters", "adapter")
Corpus = Annotated[dict[str, Any], ADAPTERS]
