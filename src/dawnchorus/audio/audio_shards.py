"""Resample the recordings of a listing into one shard of audio.

A shard is one mono float32 WAV file (RF64 when large) that holds its recordings one after another,
beside a table with one row per listed recording: where its samples lie, or why there are none.
Samples are float32 with full scale at -1..1, rates are in Hz, durations in seconds. Recordings are
foreign bytes: only `decode` and what it calls read them, and only in the limited child process of
`decoder_process`.

One child per worker decodes the recordings in sequence. Where it crashes, hangs or asks for too
much memory it is replaced, and the recording it worked on is excluded; the rest of the shard is not
affected.

* `resample_shard`: write a shard and its table.
* `listed_recordings`: the recordings of a listing, and where they lie.
* `resampler_versions`: the versions that decide the samples.
"""

import contextlib
import importlib.metadata
import itertools
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from dawnchorus.audio import shard_wav, verdicts
from dawnchorus.audio.decoder_process import Decoder
from dawnchorus.audio.verdicts import USED, Excluded, Resampled
from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, hashes, logs

RESAMPLERS = ("soxr_hq", "soxr_vhq", "polyphase", "shallow")
CHANNELS = ("mix", "first", "each")
_SHOWN = 5  # offenders that a message names


def resample_shard(
    listing_path: str | Path,
    recipe: Mapping,
    wav_path: str | Path,
    table_path: str | Path,
    archive: str | Path | None = None,
    jobs: int = 1,
) -> None:
    """Decode, check and resample the recordings of a listing into one WAV file and its table.

    Each recording is decoded once, in blocks, in bounded memory. Its samples depend on its bytes
    and the recipe alone, and number ``ceil(S * sample_rate / source_rate)``. A recording that
    cannot be used becomes a row with a code of `verdicts.EXCLUSIONS`; it never ends the run.

    Parameters
    ----------
    listing_path : path
        Listing of a shard (`dawnchorus.corpora.tables.read_listing`); the table beside it says where
        the recordings are (`dawnchorus.corpora.tables.read_places`). The hash is compared with
        the very bytes that are decoded; where it is empty, their number is. A file is not hashed
        again where the cache of hashes, in the folder above the listing's, holds its state.
    recipe : mapping
        ``sample_rate`` [Hz], ``resampler`` (`RESAMPLERS`), ``channels`` (`CHANNELS`: their mean,
        the first, or one after another), ``min_duration_s`` and ``max_duration_s`` [s],
        ``allow_truncated`` (use the rest of a recording that ends early), ``quiet_dbfs`` (the level
        below which a recording gets a warning), and ``decoder``:
        ``seconds`` and ``memory_mb`` that a recording may take.
    wav_path : path
        Becomes the shard: mono, float32, read with `open_shard`.
    table_path : path
        Becomes its table, a row per recording of the listing, read with `read_table`.
    archive : path, optional
        Zip file whose members are the recordings.
    jobs : int
        Number of child processes; the result does not depend on it.

    Raises
    ------
    ValueError
        Where the recipe has invalid values, the archive is no zip file, or the paths of recordings
        are not known.
    OSError
        Where a recording has gone since it was listed, the listing cannot be read, the shard cannot
        be written, or the child cannot be started.
    """
    for key, allowed in (("resampler", RESAMPLERS), ("channels", CHANNELS)):
        if recipe[key] not in allowed:
            raise ValueError(f"{key} is {recipe[key]!r}; expected one of {', '.join(allowed)}")
    if not (isinstance(recipe["sample_rate"], int) and recipe["sample_rate"] > 0):
        expected = "expected a positive whole number of Hz"
        raise ValueError(f"sample_rate is {recipe['sample_rate']!r}; {expected}")
    if archive is not None and not zipfile.is_zipfile(archive):
        raise ValueError(f"{archive} is not a zip archive; remove it and make it again")
    listing = listed_recordings(Path(listing_path))
    setup = {"recipe": dict(recipe), "archive": None if archive is None else str(archive)}
    with contextlib.ExitStack() as stack:
        decoders = [stack.enter_context(Decoder(setup)) for _ in range(min(jobs, len(listing)))]
        target = stack.enter_context(
            artefacts.writing(wav_path, check=shard_wav.check_shard, rows=len(listing))
        )
        with open(target, "w+b", buffering=0) as file:
            writer = shard_wav.ShardWriter(file, target.parent)
            progress = logs.progress("recordings", len(listing))
            rows = []
            for recording, decoder in zip(listing, decoders, strict=False):
                decoder.ask(recording)
            # children decode the next recordings while one is written: each is asked again as soon as
            # its answer is received
            turns = itertools.zip_longest(listing, listing[len(decoders) :])
            for (recording, following), decoder in zip(
                turns, itertools.cycle(decoders), strict=False
            ):
                rows.append(_row(recording, decoder, writer))
                progress.step(audio_s=rows[-1].duration_s)
                if following is not None:
                    decoder.ask(following)
            writer.finish(recipe["sample_rate"])
    verdicts.write_shard_table(table_path, rows)


def listed_recordings(path: Path) -> list[dict[str, str]]:
    """Return the rows of a listing, each with its path and the state in which it was hashed.

    Raises
    ------
    ValueError
        Where the table beside the listing does not say where a recording lies.
    """
    listed, paths = tables.read_listing(path), tables.read_places(path)
    if unknown := [row.id for row in listed if row.id not in paths]:
        raise ValueError(
            f"{tables.places_path(path)} does not say where {len(unknown)} recordings lie: "
            f"{unknown[:_SHOWN]!r}; start the workflow again, which writes it"
        )
    # the cache of hashes is asked once for all: a file in the state in which the start of the run
    # hashed it need not be read a second time to be compared
    known = {paths[row.id]: row.sha256 for row in listed}
    states = hashes.states_of(known, path.parent.parent / hashes.CACHE)
    return [
        {
            **row._asdict(),
            "bytes": str(row.bytes),
            "path": paths[row.id],
            "state": states.get(paths[row.id], ""),
        }
        for row in listed
    ]


def _row(recording: Mapping, decoder: Decoder, writer: shard_wav.ShardWriter) -> Resampled:
    facts = {"channels": 0, "n_samples": 0, "duration_s": 0.0, "source_rate": 0, "warnings": ()}
    try:
        facts |= decoder.answer(writer.add)
    except Excluded as excluded:
        facts |= {"verdict": excluded.code, "detail": excluded.detail}
    # No verdict on a recording that has gone since it was listed: it would stay, because with the
    # same content elsewhere the listing is the same.
    was_there = recording["bytes"] not in ("", "0")
    is_missing = facts["verdict"] == "MISSING_FILE" and not os.path.lexists(recording["path"])
    if is_missing and was_there:
        raise FileNotFoundError(
            f"recording {recording['id']!r} is not at {recording['path']!r} any more, where it was "
            "listed; correct the path of the corpus where it has moved, and start the workflow again"
        )
    facts["warnings"] = tuple(facts["warnings"])
    first_sample = writer.first_sample
    if facts["verdict"] != USED:
        writer.drop()
        return Resampled(id=recording["id"], first_sample=0, **facts)
    facts["n_samples"] = writer.keep(facts["channels"])
    return Resampled(id=recording["id"], first_sample=first_sample, **facts)


def resampler_versions() -> dict[str, str]:
    """Return the versions of what decides the samples of a shard, by name."""
    import soundfile  # not above: the resampling job leaves libsndfile to its child

    packages = ("av", "dawnchorus", "numpy", "scipy", "soundfile", "soxr")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return versions | {"libsndfile": soundfile.__libsndfile_version__}
