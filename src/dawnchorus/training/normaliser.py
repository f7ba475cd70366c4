"""The normaliser: mean and deviation of every band of a corpus, to standardise a model's input.

* `write_normaliser`: computed from spectrogram shards, recording by recording.
* `read_normaliser`: as arrays.

The file has a row per band, F in all: ``band`` (from 0, the lowest), ``mean`` and ``deviation`` in the
unit of the frontend, ``frames`` (n, the same in each row).

serizel2018 normalises by the mean and the sample deviation (n - 1) of every band over all frames of
its training recordings, labelled and unlabelled, and adds them up fold by fold: its labelled
recordings are in the training part of both folds and count twice. Here each counts once, or twice by a
switch. Recordings of all folds of an experiment count, their labels do not.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.frontends import shard_reader
from dawnchorus.runtime import artefacts, logs
from dawnchorus.settings.references import parse_reference

COLUMNS = ("band", "mean", "deviation", "frames")
_FRAMES_AT_ONCE = 16384  # in memory, as float64
_SHOWN = 5  # bands named in a message


def write_normaliser(
    shards: Mapping[str, Sequence[str | Path]],
    folds_path: str | Path,
    labels: Mapping[str, str | Path],
    unlabelled: Sequence[str],
    labelled_twice: bool,
    output: str | Path,
) -> None:
    """Compute the normaliser of an experiment and write it.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Spectrogram shards of layout ``frames``, of one frontend.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``: the labelled recordings, all of which count.
    labels : mapping of corpus to path
        Label tables, which name the subsets of corpora; read only for references with a subset.
    unlabelled : sequence of str
        References ``corpus`` or ``corpus:subset``. Of these the recordings that are in the shards
        count, each once; those that have a fold are labelled.
    labelled_twice : bool
        As in serizel2018 by mistake: every labelled recording counts as if it were there twice.
    output : path
        CSV; see the module.

    Raises
    ------
    ValueError
        Where there are fewer than two frames, a value is not finite, a labelled recording or a
        corpus has no spectrogram, or the spectrograms differ in layout or bands.
    FileNotFoundError
        For a file that is not there.
    """
    readers = {corpus: shard_reader.open_shards(paths) for corpus, paths in shards.items()}
    for corpus, reader in readers.items():
        if reader.layout != "frames":
            raise ValueError(
                f"spectrograms of corpus {corpus!r} have layout {reader.layout!r}; a normaliser "
                "needs 'frames', which the kinds log_mel and psd have"
            )
    sizes = {corpus: reader.n_bands for corpus, reader in readers.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"spectrograms of the corpora have {sizes} bands; a normaliser needs one frontend for all"
        )
    labelled = {(row["corpus"], row["id"]) for row in artefacts.read_table(folds_path)}
    weights = {}
    for reference in unlabelled:
        corpus, subset = parse_reference(reference)
        reader = _reader(readers, corpus)
        ids = reader.ids
        if subset is not None:
            chosen = tables.select(tables.read_labels(labels[corpus]), subset)
            # excluded recordings have labels, and no spectrogram
            ids = [recording.id for recording in chosen if recording.id in reader]
        weights |= {(corpus, identifier): 1 for identifier in ids}
    # after the others: a recording that is labelled counts as that
    weights |= dict.fromkeys(labelled, 2 if labelled_twice else 1)
    n, mean, deviation = _moments(readers, weights)
    logs.LOG.info("normaliser of %d recordings, %d frames", len(weights), n)
    # a constant's deviation is 0 to the last bit: sums of equal float32 are exact in float64
    constant = np.flatnonzero(deviation == 0).tolist()
    if constant:
        shown = ", ".join(map(str, constant[:_SHOWN])) + (", ..." if constant[_SHOWN:] else "")
        logs.LOG.info(
            "warning: %d of %d bands are the same in every frame (%s) and become 0 where a model "
            "standardises them",
            len(constant), len(deviation), shown,
        )  # fmt: skip
    deviation = np.where(deviation > 0, deviation, 1.0)
    bands = zip(mean.tolist(), deviation.tolist(), strict=True)
    # the shortest text that gives the same number back
    rows = [(band, repr(m), repr(d), n) for band, (m, d) in enumerate(bands)]
    artefacts.write_table(output, COLUMNS, rows)


def read_normaliser(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the bands of a normaliser: (F,) and (F,), float64.

    Raises
    ------
    ValueError
        Where the file is no normaliser: other columns, bands that are not 0, 1, ... in order, or
        a mean or deviation that is not finite; deviations are above 0.
    """
    rows = artefacts.read_table(path)
    try:
        bands = [int(row["band"]) for row in rows]
        mean, deviation = (
            np.array([float(row[name]) for row in rows], np.float64) for name in COLUMNS[1:3]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    if not rows or bands != list(range(len(rows))):
        raise _damaged(path, f"its bands are {bands[:_SHOWN]}, {len(bands)} in all")
    is_sound = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0)
    if not is_sound.all():
        band = int(np.argmin(is_sound))
        raise _damaged(path, f"band {band} has mean {mean[band]} and deviation {deviation[band]}")
    return mean, deviation


def _moments(
    readers: Mapping, weights: Mapping[tuple[str, str], int]
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return n, and mean and sample deviation (F,) of the frames, each counted by its weight.

    Blocks are merged as in Chan, Golub and LeVeque (1979), in the order of the names: sums of
    squares of decibels would lose digits.
    """
    n, mean, spread = 0, 0.0, 0.0
    progress = logs.progress("recordings", len(weights))
    for recording in sorted(weights):
        corpus, identifier = recording
        frames = _reader(readers, corpus).frames(identifier)
        for first in range(0, len(frames), _FRAMES_AT_ONCE):
            block = frames[first : first + _FRAMES_AT_ONCE].astype(np.float64)
            if not np.isfinite(block).all():
                raise ValueError(
                    f"normaliser: {corpus}/{identifier} holds values that are not finite, as silence "
                    "does where a frontend has no floor; expected a frontend with a floor above 0"
                )
            n_new, mean_new = weights[recording] * len(block), block.mean(axis=0)
            between = mean_new - mean
            spread = spread + weights[recording] * ((block - mean_new) ** 2).sum(axis=0)
            spread = spread + between**2 * (n * n_new / (n + n_new))
            mean, n = mean + between * (n_new / (n + n_new)), n + n_new
        progress.step()
    if n < 2:
        raise ValueError(
            f"the normaliser has {n} frames of {len(weights)} recordings; expected 2 or more, of "
            "recordings with a fold or of the unlabelled corpora"
        )
    return n, mean, np.sqrt(spread / (n - 1))


def _reader(readers: Mapping, corpus: str):
    try:
        return readers[corpus]
    except KeyError:
        raise ValueError(
            f"corpus {corpus!r} has no spectrogram shard here, only {', '.join(readers)} have; "
            "give its shards too"
        ) from None


def _damaged(path: str | Path, why: str) -> ValueError:
    return ValueError(
        f"{path} is no normaliser ({why}); expected columns {', '.join(COLUMNS)} with bands 0, 1, "
        "..., finite means and deviations above 0: delete it and run again"
    )
