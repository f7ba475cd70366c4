"""Metrics that may choose an epoch: they rank classes, or recordings, without any threshold.

Apart from `dawnchorus.metrics`, which offers them too, because a training is stale where these are
edited, and not where a figure of the report is.

* ``precision``: average precision.
* ``placing``: classes within recordings.
* ``checks``: what metrics refuse, and what they share.
"""
