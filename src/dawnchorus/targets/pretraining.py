"""Recordings that a pretrained network was trained on, as far as their numbers tell.

A public collection numbers its recordings, and the card of a network says up to which number they may be
among those it has seen. What has no number of a collection that the card names counts as not seen, which
is no proof that it was not.

* `seen`: which recordings a network may have seen.
* `seen_by_networks`: the same of several networks, and whose name is behind it.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.corpora.source_table import read_sources

_PREFIXES = {"XC": "xeno_canto", "ML": "macaulay"}
_NUMBER = re.compile(r"(XC|ML)?([0-9]+)(?![0-9])")


def seen(
    recordings: Sequence[tuple[str, str]],
    greatest: Mapping[str, int | str],
    collections: Mapping[str, str | None],
    sources: Mapping[str, Mapping[str, Sequence[str]]],
) -> np.ndarray:
    """Return which recordings a network may have seen.

    Parameters
    ----------
    recordings : N pairs (corpus, id)
    greatest : mapping of collection to int or "all"
        The greatest number of a recording that may be seen.
    collections : mapping of corpus to str or None
        Whose numbers the ids of a corpus, or of its sources, are; those that begin with XC or ML are
        known without it.
    sources : mapping of corpus to mapping of id to names
        What a recording is composed of: it is seen where one of its sources is.

    Returns
    -------
    array, shape (N,), bool
    """

    def is_seen(corpus: str, name: str) -> bool:
        found = _NUMBER.match(name.rpartition("/")[2])
        if not found:
            return False
        prefix, number = found.groups()
        if prefix is None and found.end() < len(name.rpartition("/")[2].partition(".")[0]):
            return False  # no number, but a text that begins with one
        collection = _PREFIXES[prefix] if prefix else collections.get(corpus)
        limit = greatest.get(collection or "")
        return limit == "all" or (isinstance(limit, int) and int(number) <= limit)

    return np.array(
        [
            any(is_seen(corpus, one) for one in (name, *sources.get(corpus, {}).get(name, ())))
            for corpus, name in recordings
        ],
        dtype=bool,
    )


def seen_by_networks(
    recordings: Sequence[tuple[str, str]], networks: Mapping[str, Mapping], about: Mapping
) -> dict[str, np.ndarray]:
    """Return by network which recordings it may have seen, of those that have seen any.

    Parameters
    ----------
    recordings : N pairs (corpus, id)
    networks : mapping of name to mapping
        See `seen`.
    about : mapping
        ``collections``, and ``sources``: paths of the tables by corpus.
    """
    sources = {corpus: read_sources(path) for corpus, path in about["sources"].items()}
    found = {
        name: seen(recordings, greatest, about["collections"], sources)
        for name, greatest in networks.items()
    }
    return {name: rows for name, rows in found.items() if rows.any()}
