"""The file of the decodings of an ensemble: the settings of each, by class.

* `read_decoders`: the settings.
* `SETTINGS`: their names.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SETTINGS = ("threshold", "filter_s", "gap_s", "minimum_s")  # of `events.decoding.detections`
_NAMED = 5  # classes an error names


def read_decoders(
    path: str | Path, class_names: Sequence[str] | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """Return the settings of each decoding, keyword arguments of `events.decoding.detections`.

    Parameters
    ----------
    path : path
        Written by `choose_decodings`.
    class_names : sequence of str, optional
        C classes that they have to be of, in this order.

    Returns
    -------
    dict of dict of array, shape (C,)

    Raises
    ------
    ValueError
        Where they are of other classes.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if class_names is not None and content["classes"] != list(class_names):
        raise ValueError(
            f"{path} has decodings of classes {content['classes'][:_NAMED]!r}, expected those of the "
            f"frame scores, {list(class_names)[:_NAMED]!r}; choose the decodings again"
        )
    return {
        name: {key: np.array(values, dtype=float) for key, values in one["settings"].items()}
        for name, one in content["decodings"].items()
    }
