"""What a bootstrap replicate draws: groups of recordings, or the sources that they are composed of.

Clips that share a source are not independent, and where every clip has several sources they rarely fall
into groups: all may hang together. Then the sources themselves are drawn, and a clip weighs the product
of the draws of its sources (Owen 2007, "The pigeonhole bootstrap", https://arxiv.org/abs/0712.1111; Owen
and Eckles 2012, https://arxiv.org/abs/1106.2125). What sources contribute to the variance is right then,
but what is a clip's own counts 2^k - 1 times where it has k sources: such intervals are too wide rather
than too narrow.

* `with_units`: a ground truth whose ``groups`` are the units of an experiment, and counts of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from dawnchorus.corpora.source_table import read_sources
from dawnchorus.metrics import bootstrap
from dawnchorus.targets.ground_truth import EventGroundTruth, GroundTruth

Truth = TypeVar("Truth", GroundTruth, EventGroundTruth)


def with_units(
    truth: Truth, recordings: Sequence[tuple[str, str]], settings: Mapping
) -> tuple[Truth, dict]:
    """Return a ground truth with the units that are resampled, and counts of them.

    Parameters
    ----------
    truth : GroundTruth or EventGroundTruth
        Of N recordings.
    recordings : N pairs (corpus, id)
        Those of the ground truth, in its order.
    settings : mapping
        ``evaluation.bootstrap``: ``groups`` (nothing changes), ``sources`` or ``connected_sources``
        (recordings that share a source, directly or through others, are one group); ``sources``:
        mapping of corpus to the path of its table. A source of one name in two corpora is one. A
        recording without a source has its group as its only one.

    Returns
    -------
    GroundTruth or EventGroundTruth
        With ``sources``, its ``groups`` have the shape (N, K), empty where a recording has fewer.
    dict
        ``groups`` (units that are resampled), ``sources`` (of all recordings, and groups of those
        without one), ``connected_sources`` (sets of recordings that share none) and ``without_source``
        (recordings). Nothing with ``groups``.
    """
    how = settings["evaluation"]["bootstrap"]
    if how == "groups":
        return truth, {}
    known = {corpus: read_sources(path) for corpus, path in settings["sources"].items()}
    of_each = [known.get(corpus, {}).get(name, []) for corpus, name in recordings]
    units = [
        [f"source {source}" for source in listed] or [str(group)]
        for listed, group in zip(of_each, truth.groups, strict=True)
    ]
    width = max(map(len, units), default=1)
    padded = [own + [""] * (width - len(own)) for own in units]
    groups = np.array(padded, dtype=np.str_).reshape(len(units), width)
    codes, n_sources = bootstrap.group_codes(groups)
    # a graph of recordings and, behind them, sources
    rows, columns = np.nonzero(codes >= 0)
    ends = (rows, len(codes) + codes[rows, columns])
    n = len(codes) + n_sources
    graph = sparse.coo_array((np.ones(len(rows)), ends), shape=(n, n))
    connected = csgraph.connected_components(graph, directed=False)[1][: len(codes)]
    counts = {
        "sources": n_sources,
        "connected_sources": len(np.unique(connected)),
        "without_source": sum(not listed for listed in of_each),
    }
    chosen = connected if how == "connected_sources" else groups
    return dataclasses.replace(truth, groups=chosen), counts | {"groups": counts[how]}
