"""An exported model on a shard of a corpus: the job of an application.

* `apply_model`: detections in the recordings of a shard.

A recording is named by its corpus, its id and the extension of its file: ``night/site1/0400.wav``.
Beside a table of detections is one of recordings (CSV): ``file``, ``duration`` [s] and ``fault``, which
says why a recording has no scores. Counts of detections are held against these durations.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.audio import audio_shards
from dawnchorus.exported import (
    detection_rows,
    detections,
    frontend_networks,
    model_file,
    row_selection,
)
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.prediction import predicted
from dawnchorus.exported.recording_files import file_of
from dawnchorus.runtime import artefacts, logs


def apply_model(
    model_path: str | Path,
    corpus: str,
    listing_path: str | Path,
    settings: Mapping,
    output: str | Path,
    recordings_output: str | Path,
    archive: str | Path | None = None,
    threads: int = 1,
    places: Sequence[str | Path] = (),
) -> None:
    """Detect in the recordings of a shard.

    Parameters
    ----------
    model_path : path
    corpus : str
        Its name.
    listing_path : path
        Listing of the shard; see `dawnchorus.audio.audio_shards.listed_recordings`.
    settings : mapping
        Of the application: ``rows``, ``threshold`` (one, or one by class), ``precision``, ``top``,
        ``classes`` and ``decoding``; see `dawnchorus.exported.row_selection.selection_of`.
    output : path
        Table of detections, Parquet.
    recordings_output : path
        Table of recordings.
    archive : path, optional
        Zip file whose members are the recordings.
    threads : int
        Of the networks; their scores do not depend on it beyond rounding.
    places : sequence of path, optional
        Files of pretrained networks, or folders with them.

    Raises
    ------
    ValueError
        Where the model cannot be read or has no such scores.
    """
    model = model_file.load(model_path)
    # beside the copy of the model is that of its network
    model = frontend_networks.with_networks(model, [Path(model_path).parent, *places])
    # as texts of the command line, so that a config and a command mean the same
    given = settings["threshold"]
    thresholds = [] if given is None else [repr(given)]
    if settings["precision"] is not None:
        thresholds = [f"precision={settings['precision']!r}"]
    elif isinstance(given, Mapping):
        thresholds = [f"{name}={value!r}" for name, value in given.items()]
    wanted = row_selection.selection_of(
        model, settings["rows"], thresholds, settings["top"], settings["classes"],
        settings["decoding"],
    )  # fmt: skip
    listed = audio_shards.listed_recordings(Path(listing_path))
    progress, rows = logs.progress("recordings", len(listed)), []

    def found() -> Iterator[tuple[str, object]]:
        networks = functools.partial(Networks, model, threads)
        scored = predicted(model, networks, listed, wanted, archive=archive)
        for recording, one in zip(listed, scored, strict=True):
            name = file_of(corpus, recording)
            rows.append((name, one.seconds, one.fault))
            if one.fault:
                logs.LOG.info("%s: %s", name, one.fault)
            progress.step()
            yield name, one.rows

    said = model.short_digest, model.calibration_of(wanted.kind)
    blocks = detection_rows.blocks_of(found(), model.classes, *said)
    n_rows = detections.write_blocks(output, blocks)
    artefacts.write_table(recordings_output, detection_rows.RECORDINGS, rows)
    logs.LOG.info("%d detections in %d recordings", n_rows, len(rows))
