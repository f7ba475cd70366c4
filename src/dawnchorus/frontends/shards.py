"""Writing the spectrograms of a shard as one HDF5 file.

The file holds one contiguous array of rows, so that a reader can map it into memory, and beside it
``ids``. Layout ``frames``: ``features`` (rows x bands, float32), ``offsets`` (rows ``offsets[i]`` to
``offsets[i + 1]`` belong to recording i), ``onsets`` (seconds of the first row); with kind ``psd``
``cell_offsets``, ``cell_mean``, ``cell_peak``, ``band_mean`` and ``band_std`` (see `cell_statistics`).
Layout ``chunks``: ``images`` (chunks x bands x columns, uint8 or float32) and for each chunk
``recording`` (index into ``ids``), ``onset`` and ``length`` (seconds; without padding) and ``score``
(see `signal_score`). Attributes: ``layout``, ``frontend`` (settings as JSON), ``versions``,
``frames_per_second`` and, last of all, ``complete``.

* `write_shard`: shard of audio to shard of spectrograms.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

from dawnchorus.audio import verdicts
from dawnchorus.frontends import base, shard_layout, shard_writers, waveforms
from dawnchorus.runtime import artefacts, logs

_VALUES_HELD = 1 << 20  # values read back at a time
_LIBRARIES = ("numpy", "scipy", "soxr", "soundfile", "dawnchorus")
# Of HDF5: a newer library writes the same bytes, and the root group bears no time stamp.
_FORMAT = ("earliest", "v110")
_PLAIN = {"track_times": False}
_WRITERS = {"frames": shard_writers.Frames, "chunks": shard_writers.Chunks}


def write_shard(
    wav_path: str | Path, table_path: str | Path, settings: Mapping, output_path: str | Path
) -> None:
    """Write the spectrograms of all used recordings of a shard of audio.

    Parameters
    ----------
    wav_path, table_path : path
        Resampled audio and its table, as `dawnchorus.audio.audio_shards` writes them.
    settings : mapping
        Frontend settings as `dawnchorus.frontends.base.check` accepts them.
    output_path : path
        HDF5 file to write. Equal input gives equal bytes.

    Raises
    ------
    ValueError
        For settings that cannot work, audio at another rate, or values that are not finite.
    OSError
        Where the file cannot be written whole.
    """
    base.check(settings)
    _keep_freed_memory()
    used = [row for row in verdicts.read_table(table_path) if row.verdict == "used"]
    recordings = waveforms.of_shard(wav_path, used, settings["sample_rate"])
    ids = [row.id for row in used]
    writer = _WRITERS[base.layout(settings)](ids, recordings, settings)
    n_zero: list[int] = []

    def check(path: Path) -> None:
        _check_rows(path, ids, writer, n_zero)

    with (
        artefacts.writing(output_path, check=check, rows=len(used)) as temporary,
        h5py.File(temporary, "w", libver=_FORMAT, locking=False) as file,
    ):
        rows = _describe(file, ids, writer, settings)
        progress = logs.progress("recordings", len(used))
        for index in range(len(used)):
            n_zero.append(writer.write(rows, index))
            progress.step()
        for name, values in writer.statistics.items():
            file.create_dataset(name, data=values, **_PLAIN)
        file.flush()
        file.attrs["complete"] = 1


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of one block for the next.

    glibc hands large blocks back to the system and has every page of them cleared again, which took
    a third of the time of a shard; freeing one untouched block of nearly 32 MB raises its limits.
    """
    np.empty(30 << 20, np.uint8)


def _describe(file: h5py.File, ids: Sequence[str], writer, settings: Mapping) -> h5py.Dataset:
    """Make all datasets known now and attributes but ``complete``; return the rows, to be filled."""
    text = h5py.string_dtype("utf-8")
    file.create_dataset("ids", data=np.array(list(ids), object), dtype=text, **_PLAIN)
    for name, values in writer.tables.items():
        file.create_dataset(name, data=values, **_PLAIN)
    rows = file.create_dataset(
        writer.array, writer.shape, writer.dtype, fill_time="never", **_PLAIN
    )
    versions = {name: version(name) for name in _LIBRARIES}
    file.attrs["layout"] = base.layout(settings)
    file.attrs["frontend"] = artefacts.canonical_json(dict(settings))
    file.attrs["versions"] = json.dumps(versions, sort_keys=True)
    file.attrs["frames_per_second"] = settings["sample_rate"] / base.hop_length(settings)
    return rows


def _check_rows(path: Path, ids: Sequence[str], writer, n_zero: Sequence[int]) -> None:
    """Read a written shard back: every row there, finite, and zero only where it was computed so.

    A row that never reached the file reads as zeros; silence does, too, once denoised or stretched.
    """
    layout = shard_layout.read_layout(path)
    tables = writer.tables | writer.statistics
    is_equal = [
        np.array_equal(layout.tables[name], tables[name], equal_nan=True) for name in tables
    ]
    if layout.ids != list(ids) or not all(is_equal):
        raise OSError(f"{path} reads back other recordings than were written; is the disk sound?")
    for index, identifier in enumerate(ids):
        found = 0
        for rows in _read_back(layout, *layout.offsets[index : index + 2].tolist()):
            shard_writers.check_finite(rows, identifier, layout.settings)
            found += shard_writers.zero_rows(rows)
        if found != n_zero[index]:
            raise OSError(
                f"recording {identifier!r} reads back with {found} empty rows, "
                f"{n_zero[index]} were written; is the disk sound?"
            )


def _read_back(layout: shard_layout.Layout, first: int, last: int):
    n_values = int(np.prod(layout.shape[1:]))
    held = max(1, _VALUES_HELD // n_values)
    for start in range(first, last, held):
        count = (min(start + held, last) - start) * n_values
        offset = layout.first_byte + start * n_values * layout.dtype.itemsize
        yield np.fromfile(layout.path, layout.dtype, count, offset=offset).reshape(-1, n_values)
