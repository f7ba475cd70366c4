"""Embeddings of recordings by a pretrained network, as a table.

A row is a window of the network: ``file``, ``onset`` and ``offset`` [s], and ``embedding`` (a list of K
values, float32). Metadata of the table: ``network`` (name, licence, source and digest, as JSON).

* `embedded`: the rows of each recording, or why there are none.
* `write`: a table of them; `read`: the table.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dawnchorus.audio.verdicts import Excluded
from dawnchorus.exported import recording_spectrogram
from dawnchorus.exported.model_file import Frontend
from dawnchorus.exported.sound_reader import SoundReader
from dawnchorus.frontends import base
from dawnchorus.runtime import artefacts, logs

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("file", "onset", "offset", "embedding")
_ABOUT = b"network"


class Embedded(NamedTuple):
    """One recording: onsets (T,) in seconds and values (T, K), or a fault."""

    path: str
    onset_s: np.ndarray
    values: np.ndarray
    fault: str = ""


class Embeddings(NamedTuple):
    """A table of embeddings: of N windows file, onset and offset [s], and values (N, K) float32."""

    files: list[str]
    onset_s: np.ndarray
    offset_s: np.ndarray
    values: np.ndarray
    network: dict


def embedded(frontend: Frontend, recordings: Sequence[str]) -> Iterator[Embedded]:
    """Yield the embeddings of recordings, in their order; one that cannot be used has a fault.

    Parameters
    ----------
    frontend : Frontend
        Of kind ``pretrained``, its network's path under ``file``.
    recordings : sequence of str
        Paths.
    """
    settings = frontend.settings
    with SoundReader([{"path": path} for path in recordings], frontend.audio) as reader:
        for sound in reader:
            growing = recording_spectrogram.begin(settings)
            try:
                for pieces in sound.pieces():
                    growing.add(pieces)
                found = growing.finish()
                values = np.asarray(found.frames("")[:], np.float32)
            except (Excluded, ValueError, MemoryError) as error:
                fault = logs.one_line(error)
                if isinstance(error, Excluded):
                    fault = f"{error.code}: {error.detail}".removesuffix(": ")
                yield Embedded(sound.path, np.empty(0), np.empty((0, 0)), fault)
            else:
                onset_s = np.array(
                    [base.kind(settings).onset_s(t, settings) for t in range(len(values))]
                )
                yield Embedded(sound.path, onset_s, values)


def write(path: str | Path, frontend: Frontend, recordings: Sequence[str]) -> dict[str, str]:
    """Write the embeddings of recordings, one of these in memory; return the faults by path.

    Parameters
    ----------
    path : path
        Parquet.
    frontend, recordings
        See `embedded`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    settings, faults = frontend.settings, {}
    n_values = base.n_bands(settings)
    hop_s = base.hop_length(settings) / settings["sample_rate"]
    told = {key: (settings.get("about") or {}).get(key) for key in ("name", "licence", "source")}
    told["sha256"] = settings["network"]["sha256"]
    types = (pa.string(), pa.float64(), pa.float64(), pa.list_(pa.float32(), n_values))
    schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
    schema = schema.with_metadata({_ABOUT: json.dumps(told, sort_keys=True)})
    with artefacts.writing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for one in embedded(frontend, recordings):
            if one.fault:
                faults[one.path] = one.fault
                continue
            flat = pa.array(one.values.ravel(), pa.float32())
            columns = [
                pa.array([one.path] * len(one.values)), pa.array(one.onset_s),
                pa.array(one.onset_s + hop_s), pa.FixedSizeListArray.from_arrays(flat, n_values),
            ]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return faults


def read(path: str | Path) -> Embeddings:
    """Read a table of embeddings.

    Raises
    ------
    ValueError
        Where the file is none: what is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: pyarrow.Table = pq.read_table(path)
        about: Mapping = json.loads((table.schema.metadata or {}).get(_ABOUT, b"{}"))
    except (pa.ArrowInvalid, ValueError) as error:
        raise ValueError(f"{path} is no table of embeddings: {logs.one_line(error)}") from None
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise ValueError(
            f"{path} has no column {missing[0]!r}; expected a table of `dawnchorus embed`"
        )
    column = table["embedding"].combine_chunks()
    values = column.values if isinstance(column, pa.Array) else column.chunk(0).values
    n_values = column.type.list_size if len(table) else 1
    return Embeddings(
        table["file"].to_pylist(),
        table["onset"].to_numpy(),
        table["offset"].to_numpy(),
        np.asarray(values, np.float32).reshape(len(table), n_values),
        dict(about),
    )
