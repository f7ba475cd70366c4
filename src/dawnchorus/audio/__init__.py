"""From recordings to shards of resampled audio: decode once, judge once, resample.

A shard is one mono float32 WAV file (RF64 when large) that holds its recordings one after another,
beside a table with one row per listed recording: where its samples lie, or why there are none.
Samples are float32 with full scale at -1..1, rates are in Hz, durations in seconds.

* `resample_shard`: the recordings of a listing become a shard and its table.
* `open_shard`, `rate_of_shard`, `read_table`: read what was written.
* `write_verdicts`: add the tables of a corpus up, and stop where too many were excluded.
* `resampler_versions`: the versions that decide the samples.

Recordings are foreign bytes: only `decode` and `content` touch them, and only in the limited child
process of `child`. Nothing that this file imports loads numpy, so that a job which resamples pays
for it once, in the child.
"""

from dawnchorus.audio.shards import resample_shard, resampler_versions
from dawnchorus.audio.verdicts import (
    EXCLUSIONS,
    WARNINGS,
    Resampled,
    read_table,
    write_verdicts,
)
from dawnchorus.audio.wave import open_shard, rate_of_shard

__all__ = [
    "EXCLUSIONS",
    "WARNINGS",
    "Resampled",
    "open_shard",
    "rate_of_shard",
    "read_table",
    "resample_shard",
    "resampler_versions",
    "write_verdicts",
]
