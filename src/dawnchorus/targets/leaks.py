"""Nothing that is tested is trained on as well.

* `check_test_leaks`: recordings, groups and contents of what is trained on, pseudo-labelled, chosen by
  and tested.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.settings.references import parse_reference


def check_test_leaks(
    train: Sequence[str],
    unlabelled: Sequence[str],
    test: Sequence[str],
    labels: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    output: str | Path,
    validation: Sequence[str] = (),
) -> None:
    """Write how many recordings were compared; raise where parts share what they must not.

    Nothing trained on may be tested, or get a pseudo-label, under another name; nor may what is
    tested get one under another name, for that score would be transductive and not say so. What
    chooses decodings is none of the others.

    Parameters
    ----------
    train, unlabelled, test : sequences of str
        Corpora or subsets of them.
    labels : mapping of corpus to path
        Label tables, which have splits and groups.
    listings : mapping of corpus to paths
        Shard listings, which have content hashes.
    output : path
        CSV of ``part``, ``recordings``, ``groups``, ``contents``.
    validation : sequence of str, optional
        Corpora or subsets that choose decodings.

    Raises
    ------
    ValueError
        Naming a content, or a group of one corpus, that is on both sides.
    """
    hashes = {
        (corpus, row.id): row.sha256
        for corpus, paths in listings.items()
        for path in paths
        for row in tables.read_listing(path)
    }
    parts = {"train": train, "unlabelled": unlabelled, "test": test}
    parts |= {"validation": validation} if validation else {}
    sides = {name: _side(references, labels, hashes) for name, references in parts.items()}
    for pair in itertools.combinations(parts, 2):
        _compare(pair, *(sides[name] for name in pair))
    rows = [(name, *map(len, side)) for name, side in sides.items()]
    artefacts.write_table(output, ("part", "recordings", "groups", "contents"), rows)


def _compare(pair: tuple[str, str], first: tuple, second: tuple) -> None:
    may_share = pair == ("unlabelled", "test")  # the same recording may be both: that is said aloud
    for what, place in (("group", 1), ("content", 2)):
        both = [
            (odd[0], second[place][key][0])
            for key in sorted(first[place].keys() & second[place].keys())
            if (odd := _odd(first[place][key], second[place][key], may_share))
        ]
        if both and not (may_share and what == "group"):
            raise ValueError(
                f"{both[0][0]} is in {pair[0]} and {both[0][1]} in {pair[1]}, of one {what} "
                f"({len(both)} such); leave them out of one part, or the score is worth nothing"
            )


def _odd(names: Sequence[str], others: Sequence[str], may_share: bool) -> list[str]:
    return [name for name in names if name not in others] if may_share else list(names)


def _side(references, labels, hashes) -> tuple[dict, dict, dict]:
    """Return recordings, groups and contents of some references, each with a name to show."""
    recordings, groups, contents = {}, {}, {}
    for reference in references:
        corpus, split = parse_reference(reference)
        for recording in tables.select(tables.read_labels(labels[corpus]), split):
            name = f"{corpus}/{recording.id}"
            recordings[name] = name
            if recording.group:
                shown = f"{name} (group {recording.group})"
                groups.setdefault((corpus, recording.group), []).append(shown)
            if hashes.get((corpus, recording.id)):
                contents.setdefault(hashes[corpus, recording.id], []).append(name)
    return recordings, groups, contents
