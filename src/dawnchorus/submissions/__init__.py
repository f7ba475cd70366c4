"""Submission files: scores of a test corpus as its challenge wants them, a module per challenge.

* `submit`: by the format's name, one of `FORMATS`.
* `write_bad2017`: Bird Audio Detection 2017, and DCASE 2018 task 3 with its three columns.
* `write_birdclef2016`, `read_birdclef2016`: all classes of all recordings.
* `write_birdclef2018_monophone`, `read_birdclef2018_monophone`: the best classes of each recording.
* `write_birdclef2018_soundscape`, `read_birdclef2018_soundscape`: those of each interval.
* ``media``: what a challenge calls the recordings; ``intervals``: windows grouped by time;
  ``lines``: files of semicolon-separated fields.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.submissions import bad2017, birdclef2016, birdclef2018
from dawnchorus.submissions.bad2017 import write_bad2017
from dawnchorus.submissions.birdclef2016 import read_birdclef2016, write_birdclef2016
from dawnchorus.submissions.birdclef2018 import (
    read_birdclef2018_monophone,
    read_birdclef2018_soundscape,
    write_birdclef2018_monophone,
    write_birdclef2018_soundscape,
)

__all__ = [
    "FORMATS",
    "read_birdclef2016",
    "read_birdclef2018_monophone",
    "read_birdclef2018_soundscape",
    "submit",
    "write_bad2017",
    "write_birdclef2016",
    "write_birdclef2018_monophone",
    "write_birdclef2018_soundscape",
]

FORMATS = ("bad2017", "birdclef2016", "birdclef2018_monophone", "birdclef2018_soundscape")


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
        Recording scores of the submitted ensemble (all formats but the soundscapes').
    window_paths : paths
        Window scores of the ensemble's stages (soundscapes; others may give none).
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
    chosen = settings["format"]
    if chosen == "bad2017":
        bad2017.submit(scores_path, label_rows, output)
    elif chosen == "birdclef2016":
        birdclef2016.submit(scores_path, corpus_labels_path, settings, output)
    elif chosen == "birdclef2018_monophone":
        birdclef2018.submit_monophone(scores_path, corpus_labels_path, settings, output)
    elif chosen == "birdclef2018_soundscape":
        birdclef2018.submit_soundscape(window_paths, corpus_labels_path, settings, output)
    else:
        raise ValueError(f"submission.format {chosen!r}; expected one of {', '.join(FORMATS)}")
