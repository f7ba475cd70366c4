"""Checkpoints: all that a killed training needs to resume to the same weights.

A checkpoint lies beside the model it will become, is named by the digest of settings, targets and
code (so another training never resumes from it), and is removed when the model is there. Snakemake does
not know it: it removes declared outputs when a job starts. Weights of earlier epochs that are to be
kept lie in files of their own beside it, so that they are written once and not with every
checkpoint: a checkpoint names the epochs it needs, and what none needs goes after the next is whole.

* `save`, `load`, `remove`
* `checkpoint_path`: its name.
* `save_epoch`, `remove_epochs`, `Epochs`: weights of earlier epochs.
"""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.runtime import artefacts, logs

_SUFFIX = ".checkpoint.npz"


def checkpoint_path(model: str | Path, digest: str) -> Path:
    """Return where the checkpoint of a model is kept."""
    model = Path(model)
    return model.with_name(f"{model.stem}.{digest}{_SUFFIX}")


def save(path: Path, arrays: Sequence[np.ndarray], state: dict) -> None:
    """Write arrays and a JSON state; the checkpoint before stays until this one is whole."""
    with artefacts.writing(path, record=False) as temporary:
        named = {f"a{index}": array for index, array in enumerate(arrays)}
        with open(temporary, "wb") as file:
            # not compressed: weights hardly shrink, and writing them holds up the training
            np.savez(file, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **named)


def load(path: Path) -> tuple[list[np.ndarray], dict] | None:
    """Return the arrays and the state of a checkpoint, or None where there is none to use."""
    if not path.exists():
        return None
    try:
        # no pickle: what lies in a results folder is data, and is to run nothing
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            # all but the state; in their order, which names would not give: a10 sorts before a2
            arrays = [file[f"a{index}"] for index in range(len(file.files) - 1)]
            return arrays, json.loads(file["state"].tobytes())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logs.LOG.info("checkpoint %s is damaged (%s): training starts anew", path, error)
        return None


def remove(path: Path) -> None:
    """Remove a model's checkpoints, those of other settings too: the model is there."""
    stem = path.name.split(".")[0]
    # a kill in the middle of a write leaves the temporary file of `artefacts.writing`
    left = path.parent.glob(f".{stem}.*.tmp.npz")
    for old in [*path.parent.glob(f"{stem}.*{_SUFFIX}"), *left]:
        os.unlink(old)


def save_epoch(path: Path, epoch: int, weights: Sequence[np.ndarray]) -> None:
    """Write the weights of an epoch beside a checkpoint that will name it."""
    save(_path_of_epoch(path, epoch), weights, {"epoch": epoch})


def remove_epochs(path: Path, needed: Iterable[int]) -> None:
    """Remove the weights of epochs that a checkpoint, now whole, does not name."""
    there = set(path.parent.glob(f"{path.name.removesuffix(_SUFFIX)}.epoch_*{_SUFFIX}"))
    for old in there - {_path_of_epoch(path, epoch) for epoch in needed}:
        os.unlink(old)


class Epochs(Mapping):
    """Kept weights by name, read on access: many snapshots need not fit into memory.

    Parameters
    ----------
    path : path
        The checkpoint.
    kept : mapping of name to epoch
    """

    def __init__(self, path: Path, kept: Mapping[str, int]):
        self._path, self._kept = path, kept

    def __getitem__(self, name: str) -> list[np.ndarray]:
        """Return the weights of a name."""
        path = _path_of_epoch(self._path, self._kept[name])
        found = load(path)
        if found is None:
            raise ValueError(f"{path} is gone or damaged; run again, the training starts anew")
        return found[0]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._kept)

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._kept)

    def are_complete(self) -> bool:
        """Return whether every epoch's weights can be read."""
        epochs = set(self._kept.values())
        return all(load(_path_of_epoch(self._path, epoch)) is not None for epoch in epochs)


def _path_of_epoch(path: Path, epoch: int) -> Path:
    return path.with_name(f"{path.name.removesuffix(_SUFFIX)}.epoch_{epoch}{_SUFFIX}")
