"""A model file whose bytes depend on the model alone.

* `save`: write a ``.keras`` file.

Keras writes the date into a ``.keras`` file, and the file is a zip archive, which dates its members.
"""

import json
import zipfile
from pathlib import Path

import keras

from dawnchorus import artefacts, models

_DATE = (1980, 1, 1, 0, 0, 0)


def save(model: keras.Model, path: str | Path) -> None:
    """Write a model without its optimiser; equal models give equal bytes on one set of versions."""
    with artefacts.writing(path, check=models.load) as temporary:
        dated = temporary.with_name(f".dated{temporary.name}")
        try:
            model.save(dated)
            _rewrite(dated, temporary)
        finally:
            dated.unlink(missing_ok=True)


def _rewrite(dated: Path, undated: Path) -> None:
    with zipfile.ZipFile(dated) as source, zipfile.ZipFile(undated, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(content)
                metadata.pop("date_saved", None)
                content = json.dumps(metadata, sort_keys=True).encode()
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            target.writestr(info, content)
