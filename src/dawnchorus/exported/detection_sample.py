"""A sample of detections for a person to check: drawn, cut out, and as a table to fill in.

Strata are classes by bands of scores of equal width, and of each the same number is drawn, so that rare
classes and low scores are checked as well as common and high ones. The table says how many detections
there are in each stratum, from which `dawnchorus.exported.sample_review` weighs the answers.

A folder:

* ``sample.csv``: a row per clip, `COLUMNS`, in random order, so that neither class nor score tells what
  comes next. A person fills in ``correct`` (1, 0 or ?), may name ``others`` (further classes in the
  detection, with ``;`` between, ``none`` for none) and comment.
* ``clips/0001.wav``: the detection with its context on both sides.
* ``raven/0001.selections.txt``: the detection in its clip, with a column ``Correct`` to fill in there.

* `draw`: which detections.
* `write_sample`: the folder.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dawnchorus.exported.recording_files import recording_files
from dawnchorus.formats.annotations import raven
from dawnchorus.formats.event import Event
from dawnchorus.formats.label_sheet import examples
from dawnchorus.runtime import artefacts, seeds

if TYPE_CHECKING:
    import pyarrow

COLUMNS = (
    "clip", "file", "onset", "offset", "class", "score", "model", "time", "clip_onset", "band",
    "in_band", "correct", "others", "comment", "calibration",
)  # fmt: skip
TABLE, CLIPS, RAVEN = "sample.csv", "clips", "raven"
CORRECT = "Correct"  # column of the selection tables
_WIDE = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")  # samples of more than 16 bits


class Drawn(NamedTuple):
    """A detection of the sample: its row in the table, its band, and how many are in that stratum."""

    row: int
    band: tuple[float, float]
    in_band: int


def draw(table: "pyarrow.Table", each: int, n_bands: int, seed: int) -> list[Drawn]:
    """Draw detections from each class and band of scores, without replacement.

    A stratum's draw depends on the seed, the class and the band alone: other classes change nothing,
    nor does the order of the table.

    Parameters
    ----------
    table : pyarrow.Table
        Detections.
    each : int
        Detections of each stratum, at least 1; all of a stratum that has fewer.
    n_bands : int
        Bands of equal width from 0 to 1, at least 1; the last one holds 1 as well.
    seed : int

    Returns
    -------
    list of Drawn
        In random order.
    """
    for name, value in (("each", each), ("bands", n_bands)):
        if value < 1:
            raise ValueError(f"{name} {value}; expected at least 1")
    scores = table["score"].to_numpy().astype(np.float64)
    bands = np.minimum((scores * n_bands).astype(np.int64), n_bands - 1)
    files, onsets = table["file"].to_pylist(), table["onset"].to_numpy()
    strata: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, stratum in enumerate(zip(table["class"].to_pylist(), bands.tolist(), strict=True)):
        strata[stratum].append(row)
    found = []
    for (name, band), rows in sorted(strata.items()):
        # the order of a table must not decide, since shards may be joined in any order
        rows.sort(key=lambda row: (files[row], onsets[row], scores[row]))
        rng = seeds.generator(seed, "sample", name, str(band))
        chosen = rng.choice(len(rows), min(each, len(rows)), replace=False)
        limits = band / n_bands, (band + 1) / n_bands
        found += [Drawn(rows[number], limits, len(rows)) for number in chosen.tolist()]
    return [found[number] for number in seeds.generator(seed, "sample").permutation(len(found))]


def write_sample(
    table: "pyarrow.Table",
    drawn: Sequence[Drawn],
    root: str | os.PathLike,
    folder: str | os.PathLike,
    context_s: float = 1.0,
    longest_s: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Cut the drawn detections out of their recordings, and write the folder.

    Parameters
    ----------
    table : pyarrow.Table
        Detections.
    drawn : sequence of Drawn
    root : path
        As `dawnchorus.exported.recording_files.recording_files` takes it.
    folder : path
        What is written; it must not be there, as it may hold answers.
    context_s : float
        Sound before and after each detection [s], as far as the recording goes.
    longest_s : float
        Of longer detections only the beginning is cut out [s].
    progress : callable, optional
        Called with the number of clips done and the number of all.

    Raises
    ------
    ValueError
        Where nothing is drawn, the folder is there, or a recording is missing, cannot be read or ends
        before its detection begins.
    """
    if not drawn:
        raise ValueError("there is no detection to draw from; expected a table with rows")
    if os.path.lexists(folder):
        raise ValueError(f"{folder} is there already, and may hold answers; name a new folder")
    if not (context_s >= 0 and longest_s > 0):
        raise ValueError(
            f"context {context_s:g} s, longest {longest_s:g} s; expected 0 or more, above 0"
        )
    rows = [table.slice(one.row, 1).to_pylist()[0] for one in drawn]
    # before the first clip is cut: most often all are missing, because the root is another folder
    wanted = list(dict.fromkeys(row["file"] for row in rows))
    files = recording_files(wanted, root)
    if missing := [file for file in wanted if file not in files]:
        raise ValueError(
            f"{len(missing)} of {len(wanted)} recordings are not below {root}: {examples(missing)}; "
            "name the folder that the paths in the table start from, or for an application its results"
        )
    digits = max(4, len(str(len(drawn))))
    with artefacts.writing_folder(folder) as temporary:
        written = []
        for number, (one, row) in enumerate(zip(drawn, rows, strict=True), 1):
            name = f"{number:0{digits}}"
            offset_s = min(row["offset"], row["onset"] + longest_s)
            clip_onset_s = cut_out(
                files[row["file"]], temporary / CLIPS / f"{name}.wav",
                row["onset"] - context_s, offset_s + context_s, row["onset"],
            )  # fmt: skip
            place = [round(time - clip_onset_s, 6) for time in (row["onset"], offset_s)]
            raven.write(
                temporary / RAVEN / f"{name}.selections.txt",
                [Event(name, *place, row["class"])],
                extension=".wav",
                decimals=6,
                further={
                    "Score": [f"{row['score']:.6f}"],
                    "Calibration": [row["calibration"]],
                    CORRECT: [""],
                },
            )
            known = {
                **row,
                "clip": f"{CLIPS}/{name}.wav",
                "clip_onset": round(clip_onset_s, 6),
                "score": f"{row['score']:.9g}",  # all digits of a float32
                "time": row["time"] or "",
                # in words: a spreadsheet takes 0-1 for a date
                "band": "{:g} to {:g}".format(*one.band),
                "in_band": one.in_band,
            }
            written.append([known.get(key, "") for key in COLUMNS])
            if progress:
                progress(number, len(drawn))
        artefacts.write_table(temporary / TABLE, COLUMNS, written)


def cut_out(source: Path, target: Path, begin_s: float, end_s: float, needed_s: float) -> float:
    """Write a part of a recording as WAV, and return where it begins [s].

    Parameters
    ----------
    source, target : path
    begin_s, end_s : float
        Wanted part [s]; cut to what there is.
    needed_s : float
        The recording has to go on after this time [s].

    Raises
    ------
    ValueError
        Where the recording cannot be read, or ends before.
    """
    import soundfile

    try:
        with soundfile.SoundFile(source) as sound:
            rate = sound.samplerate
            if needed_s * rate >= sound.frames:
                raise ValueError(
                    f"{source} ends after {sound.frames / rate:g} s, but a detection begins at "
                    f"{needed_s:g} s; is it the recording that was scored?"
                )
            first = max(0, round(begin_s * rate))
            sound.seek(first)
            samples = sound.read(round(end_s * rate) - first, dtype="float64", always_2d=True)
            subtype = "PCM_24" if sound.subtype in _WIDE else "PCM_16"
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{source} cannot be read ({reason}); convert it, to FLAC for example"
        ) from None
    with artefacts.writing(target, record=False) as temporary:
        soundfile.write(temporary, samples, rate, subtype=subtype, format="WAV")
    return first / rate
