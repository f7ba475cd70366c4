"""``dawnchorus explain [CODE...]``: what codes of verdicts and warnings mean, and what to do.

Codes stand in ``verdicts.csv``, in lists of excluded recordings and at the beginning of messages, and
keep their names, so that scripts may look for them. The lists that jobs use are those of
`dawnchorus.audio.verdicts`: a better sentence here makes nothing stale.

* `EXCLUSIONS`: a recording that is not used; `WARNINGS`: one that is used, with this said of it.
* `OF_LISTS`: found when a corpus is listed.
* `page`: all of them as ``docs/reference/codes.md``.
"""

import argparse
from collections.abc import Mapping
from typing import NamedTuple

from dawnchorus.settings.errors import check_known


class Code(NamedTuple):
    """What a code means, and what to do about it."""

    meaning: str
    remedy: str


EXCLUSIONS: Mapping[str, Code] = {
    "AUDIO_EMPTY": Code("The file has 0 bytes.", "Copy it again from where it comes from."),
    "AUDIO_NO_SAMPLES": Code(
        "A header, but no sound behind it.",
        "Copy the file again. Where the header alone is wrong, set allow_truncated.",
    ),
    "AUDIO_TRUNCATED": Code(
        "The data end before the length that the header gives.",
        "Copy the file again, or set allow_truncated in the audio recipe to use what is there.",
    ),
    "AUDIO_NONFINITE": Code(
        "A sample is NaN or infinite, as only files of floats can have them.",
        "Export the recording again; no setting takes such samples.",
    ),
    "AUDIO_RANGE": Code(
        "An amplitude beyond 1000 times full scale, so these are no samples of sound.",
        "Look at the file: it has other numbers than its header says, or was written wrongly.",
    ),
    "AUDIO_TOO_SHORT": Code(
        "Shorter than min_duration_s of the audio recipe.", "Lower min_duration_s, or leave it out."
    ),
    "AUDIO_TOO_LONG": Code(
        "Longer than max_duration_s of the audio recipe.",
        "Raise max_duration_s, or cut the recording into parts.",
    ),
    "AUDIO_FORMAT": Code(
        "No format of sound that is read here.", "Convert it, to FLAC for example."
    ),
    "AUDIO_DECODE": Code(
        "The data are damaged inside; the detail gives the second.",
        "Copy the file again, or set allow_truncated in the audio recipe to use what is there.",
    ),
    "AUDIO_RATE": Code(
        "A sample rate outside 4-768 kHz, or one whose ratio to that of the recipe is not workable.",
        "Resample the recording, or choose another sample_rate in the audio recipe.",
    ),
    "AUDIO_CHANGED": Code(
        "Not the bytes that were listed: the file was written while the run went on.",
        "Let the copying end, and start again: the corpus is listed anew.",
    ),
    "NAME_PERMISSION": Code(
        "The file may not be read by this user.", "Give read permission to it and its folders."
    ),
    "NOT_REGULAR": Code(
        "A folder, a pipe or a device under the name of a recording.", "Remove or rename it."
    ),
    "MISSING_FILE": Code(
        "A list names a recording that is not there, or it cannot be opened.",
        "Mend the list or bring the file; missing_files: exclude of the corpus goes on without it.",
    ),
    "DECODER_CRASHED": Code(
        "The decoder ended in the middle of this file; all others go on.",
        "Convert the file with another program, and report it: it should not happen.",
    ),
    "DECODER_TIMEOUT": Code(
        "The decoder took longer than decoder.seconds of the audio recipe.",
        "Raise decoder.seconds; where the file is short, convert it with another program.",
    ),
    "DECODER_MEMORY": Code(
        "The decoder needed more than decoder.memory_mb of the audio recipe.",
        "Raise decoder.memory_mb, or cut the recording into parts.",
    ),
}
WARNINGS: Mapping[str, Code] = {
    "FORMAT_EXTENSION_MISMATCH": Code(
        "The content is of another format than the name says, such as mp3 inside .wav.",
        "Nothing has to be done: the content counts. Rename the file for other programs.",
    ),
    "AUDIO_SILENT": Code(
        "Every sample is zero.", "Leave it out if it was a fault of the recorder."
    ),
    "AUDIO_QUIET": Code(
        "The level (RMS, the detail gives it in dBFS) is below quiet_dbfs of the audio recipe.",
        "Listen to it: where nothing was recorded, leave it out; else the gain was far too low.",
    ),
    "AUDIO_DC": Code(
        "The mean of a channel exceeds a tenth of its peak.",
        "Look at the recorder; spectrograms are hardly touched but in their lowest band.",
    ),
    "AUDIO_CLIPPED": Code(
        "More than 10 % of a channel's samples are at full scale.",
        "Lower the gain of the recorder; harmonics in such recordings are not of the bird.",
    ),
    "MIX_CANCEL": Code(
        "The mean of the channels is 20 dB below them: they cancel each other.",
        "Set channels: first, or each, in the audio recipe.",
    ),
    "BANDWIDTH": Code(
        "Recorded at a lower rate than that of the audio recipe: its upper bands are empty.",
        "Choose a sample_rate that all recordings have, or classes may be told by their recorder.",
    ),
    "AUDIO_LENIENT": Code(
        "Used, although its end may be missing or its header is wrong; the detail says which.",
        "Compare its length with what it should be; copy it again if it is shorter.",
    ),
    "AUDIO_UNREAD": Code(
        "A part that no decoder reads was left out; the detail gives its seconds.",
        "Split files that were joined, or convert them with another program.",
    ),
}
OF_LISTS: Mapping[str, Code] = {
    "NAME_UNSUPPORTED": Code(
        "A name has control characters or bytes that are not UTF-8; it is left out.",
        "Rename the file or folder.",
    ),
    "NO_LABEL": Code(
        "A recording in the folders of a corpus that no list of it names; it is left out and counts as "
        "excluded.",
        "Name it in a list, move it, or raise max_excluded of the corpus.",
    ),
    "NAME_COLLISION": Code(
        "Two recordings would have one name where case and accents do not count; the run stops.",
        "Rename or remove one of them.",
    ),
    "LABEL_UNREADABLE": Code(
        "The label or metadata of a recording cannot be read; it is left out.",
        "Mend its entry: the detail says what is wrong there.",
    ),
    "LABEL_CONFLICT": Code(
        "Two places say different things of one recording; the run stops.",
        "Mend the wrong one; the message names both, with lines.",
    ),
    "CSV_DIALECT": Code(
        "A table is separated by another character than expected.", "Save it with commas."
    ),
    "CSV_RAGGED": Code(
        "A line of a table has another number of fields than its header.",
        "Mend the line; a comma inside a field needs quotes around the field.",
    ),
}
ALL: Mapping[str, Code] = {**EXCLUSIONS, **WARNINGS, **OF_LISTS}
_TITLES = {
    "Recordings that are not used": EXCLUSIONS,
    "Recordings that are used, with a warning": WARNINGS,
    "Lists and labels": OF_LISTS,
}


def page() -> str:
    """Return the reference page of all codes, as Markdown."""
    parts = [
        "# Codes\n",
        "Made from `dawnchorus.cli.codes` by `make reference`; do not edit. `dawnchorus explain CODE`\n"
        "prints one.\n",
    ]
    for title, codes in _TITLES.items():
        parts += [f"## {title}\n", "| code | what it means | what to do |", "|---|---|---|"]
        parts += [f"| `{name}` | {code.meaning} | {code.remedy} |" for name, code in codes.items()]
        parts.append("")
    return "\n".join(parts)


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("explain", help="what a code such as AUDIO_LENIENT means")
    parser.add_argument("codes", nargs="*", metavar="CODE", help="none: the list of all")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what codes mean; return the exit status."""
    wanted = [code.upper() for code in arguments.codes]
    for name in wanted:
        check_known(f"code {name}", name, ALL)
    for name in wanted:
        print(f"{name}: {ALL[name].meaning}\n  {ALL[name].remedy}")
    if not wanted:
        print("\n".join(f"{name:26}{code.meaning}" for name, code in ALL.items()))
    return 0
