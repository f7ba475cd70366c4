"""Where the recordings of a table of detections are.

* `file_of`: what an application calls a recording of a corpus.
* `recording_files`: the files that a table names.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from dawnchorus.formats import audio_names


def file_of(corpus: str, recording: Mapping[str, str]) -> str:
    """Return what a table of detections calls a recording of a listing."""
    name, extension = f"{corpus}/{recording['id']}", recording["extension"]
    # an id may be the name of a file already
    if extension and not audio_names.is_audio(recording["id"]):
        name = f"{name}.{extension}"
    return name


def recording_files(names: Iterable[str], root: str | os.PathLike) -> dict[str, Path]:
    """Return where recordings are; one that is not found is left out.

    Parameters
    ----------
    names : iterable of str
        As a table of detections has them.
    root : path
        A folder that names start from; one that was itself given to ``predict``, so that names start
        from the working directory and lie in it; or the results of a run, for the detections of an
        application, which are named for their corpus.

    Raises
    ------
    ValueError
        Where the listing of a corpus cannot be read.
    """
    found, others, folder = {}, set(), Path(root).resolve()
    for name in names:
        if os.path.isfile(path := Path(root, name)):
            found[name] = path
        elif folder in Path(name).resolve().parents and os.path.isfile(name):
            found[name] = Path(name)
        else:
            others.add(name)
    for corpus in sorted({name.partition("/")[0] for name in others}):
        if not Path(root, "corpora", corpus, "index.json").is_file():
            continue
        # imported here: a table of `predict` needs none of it
        from dawnchorus.corpora import tables

        # an id need not be a path, so listings say where the recordings are
        for shard, about in tables.read_index(corpus, root)["shards"].items():
            listing = tables.listing_path(root, corpus, shard, about["digest"])
            places = tables.read_places(listing)
            for row in tables.read_listing(listing):
                name, path = file_of(corpus, row._asdict()), places.get(row.id, "")
                if name in others and os.path.isfile(path):
                    found[name] = Path(path)
    return found
