"""Finished outputs that a repeated job takes up again in a second.

Snakemake removes the outputs of a job before its script starts: also where the job had finished and its
end was not reported (a head that was killed, a job that SLURM has requeued). So each output of minutes
keeps a second name below ``results/.finished/``, a hard link, which costs no bytes while the output is
there. It is named by the digest of settings, inputs and code, and Snakemake does not know it.

The links of an output go when it is made anew from something else, and all of them when a run has
ended well (see `forget`): from then on a deleted output is made again.

* `job_digest`: of all that decides the outputs of a job.
* `keep`, `restore`, `forget`.
"""

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dawnchorus.runtime import artefacts

FOLDER = ".finished"
_RECORD = ".record.json"


def job_digest(about: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits of what a record says of a job, but for its command and machine."""
    parts = ("rule", "wildcards", "inputs", "library", "settings", "versions")
    text = artefacts.canonical_json({part: about[part] for part in parts})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def keep(path: str | Path, digest: str, results: str | Path) -> None:
    """Give an output that is whole, and has its record, its second name.

    Where the file system has no hard links nothing is kept, and a repeated job works again.
    """
    link = _link(path, digest, results)
    with contextlib.suppress(OSError):
        link.parent.mkdir(parents=True, exist_ok=True)
        # what was made before from other inputs is of no use any more
        for former in link.parent.glob("*"):
            if former.name not in (link.name, f"{link.name}{_RECORD}"):
                former.unlink(missing_ok=True)
        _place(Path(path), link)
        _place(artefacts.record_path(path, results), link.with_name(f"{link.name}{_RECORD}"))


def restore(outputs: Sequence[str | Path], digest: str, results: str | Path) -> bool:
    """Give the finished outputs of a job their names again; return whether all of them were there.

    A file that is not what its record says is not taken: the job works again.
    """
    links = {Path(path): _link(path, digest, results) for path in outputs}
    for link in links.values():
        record = artefacts.read_json(link.with_name(f"{link.name}{_RECORD}"))
        if record is None or not link.is_file() or artefacts.sha256(link) != record.get("sha256"):
            return False
    for path, link in links.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        record = artefacts.record_path(path, results)
        record.parent.mkdir(parents=True, exist_ok=True)
        _place(link, path)
        _place(link.with_name(f"{link.name}{_RECORD}"), record)
        artefacts.synchronise(path.parent)
    return True


def forget(results: str | Path) -> None:
    """Remove all second names: the run has ended well, or is to make things again."""
    shutil.rmtree(Path(results) / FOLDER, ignore_errors=True)


def _link(path: str | Path, digest: str, results: str | Path) -> Path:
    record = artefacts.record_path(path, results)  # refuses what is not below the results
    relative = record.relative_to(Path(results) / artefacts.RECORDS).with_suffix("")
    return Path(results) / FOLDER / relative / digest


def _place(source: Path, name: Path) -> None:
    """Make a name of a file a second one of another, at once: never half, never missing."""
    temporary = name.with_name(f".{uuid.uuid4().hex[:12]}.tmp")
    os.link(source, temporary)
    try:
        os.replace(temporary, name)
    finally:
        temporary.unlink(missing_ok=True)
