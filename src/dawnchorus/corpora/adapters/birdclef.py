"""Adapter ``birdclef``: the BirdCLEF challenges of 2014 to 2018, a file of metadata per recording.

Audio (wav, mp3, ogg, flac) lies in one folder, XML in another; or both in the tree into which
system 002 sorts them: ``train/<class>/``, ``val/<class>/`` and ``metadata/<stem>.json``. The id of
a recording is its file name without the extension. Without XML, and where the XML names no class
(test sets), the truth is unknown.

* `recordings`: what the folders hold.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.corpora import audio_files, birdclef_files, birdclef_metadata, selection
from dawnchorus.corpora.birdclef_files import Row
from dawnchorus.corpora.birdclef_metadata import Description
from dawnchorus.corpora.tables import SEPARATOR, Found, Recording
from dawnchorus.formats import label_sheet
from dawnchorus.settings.corpus import ClassSelection, CorpusSettings
from dawnchorus.settings.section import Seed, Unit
from dawnchorus.settings.section import Settings as Section

GROUPINGS = ("recording", "author", "session")


class HoldOut(Section):
    """A share of the recordings of each class that becomes the subset val; the others are train."""

    share: Annotated[float, Field(gt=0, lt=1), Unit("share")]
    """Share that is held out."""
    seed: Seed
    """Seed of the draw."""
    single: Literal["train", "val"]
    """Where the only recording of a class goes."""


class Settings(CorpusSettings, ClassSelection):
    """The BirdCLEF challenges of 2014 to 2018: a file of metadata for each recording."""

    adapter: Literal["birdclef"] = "birdclef"
    """The layout of the data on disk."""
    audio: str
    """Folder of the recordings."""
    xml: str | None = None
    """Folder of the XML files."""
    metadata: str | None = None
    """Folder of JSON files."""
    sorted: bool = False
    """The folder is a sorted tree with train/, val/ and metadata/."""
    class_from: Literal["ClassId", "species", "genus", "family", "order"] = "ClassId"
    """The field that is the class."""
    quality: (
        Annotated[list[Annotated[int, Field(ge=0, le=5)]], Field(min_length=2, max_length=2),
                  Unit("quality")]
        | None
    ) = None  # fmt: skip
    """Least and greatest quality; a missing quality counts as 0."""
    background: Literal["use", "drop"] = "use"
    """drop: leave out recordings with background species."""
    group_by: Literal["recording", "author", "session"] = "recording"
    """What no fold divides."""
    holdout: HoldOut | None = None
    """Split into train and val; null: no split."""


def recordings(settings: Mapping) -> Found:
    """Return the recordings that the settings leave.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        Metadata that cannot be read, or has no recording (where ``missing_files`` is "exclude"),
        and names that cannot be handled are excluded with a code. What the settings leave out is
        told in a note.

    Raises
    ------
    ValueError
        Where a folder cannot be read, settings or metadata contradict each other, names collide,
        or metadata has no recording and ``missing_files`` is "error".
    """
    _check(settings)
    read = (
        birdclef_files.from_tree(settings)
        if settings.get("sorted")
        else birdclef_files.from_folders(settings)
    )
    names = birdclef_metadata.translation([row.said for row in read.rows], settings["class_from"])
    rows, notes = _with_background(read.rows, names, settings["class_from"])
    for choose in (_of_quality, _without_background, _of_classes, _held_out):
        rows, said = choose(rows, settings)
        notes += said
    notes += _unknown_notes(rows, settings["class_from"])
    notes += _group_notes(rows, settings["group_by"])
    found = [_recording(row, settings["group_by"]) for row in rows]
    return Found(found, read.excluded, read.notes + notes)


def _check(settings: Mapping) -> None:
    for key, known in (
        ("class_from", birdclef_metadata.KINDS),
        ("group_by", GROUPINGS),
        ("background", ("use", "drop")),
    ):
        if settings[key] not in known:
            raise ValueError(f"{key}={settings[key]!r}, expected one of {', '.join(known)}")
    if settings.get("xml") and (settings.get("metadata") or settings.get("sorted")):
        raise ValueError("xml is set beside metadata or sorted; expected one source of labels")
    if settings.get("sorted") and settings.get("holdout"):
        raise ValueError("holdout is set for a sorted tree, which has its split; set it to null")
    quality = settings.get("quality")
    if quality is not None and not 0 <= quality[0] <= quality[1] <= 5:
        raise ValueError(f"quality={quality!r}, expected [least, most] from 0 to 5")


def _with_background(rows: list[Row], names: Mapping, kind: str) -> tuple[list[Row], list[str]]:
    changed, unexplained = [], {}
    for row in rows:
        found, others = birdclef_metadata.translated(row.said.background, names, kind)
        changed.append(row._replace(background=tuple(name for name in found if name != row.name)))
        unexplained.update(dict.fromkeys(others))
    if not unexplained:
        return changed, []
    return changed, [
        f"{len(unexplained)} background species are of no recording and stay as they are written: "
        f"{label_sheet.listed(sorted(unexplained))}"
    ]


def _of_quality(rows: list[Row], settings: Mapping) -> tuple[list[Row], list[str]]:
    if settings.get("quality") is None:
        return rows, []
    least, most = settings["quality"]
    n_missing = sum(row.said.quality not in tuple("012345") for row in rows)
    kept = [row for row in rows if least <= _quality(row.said) <= most]
    notes = [f"{n_missing} recordings have no quality, which counts as 0"] * (n_missing > 0)
    return kept, notes + _left_out(rows, kept, f"quality {least} to {most}")


def _quality(said: Description) -> int:
    return int(said.quality) if said.quality in tuple("012345") else 0


def _without_background(rows: list[Row], settings: Mapping) -> tuple[list[Row], list[str]]:
    if settings["background"] == "use":
        return rows, []
    kept = [row for row in rows if not row.said.background]
    return kept, _left_out(rows, kept, "background: drop")


def _left_out(rows: Sequence, kept: Sequence, why: str) -> list[str]:
    n_left = len(rows) - len(kept)
    return [f"{why} leaves out {n_left} recordings"] * (n_left > 0)


def _of_classes(rows: list[Row], settings: Mapping) -> tuple[list[Row], list[str]]:
    ids, classes = [row.id for row in rows], [row.name for row in rows]
    kept, notes = selection.chosen(ids, classes, settings)
    return [rows[i] for i in kept], notes


def _held_out(rows: list[Row], settings: Mapping) -> tuple[list[Row], list[str]]:
    if not settings.get("holdout"):
        return rows, []
    ids, classes = [row.id for row in rows], [row.name for row in rows]
    splits, notes = selection.held_out(ids, classes, settings["holdout"])
    return [row._replace(split=split) for row, split in zip(rows, splits, strict=True)], notes


def _recording(row: Row, group_by: str) -> Recording:
    said = row.said
    return Recording(
        id=row.id,
        path=row.path,
        group=_group(said, group_by),
        split=row.split,
        labelled=bool(row.name),
        labels=row.name,
        state=audio_files.state_of(row.path),
        recordist=said.author,
        background=SEPARATOR.join(row.background),
        media_id=said.media_id or birdclef_metadata.media_id_of(row.id),
    )


def _group(said: Description, group_by: str) -> str:
    if group_by == "author":
        return said.author
    parts = (said.author, said.date, said.locality) if group_by == "session" else ()
    return " / ".join(parts) if any(parts) else ""


def _group_notes(rows: list[Row], group_by: str) -> list[str]:
    n_alone = sum(not _group(row.said, group_by) for row in rows)
    if group_by == "recording" or not n_alone:
        return []
    return [f"{n_alone} recordings have no {group_by} and are groups of their own"]


def _unknown_notes(rows: list[Row], kind: str) -> list[str]:
    n_unknown = sum(not row.name for row in rows)
    return [f"{n_unknown} recordings have no {kind}: their truth is unknown"] * (n_unknown > 0)
