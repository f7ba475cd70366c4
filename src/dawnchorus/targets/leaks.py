"""Leaks between training and test data.

* `check_test_leaks`: compares recordings, groups and contents of the training, pseudo-labelled,
  validation and test recordings.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.pretraining import seen_by_networks


def check_test_leaks(
    train: Sequence[str],
    unlabelled: Sequence[str],
    test: Sequence[str],
    labels: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    output: str | Path,
    validation: Sequence[str] = (),
    pretraining: Mapping | None = None,
) -> None:
    """Write how many recordings were compared; raise where parts share what they must not.

    A training recording may be neither a test recording nor a pseudo-labelled one. A test recording
    may be pseudo-labelled under its own name, and its score is then marked as transductive, but not
    under another name. Validation recordings, which choose decodings, may be none of the others.

    Parameters
    ----------
    train, unlabelled, test : sequences of str
        Corpora or subsets of them.
    labels : mapping of corpus to path
        Label tables, which have splits and groups.
    listings : mapping of corpus to paths
        Shard listings, which have content hashes.
    output : path
        CSV of ``part``, ``recordings``, ``groups``, ``contents``, with networks also
        ``seen_in_pretraining``: recordings that one of them may have been trained on.
    validation : sequence of str, optional
        Corpora or subsets that choose decodings.
    pretraining : mapping, optional
        Networks behind the stages: ``stages``, ``collections`` and ``sources``; see
        `dawnchorus.targets.pretraining`.

    Raises
    ------
    ValueError
        Naming a content, or a group of one corpus, that is on both sides.
    """
    # contents, too: collections share recordings under different names
    hashes = {
        (corpus, row.id): row.sha256
        for corpus, paths in listings.items()
        for path in paths
        for row in tables.read_listing(path)
    }
    parts = {"train": train, "unlabelled": unlabelled, "test": test}
    parts |= {"validation": validation} if validation else {}
    # recordings, groups and contents of each part, with names to show
    sides: dict[str, tuple[dict, dict, dict]] = {}
    for part, references in parts.items():
        recordings, groups, contents = sides[part] = {}, {}, {}
        for reference in references:
            corpus, subset = parse_reference(reference)
            for row in tables.select(tables.read_labels(labels[corpus]), subset):
                name = f"{corpus}/{row.id}"
                recordings[name] = name
                if row.group:
                    shown = f"{name} (group {row.group})"
                    groups.setdefault((corpus, row.group), []).append(shown)
                # no hash is known of a recording that was listed by size and time alone
                if hashes.get((corpus, row.id)):
                    contents.setdefault(hashes[corpus, row.id], []).append(name)
    for first, second in itertools.combinations(parts, 2):
        # the same recording may be pseudo-labelled and tested: such scores are called transductive
        may_share = (first, second) == ("unlabelled", "test")
        for what, place in (("group", 1), ("content", 2)):
            one, other = sides[first][place], sides[second][place]
            both = []
            for key in sorted(one.keys() & other.keys()):
                odd = [name for name in one[key] if not (may_share and name in other[key])]
                both += [(odd[0], other[key][0])] if odd else []
            if both and not (may_share and what == "group"):
                raise ValueError(
                    f"{both[0][0]} is in {first} and {both[0][1]} in {second}, of one {what} "
                    f"({len(both)} such); leave them out of one part, or the score is worth nothing"
                )
    rows = [(name, *map(len, side)) for name, side in sides.items()]
    columns: tuple[str, ...] = ("part", "recordings", "groups", "contents")
    if pretraining:
        columns = (*columns, "seen_in_pretraining")
        networks = {k: v for stage in pretraining["stages"].values() for k, v in stage.items()}
        for number, (name, *counts) in enumerate(rows):
            recordings = [tuple(one.split("/", 1)) for one in sides[name][0]]
            found = seen_by_networks(recordings, networks, pretraining)
            n_seen = int(np.any([*found.values()], axis=0).sum()) if found else 0
            rows[number] = (name, *counts, n_seen)
            if n_seen:
                LOG.info(
                    "warning: %d of %d %s recordings were seen in pretraining by %s", n_seen,
                    len(recordings), name, ", ".join(found),
                )  # fmt: skip
    artefacts.write_table(output, columns, rows)
