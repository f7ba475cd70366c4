"""The detections of all shards of an application as one table.

It reaches no network and no frontend: another version of these joins nothing again.

* `join_detections`: the tables of detections and of recordings.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dawnchorus.exported import detection_rows, detections
from dawnchorus.runtime import artefacts

if TYPE_CHECKING:
    import pyarrow

_SHOWN = 5  # offenders that a message names


def join_detections(
    shards: Sequence[str | Path],
    recordings: Sequence[str | Path],
    exclusions: Mapping[str, float],
    output: str | Path,
    recordings_output: str | Path,
) -> None:
    """Join the tables of all shards, in the order of corpora and recordings' files.

    Parameters
    ----------
    shards, recordings : sequences of paths
        Written by `dawnchorus.exported.shard_detections.apply_model`.
    exclusions : mapping of corpus to float
        Largest share of its recordings that may have a fault.
    output, recordings_output : path
        As those of `dawnchorus.exported.shard_detections.apply_model`.

    Raises
    ------
    ValueError
        Where more recordings have a fault.
    """
    rows = [row for path in recordings for row in artefacts.read_table(path)]
    for corpus, share in exclusions.items():
        own = [row for row in rows if row["file"].startswith(f"{corpus}/")]
        faults = [f"{row['file']} ({row['fault']})" for row in own if row["fault"]]
        if len(faults) > share * len(own):
            raise ValueError(
                f"{len(faults)} of {len(own)} recordings of corpus {corpus} could not be scored, more "
                f"than its max_excluded {share:g}: {', '.join(faults[:_SHOWN])}; repair them, or raise "
                "max_excluded"
            )

    def tables() -> Iterator["pyarrow.Table"]:
        for path in shards:
            yield from detection_rows.read_blocks(path)

    detections.write_blocks(output, detection_rows.joined(tables()))
    values = [
        [row[name] for name in detection_rows.RECORDINGS]
        for row in sorted(rows, key=lambda r: r["file"])
    ]
    artefacts.write_table(recordings_output, detection_rows.RECORDINGS, values)
