"""Adapter ``birdclef``: the BirdCLEF challenges of 2014 to 2018, a file of metadata per recording.

Audio (wav, mp3, ogg, flac) lies in one folder, XML in another; or both in the tree into which
kahl2018 sorts them: ``train/<class>/``, ``val/<class>/`` and ``metadata/<stem>.json``. The id of
a recording is its file name without the extension. Without XML, and where the XML names no class
(test sets), the ground truth is unknown.

* `recordings`: what the folders hold.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.corpora import audio_files, birdclef_files, birdclef_metadata, selection
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
    find = birdclef_files.from_tree if settings.get("sorted") else birdclef_files.from_folders
    read = find(settings)
    kind, group_by, notes = settings["class_from"], settings["group_by"], list(read.notes)
    # background species as class names, before rows are dropped that may explain those of others
    names = birdclef_metadata.class_name_lookup([row.said for row in read.rows], kind)
    rows, unexplained = [], {}
    for row in read.rows:
        known, others = birdclef_metadata.background_classes(row.said.background, names, kind)
        rows.append(row._replace(background=tuple(name for name in known if name != row.name)))
        unexplained.update(dict.fromkeys(others))
    if unexplained:
        notes.append(
            f"{len(unexplained)} background species are of no recording and stay as they are "
            f"written: {label_sheet.examples(sorted(unexplained))}"
        )
    if settings.get("quality") is not None:
        least, most = settings["quality"]
        known_grades = {str(grade): grade for grade in range(6)}
        # people leave it out, or write a word: no grade is not a bad one, so it is told
        if n_missing := sum(row.said.quality not in known_grades for row in rows):
            notes.append(f"{n_missing} recordings have no quality, which counts as 0")
        n_before = len(rows)
        rows = [row for row in rows if least <= known_grades.get(row.said.quality, 0) <= most]
        if n_left := n_before - len(rows):
            notes.append(f"quality {least} to {most} leaves out {n_left} recordings")
    if settings["background"] == "drop":
        n_before = len(rows)
        rows = [row for row in rows if not row.said.background]
        if n_left := n_before - len(rows):
            notes.append(f"background: drop leaves out {n_left} recordings")
    ids, classes = [row.id for row in rows], [row.name for row in rows]
    kept, said = selection.select_recordings(ids, classes, settings)
    rows, notes = [rows[i] for i in kept], notes + said
    if settings.get("holdout"):
        ids, classes = [row.id for row in rows], [row.name for row in rows]
        splits, said = selection.hold_out(ids, classes, settings["holdout"])
        rows = [row._replace(split=split) for row, split in zip(rows, splits, strict=True)]
        notes += said
    if n_unknown := sum(not row.name for row in rows):
        notes.append(f"{n_unknown} recordings have no {kind}: their truth is unknown")
    n_alone = sum(not _group(row.said, group_by) for row in rows)
    if n_alone and group_by != "recording":
        notes.append(f"{n_alone} recordings have no {group_by} and are groups of their own")
    found = [
        Recording(
            id=row.id,
            path=row.path,
            group=_group(row.said, group_by),
            split=row.split,
            labelled=bool(row.name),
            labels=row.name,
            state=audio_files.state_of(row.path),
            recordist=row.said.author,
            background=SEPARATOR.join(row.background),
            media_id=row.said.media_id or birdclef_metadata.media_id_of(row.id),
        )
        for row in rows
    ]
    return Found(found, read.excluded, notes)


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


def _group(said: Description, group_by: str) -> str:
    if group_by == "author":
        return said.author
    # one person at one place on one day records the same individuals, with the same device
    parts = (said.author, said.date, said.locality) if group_by == "session" else ()
    return " / ".join(parts) if any(parts) else ""
