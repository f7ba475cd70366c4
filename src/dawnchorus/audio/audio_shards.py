"""Listings become shards: the side of the parent, which sees no foreign bytes but as results.

A shard is one mono float32 WAV file (RF64 when large) that holds its recordings one after another,
beside a table with one row per listed recording: where its samples lie, or why there are none.
Samples are float32 with full scale at -1..1, rates are in Hz, durations in seconds. Recordings are
foreign bytes: only `decode` and `container` touch them, and only in the limited child process of
`child`. Nothing that this module imports loads numpy, so that a job which resamples pays for it
once, in the child.

One long-lived child per shard job decodes the recordings in sequence (`decoder`, `child` and
`decode`). Where it crashes, hangs or asks for too much memory it is replaced, and the recording it
worked on is excluded; the rest of the shard does not notice.

* `resample_shard`: write a shard and its table.
* `resampler_versions`: the versions that decide the samples.
"""

import collections
import contextlib
import importlib.metadata
import itertools
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.audio import shard_wav, verdicts
from dawnchorus.audio.decoder import Decoder
from dawnchorus.audio.verdicts import USED, Excluded, Resampled
from dawnchorus.corpora import places
from dawnchorus.runtime import artefacts, hashes, logs

RESAMPLERS = ("soxr_hq", "soxr_vhq", "polyphase", "shallow")
CHANNELS = ("mix", "first", "each")
_NAMED = 5  # offenders a message names


def resample_shard(
    listing_path: str | Path,
    recipe: Mapping,
    wav_path: str | Path,
    table_path: str | Path,
    archive: str | Path | None = None,
    jobs: int = 1,
) -> None:
    """Decode, judge and resample the recordings of a listing into one WAV file and its table.

    Each recording is decoded once, in blocks, in bounded memory. Its samples depend on its bytes
    and the recipe alone, and number ``ceil(S * sample_rate / source_rate)``. A recording that
    cannot be used becomes a row with a code of `verdicts.EXCLUSIONS`; it never ends the run.

    Parameters
    ----------
    listing_path : path
        CSV with the columns ``id``, ``bytes`` and ``sha256`` among others, sorted by id; where the
        recordings lie stands beside it (`dawnchorus.corpora.places`). The hash is compared with
        the very bytes that are decoded; where it is empty, their number is. A file is not hashed
        again where the listing's own memory of hashes, in the folder above, knows its state.
    recipe : mapping
        ``sample_rate`` [Hz], ``resampler`` (`RESAMPLERS`), ``channels`` (`CHANNELS`: their mean,
        the first, or one after another), ``min_duration_s`` and ``max_duration_s`` [s],
        ``allow_truncated`` (keep what is there of a recording that ends early), and ``decoder``:
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
        For a recipe that cannot be followed, an archive that is none, or recordings of which
        nothing says where they lie.
    OSError
        Where a recording that was listed is there no more, the listing cannot be read, the shard
        not be written, or the child not be started.
    """
    _check(recipe, archive)
    listing = _listing(Path(listing_path))
    setup = {"recipe": dict(recipe), "archive": None if archive is None else str(archive)}
    with contextlib.ExitStack() as stack:
        decoders = [stack.enter_context(Decoder(setup)) for _ in range(min(jobs, len(listing)))]
        target = stack.enter_context(
            artefacts.writing(wav_path, check=shard_wav.check_shard, rows=len(listing))
        )
        with open(target, "w+b", buffering=0) as file:
            writer = shard_wav.Writer(file, target.parent)
            progress = logs.progress("recordings", len(listing))
            rows = []
            for row in _resampled(listing, decoders, writer):
                rows.append(row)
                progress.step()
            writer.finish(recipe["sample_rate"])
    verdicts.write_rows(table_path, rows)


def _check(recipe: Mapping, archive: str | Path | None) -> None:
    for key, allowed in (("resampler", RESAMPLERS), ("channels", CHANNELS)):
        if recipe[key] not in allowed:
            raise ValueError(f"{key} is {recipe[key]!r}; expected one of {', '.join(allowed)}")
    if not (isinstance(recipe["sample_rate"], int) and recipe["sample_rate"] > 0):
        expected = "expected a positive whole number of Hz"
        raise ValueError(f"sample_rate is {recipe['sample_rate']!r}; {expected}")
    if archive is not None and not zipfile.is_zipfile(archive):
        raise ValueError(f"{archive} is not a zip archive; remove it and make it again")


def _listing(path: Path) -> list[dict[str, str]]:
    """Return the rows of a listing, each with its path and the state in which it was hashed."""
    rows, paths = artefacts.read_table(path), places.read(path)
    if unknown := [row["id"] for row in rows if row["id"] not in paths]:
        raise ValueError(
            f"{places.path_of(path)} does not say where {len(unknown)} recordings lie: "
            f"{unknown[:_NAMED]!r}; start the workflow again, which writes it"
        )
    rows = [{**row, "path": paths[row["id"]]} for row in rows]
    listed = {row["path"]: row["sha256"] for row in rows}
    states = hashes.states_of(listed, path.parent.parent / hashes.CACHE)
    return [{**row, "state": states.get(row["path"], "")} for row in rows]


def _resampled(
    listing: Sequence[Mapping], decoders: Sequence[Decoder], writer: shard_wav.Writer
) -> Iterator[Resampled]:
    """Yield the rows of the table; children work ahead while their predecessors' are written."""
    waiting = collections.deque()
    # in turns: the decoder that is asked is the one whose answer has just been taken
    for recording, decoder in zip(listing, itertools.cycle(decoders), strict=False):
        if len(waiting) == len(decoders):
            yield _row(*waiting.popleft(), writer)
        decoder.ask(recording)
        waiting.append((recording, decoder))
    for asked in waiting:
        yield _row(*asked, writer)


def _row(recording: Mapping, decoder: Decoder, writer: shard_wav.Writer) -> Resampled:
    facts = {"channels": 0, "n_samples": 0, "duration_s": 0.0, "source_rate": 0, "warnings": ()}
    try:
        facts |= decoder.answer(writer.add)
    except Excluded as excluded:
        facts |= {"verdict": excluded.code, "detail": excluded.detail}
    _refuse_moved(recording, facts["verdict"])
    facts["warnings"] = tuple(facts["warnings"])
    first_sample = writer.first_sample
    if facts["verdict"] != USED:
        writer.drop()
        return Resampled(id=recording["id"], first_sample=0, **facts)
    facts["n_samples"] = writer.keep(facts["channels"])
    return Resampled(id=recording["id"], first_sample=first_sample, **facts)


def _refuse_moved(recording: Mapping, verdict: str) -> None:
    """Refuse a recording that has gone since it was listed.

    As a verdict that would stay: with the same content elsewhere the listing is the same.
    """
    was_there = recording["bytes"] not in ("", "0")
    if verdict == "MISSING_FILE" and was_there and not os.path.lexists(recording["path"]):
        raise FileNotFoundError(
            f"recording {recording['id']!r} is not at {recording['path']!r} any more, where it was "
            "listed; correct the path of the corpus where it has moved, and start the workflow again"
        )


def resampler_versions() -> dict[str, str]:
    """Return the versions of what decides the samples of a shard, by name."""
    import soundfile  # not above: it loads numpy, which the resampling job leaves to its child

    packages = ("dawnchorus", "numpy", "scipy", "soundfile", "soxr")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return versions | {"libsndfile": soundfile.__libsndfile_version__}
