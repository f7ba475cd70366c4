"""All that a killed training needs to go on to the same weights, in one file.

A checkpoint lies beside the model it will become, is named by the digest of settings, targets and
code (so another training never takes it up), and is removed when the model is there. Snakemake does
not know it: it removes declared outputs when a job starts.

* `save`, `load`, `remove`
* `path_beside`: its name.
"""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus import artefacts, logs


def path_beside(model: str | Path, digest: str) -> Path:
    """Return where the checkpoint of a model is kept."""
    model = Path(model)
    return model.with_name(f"{model.stem}.{digest}.checkpoint.npz")


def save(path: Path, arrays: Sequence[np.ndarray], state: dict) -> None:
    """Write arrays and a JSON state; the checkpoint before stays until this one is whole."""
    with artefacts.writing(path, record=False) as temporary:
        named = {f"a{index}": array for index, array in enumerate(arrays)}
        with open(temporary, "wb") as file:
            np.savez(file, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **named)


def load(path: Path) -> tuple[list[np.ndarray], dict] | None:
    """Return the arrays and the state of a checkpoint, or None where there is none to use."""
    if not path.exists():
        return None
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = [file[f"a{index}"] for index in range(len(file.files) - 1)]
            return arrays, json.loads(file["state"].tobytes())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logs.LOG.info("checkpoint %s is damaged (%s): training starts anew", path, error)
        return None


def remove(path: Path) -> None:
    """Remove a model's checkpoints, those of other settings too: the model is there."""
    stem = path.name.split(".")[0]
    for old in path.parent.glob(f"{stem}.*.checkpoint.npz"):
        os.unlink(old)
