"""Adapter ``xeno_canto``: recordings of xeno-canto.org that rule ``download`` has put into a folder.

``snakemake acquire`` asks the API for what ``query`` says, chooses recordings by ``choice`` and downloads
them as ``access`` allows. The folder then has a lock file with content, recordist and licence of each
recording, and a run reads that alone: no rule of it needs a network, and the folder may be copied to
where there is none. The class of a recording is its genus and species, its background what else is heard.

* `recordings`: what the lock file and the folder hold.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.corpora import audio_files, class_names
from dawnchorus.corpora.tables import Found, Recording
from dawnchorus.formats import download_lock
from dawnchorus.settings.corpus import CorpusSettings
from dawnchorus.settings.section import (
    Ascending,
    Few,
    Names,
    Positive,
    PositiveSeconds,
    Seconds,
    Seed,
    Share,
    SomeNames,
    Unit,
)
from dawnchorus.settings.section import (
    Settings as Section,
)


class Query(Section):
    """Which recordings the API is asked for; all tags have to be met."""

    species: Names = []
    """Genus and species, such as Turdus merula; each is asked for."""
    family: str | None = None
    """Family, in Latin."""
    group: Literal["birds", "grasshoppers", "bats", "frogs", "land mammals"] | None = "birds"
    """Group of animals."""
    country: str | None = None
    """Country, as xeno-canto writes it."""
    quality: Annotated[list[Literal["A", "B", "C", "D", "E"]], Field(max_length=5)] = []
    """Qualities, A the best; []: all."""
    type: str | None = None
    """Type of sound, such as song."""
    length_s: Annotated[
        Annotated[list[float], Field(min_length=2, max_length=2)] | None, Unit("s"), Ascending
    ] = None
    """Least and greatest length; null: any."""
    tags: str | None = None
    """More tags of the API, as it reads them."""


class Choice(Section):
    """Which of the recordings found are downloaded, as dsr2019 chose them."""

    classes: Annotated[Few, Unit("classes")] = 100
    """Classes, those with the most sound."""
    slices: Annotated[int, Field(ge=1), Unit("slices")] = 1800
    """Slices that a class should give; fewer where one of them cannot."""
    length_s: PositiveSeconds = 5.0
    """Length of a slice."""
    step_s: PositiveSeconds = 2.5
    """From one slice to the next."""
    safety: Positive = 2.0
    """So many times the signal that is needed is downloaded."""
    signal_share: Share = 0.64
    """Signal that is expected in a second of a recording."""
    shortest_s: Seconds = 5.0
    """Recordings up to this length are left out."""
    longest_s: PositiveSeconds = 1000.0
    """Recordings from this length on are left out."""
    seed: Seed = 2019
    """Of the order in which recordings of a class are taken."""


class Access(Section):
    """How the server is asked."""

    api: str = "https://xeno-canto.org/api/3/recordings"
    """Address of the API."""
    hosts: SomeNames = ["xeno-canto.org", "www.xeno-canto.org"]
    """Hosts that are asked, after a redirect too."""
    key_variable: str = "XENO_CANTO_KEY"
    """Variable of the environment that holds the key of the API."""
    key_file: str | None = None
    """File that holds the key, readable by its owner alone (0600); null: none."""
    requests_per_second: Annotated[float, Field(gt=0, le=1000), Unit("1/s")] = 1.0
    """Requests, at most."""
    most_mb_each: Annotated[int, Field(ge=1), Unit("MiB")] = 200
    """Size of a recording, at most."""
    most_mb: Annotated[int, Field(ge=1), Unit("MiB")] = 100_000
    """Size of all recordings, at most."""
    seconds_each: PositiveSeconds = 1800.0
    """Time for a recording, at most."""


class Settings(CorpusSettings):
    """Recordings of xeno-canto.org, which `snakemake acquire` downloads."""

    adapter: Literal["xeno_canto"] = "xeno_canto"
    """The layout of the data on disk."""
    folder: str
    """Folder of the recordings and their lock file; `snakemake acquire` makes and fills it."""
    query: Query = Query()
    """Which recordings the API is asked for."""
    choice: Choice = Choice()
    """Which of them are downloaded."""
    access: Access = Access()
    """How the server is asked."""


def recordings(settings: Mapping) -> Found:
    """Return the recordings of the lock file.

    Parameters
    ----------
    settings : mapping
        ``folder`` and what all adapters have.

    Returns
    -------
    Found
        In the order of their numbers.

    Raises
    ------
    ValueError
        Where nothing is downloaded yet, the lock file cannot be read, or a file of it is missing and
        ``missing_files`` is "error".
    """
    folder = str(settings["folder"])
    path = os.path.join(folder, download_lock.LOCK)
    if not os.path.exists(path):
        raise ValueError(
            f"{path} does not exist; expected the recordings that are downloaded by "
            "`dawnchorus run CONFIG -- acquire` (or `snakemake acquire`)"
        )
    found, missing = [], []
    for one in download_lock.read_lock(path):
        place = os.path.join(folder, download_lock.AUDIO, one.file)
        state = audio_files.state_of(place)
        if not state:
            missing.append(one)
            continue
        found.append(
            Recording(
                id=f"XC{one.number}", path=place, labelled=True, labels=one.label,
                background=one.background, recordist=one.recordist, media_id=one.number, state=state,
            )
        )  # fmt: skip
    if missing and settings.get("missing_files", "error") == "error":
        raise ValueError(
            f"MISSING_FILE: {len(missing)} recordings of {path} have no file, the first is "
            f"{missing[0].file}; download them again (`snakemake acquire`), or set missing_files: exclude"
        )
    class_names.check_losses(
        (one.label for one in missing), (one.labels for one in found), "that are there"
    )
    excluded = [(f"XC{one.number}", "MISSING_FILE", "of the lock file") for one in missing]
    return Found(found, excluded, [])
