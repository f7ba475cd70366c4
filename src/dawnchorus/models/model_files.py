"""Model files, whose bytes depend on the weights alone.

* `save`, `load`, `file_bytes`: a ``.keras`` file, and what stands in one.
* `save_kept`, `read_kept`: weights of chosen epochs, by name, beside the last ones.
* `read_learning`: whether the model learnt.
* `load_used`: a member with the weights that predict.

Keras writes the date into a ``.keras`` file, and the file is a zip archive, which dates its members.
Kept weights are HDF5: a group per name, with the arrays of `keras.Model.get_weights` in order.
"""

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import keras
import numpy as np

from dawnchorus.models import blocks, dsr2019_layers, frame_output, recurrent
from dawnchorus.runtime import artefacts

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold


def load(path: str | Path) -> keras.Model:
    """Load a model saved as ``.keras``, of any architecture, for predicting (not compiled)."""
    # Keras finds them only where they are handed over
    own = (*blocks.LAYERS, *recurrent.LAYERS, *dsr2019_layers.LAYERS)
    own = {layer.__name__: layer for layer in own}
    return keras.saving.load_model(path, custom_objects=own, compile=False)


def save(model: keras.Model, path: str | Path) -> None:
    """Write a model without its optimiser; equal models give equal bytes on one set of versions."""
    content = file_bytes(model)
    with artefacts.writing(path, check=load) as temporary:
        temporary.write_bytes(content)


def file_bytes(model: keras.Model) -> bytes:
    """Return what `save` writes."""
    # not clone_model: a clone of a compiled model is compiled, and its file three times as long
    plain = type(model).from_config(model.get_config())
    plain.set_weights(model.get_weights())
    found = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        dated = Path(folder) / "dated.keras"
        plain.save(dated)
        with zipfile.ZipFile(dated) as source, zipfile.ZipFile(found, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    metadata = json.loads(content)
                    metadata.pop("date_saved", None)
                    content = json.dumps(metadata, sort_keys=True).encode()
                if name == "config.json":
                    # addresses in this process, by which recurrent layers tell initialisers apart
                    content = re.sub(rb', "shared_object_id": [0-9]+', b"", content)
                info = zipfile.ZipInfo(name, _DATE)
                info.external_attr = 0o644 << 16  # Unix keeps permissions in the upper half
                target.writestr(info, content)
    return found.getvalue()


def save_kept(
    path: str | Path,
    kept: Mapping[str, Sequence[np.ndarray]],
    learning: Mapping | None = None,
) -> None:
    """Write weights by name; none is a whole file, too.

    Parameters
    ----------
    path : path
    kept : mapping of name to arrays
        ``best_<metric>`` or ``epoch_<n>``, and the weights of a model in order.
    learning : mapping, optional
        Whether the model learnt, see `read_learning`.
    """
    with artefacts.writing(
        path, check=lambda written: _opened(written).close(), rows=len(kept)
    ) as temporary:
        # newer root groups carry a time stamp, and equal work has to give equal bytes
        with h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
            for name in sorted(kept):
                group = file.create_group(name)
                for number, array in enumerate(kept[name]):
                    group[f"{number:04d}"] = array
            file.attrs["learning"] = json.dumps(learning or {})
            file.attrs["complete"] = 1


def read_kept(path: str | Path, name: str) -> list[np.ndarray]:
    """Return the weights of a name, in the order `keras.Model.set_weights` takes.

    Raises
    ------
    ValueError
        Where the file is not whole or keeps no weights of that name.
    """
    with _opened(path) as file:
        if name not in file:
            there = ", ".join(sorted(file)) or "none"
            raise ValueError(
                f"{path} keeps no weights {name!r}; expected one of: {there} (a metric that is a "
                "number in no epoch keeps none, nor does an epoch after the last: see the history)"
            )
        return [file[name][number][()] for number in sorted(file[name])]


def read_learning(path: str | Path) -> dict:
    """Return whether a model learnt, from the file of its kept weights.

    Returns
    -------
    dict
        What `dawnchorus.training.learning.judge` finds, ``attempts`` (trainings from the start) and
        ``left_out`` (whether no ensemble is to count it); empty where it was not judged.
    """
    with _opened(path) as file:
        return json.loads(file.attrs.get("learning", "{}"))


def load_used(
    paths: Mapping[str, str], use: str | Sequence[str]
) -> keras.Model | frame_output.Averaged:
    """Load a member with the weights that are used: the last, or kept ones by their name.

    Parameters
    ----------
    paths : mapping
        ``model`` (the ``.keras`` file, last weights) and ``kept`` (weights kept beside them).
    use : str or sequence of str
        ``last``, ``best_<metric>`` or ``epoch_<n>``; of several the scores are averaged.
    """
    if not isinstance(use, str):
        return frame_output.Averaged([load_used(paths, name) for name in use])
    model = load(paths["model"])
    if use != "last":
        model.set_weights(read_kept(paths["kept"], use))
    return model


def _opened(path: str | Path) -> h5py.File:
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from None
    if not file.attrs.get("complete"):
        file.close()
        raise ValueError(f"{path} is not complete; delete it and run again")
    return file
