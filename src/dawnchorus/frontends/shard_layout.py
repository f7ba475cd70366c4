"""The layout of a shard file of spectrograms, checked before any of it is used.

* `Layout`: its recordings, tables and the place of its rows.
* `read_layout`: of a file.
* `map_rows`: its rows in memory, as the system's cache holds them.
"""

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np

# layout -> array of rows, its number of axes, its possible types
_ARRAYS = {
    "frames": ("features", 2, (np.float32, np.float16)),
    "chunks": ("images", 3, (np.uint8, np.float32)),
}
_TABLES = {
    "frames": ("offsets", "onsets"),
    "chunks": ("recording", "onset", "length", "score"),
}
CELLS = ("cell_mean", "cell_peak")  # tables of frames with cells: a row per column block
BANDS = ("band_mean", "band_std")  # a row per recording


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a shard file holds: R rows (frames or chunks) from n recordings."""

    path: str
    name: str  # frames or chunks
    ids: list[str]
    offsets: np.ndarray  # (n + 1,) int64: rows offsets[i] to offsets[i + 1] are recording i
    tables: dict[str, np.ndarray]
    settings: dict
    frames_per_second: float
    shape: tuple[int, ...]  # of the rows: (R, F), or (R, F, T)
    dtype: np.dtype
    first_byte: int  # of the rows in the file


def read_layout(path: str | Path) -> Layout:
    """Return the layout of a shard file.

    Raises
    ------
    ValueError
        Where the file is not HDF5, is cut, was not finished, or contradicts itself.
    FileNotFoundError
        Where it is not there.
    """
    try:
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(
            f"{path} is not a whole HDF5 file ({error}); delete it and run again"
        ) from None
    with file:
        if file.attrs.get("complete", 0) != 1:
            raise ValueError(f"{path} was not finished (no complete=1); delete it and run again")
        try:
            layout = _layout(path, file)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise ValueError(
                f"{path} is no spectrogram shard ({error}); delete it and run again"
            ) from None
    # A cut or edited file must not be mapped: rows beyond its end would kill the process (SIGBUS).
    n, tables, size = len(layout.ids), layout.tables, Path(path).stat().st_size
    end = layout.first_byte + int(np.prod(layout.shape)) * layout.dtype.itemsize
    is_sound = (
        _are_offsets(layout.offsets, n, layout.shape[0])
        and end <= size
        and all(len(tables[name]) == n for name in ("onsets", *BANDS) if name in tables)
    )
    if "signal" in tables:
        is_sound = is_sound and len(tables["signal"]) == layout.shape[0]
    if layout.name == "chunks":
        is_sound = is_sound and all(len(values) == layout.shape[0] for values in tables.values())
    if "cell_offsets" in tables:
        is_sound = is_sound and all(
            _are_offsets(tables["cell_offsets"], n, len(tables[name])) for name in CELLS
        )
    if not is_sound:
        raise ValueError(
            f"{layout.path} contradicts itself: {n} ids, {len(layout.offsets)} offsets up to "
            f"{layout.offsets[-1:].tolist()}, rows of shape {layout.shape}, {size} bytes; "
            "delete it and run again"
        )
    return layout


def map_rows(layout: Layout) -> np.ndarray:
    """Return the rows of a file, read-only, as a view of it."""
    if 0 in layout.shape:
        return np.empty(layout.shape, layout.dtype)
    rows = np.memmap(layout.path, layout.dtype, "r", offset=layout.first_byte, shape=layout.shape)
    return np.asarray(rows)  # slices of a plain view are several times cheaper to make


def _layout(path: str | Path, file: h5py.File) -> Layout:
    name = file.attrs["layout"]
    if name not in _ARRAYS:
        raise ValueError(f"layout={name!r}; expected one of {', '.join(_ARRAYS)}")
    settings = json.loads(file.attrs["frontend"])
    array, n_axes, types = _ARRAYS[name]
    rows = _own(file, array)
    if rows.dtype not in types or rows.ndim != n_axes:
        raise ValueError(f"{array} is {rows.ndim} axes of {rows.dtype}")
    ids = _own(file, "ids").asstr()[:].tolist()
    names = _TABLES[name]
    if settings["kind"] == "psd":
        names = (*names, "cell_offsets", *CELLS, *BANDS)
    if settings["kind"] == "mel_power":
        names = (*names, "signal")
    tables = {table: _own(file, table)[:] for table in names}
    offsets = tables.get("offsets")
    if offsets is None:
        if np.any(np.diff(tables["recording"]) < 0):
            raise ValueError("its chunks are not in the order of its recordings")
        offsets = np.searchsorted(tables["recording"], np.arange(len(ids) + 1))
    return Layout(
        path=str(path),
        name=name,
        ids=ids,
        offsets=offsets,
        tables=tables,
        settings=settings,
        frames_per_second=float(file.attrs["frames_per_second"]),
        shape=rows.shape,
        dtype=rows.dtype,
        # HDF5 stores nothing for an array without rows, and has no offset of it
        first_byte=rows.id.get_offset() if rows.shape[0] else 0,
    )


def _own(file: h5py.File, name: str) -> h5py.Dataset:
    # the kind of link comes first: to look behind it would open another file
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is not an array of the file itself")
    array = file[name]
    if array.is_virtual or array.external or array.chunks:
        raise ValueError(f"{name} is not one contiguous array")
    return array


def _are_offsets(offsets: np.ndarray, n: int, end: int) -> bool:
    """Return whether each of n recordings has rows, and all together have ``end``."""
    has_length = len(offsets) == n + 1
    return (
        has_length and offsets[0] == 0 and offsets[-1] == end and bool((np.diff(offsets) > 0).all())
    )
