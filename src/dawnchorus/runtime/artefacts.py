"""Writing artefacts, and the record of each.

An artefact is a file under the results folder that a rule declares. It appears under its final name
whole or not at all: a unique temporary file beside the target is written, synchronised, re-opened
and checked, renamed, and its folder synchronised. One small JSON record per artefact, under
``.provenance/`` of the results folder, says what it holds and what it was made from.

* `writing`: a temporary path that becomes the artefact when its block ends well.
* `writing_folder`: a temporary folder that does, for a job that writes as many files as it finds.
* `write_bytes`, `write_text`, `write_json`, `write_table`: the common kinds.
* `record_job`: what the records of this block say of the job (set by `dawnchorus.runtime.job`).
* `read_record`, `record_path`: the record of an artefact.
* `sha256`, `input_sha256`: digests of files.
"""

import contextlib
import contextvars
import csv
import hashlib
import io
import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = "results"  # the folder of a run, below its working directory
RECORDS = ".provenance"
_BLOCK = 1 << 20  # bytes read at a time when hashing

_job: contextvars.ContextVar[dict | None] = contextvars.ContextVar("job", default=None)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def input_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file that is read: of an input of the job, the one its record has.

    A job hashes its inputs before it begins (see `dawnchorus.runtime.job`): large ones only once.
    """
    job = _job.get()
    known = job["about"].get("inputs", {}) if job else {}
    return known.get(str(path)) or sha256(path)


def canonical_json(value) -> str:
    """Return JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def record_path(path: str | Path, results: str | Path) -> Path:
    """Return where the record of an artefact is kept: ``{results}/.provenance/{artefact}.json``.

    Raises
    ------
    ValueError
        Where the artefact is not below the results folder.
    """
    # by name first: a folder of the results may be a link to another disk
    for inner, outer in ((path, results), (Path(path).resolve(), Path(results).resolve())):
        relative = Path(os.path.relpath(inner, outer))
        if ".." not in relative.parts:
            return Path(results) / RECORDS / f"{relative}.json"
    raise ValueError(f"{path} is not below {results}: only what lies there has a record")


def read_record(path: str | Path, results: str | Path) -> dict | None:
    """Return the record of an artefact, or None where there is none that can be read."""
    return read_json(record_path(path, results))


def read_json(path: str | Path):
    """Return what a JSON file holds, or None where there is none that can be read."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def record_job(job: Mapping) -> Iterator[None]:
    """Keep a record of each artefact that is written in this block.

    Parameters
    ----------
    job : mapping
        ``results`` (folder) and ``about`` (what every record of the job says: rule, wildcards,
        inputs with hashes, settings, library digests, versions, command); ``keep``, where it is
        there, is called with the path of each artefact that has its record.
    """
    token = _job.set({**job, "started": time.time()})
    try:
        yield
    finally:
        _job.reset(token)


@contextlib.contextmanager
def writing(
    path: str | Path,
    check: Callable[[Path], object] | None = None,
    rows: int | Callable[[], int] | None = None,
    record: bool = True,
) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` when the block ends without an error.

    Parameters
    ----------
    path : path
        Final name; its folder is made where it is missing.
    check : callable, optional
        Called with the written and closed temporary file before it gets its name; raises where
        the file cannot be what it should be.
    rows : int or callable, optional
        Number of rows (recordings, windows, ...) for the record; a callable is asked at the end.
    record : bool, optional
        False for a file that is no artefact, such as a checkpoint.

    Raises
    ------
    OSError
        Where the file cannot be written whole (disk full, no permission): nothing is left behind,
        and a former file of that name stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays last: some writers choose a format by it
    temporary = path.with_name(f".{path.stem[:40]}.{uuid.uuid4().hex[:12]}.tmp{path.suffix}")
    try:
        yield temporary
        synchronise(temporary)
        if check is not None:
            check(temporary)
        about = {"sha256": sha256(temporary), "bytes": temporary.stat().st_size}
        if record and (job := _job.get()):
            # A job that is killed before it writes the new record leaves a file without one, which
            # says the truth; beside the former record the new file would look damaged.
            record_path(path, job["results"]).unlink(missing_ok=True)
        os.replace(temporary, path)
        synchronise(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    if record:
        counted = rows() if callable(rows) else rows
        _write_record(path, about if counted is None else about | {"rows": counted})


@contextlib.contextmanager
def writing_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends without an error.

    The files in it are written by `writing`; each gets its record under its final name. A former
    folder of that name goes with all that is in it, and with the records.

    Raises
    ------
    OSError
        Where the folder cannot be made: nothing is left behind, and a former one stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, former = (
        path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.tmp") for _ in range(2)
    )
    temporary.mkdir()
    token = _job.set(None)  # nothing has its final name yet, so nothing gets a record
    try:
        try:
            yield temporary
        finally:
            _job.reset(token)
        files = sorted(one for one in temporary.rglob("*") if one.is_file())
        found = {
            one.relative_to(temporary): {"sha256": sha256(one), "bytes": one.stat().st_size}
            for one in files
        }
        if job := _job.get():
            records = record_path(path / "any", job["results"]).parent
            shutil.rmtree(records, ignore_errors=True)
        if path.is_dir():
            os.replace(path, former)  # only an empty folder can be replaced at once
        os.replace(temporary, path)
        synchronise(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(former, ignore_errors=True)
    for name, about in found.items():
        _write_record(path / name, about)


def write_bytes(path: str | Path, content: bytes, rows: int | None = None) -> None:
    """Write an artefact from bytes and read it back."""

    def same(temporary: Path) -> None:
        if temporary.read_bytes() != content:
            raise OSError(f"{path} reads back other bytes than were written; is the disk sound?")

    with writing(path, check=same, rows=rows) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str, rows: int | None = None) -> None:
    """Write an artefact from text (UTF-8, line ends as given)."""
    write_bytes(path, text.encode(), rows=rows)


def write_json(path: str | Path, value) -> None:
    """Write an artefact as JSON with sorted keys; NaN and infinities become null: JSON has none."""
    write_text(path, canonical_json(_finite(value)))


def write_table(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write an artefact as CSV (UTF-8, LF, header), one row per item of ``rows``."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue(), rows=len(rows))


def read_table(path: str | Path) -> list[dict[str, str]]:
    """Read an artefact written by `write_table`: a list of rows, every value as text."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _finite(value):
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def synchronise(path: str | Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_record(path: Path, about: dict) -> None:
    job = _job.get()
    if job is None:
        return
    record = record_path(path, job["results"])
    record.parent.mkdir(parents=True, exist_ok=True)
    # a record is no artefact: it may say when
    when = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - job["started"], 3),
    }
    text = canonical_json(_finite({**job["about"], **about, **when}))
    temporary = record.with_name(f".{uuid.uuid4().hex[:12]}.tmp")
    try:
        temporary.write_text(text)
        synchronise(temporary)
        os.replace(temporary, record)
        synchronise(record.parent)
    finally:
        temporary.unlink(missing_ok=True)
    if keep := job.get("keep"):
        keep(path)
