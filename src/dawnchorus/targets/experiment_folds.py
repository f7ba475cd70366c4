"""Folds over the corpora of an experiment.

* `deal_folds`: the used, labelled recordings of the training corpora to folds, as a table.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, logs
from dawnchorus.targets import folds
from dawnchorus.targets.labels import labelled


def deal_folds(
    references: Sequence[str],
    labels: Mapping[str, str],
    verdicts: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Deal the used, labelled recordings of the training corpora into folds and write the table.

    Parameters
    ----------
    references : sequence of str
        Training corpora or subsets of them: ``corpus`` or ``corpus:split``.
    labels, verdicts : mapping of corpus to path
        Label and verdict tables.
    listings : mapping of corpus to paths
        Shard listings, for the check that no content is in two folds.
    settings : mapping
        Those of `dawnchorus.targets.folds.deal`, ``split_groups`` (whether folds may split a group)
        and the experiment's ``seed``.
    output : path
        CSV of ``corpus``, ``id``, ``fold``.

    Raises
    ------
    ValueError
        Where a group or a content would be in two folds, or there is nothing to deal.
    """
    found = [
        dataclasses.replace(
            recording,
            id=f"{corpus}/{recording.id}",
            group=_group(corpus, recording, settings["by"]),
        )
        for corpus, recording in labelled(references, labels, verdicts)
    ]
    if not found:
        raise ValueError(
            f"no used recording with a label in {', '.join(references)}; nothing to train on"
        )
    dealt = folds.deal(found, settings, settings["seed"])
    if settings["split_groups"]:
        logs.LOG.info("warning: folds may split groups; out-of-fold scores are optimistic")
        found = [dataclasses.replace(recording, group="") for recording in found]
    folds.check_leaks(dealt, found, _duplicates(listings, dealt))
    rows = ((*name.split("/", 1), fold) for name, fold in dealt.items())
    artefacts.write_table(output, ("corpus", "id", "fold"), sorted(rows))


def _group(corpus: str, recording, by: str) -> str:
    name = getattr(recording, by)
    return f"{corpus}/{name}" if name else ""


def _duplicates(listings, dealt) -> list[tuple[str, ...]]:
    rows = [
        row._replace(id=f"{corpus}/{row.id}")
        for corpus, paths in listings.items()
        for path in paths
        for row in tables.read_listing(path)
    ]
    return tables.duplicates(row for row in rows if row.id in dealt)
