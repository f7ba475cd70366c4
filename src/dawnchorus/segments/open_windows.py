"""Opening a source of windows.

The kinds of windows are the modules of `dawnchorus.segments.kinds`, each with a class ``Windows``.

* `open_source`: from shard files.
* `source_of`: from readers that are open.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.frontends import spectrogram_reader
from dawnchorus.segments import kinds
from dawnchorus.segments.source import Source


def open_source(
    shards: Mapping[str, Sequence[str | Path]], settings: Mapping, window: int
) -> Source:
    """Open the spectrogram shards of some corpora as a source of windows.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Files of one frontend.
    settings : mapping
        The ``segments`` section of a stage: ``kind`` (``windows``, ``cells``, ``chunks``) and the
        rules of the kinds.
    window : int
        Frames of a window; of no effect for ``chunks``, whose length is the frontend's.

    Raises
    ------
    ValueError
        For an unknown kind, a kind that the files' layout does not serve, and corpora that differ
        in their bands.
    FileNotFoundError
        For a file that is not there.
    """
    readers = {corpus: spectrogram_reader.open_shards(paths) for corpus, paths in shards.items()}
    return source_of(readers, settings, window)


def source_of(readers: Mapping, settings: Mapping, window: int) -> Source:
    """Return a source of windows over open readers; see `open_source`.

    ``readers`` maps a corpus to what `dawnchorus.frontends.spectrogram_reader.open_shards` returned
    for it.
    """
    kind = settings["kind"]
    known = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    if kind not in known:
        raise ValueError(f"segments kind={kind!r} is not known; expected {', '.join(known)}")
    if not readers:
        raise ValueError("received no corpus; segments are cut from the shards of one or more")
    chosen = _windows(kind)
    for corpus, reader in readers.items():
        if reader.layout != chosen.layout:
            fitting = " or ".join(k for k in known if _windows(k).layout == reader.layout)
            raise ValueError(
                f"segments kind={kind!r} needs spectrograms of layout {chosen.layout!r}, those of "
                f"corpus {corpus!r} have {reader.layout!r}; choose kind {fitting}, or another frontend"
            )
    _check_alike(readers)
    return chosen(readers, settings, window)


def _windows(kind: str) -> type[Source]:
    return importlib.import_module(f"dawnchorus.segments.kinds.{kind}").Windows


def _check_alike(readers: Mapping) -> None:
    sizes = {
        corpus: (reader.n_bands, getattr(reader, "n_frames", None))
        for corpus, reader in readers.items()
    }
    first, *others = sizes
    for corpus in others:
        if sizes[corpus] != sizes[first]:
            raise ValueError(
                f"spectrograms of corpus {corpus!r} have (bands, frames) {sizes[corpus]}, those of "
                f"{first!r} {sizes[first]}; a model needs one frontend for all of its corpora"
            )
