"""Adapter ``synthetic``: a corpus that the workflow makes itself, all of it from one seed.

Bird-like song over wind, rain and insects at drawn signal-to-noise ratios, from several sites and
recordists, some recordings stereo or at another rate. Every recording has a recipe of its own,
which follows from the seed, its number and the settings that shape it: more recordings, or other
shards, change none that there are. Listing reads the recipes only; sound is made by `make_shard`.

* `recordings`: the recordings from their recipes.
* `recipe`: what one recording is made of.
* `make_shard`: the sound of a shard, as one zip archive of WAV files.
"""

import hashlib
import io
import json
import wave
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.corpora.tables import Found, Recording, read_listing
from dawnchorus.runtime import artefacts, logs
from dawnchorus.settings.corpus import CorpusSettings
from dawnchorus.settings.section import Count, Seed, Share, Unit

VERSION = 1  # of the sound: raise it with every change of soundscapes or syllables that is heard
CLASS = "bird"
OTHER_RATES = (16000, 32000, 44100, 48000)  # Hz
_GOLDEN = 0.6180339887498949  # multiples of it modulo 1 fill any interval evenly
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can tell


class Settings(CorpusSettings):
    """A corpus that the workflow makes itself, all of it from one seed."""

    adapter: Literal["synthetic"] = "synthetic"
    """The layout of the data on disk."""
    data_set: str
    """Name that stands before the ids."""
    seed: Seed
    """Every sound follows from it."""
    recordings: Annotated[int, Field(ge=1, le=1_000_000), Unit("recordings")]
    """Number of recordings."""
    duration_s: Annotated[float, Field(ge=0.5), Unit("s")] = 10.0
    """Length of a recording."""
    sample_rate: Annotated[int, Field(ge=4000, le=192_000), Unit("Hz")] = 22050
    """Sample rate of most recordings."""
    prevalence: Share = 0.5
    """Share of recordings with a bird."""
    sites: Annotated[Count, Unit("sites")] = 5
    """Sites, each with its own background."""
    recordists: Annotated[Count, Unit("recordists")] = 3
    """Recordists."""
    snr_db: Annotated[list[float], Field(min_length=2, max_length=2), Unit("dB")] = [-3.0, 15.0]
    """Signal-to-noise ratio of a bird, drawn uniformly."""
    stereo_share: Share = 0.2
    """Share of recordings with two channels."""
    other_rate_share: Share = 0.2
    """Share of recordings with another sample rate."""


def recordings(settings: Mapping) -> Found:
    """Return the recordings of a synthetic corpus; their content hash is that of their recipe.

    Raises
    ------
    ValueError
        Where a setting is out of its range.
    """
    # a caller from Python has no schema before this, and none compares the ends of a range
    for name in ("prevalence", "stereo_share", "other_rate_share"):
        if not 0 <= settings[name] <= 1:
            raise ValueError(f"{name}={settings[name]!r}, expected a share from 0 to 1")
    for name, least in (("recordings", 1), ("sites", 1), ("recordists", 1), ("seed", 0)):
        if not isinstance(settings[name], int) or settings[name] < least:
            raise ValueError(f"{name}={settings[name]!r}, expected an integer of at least {least}")
    if not 4000 <= settings["sample_rate"] <= 192000 or settings["duration_s"] < 0.5:
        raise ValueError(
            f"sample_rate={settings['sample_rate']!r} and duration_s={settings['duration_s']!r}, "
            "expected 4000 to 192000 Hz and at least 0.5 s"
        )
    low, high = settings["snr_db"]
    if low > high:
        raise ValueError(f"snr_db={settings['snr_db']!r}, expected [low, high]")
    found = []
    for number in range(settings["recordings"]):
        plan = recipe(settings, number)
        found.append(
            Recording(
                id=f"{settings['data_set']}/{number:04d}",
                path=_file_name(number),
                data_set=settings["data_set"],
                group=f"site{plan['site']}-recordist{plan['recordist']}",
                labelled=True,
                labels=CLASS if plan["bird"] else "",
                # of the recipe: the sound is made later, and only where it is needed
                sha256=_digest(plan),
            )
        )
    return Found(found, [], [])


def recipe(settings: Mapping, number: int) -> dict:
    """Return what the recording with this number is made of.

    Returns
    -------
    dict
        ``version``, ``seed``, ``number``, ``duration_s``, ``sample_rate`` [Hz], ``channels``
        (1 or 2), ``bird`` (bool), ``snr_db`` (None without a bird), ``site``, ``recordist``.
    """
    seed = settings["seed"]

    def share(what: str) -> float:
        return _uniform(seed, number, what)

    has_bird = (_uniform(seed, 0, "bird") + number * _GOLDEN) % 1.0 < settings["prevalence"]
    low, high = settings["snr_db"]
    rate = settings["sample_rate"]
    if share("rate") < settings["other_rate_share"]:
        others = [other for other in OTHER_RATES if other != rate]
        rate = others[int(share("which rate") * len(others))]
    return {
        "version": VERSION,
        "seed": seed,
        "number": number,
        "duration_s": float(settings["duration_s"]),
        "sample_rate": rate,
        "channels": 2 if share("stereo") < settings["stereo_share"] else 1,
        "bird": has_bird,
        "snr_db": round(low + share("snr") * (high - low), 3) if has_bird else None,
        "site": int(share("site") * settings["sites"]),
        "recordist": int(share("recordist") * settings["recordists"]),
    }


def make_shard(listing: str | Path, settings: Mapping, archive: str | Path) -> None:
    """Make the recordings of one shard: 16-bit WAV files, stored in a zip archive.

    The archive holds no dates and no names but numbers, so that equal recipes give
    equal bytes (on machines whose NumPy computes alike).

    Parameters
    ----------
    listing : path
        The listing of the shard.
    settings : mapping
        The config section of the corpus.
    archive : path
        The zip file to write; its members are called as `recordings` says.

    Raises
    ------
    ValueError
        Where the listing was made from other settings.
    """
    rows = read_listing(listing)
    progress = logs.progress("recordings made", len(rows))
    with (
        artefacts.writing(archive, check=_check_archive, rows=len(rows)) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as made,
    ):
        for row in rows:
            number = int(row.id.rpartition("/")[2])
            plan = recipe(settings, number)
            if _digest(plan) != row.sha256:
                raise ValueError(
                    f"{listing} lists {row.id!r} from other settings than those given; list the "
                    "corpus again by starting the workflow"
                )
            # neither date nor system of the machine: equal recipes give equal archives
            member = zipfile.ZipInfo(_file_name(number), _EPOCH)
            member.create_system = 3  # Unix
            member.external_attr = 0o644 << 16
            made.writestr(member, wav(plan))
            progress.step()


def wav(plan: Mapping) -> bytes:
    """Return one recording as the bytes of a 16-bit WAV file."""
    from dawnchorus.corpora import synthetic_sound  # NumPy is for the jobs, not for every start

    samples = synthetic_sound.render(plan)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(plan["sample_rate"])
        file.writeframes(synthetic_sound.as_int16(samples).tobytes())
    return content.getvalue()


def _file_name(number: int) -> str:
    return f"{number:04d}.wav"


def _uniform(seed: int, number: int, what: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the three."""
    digest = hashlib.sha256(f"{seed}/{number}/{what}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53


def _digest(plan: Mapping) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as made:
        damaged = made.testzip()
    if damaged is not None:
        raise OSError(f"{path}: {damaged} reads back damaged; is the disk sound?")
