"""The layout of a folder of recordings: which adapter reads it, with which settings.

* `find_layout`: the first layout that fits what was seen of a folder.
* `Layout`: a fitting one.

A kind of layout is a function in `layout_labels` or `layout_folders`. It
takes a `Survey` and returns a `Layout`, or a sentence that says what it missed.
"""

from collections.abc import Callable

from dawnchorus.corpora.folder_survey import Survey
from dawnchorus.corpora.layout_folders import class_folders
from dawnchorus.corpora.layout_labels import (
    NO_TABLE,
    annotation_files,
    bird_detection,
    birdclef_table,
    birdclef_xml,
    birdsong_xml,
    dcase_lists,
    label_table,
)
from dawnchorus.corpora.layout_match import Layout

# What says most comes first: xeno-canto's recordings lie in folders of classes, beside a table that
# knows the recordists as well.
_KINDS: tuple[tuple[str, Callable[[Survey], Layout | str]], ...] = (
    ("DCASE lists", dcase_lists),
    ("BirdCLEF table", birdclef_table),
    ("Bird Audio Detection label files", bird_detection),
    ("table with a column of paths and one of labels", label_table),
    ("BirdsongRecognition's Annotation.xml", birdsong_xml),
    ("Raven or Audacity files beside the recordings", annotation_files),
    ("BirdCLEF XML", birdclef_xml),
    ("folder per class", class_folders),
)


def find_layout(survey: Survey) -> Layout:
    """Return the layout of a folder.

    Raises
    ------
    ValueError
        Where there are no recordings, or no layout fits: what was looked for, and what is there.
    """
    if not survey.audio:
        raise ValueError(
            f"no recordings in {survey.root!r}: looked for audio files (wav, flac, ogg, mp3, m4a, aiff, "
            f"...) in it and below, found {survey.said()}"
        )
    missed, tables = [], ""
    for name, recognise in _KINDS:
        found = recognise(survey)
        if isinstance(found, Layout):
            # folders have names whatever they are for: who wrote a table meant that
            if recognise is class_folders and tables:
                found.said.append(f"not taken: {tables}")
            return found
        missed.append((found.startswith("no "), f"{name} ({found})"))
        if recognise is label_table and found != NO_TABLE:
            tables = found
    # what nearly fits comes first
    looked = "; ".join(text for _, text in sorted(missed, key=lambda one: one[0]))
    raise ValueError(
        f"no labels found in {survey.root!r}. Found {survey.said()}. Looked for: {looked}. "
        "Put the recordings of each class into a folder of its own, or write a table with the columns "
        "path and labels"
    )
