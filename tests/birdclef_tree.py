"""A synthetic BirdCLEF tree: 16-bit WAV files and one XML file for each, every field filled in.

Each species chirps in a band of its own over noise. With the defaults the tree holds what trips a
careless reader: lists of background species that are empty, that name other classes and one that
names a species without recordings; a recording shorter than a chunk; one of digital zeros; a class
with a single recording; a comment that needs escaping; a quality that is missing. Names end in
``_RN<MediaId>``, as those of the challenge.

    tree = birdclef_tree.make(tmp_path, rng, counts=(4, 3, 1), duration_s=(1.0, 2.0))
    settings = {"adapter": "birdclef", "audio": str(tree.audio), "xml": str(tree.xml), ...}
"""

import wave
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

# (ClassId, Order, Family, Genus, Species, VernacularNames)
SPECIES = (
    ("turmig", "Passeriformes", "Turdidae", "Turdus", "migratorius", "American Robin, Robin"),
    ("junhye", "Passeriformes", "Passerellidae", "Junco", "hyemalis", "Dark-eyed Junco"),
    ("melcri", "Passeriformes", "Passerellidae", "Melozone", "crissalis", "California Towhee"),
    ("poeruf", "Passeriformes", "Paridae", "Poecile", "rufescens", "Chestnut-backed Chickadee"),
    ("dryvil", "Piciformes", "Picidae", "Dryobates", "villosus", "Hairy Woodpecker"),
    ("zenmac", "Columbiformes", "Columbidae", "Zenaida", "macroura", "Mourning Dove"),
)
STRANGER = "Corvus corax"  # in one list of background species, without a recording
AUTHORS = ("Ann Lark", "Ben Wren", "Cléo Martín")
_CHIRP_S = 0.12
_PAUSE_S = 0.08


class Written(NamedTuple):
    """One recording as it was written: ``kind`` is usual, short or silent."""

    id: str  # file stem
    path: Path
    xml: Path
    media_id: str
    class_id: str
    species: str  # "Genus species"
    family: str
    order: str
    author: str
    date: str
    locality: str
    quality: str  # "" where it is missing
    background: tuple[str, ...]  # "Genus species"
    duration_s: float
    kind: str


class Tree(NamedTuple):
    """The folders of a tree and its recordings, class by class."""

    folder: Path
    audio: Path
    xml: Path
    recordings: tuple[Written, ...]


def make(
    folder,
    rng,
    *,
    counts=(4, 3, 3, 1),
    duration_s=(1.2, 2.4),
    sample_rate=16000,
    short_s=0.3,
    silent=True,
    noise=0.01,
):
    """Write a tree below ``folder`` and return what it holds.

    ``counts`` are recordings per class (at most `SPECIES` classes), ``duration_s`` the range of
    their lengths [s], ``short_s`` the length of the short one [s] (None: there is none), ``silent``
    whether there is a silent one, ``noise`` the deviation of the noise (full scale is 1). The short
    and the silent one are the last but one and the last of the first class.
    """
    tree = Path(folder)
    for part in ("wav", "xml"):
        (tree / part).mkdir(parents=True, exist_ok=True)
    numbers = iter(rng.permutation(sum(counts)) + 101)  # ids are not in the order of the classes
    recordings = []
    for index, count in enumerate(counts):
        for nth in range(count):
            kind = _kind(index, nth, count, short_s, silent)
            length_s = short_s if kind == "short" else rng.uniform(*duration_s)
            one = _about(tree, index, nth, len(counts), int(next(numbers)), length_s, kind)
            _write_wav(one.path, _sound(one, index, sample_rate, noise, rng), sample_rate)
            one.xml.write_text(_document(one, SPECIES[index]), encoding="utf-8")
            recordings.append(one)
    return Tree(tree, tree / "wav", tree / "xml", tuple(recordings))


def _kind(index, nth, count, short_s, silent):
    last = count - 1 if index == 0 else None
    if silent and nth == last:
        return "silent"
    return "short" if short_s is not None and last is not None and nth == last - silent else "usual"


def _about(tree, index, nth, n_classes, media_id, length_s, kind):
    code, order, family, genus, species, _ = SPECIES[index]
    stem = f"LIFECLEF_BIRDS_RN{media_id}"
    others = [" ".join(SPECIES[(index + step) % n_classes][3:5]) for step in range(1, n_classes)]
    background = others[: nth % 3]  # none, one, two, none, ...
    if (index, nth) == (1, 1):
        background = [*background, STRANGER]
    return Written(
        id=stem,
        path=tree / "wav" / f"{stem}.wav",
        xml=tree / "xml" / f"{stem}.xml",
        media_id=str(media_id),
        class_id=code,
        species=f"{genus} {species}",
        family=family,
        order=order,
        author=AUTHORS[nth % len(AUTHORS)],
        date=f"2014-05-{1 + nth // 2:02d}",
        locality=("Tambopata, Peru", "Serra do Mar")[nth % 2],
        quality="" if kind == "silent" else str(nth % 6),
        background=tuple(background),
        duration_s=length_s,
        kind=kind,
    )


def _sound(one, index, sample_rate, noise, rng):
    """Return (S,) samples, full scale 1: rising chirps around 900 + 450 Hz times the class."""
    n_samples = round(one.duration_s * sample_rate)
    if one.kind == "silent":
        return np.zeros(n_samples)
    samples = rng.normal(0.0, noise, n_samples)
    length = min(round(_CHIRP_S * sample_rate), n_samples)
    time_s = np.arange(length) / sample_rate
    start_hz = 800 + 450 * index
    chirp = np.sin(2 * np.pi * (start_hz + 200 / _CHIRP_S / 2 * time_s) * time_s)
    chirp *= 0.3 * np.hanning(length)
    # each species has its own rhythm as well
    step = length + round(_PAUSE_S * (1 + index / 2) * sample_rate)
    for onset in range(
        int(rng.integers(0, step)) % max(1, n_samples - length + 1), n_samples, step
    ):
        samples[onset : onset + length] += chirp[: n_samples - onset]
    return samples


def _write_wav(path, samples, sample_rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def document(**fields):
    """Return an XML document of root ``Audio`` with these children, in their order."""
    children = "".join(
        f"  <{name}>{escape(str(text))}</{name}>\n" if text else f"  <{name} />\n"
        for name, text in fields.items()
    )
    return f"<?xml version='1.0' encoding='utf-8'?>\n<Audio>\n{children}</Audio>\n"


def _document(one, about):
    _, order, family, genus, species, vernacular = about
    return document(
        **{
            "MediaId": one.media_id,
            "FileName": one.path.name,
            "ClassId": one.class_id,
            "Date": one.date,
            "Time": "06:30",
            "Locality": one.locality,
            "Latitude": "-12.84",
            "Longitude": "-69.29",
            "Elevation": "210 m",
            "Author": one.author,
            "Content": "song",
            "Comments": "windy & <wet>, 2 birds",
            "Quality": one.quality,
            "Year": "2016",
            "BackgroundSpecies": ",".join(one.background),
            "Order": order,
            "Family": family,
            "Genus": genus,
            "Species": species,
            "Sub-species": "nominate",
            "VernacularNames": vernacular,
        }
    )
