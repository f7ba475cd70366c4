"""Writing the spectrograms of a shard as one HDF5 file.

The file holds one contiguous array of rows, so that a reader can map it into memory, and beside it
``ids``. Layout ``frames``: ``features`` (rows x bands, float32), ``offsets`` (rows ``offsets[i]`` to
``offsets[i + 1]`` belong to recording i), ``onsets`` (seconds of the first row); with kind ``psd``
``cell_offsets``, ``cell_mean``, ``cell_peak``, ``band_mean`` and ``band_std`` (see `cell_statistics`),
with kind ``mel_power`` ``signal`` (a byte for each row, see `dawnchorus.frontends.signal_mask`).
Layout ``chunks``: ``images`` (chunks x bands x columns, uint8 or float32) and for each chunk
``recording`` (index into ``ids``), ``onset`` and ``length`` (seconds; without padding) and ``score``
(see `dawnchorus.frontends.chunk_images.signal_share`). Attributes: ``layout``, ``frontend`` (settings
as JSON), ``versions``, ``frames_per_second`` and, last of all, ``complete``.

* `write_shard`: shard of audio to shard of spectrograms.
* `recording_channels`, `Stored`: the waveforms of its recordings, read where they are sliced.
* `Frames`, `Chunks`: what each layout puts into a file.

The last two classes have the same interface: ``array`` (name of the array of rows), ``shape``, ``dtype``,
``offsets`` (rows of recording i are ``offsets[i]`` to ``offsets[i + 1]``), ``tables`` (known before the
rows), ``write(rows, index)`` (computes recording ``index`` into the array and returns how many of its
rows are zero), ``statistics`` (known after).
"""

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

from dawnchorus.audio import shard_wav, verdicts
from dawnchorus.frontends import (
    base,
    cell_statistics,
    chunk_images,
    shard_layout,
    spectra,
    spectrograms,
)
from dawnchorus.runtime import artefacts, logs

_FRAMES_READ = 16384  # rows read back at a time
_CHUNKS_HELD = 64  # pictures computed before they are written; 2 MB of 128 x 256 in 8 bits
_VALUES_HELD = 1 << 20  # values read back at a time
_LIBRARIES = ("librosa", "numpy", "scipy", "soxr", "soundfile", "dawnchorus")
# Of HDF5: a newer library writes the same bytes, and the root group bears no time stamp.
_FORMAT = ("earliest", "v110")
_PLAIN = {"track_times": False}


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
    # Let the C library keep the memory of one block for the next. glibc hands large blocks back to
    # the system and has every page of them cleared again, which took a third of the time of a shard;
    # freeing one untouched block of nearly 32 MB raises its limits.
    np.empty(30 << 20, np.uint8)
    used = [row for row in verdicts.read_shard_table(table_path) if row.verdict == "used"]
    recordings = recording_channels(wav_path, used, settings["sample_rate"])
    ids = [row.id for row in used]
    layout = base.layout(settings)
    writer = {"frames": Frames, "chunks": Chunks}[layout](ids, recordings, settings)
    n_zero: list[int] = []

    def check(path: Path) -> None:
        _check_rows(path, ids, writer, n_zero)

    with (
        artefacts.writing(output_path, check=check, rows=len(used)) as temporary,
        h5py.File(temporary, "w", libver=_FORMAT, locking=False) as file,
    ):
        text = h5py.string_dtype("utf-8")
        file.create_dataset("ids", data=np.array(ids, object), dtype=text, **_PLAIN)
        for name, values in writer.tables.items():
            file.create_dataset(name, data=values, **_PLAIN)
        rows = file.create_dataset(
            writer.array, writer.shape, writer.dtype, fill_time="never", **_PLAIN
        )
        versions = {name: version(name) for name in _LIBRARIES}
        file.attrs["layout"] = layout
        file.attrs["frontend"] = artefacts.canonical_json(dict(settings))
        file.attrs["versions"] = json.dumps(versions, sort_keys=True)
        file.attrs["frames_per_second"] = settings["sample_rate"] / base.hop_length(settings)
        progress = logs.progress("recordings", len(used))
        for index, row in enumerate(used):
            n_zero.append(writer.write(rows, index))
            progress.step(audio_s=row.duration_s)
        for name, values in writer.statistics.items():
            file.create_dataset(name, data=values, **_PLAIN)
        file.flush()
        file.attrs["complete"] = 1


@dataclasses.dataclass(frozen=True)
class Stored:
    """A waveform within a file of float32 samples, read where it is sliced.

    Reading, unlike mapping, leaves nothing in memory: hours of audio count only block by block.
    """

    path: str
    first_byte: int
    n_samples: int

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, part: slice) -> np.ndarray:
        first, last, _ = part.indices(self.n_samples)
        offset = self.first_byte + 4 * first
        return np.fromfile(self.path, "<f4", max(0, last - first), offset=offset)


def recording_channels(
    wav_path: str | Path, used: Sequence[verdicts.Resampled], sample_rate: int
) -> list[list[Stored]]:
    """Return the channels of every used recording of a shard.

    Raises
    ------
    ValueError
        For a shard at another rate, or one that is shorter than its table says.
    """
    if not used:
        return []
    found = shard_wav.shard_sample_rate(wav_path)
    if found != sample_rate:
        raise ValueError(
            f"{wav_path} is at {found} Hz, the frontend expects {sample_rate} Hz; "
            "name the audio recipe that made it"
        )
    samples = shard_wav.open_shard(wav_path)
    end = max(row.first_sample + row.channels * row.n_samples for row in used)
    if end > len(samples):
        raise ValueError(
            f"{wav_path} has {len(samples)} samples, its table expects {end}; delete both, run again"
        )
    path, first_byte = str(samples.filename), samples.offset

    def channel(row: verdicts.Resampled, index: int) -> Stored:
        first = row.first_sample + index * row.n_samples
        return Stored(path, first_byte + 4 * first, row.n_samples)

    return [[channel(row, index) for index in range(row.channels)] for row in used]


class Frames:
    """Frames of recordings, with the statistics of their cells where the kind has cells."""

    array = "features"

    def __init__(self, ids: Sequence[str], recordings: Sequence, settings: Mapping):
        self._recordings, self._settings = recordings, settings
        self.dtype = np.dtype(settings.get("store", "float32"))
        self._kept = [spectrograms.kept_frames(channels, settings) for channels in recordings]
        lengths = [last - first for first, last in self._kept]
        self.offsets = np.cumsum([0, *lengths], dtype=np.int64)
        self.shape = (int(self.offsets[-1]), base.n_bands(settings))
        onset_s = base.kind(settings).onset_s
        onsets = np.array([onset_s(first, settings) for first, _ in self._kept], np.float64)
        self.tables = {"offsets": self.offsets, "onsets": onsets}
        self.statistics = {}
        if settings["kind"] == "psd":
            n_row_bands = len(cell_statistics.row_borders(settings)) - 1
            n_blocks = [cell_statistics.n_blocks(length, settings) for length in lengths]
            offsets = np.cumsum([0, *n_blocks], dtype=np.int64)
            self.statistics["cell_offsets"] = offsets
            for name in shard_layout.CELLS:
                self.statistics[name] = np.empty((int(offsets[-1]), n_row_bands))
            for name in shard_layout.BANDS:
                self.statistics[name] = np.empty((len(lengths), n_row_bands))
        if settings["kind"] == "mel_power":
            self.statistics["signal"] = np.zeros(self.shape[0], np.uint8)

    def write(self, features, index: int) -> int:
        """Compute a recording; return how many of its frames are zero in every band."""
        first, last = self.offsets[index : index + 2].tolist()
        channels, kept = self._recordings[index], self._kept[index]
        if "signal" in self.statistics:
            signal = base.kind(self._settings).frame_signal(channels, self._settings)
            self.statistics["signal"][first:last] = signal[kept[0] : kept[1]]
        if last - first > spectra.FRAMES_HELD:
            # hours of sound go straight to the file, and their cells are computed from there
            spectrograms.write_spectrogram(features, first, channels, self._settings, kept)
            self._add_cells(index, features, first, last)
            blocks = range(first, last, _FRAMES_READ)
            return sum(count_zero_rows(features[a : min(a + _FRAMES_READ, last)]) for a in blocks)
        rows = np.empty((last - first, self.shape[1]), np.float32)
        spectrograms.write_spectrogram(rows, 0, channels, self._settings, kept)
        features[first:last] = rows
        self._add_cells(index, rows, 0, len(rows))
        return count_zero_rows(rows)

    def _add_cells(self, index: int, rows, first: int, last: int) -> None:
        if "cell_offsets" not in self.statistics:
            return
        found = cell_statistics.cell_statistics(rows, self._settings, first, last)
        start, stop = self.statistics["cell_offsets"][index : index + 2]
        self.statistics["cell_mean"][start:stop] = found.mean
        self.statistics["cell_peak"][start:stop] = found.peak
        self.statistics["band_mean"][index] = found.band_mean
        self.statistics["band_std"][index] = found.band_std


class Chunks:
    """Pictures of the chunks of recordings, with the share of signal in each."""

    array = "images"

    def __init__(self, ids: Sequence[str], recordings: Sequence, settings: Mapping):
        self._ids, self._recordings, self._settings = ids, recordings, settings
        for channels in recordings:
            spectra.check_channels(channels)
        places = [chunk_images.chunk_places(len(channels[0]), settings) for channels in recordings]
        self.offsets = np.cumsum([0, *map(len, places)], dtype=np.int64)
        self._places = np.array(list(itertools.chain(*places)), np.int64).reshape(-1, 2)
        self.shape = (len(self._places), settings["n_bands"], settings["n_frames"])
        self.dtype = np.dtype(settings["store"])
        numbers = np.arange(len(recordings), dtype=np.int32)
        seconds = self._places / settings["sample_rate"]
        self.tables = {
            "recording": np.repeat(numbers, np.diff(self.offsets)),
            "onset": np.ascontiguousarray(seconds[:, 0]),
            "length": np.ascontiguousarray(seconds[:, 1]),
        }
        self.statistics = {"score": np.zeros(len(self._places), np.float32)}

    def write(self, pictures, index: int) -> int:
        """Compute a recording; return how many of its pictures are zero throughout.

        Raises
        ------
        ValueError
            Where a picture is not finite.
        """
        first, last = self.offsets[index : index + 2].tolist()
        channels, n_zero = self._recordings[index], 0
        is_scaled = self._settings["scale"] == "min_max"
        for start in range(first, last, _CHUNKS_HELD):
            stop = min(start + _CHUNKS_HELD, last)
            block = np.empty((stop - start, *self.shape[1:]), self.dtype)
            for chunk, place in enumerate(self._places[start:stop].tolist(), start):
                image = chunk_images.chunk_image(channels, tuple(place), self._settings)
                # before rounding: 8 bits would hide what is not finite
                check_finite(image, self._ids[index], self._settings)
                scaled = image if is_scaled else chunk_images.min_max_scaled(image)
                self.statistics["score"][chunk] = chunk_images.signal_share(scaled)
                block[chunk - start] = chunk_images.quantised(image, self._settings)
            pictures[start:stop] = block
            n_zero += count_zero_rows(block)
        return n_zero


def count_zero_rows(rows: np.ndarray) -> int:
    """Return how many of the rows (first axis) are zero throughout."""
    return len(rows) - int(np.count_nonzero(rows.reshape(len(rows), -1).any(axis=1)))


def check_finite(rows: np.ndarray, identifier: str, settings: Mapping) -> None:
    """Raise a ValueError for rows that are not finite; a density without a floor may be -inf."""
    is_fine = np.isfinite(rows)
    if settings.get("floor") == 0:
        is_fine |= rows == -np.inf
    if not is_fine.all():
        raise ValueError(
            f"the spectrogram of recording {identifier!r} is not finite; "
            "its resampled audio must be, so make that again"
        )


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
    n_values = int(np.prod(layout.shape[1:]))
    held = max(1, _VALUES_HELD // n_values)
    for index, identifier in enumerate(ids):
        found = 0
        first, last = layout.offsets[index : index + 2].tolist()
        for start in range(first, last, held):
            # read, not mapped: what is checked is the file, and the memory stays that of a block
            count = (min(start + held, last) - start) * n_values
            offset = layout.first_byte + start * n_values * layout.dtype.itemsize
            rows = np.fromfile(path, layout.dtype, count, offset=offset).reshape(-1, n_values)
            check_finite(rows, identifier, layout.settings)
            found += count_zero_rows(rows)
        if found != n_zero[index]:
            raise OSError(
                f"recording {identifier!r} reads back with {found} empty rows, "
                f"{n_zero[index]} were written; is the disk sound?"
            )
