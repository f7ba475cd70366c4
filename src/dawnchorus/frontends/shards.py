"""Writing the spectrograms of a shard as one HDF5 file.

The file holds one contiguous array of rows, so that a reader can map it into memory: ``features``
(rows x bands, float32), ``ids``, ``offsets`` (rows ``offsets[i]`` to ``offsets[i + 1]`` belong to
recording i), ``onsets`` (seconds of the first row), and as attributes ``layout``, ``frontend``
(settings as JSON), ``versions``, ``frames_per_second`` and, last of all, ``complete``.

* `write_shard`: shard of audio to shard of spectrograms.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

import dawnchorus
from dawnchorus import artefacts, audio, logs
from dawnchorus.frontends import mel, reader, spectrograms
from dawnchorus.frontends.settings import check_settings

_ROWS_HELD = 16384  # rows read back at a time
_LIBRARIES = ("numpy", "scipy", "soxr", "soundfile")
# Of HDF5: a newer library writes the same bytes, and the root group bears no time stamp.
_FORMAT = ("earliest", "v110")


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


def write_shard(
    wav_path: str | Path, table_path: str | Path, settings: Mapping, output_path: str | Path
) -> None:
    """Write the spectrograms of all used recordings of a shard of audio.

    Parameters
    ----------
    wav_path, table_path : path
        Resampled audio and its table, as `dawnchorus.audio` writes them.
    settings : mapping
        Frontend settings as `dawnchorus.frontends.check_settings` accepts them.
    output_path : path
        HDF5 file to write. Equal input gives equal bytes.

    Raises
    ------
    ValueError
        For settings that cannot work, audio at another rate, or values that are not finite.
    OSError
        Where the file cannot be written whole.
    """
    check_settings(settings)
    _keep_freed_memory()
    used = [row for row in audio.read_table(table_path) if row.verdict == "used"]
    recordings = _waveforms(wav_path, used, settings["sample_rate"]) if used else []
    kept = [spectrograms.kept_frames(channels, settings) for channels in recordings]
    offsets = np.cumsum([0, *(last - first for first, last in kept)], dtype=np.int64)
    silent_rows: list[int] = []

    def check(path: Path) -> None:
        _check_rows(path, [row.id for row in used], offsets, silent_rows)

    with (
        artefacts.writing(output_path, check=check, rows=len(used)) as temporary,
        h5py.File(temporary, "w", libver=_FORMAT, locking=False) as file,
    ):
        features = _describe(file, [row.id for row in used], offsets, kept, settings)
        progress = logs.progress("recordings", len(used))
        for channels, part, row in zip(recordings, kept, offsets[:-1].tolist(), strict=True):
            silent_rows.append(_write_rows(features, row, channels, settings, part))
            progress.step()
        file.flush()
        file.attrs["complete"] = 1


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of one block for the next.

    glibc hands large blocks back to the system and has every page of them cleared again, which took
    a third of the time of a shard; freeing one untouched block of nearly 32 MB raises its limits.
    """
    np.empty(30 << 20, np.uint8)


def _waveforms(wav_path: str | Path, used: Sequence, sample_rate: int) -> list[list[Stored]]:
    """Return the channels of every used recording."""
    found = audio.rate_of_shard(wav_path)
    if found != sample_rate:
        raise ValueError(
            f"{wav_path} is at {found} Hz, the frontend expects {sample_rate} Hz; "
            "name the audio recipe that made it"
        )
    samples = audio.open_shard(wav_path)
    end = max(row.first_sample + row.channels * row.n_samples for row in used)
    if end > len(samples):
        raise ValueError(
            f"{wav_path} has {len(samples)} samples, its table expects {end}; delete both, run again"
        )
    path, first_byte = str(samples.filename), samples.offset

    def channel(row, index: int) -> Stored:
        first = row.first_sample + index * row.n_samples
        return Stored(path, first_byte + 4 * first, row.n_samples)

    return [[channel(row, index) for index in range(row.channels)] for row in used]


def _describe(
    file: h5py.File,
    ids: Sequence[str],
    offsets: np.ndarray,
    kept: Sequence[tuple[int, int]],
    settings: Mapping,
) -> h5py.Dataset:
    """Make all datasets and attributes but ``complete``; return ``features``, still to be filled."""
    frames_per_second = settings["sample_rate"] / mel.hop_length(settings)
    onsets = np.array([first / frames_per_second for first, _ in kept], np.float64)
    shape = (int(offsets[-1]), settings["n_mels"])
    text = h5py.string_dtype("utf-8")
    plain = {"track_times": False}
    file.create_dataset("ids", data=np.array(list(ids), object), dtype=text, **plain)
    file.create_dataset("offsets", data=offsets, **plain)
    file.create_dataset("onsets", data=onsets, **plain)
    features = file.create_dataset("features", shape, np.float32, fill_time="never", **plain)
    versions = {name: version(name) for name in _LIBRARIES} | {"dawnchorus": dawnchorus.__version__}
    file.attrs["layout"] = reader.LAYOUT
    file.attrs["frontend"] = artefacts.canonical_json(dict(settings))
    file.attrs["versions"] = json.dumps(versions, sort_keys=True)
    file.attrs["frames_per_second"] = frames_per_second
    return features


def _write_rows(
    features: h5py.Dataset, row: int, channels: list[Stored], settings: Mapping, kept: tuple
) -> int:
    """Write one recording and return how many of its rows are zero in every band."""
    n = kept[1] - kept[0]
    if n > mel.FRAMES_HELD:
        spectrograms.spectrogram_into(features, row, channels, settings, kept)
        return _zero_rows(features[a:b] for a, b in _blocks(row, row + n))
    rows = np.empty((n, settings["n_mels"]), np.float32)
    spectrograms.spectrogram_into(rows, 0, channels, settings, kept)
    features[row : row + n] = rows
    return _zero_rows([rows])


def _check_rows(
    path: Path, ids: Sequence[str], offsets: np.ndarray, silent_rows: Sequence[int]
) -> None:
    """Read a written shard back: every row there, finite, and zero only where it was computed so.

    A row that never reached the file reads as zeros; silence does, too, once denoised.
    """
    layout = reader.read_layout(path)
    if layout.ids != list(ids) or not np.array_equal(layout.offsets, offsets):
        raise OSError(f"{path} reads back other recordings than were written; is the disk sound?")
    for index, identifier in enumerate(ids):
        n_zero = 0
        for first, last in _blocks(int(offsets[index]), int(offsets[index + 1])):
            start = layout.first_byte + first * layout.n_bands * 4
            rows = np.fromfile(path, np.float32, (last - first) * layout.n_bands, offset=start)
            if not np.isfinite(rows).all():
                raise ValueError(
                    f"the spectrogram of recording {identifier!r} is not finite; "
                    "its resampled audio must be, so make that again"
                )
            n_zero += _zero_rows([rows.reshape(-1, layout.n_bands)])
        if n_zero != silent_rows[index]:
            raise OSError(
                f"recording {identifier!r} reads back with {n_zero} empty rows, "
                f"{silent_rows[index]} were written; is the disk sound?"
            )


def _blocks(first: int, last: int) -> list[tuple[int, int]]:
    return [(start, min(start + _ROWS_HELD, last)) for start in range(first, last, _ROWS_HELD)]


def _zero_rows(blocks) -> int:
    return sum(len(rows) - int(np.count_nonzero(rows.any(axis=1))) for rows in blocks)
