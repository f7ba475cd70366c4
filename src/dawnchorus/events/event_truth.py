"""Which recordings are judged by events, and what is known of them.

Judged are the used recordings of a reference whose events are known: those of data set "strong",
with events or without. N recordings.

* `Judged`: ids, durations, events and groups of N recordings.
* `judged`: those of a reference.
* `inspected`: the same of a reference that may have none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dawnchorus.audio.verdicts import USED
from dawnchorus.corpora import tables
from dawnchorus.corpora.tables import Labelled
from dawnchorus.events.scored_recordings import STRONG
from dawnchorus.formats.event import Event, overlapping, read_events
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import folds

OVERLAPS = "keep"  # events of one recording and class count each, as sed_eval counts them
_NAMED = 5  # offenders a message names


@dataclass(frozen=True)
class Judged:
    """Recordings of one corpus with known events.

    ``ids`` (N), in order; ``durations_s`` [s] by id; ``events`` of these recordings and classes;
    ``classes`` that are scored; ``groups`` (N,): what is resampled as one; ``excluded``: counts
    ``recordings`` (of the reference), ``used``, ``excluded``, ``excluded_by_code``,
    ``unknown_events`` (used, but weakly labelled or not at all) and ``events_of_other_classes``
    (by class that is not scored). What was excluded when the corpus was listed has no split,
    so it counts for a whole corpus only.
    """

    ids: list[str]
    durations_s: dict[str, float]
    events: list[Event]
    classes: list[str]
    groups: np.ndarray
    excluded: dict


def judged(
    reference: str,
    labels_path: str | Path,
    verdicts_path: str | Path,
    events_path: str | Path,
    class_names: Sequence[str],
) -> Judged:
    """Return the used recordings of a reference whose events are known.

    Parameters
    ----------
    reference : str
        ``corpus`` or ``corpus:split``.
    labels_path, verdicts_path, events_path : path
        Tables of that corpus: of labels, of `audio.verdicts.VERDICT_COLUMNS` and of events.
    class_names : sequence of str
        The classes that are scored; events of others are left out with a warning.

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        Where no used recording of the reference has known events, or a recording no verdict.
    """
    found = inspected(reference, labels_path, verdicts_path, events_path, class_names)
    if not found.ids:
        raise ValueError(
            f"{reference} has no used recording with known events among "
            f"{found.excluded['recordings']}; expected a corpus with a list of strong labels (data "
            f"set {STRONG!r}), and its split if it has any"
        )
    return found


def inspected(
    reference: str,
    labels_path: str | Path,
    verdicts_path: str | Path,
    events_path: str | Path | None,
    class_names: Sequence[str],
) -> Judged:
    """Return the same of a reference that may have no such recording; it has its counts then.

    Parameters
    ----------
    reference, labels_path, verdicts_path, class_names
        As `judged` has them.
    events_path : path or None
        None: the corpus has no table of events, so those of no recording are known.

    Raises
    ------
    ValueError
        Where a recording has no verdict.
    """
    corpus, split = parse_reference(reference)
    chosen = tables.select(tables.read_labels(labels_path), split)
    verdicts = {row["id"]: row for row in artefacts.read_table(verdicts_path)}
    _check_verdicts(reference, chosen, verdicts, verdicts_path)
    used = [recording for recording in chosen if verdicts[recording.id]["verdict"] == USED]
    is_known = events_path is not None
    strong = [recording for recording in used if is_known and recording.data_set == STRONG]
    ids = [recording.id for recording in strong]
    events, n_others = _events_of(
        ids, read_events(events_path) if ids else [], class_names, reference
    )
    return Judged(
        ids=ids,
        durations_s={name: float(verdicts[name]["duration_s"]) for name in ids},
        events=events,
        classes=list(class_names),
        groups=np.array([f"{corpus} {key}" for key in folds.group_keys(strong)], dtype=np.str_),
        excluded=_counts(chosen, used, strong, verdicts, split)
        | {"events_of_other_classes": n_others},
    )


def _check_verdicts(
    reference: str, chosen: Sequence[Labelled], verdicts: Mapping, path: str | Path
) -> None:
    if without := [recording.id for recording in chosen if recording.id not in verdicts]:
        raise ValueError(
            f"{path} has no verdict on {len(without)} recordings of {reference}: "
            f"{without[:_NAMED]!r}; the corpus has changed, start the workflow again"
        )


def _events_of(
    ids: Sequence[str], events: Sequence[Event], class_names: Sequence[str], reference: str
) -> tuple[list[Event], dict[str, int]]:
    """Return the events of recordings and scored classes, and how many there are of each other."""
    own = set(ids)
    found = [event for event in events if event.id in own]
    counted = overlapping(found, OVERLAPS)
    others = Counter(event.label for event in counted if event.label not in class_names)
    if others:
        LOG.info(
            "warning: %d of %d events of %s are of classes that are not scored and are left out: %s",
            others.total(), len(counted), reference, ", ".join(sorted(others)[:_NAMED]),
        )  # fmt: skip
    kept = [event for event in found if event.label in class_names]
    return kept, dict(sorted(others.items()))


def _counts(chosen, used, strong, verdicts: Mapping, split: str | None) -> dict:
    own = {recording.id for recording in chosen}
    codes = Counter(
        row["verdict"]
        for name, row in verdicts.items()
        if row["verdict"] != USED and (split is None or name in own)
    )
    return {
        "recordings": len(used) + codes.total(),
        "used": len(used),
        "excluded": codes.total(),
        "excluded_by_code": dict(sorted(codes.items())),
        "unknown_events": len(used) - len(strong),
    }
