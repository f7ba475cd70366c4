"""Scores of baselines on disk.

``baselines.h5`` of an experiment: HDF5 with contiguous data, a group ``baselines/{baseline}/{corpus}``
with ``ids`` (n) and ``scores`` (n x classes, float32 in [0, 1]), and the attributes ``class_names`` and
``about``: by baseline a remark, such as why it is left out. Training recordings are scored out of fold.

* `write_baselines`, `read_baselines`: the file.
* `BaselineScores`: what it holds.

Axes: N recordings, n of them of a corpus, C classes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.runtime import artefacts
from dawnchorus.scores import score_files


class BaselineScores(NamedTuple):
    """Scores by baseline and corpus, each ids (n) and an array (n, C); remarks by baseline."""

    class_names: list[str]
    scores: dict[str, dict[str, tuple[list[str], np.ndarray]]]
    about: dict[str, str]


def write_baselines(
    path: str | Path,
    recordings: Sequence[tuple[str, str]],
    scores: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    about: Mapping[str, str],
) -> None:
    """Write the scores (N, C) of each baseline; recordings with NaN are left out of it.

    Parameters
    ----------
    path : path
    recordings : N pairs of corpus and id
    scores : mapping of baseline to array, shape (N, C)
    class_names : C names
    about : mapping of baseline to str
    """
    corpora = np.array([corpus for corpus, _ in recordings])
    ids = np.array([name for _, name in recordings], dtype=object)
    with artefacts.writing(path, check=score_files.check_complete, rows=len(ids)) as temporary:
        with score_files.create_file(temporary) as file:
            file.attrs["class_names"] = json.dumps(list(class_names), ensure_ascii=False)
            file.attrs["about"] = json.dumps(dict(about))
            for baseline, found in scores.items():
                for corpus in np.unique(corpora).tolist():
                    rows = np.flatnonzero((corpora == corpus) & ~np.isnan(found).any(axis=1))
                    group = file.create_group(f"baselines/{baseline}/{corpus}")
                    score_files.write_header(group, ids[rows], class_names, [baseline])
                    group["scores"] = found[rows].astype(np.float32)
            file.attrs["complete"] = 1


def read_baselines(path: str | Path, baselines: Iterable[str]) -> BaselineScores:
    """Read the scores of those baselines that the file has, in the order given."""
    with score_files.open_file(path) as file:
        groups = file.get("baselines", {})
        scores = {
            baseline: {
                corpus: ([text.decode() for text in group["ids"][:]], group["scores"][:])
                for corpus, group in groups[baseline].items()
            }
            for baseline in baselines
            if baseline in groups
        }
        return BaselineScores(
            json.loads(file.attrs["class_names"]), scores, json.loads(file.attrs["about"])
        )
