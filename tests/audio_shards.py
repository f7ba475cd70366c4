"""Shards of audio and of spectrograms, made of waveforms."""

import numpy as np

from dawnchorus.audio import shard_wav, verdicts
from dawnchorus.frontends import shards


def noise(rng, n_samples):
    return (0.1 * rng.standard_normal(n_samples)).astype(np.float32)


def write_audio(folder, recordings, sample_rate, excluded=()):
    """Write {id: list of channels} as a shard of audio."""
    folder.mkdir(exist_ok=True)
    samples, rows, first = [np.zeros(0)], [], 0
    for identifier, channels in sorted(recordings.items()):
        n = len(channels[0])
        place = (len(channels), first, n, n / sample_rate, 44100, ())
        rows.append(verdicts.Resampled(identifier, "used", "", *place))
        samples += channels
        first += len(channels) * n
    rows += [verdicts.Resampled(name, code, "", 0, 0, 0, 0.0, 0, ()) for name, code in excluded]
    data = np.concatenate(samples).astype("<f4").tobytes()
    (folder / "000.wav").write_bytes(shard_wav.header(first, sample_rate) + data)
    verdicts.write_shard_table(folder / "000.csv", sorted(rows, key=lambda row: row.id))
    return folder / "000.wav", folder / "000.csv"


def written(folder, recordings, settings, **more):
    """Write a shard of spectrograms and return its path."""
    paths = write_audio(folder, recordings, settings["sample_rate"], **more)
    shards.write_shard(*paths, settings, folder / "000.h5")
    return folder / "000.h5"
