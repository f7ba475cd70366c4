"""Submission files: scores of a test corpus as its challenge wants them.

A format is a module of ``formats/submissions/``, found by its name: ``UNIT`` says what has scores
(``recording``, ``interval`` of a recording, or ``label``: a row of the challenge's label files),
``OPTIONS`` which settings ``write`` takes beside them.

* `submit`: the file of one corpus.
* `format_names`: the formats there are.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from dawnchorus.corpora import bird_detection_labels, tables
from dawnchorus.evaluation import interval_scores, media_ids
from dawnchorus.formats import submissions
from dawnchorus.runtime import logs
from dawnchorus.scores import score_files

_NAMED = 5  # classes an error names


def submit(
    scores_path: str | Path,
    window_paths: Sequence[str | Path],
    corpus_labels_path: str | Path,
    label_rows: Mapping | None,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write the submission of an experiment for one test corpus.

    Every tested recording is in the file: one without a score, such as one that was excluded, has
    the mean score over the others, and how many these are is logged.

    Parameters
    ----------
    scores_path : path
        Recording scores of the submitted ensemble (all formats but those by interval).
    window_paths : paths
        Window scores of the ensemble's stages (formats by interval; others may give none).
    corpus_labels_path : path
        Label table of the corpus, which has the MediaIds (all formats but bad2017).
    label_rows : mapping or None
        What is repeated of the corpus' label files: ``columns``, and ``table``, the path of that
        of their rows (bad2017; others need none).
    settings : mapping
        The ``submission`` section (``format``, ``best``, ``interval_s`` [s], ``keep_trailing``)
        and, of the experiment, ``pooling``, ``average``, ``ignored_classes`` (left out of the file)
        and ``test``: the references, ``corpus`` or ``corpus:split``, that are of this corpus.
    output : path
        The file.

    Raises
    ------
    ValueError
        Where the format is unknown, a recording has no name of its own in the challenge, no
        recording has a score, or a score or a name cannot stand in the file.
    """
    written = _format(settings["format"])
    options = {name: settings[name] for name in written.OPTIONS}
    if written.UNIT == "label":
        _submit_labels(written, scores_path, label_rows, output)
        return
    if written.UNIT == "interval":
        table = interval_scores.interval_scores(window_paths, corpus_labels_path, settings)
    else:
        table = media_ids.recording_scores(scores_path, corpus_labels_path, settings)
    written.write(output, *table, **options)


def format_names() -> tuple[str, ...]:
    """Return the names of the formats, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(submissions.__path__)))


def _format(name: str) -> ModuleType:
    if name not in format_names():
        raise ValueError(f"submission.format {name!r}; expected one of {', '.join(format_names())}")
    return importlib.import_module(f"dawnchorus.formats.submissions.{name}")


def _submit_labels(
    written: ModuleType, scores_path: str | Path, label_rows: Mapping, output: str | Path
) -> None:
    """Write the rows of the label files of a corpus of adapter ``bird_detection``."""
    scored = score_files.read_recordings(scores_path)
    header = label_rows["columns"]
    rows = [
        (name, text, *name.split("/")[:1]) if len(header) == 3 else (name, text)
        for name, text in tables.read_label_rows(label_rows["table"])
    ]
    if bird_detection_labels.CLASS not in scored.class_names:
        raise ValueError(
            f"{scores_path} has scores of {', '.join(scored.class_names[:_NAMED])}; a submission to "
            f"this challenge needs the class {bird_detection_labels.CLASS!r}"
        )
    column = scored.scores[:, scored.class_names.index(bird_detection_labels.CLASS)]
    scores = dict(zip(scored.ids, column.tolist(), strict=True))
    filled = written.write(output, header, rows, scores)
    logs.LOG.info("%d lines; %d recordings without a score got the mean score", len(rows), filled)
