"""Tables of the segments of recordings, for people and databases: no rule decides by one.

Of kind ``time`` a segment is a part of a recording with signal, or one without, in seconds with three
decimals as dsr2019 kept them; of other kinds it is a window that may be trained on.

* `write_segments`: the table of a stage.
* `SEGMENTS`: its columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio import verdicts
from dawnchorus.formats import parquet
from dawnchorus.frontends import shard_reader, signal_mask
from dawnchorus.runtime import artefacts
from dawnchorus.segments import window_source

SEGMENTS = ("corpus", "recording", "start_s", "stop_s", "kind", "rule", "parameters")
_TYPES = {"start_s": float, "stop_s": float}
_OF_MASK = ("n_fft", "hop", "signal_factor", "signal_cells")


def write_segments(
    shards: Mapping[str, Sequence[str | Path]],
    tables: Mapping[str, Sequence[str | Path]],
    settings: Mapping,
    window: int,
    output: str | Path,
) -> None:
    """Write the segments of all recordings of some corpora, as Parquet.

    Parameters
    ----------
    shards, tables : mapping of corpus to paths
        Spectrogram shards, and tables of the audio that they were made of.
    settings : mapping
        The ``segments`` section of a stage.
    window : int
        Frames of a window.
    output : path
        Columns as `SEGMENTS`; ``kind`` is signal, noise or window, ``parameters`` JSON.
    """
    readers = {corpus: shard_reader.open_shards(paths) for corpus, paths in shards.items()}
    source = window_source.source_from_readers(readers, settings, window)
    rows: list[tuple[str, ...]] = []
    for corpus, reader in readers.items():
        chosen = {"window": window, "step_s": settings["step_s"], "reach": settings["reach"]}
        if settings["kind"] == "time":
            chosen |= {key: reader.settings[key] for key in _OF_MASK}
            chosen["sample_rate"] = reader.settings["sample_rate"]
        end = settings["kind"], artefacts.canonical_json(chosen)
        found = [row for path in tables[corpus] for row in verdicts.read_shard_table(path)]
        n_samples = {row.id: row.n_samples for row in found}
        for identifier in sorted(reader.ids):
            parts = parts_of(source, (corpus, identifier), reader.settings, n_samples)
            rows += [(corpus, identifier, repr(a), repr(b), kind, *end) for kind, a, b in parts]
    parquet.write(output, SEGMENTS, rows, _TYPES)


def parts_of(
    source: window_source.Source,
    recording: tuple[str, str],
    frontend: Mapping,
    n_samples: Mapping[str, int],
) -> Iterator[tuple[str, float, float]]:
    """Yield kind, start and stop of each segment of a recording, in seconds."""
    is_signal = getattr(source, "signal_of", lambda _: None)(recording)
    if is_signal is None:
        index = source.index([recording])
        for onset_s, offset_s in zip(index.onset_s, index.offset_s, strict=True):
            yield "window", round(float(onset_s), 3), round(float(offset_s), 3)
        return
    for kind, wanted in (("signal", is_signal), ("noise", np.logical_not(is_signal))):
        found = signal_mask.timestamps(wanted, n_samples[recording[1]], frontend["sample_rate"])
        for start_s, stop_s in found:
            yield kind, start_s, stop_s
