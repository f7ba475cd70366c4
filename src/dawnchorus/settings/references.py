"""References to corpora, or to subsets of them: ``corpus`` and ``corpus:subset``.

* `parse_reference`: a reference in its two parts.
* `parse_teacher`: the experiment and the stage of a teacher.
* `overlap`: whether two references mean some of the same recordings.
"""


def parse_reference(text: str) -> tuple[str, str | None]:
    """Split ``corpus`` or ``corpus:subset`` into the corpus and the subset (None: all of it).

    Raises
    ------
    ValueError
        Where either side of the colon is empty.
    """
    corpus, colon, subset = text.partition(":")
    if not corpus or (colon and not subset):
        raise ValueError(
            f"corpus reference {text!r} is not of the form 'corpus' or 'corpus:subset'"
        )
    return corpus, subset or None


def parse_teacher(text: str, experiment: str) -> tuple[str, str]:
    """Split ``stage`` or ``experiment/stage`` into experiment (by default the given one) and stage."""
    other, _, stage = text.rpartition("/")
    return other or experiment, stage


def overlap(one: str, other: str) -> bool:
    """Return whether two references mean some of the same recordings."""
    (corpus, subset), (other_corpus, other_subset) = parse_reference(one), parse_reference(other)
    return corpus == other_corpus and (None in (subset, other_subset) or subset == other_subset)
