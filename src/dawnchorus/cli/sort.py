"""``dawnchorus sort``: a BirdCLEF corpus with a folder per class, as kahl2018 sorts it.

``train/<class>/`` and ``val/<class>/`` hold the recordings, ``metadata/<stem>.json`` what their XML
said: keys ``sci-name``, ``species`` (the common name), ``background``, ``filename`` and ``classid``
as kahl2018 has them, and `birdclef_metadata.FURTHER`. Adapter ``birdclef`` reads the tree with
``sorted: true``. The workflow needs none of this: the adapter's ``holdout`` deals alike.

What is there already stays as it is, so a sorting that was stopped goes on where it was; one with
other settings, or of other recordings, is refused before it changes anything.

* `plan_sorting`: what is to be done, and what cannot be sorted.
* `carry_out`: do it; `move`: one file, within a disk or to another.
"""

import argparse
import collections
import errno
import filecmp
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dawnchorus.corpora import audio_files, birdclef_files, birdclef_metadata, selection
from dawnchorus.corpora.birdclef_metadata import Description
from dawnchorus.formats import audio_names
from dawnchorus.runtime import artefacts, logs

MODES = ("copy", "move", "symlink")
SPLITS = (selection.TRAINING, selection.VALIDATION)
_LONGEST = 255  # bytes of the name of a folder, on every usual file system


class Step(NamedTuple):
    """One recording: from ``source``, empty where it was moved before, to ``target``."""

    source: str
    target: str
    is_there: bool
    metadata: str
    content: bytes


class Plan(NamedTuple):
    """Steps in the order of the ids, notes, and a sentence on everything that is left out."""

    steps: list[Step]
    notes: list[str]
    left_out: list[str]

    def summary(self, mode: str) -> str:
        """Return what will be done, as one line."""
        folders = [step.target.split(os.sep)[-3:-1] for step in self.steps]
        counts = collections.Counter(split for split, _ in folders)
        n_there = sum(step.is_there for step in self.steps)
        return (
            f"{mode} {len(self.steps) - n_there} recordings ({n_there} are there already) of "
            f"{len({name for _, name in folders})} classes: {counts[SPLITS[0]]} in train, "
            f"{counts[SPLITS[1]]} in val"
        )


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "sort", help="sort a BirdCLEF corpus into train/<class>/, val/<class>/ and metadata/"
    )
    for name, what in (
        ("audio", "folder of the recordings"),
        ("xml", "folder of their XML files"),
        ("output", "folder that becomes the tree"),
    ):
        parser.add_argument(f"--{name}", required=True, metavar="FOLDER", help=what)
    parser.add_argument("--mode", choices=MODES, default="copy")
    parser.add_argument("--share", type=float, default=0.1, help="of each class, held out for val")
    parser.add_argument("--seed", type=int, default=1337, help="of the shuffle")
    single = "where the recording of a class with one goes; val: as kahl2018, none to train on"
    parser.add_argument("--single", choices=("train", "val"), default="train", help=single)
    named = "what the folder of a class is called"
    parser.add_argument(
        "--class-from", choices=("species", "ClassId"), default="species", help=named
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Sort, and say what was left out; return the exit status."""
    holdout = {"share": arguments.share, "seed": arguments.seed, "single": arguments.single}
    plan = plan_sorting(
        arguments.audio, arguments.xml, arguments.output, mode=arguments.mode,
        class_from=arguments.class_from, holdout=holdout,
    )  # fmt: skip
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    for sentence in plan.left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    print(plan.summary(arguments.mode), flush=True)
    if not arguments.dry_run:
        carry_out(plan, arguments.mode, logs.terminal_progress())
        print(f"sorted into {arguments.output}")
    return int(bool(plan.left_out))


def plan_sorting(
    audio: str, xml: str, output: str, *, mode: str, class_from: str, holdout: Mapping
) -> Plan:
    """Return what sorting has to do.

    Parameters
    ----------
    audio, xml : path
        Folders of recordings and of their XML files.
    output : path
        Folder that becomes the tree.
    mode : str
        One of `MODES`; a link leads to the absolute path of its recording.
    class_from : str
        What names the folder of a class, one of `birdclef_metadata.KINDS`; kahl2018: "species".
    holdout : mapping
        ``share``, ``seed``, ``single``: see `selection.hold_out`.

    Raises
    ------
    ValueError
        Where a folder cannot be read, recordings or XML files collide, or the output holds
        something else than this sorting puts there.
    """
    read = birdclef_metadata.read_folder(xml, "xml")
    said, notes = birdclef_files.merge_descriptions(read.read, xml)
    sources, odd = birdclef_files.by_stem(audio_files.scan(audio).audio, audio)
    there: dict[str, list[str]] = {}  # where recordings are in the output already, by stem
    for split in SPLITS:
        for folder in birdclef_files.subfolders(os.path.join(output, split)):
            for name in audio_files.scan(os.path.join(output, split, folder)).audio:
                stem = audio_names.composed(name.rpartition(".")[0])
                there.setdefault(stem, []).append(os.path.join(split, folder, name))
    left_out = [f"{audio_names.escaped(name)}: {why}" for name, why in read.unreadable.items()]
    left_out += [f"{audio_names.escaped(name)}: {birdclef_files.NAME_UNSUPPORTED}" for name in odd]
    left_out += [f"{sources[stem]}: it has no XML file" for stem in sources if stem not in said]
    classes = {}
    for stem, one in said.items():
        name = birdclef_metadata.class_of(one, class_from)
        source = os.path.join(audio, sources[stem]) if stem in sources else ""
        why = ""
        if not source and stem not in there:
            why = "its XML has no recording"
        elif source and not audio_files.state_of(source):
            why = "not a regular file"
        elif not name:
            why = f"its XML has no {class_from}"
        # a class is the name of a folder, and comes from a file that anybody may have written
        elif len(name.encode()) > _LONGEST or name[0] == "." or "/" in name or "\\" in name:
            why = f"its class {name[:60]!r} cannot be the name of a folder"
        if why:
            left_out.append(f"{stem}: {why}")
        else:
            classes[stem] = name
    # in the order of the ids, as the adapter's holdout deals: both give the same recordings
    ids = sorted(classes)
    splits, more = selection.hold_out(ids, [classes[stem] for stem in ids], holdout)
    steps = []
    for stem, split in zip(ids, splits, strict=True):
        name = sources.get(stem) or os.path.basename(there[stem][0])
        place = os.path.join(split, classes[stem], name)
        if others := [other for other in there.get(stem, ()) if other != place]:
            raise ValueError(
                f"{stem!r} belongs to {place}, but {output} has {others[0]} from another sorting: "
                "other settings, or recordings that have come or gone; sort into a new folder"
            )
        source = os.path.join(audio, sources[stem]) if stem in sources else ""
        steps.append(_step(source, output, place, stem, said[stem], mode))
    return Plan(steps, notes + more, left_out)


def carry_out(plan: Plan, mode: str, progress: Callable[[int, int], None] | None = None) -> None:
    """Do what a plan says; each recording is at its old or its new place, whole, at any moment.

    Parameters
    ----------
    plan : Plan
    mode : str
        One of `MODES`, that of the plan.
    progress : callable, optional
        Called with the number of recordings done and the number of all.

    Raises
    ------
    ValueError
        Where a file has appeared that is another one.
    OSError
        Where a file cannot be read or written; the same plan goes on from there.
    """
    put = {"copy": _copy, "move": move, "symlink": _link}[mode]
    for done, step in enumerate(plan.steps, 1):
        # before the recording: one in the tree is always described
        if not audio_files.has_content(step.metadata, step.content):
            artefacts.write_bytes(step.metadata, step.content)
        os.makedirs(os.path.dirname(step.target), exist_ok=True)
        if step.source:
            put(step.source, step.target)
        if progress:
            progress(done, len(plan.steps))


def _step(source: str, output: str, place: str, stem: str, said: Description, mode: str) -> Step:
    target = os.path.join(output, place)
    metadata = os.path.join(output, "metadata", f"{stem}.json")
    # keys of kahl2018, then all else that the XML said
    about = {
        "sci-name": said.species,
        "species": said.common_name,
        "background": list(said.background),
        "filename": os.path.basename(place),
        "classid": said.class_id,
        "mediaid": said.media_id,
        **{key: getattr(said, key) for key in birdclef_metadata.FURTHER if key != "mediaid"},
    }
    content = artefacts.canonical_json(about).encode()
    if os.path.lexists(metadata) and not audio_files.has_content(metadata, content):
        raise ValueError(f"{metadata} differs from the XML; sort into a new folder")
    if mode == "move" and os.path.islink(source):
        raise ValueError(f"{source} is a link, expected a file to move; copy or symlink instead")
    is_there = os.path.lexists(target)
    if is_there and mode != "symlink" and os.path.islink(target):
        raise ValueError(f"{target} is a link, expected a file to {mode}; sort into a new folder")
    if is_there and source:
        _refuse_other(source, target)
    return Step(source, target, is_there, metadata, content)


def _refuse_other(source: str, target: str, shallow: bool = True) -> None:
    """Refuse a target that is not the same; where size and time agree, shallow reads nothing."""
    try:
        is_same = filecmp.cmp(source, target, shallow=shallow)
    except OSError as error:
        raise ValueError(f"{target} cannot be compared with {source} ({error.strerror})") from None
    if not is_same:
        raise ValueError(
            f"{target} is another file than {source}, and is not written over; sort into a new "
            "folder"
        )


def _copy(source: str, target: str) -> None:
    if os.path.lexists(target):
        _refuse_other(source, target)
        return
    folder, name = os.path.split(target)
    # a name that no listing takes for a recording
    part = os.path.join(folder, f".{name}.part")
    try:
        shutil.copy2(source, part)
        artefacts.synchronise(part)
        if os.path.getsize(part) != os.path.getsize(source):
            raise OSError(f"{source} was copied in part; does something else write to it?")
        os.rename(part, target)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def move(source: str, target: str) -> None:
    """Move a file to a place where nothing is, or the same; it is whole at one of them at any moment.

    Raises
    ------
    ValueError
        Where another file is at the target.
    OSError
        Where either cannot be read or written; the file is where it was.
    """
    if os.path.lexists(target) and os.path.samefile(source, target):
        # two paths of one name of one file: to remove either would lose it
        if os.path.realpath(source) == os.path.realpath(target) or os.stat(target).st_nlink == 1:
            return
    if not os.path.lexists(target):
        try:
            os.rename(source, target)  # at once, within a disk
        except OSError as error:
            if error.errno != errno.EXDEV:  # another disk
                raise
        else:
            return
    _copy(source, target)
    # every byte, before the only other copy goes
    _refuse_other(source, target, shallow=False)
    artefacts.synchronise(os.path.dirname(target))
    os.unlink(source)


def _link(source: str, target: str) -> None:
    if os.path.lexists(target):
        _refuse_other(source, target)
    else:
        os.symlink(os.path.abspath(source), target)
