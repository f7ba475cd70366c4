"""What is in a folder of recordings, as the workflow will read it.

* `inspect`: layout, recordings, classes, events and folds.
* `Found`: that.
* `description`: it in words, a line each.
"""

import collections
import contextlib
import hashlib
import importlib
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from dawnchorus.audio import header_survey
from dawnchorus.audio.header_survey import Headers
from dawnchorus.corpora import class_names, folder_survey, layout, layout_sources
from dawnchorus.corpora.folder_survey import Survey
from dawnchorus.corpora.layout_match import SPLITS, Layout
from dawnchorus.corpora.tables import SEPARATOR, Recording
from dawnchorus.corpora.tables import Found as Read
from dawnchorus.formats.label_sheet import examples
from dawnchorus.runtime.run import digest_of_file
from dawnchorus.settings.corpus import ADAPTERS
from dawnchorus.settings.errors import validated
from dawnchorus.targets import fold_choice
from dawnchorus.targets.fold_choice import FoldChoice

_SHOWN_CLASSES = 10
# names that stand for other things in a config or below results/
_TAKEN = frozenset({
    "audio", "benchmarks", "code", "config", "corpora", "demo", "logs", "pretrained", "spectrograms",
})  # fmt: skip
_LOST = 0.5  # share of the recordings without which a config makes no sense
_SHORT_S = 0.1  # of the audio recipes: shorter recordings are excluded
_MOST_COMPARED = 50_000  # recordings
_COMPARED = 4096  # bytes at three places that files of equal size are first compared by


class Found(NamedTuple):
    """What a folder holds.

    ``train``, ``validation`` and ``test`` name subsets of the corpus; an empty ``train`` is all of it.
    ``recordings`` are those with labels; ``n_excluded`` of ``n_listed`` will not be used. ``folds`` is
    None where the subsets say what is trained on and tested.
    """

    name: str
    survey: Survey
    layout: Layout
    headers: Headers
    recordings: list[Recording]
    events: Sequence[tuple[str, float, float, str]] | None
    notes: list[str]
    n_unlabelled: int
    n_excluded: int
    n_listed: int
    task: str
    train: list[str]
    validation: list[str]
    test: list[str]
    folds: FoldChoice | None

    def training(self) -> list[Recording]:
        """Return the labelled recordings that are trained on."""
        return [one for one in self.recordings if not self.train or one.split in self.train]


def inspect(folder: str, task: str | None = None) -> Found:
    """Look at a folder.

    Parameters
    ----------
    folder : str
    task : str, optional
        One of `dawnchorus.settings.proposal.TASKS`; what the labels suggest where not given.

    Raises
    ------
    ValueError
        Where there are no recordings or no labels, no two classes, or recordings of equal content that
        folds would have on both sides.
    """
    survey = folder_survey.look(os.path.abspath(folder))
    chosen = layout.find_layout(survey)
    headers = header_survey.look_at({survey.place(p): n for p, n in survey.sizes.items()})
    if len(headers.unreadable) == headers.n_looked:
        raise ValueError(
            f"none of {headers.n_looked} recordings looked at in {folder!r} can be opened: "
            f"{_named(survey, headers.unreadable)}; are they audio?"
        )
    if chosen.settings.get("strong_format") == "birdsong_xml":
        chosen.settings["sample_rate"] = max(headers.rates, key=headers.rates.__getitem__)
    read = _read(chosen, survey)
    sources = layout_sources.find_sources(survey, read.recordings, chosen.settings.get("table"))
    if sources is not None:
        chosen.settings["source_table"], said = sources
        chosen.said.append(said)
    known = [one for one in read.recordings if one.labelled]
    task = _task(known, read.events, task, folder)
    train, validation, test = _subsets(known, task)
    training = [one for one in known if not train or one.split in train]
    is_series = chosen.settings["adapter"] == "bird_detection"
    folds = None
    if task != "events":
        # a fold that leaves one kind to train on: no network learns from that
        kinds = collections.Counter(one.labels or "none of the classes" for one in training)
        if sum(n > 1 for n in kinds.values()) < 2:
            common = ", ".join(f"{kind!r} ({n})" for kind, n in kinds.most_common(_SHOWN_CLASSES))
            raise ValueError(
                f"{len(training)} recordings in {folder!r} are too few: a part is scored and the rest "
                f"trained on, which needs two recordings of two kinds at least, found {common}"
            )
        folds = fold_choice.choose_folds(training, is_series)
    if folds is not None and len(training) < _MOST_COMPARED:
        _reject_duplicates(training, folds, survey)
    n_bad = len(headers.unreadable) + sum(length < _SHORT_S for length in headers.lengths)
    # a name is part of paths: that of the folder, as far as it can be
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(survey.root)).strip("-_")[:40]
    return Found(
        name=f"my-{name}" if name in _TAKEN else name or "recordings",
        survey=survey,
        layout=chosen,
        headers=headers,
        recordings=known,
        events=read.events,
        notes=[*read.notes, *class_names.name_notes(known)],
        n_unlabelled=len(read.recordings) - len(known),
        n_excluded=len(read.excluded) + round(n_bad * headers.n_files / headers.n_looked),
        n_listed=len(read.recordings) + len(read.excluded),
        task=task,
        train=train,
        validation=validation,
        test=test,
        folds=folds,
    )


def description(found: Found) -> list[str]:
    """Return what was found, in words."""
    survey, headers = found.survey, found.headers
    rates = ", ".join(f"{rate:,} Hz ({n})" for rate, n in sorted(headers.rates.items()))
    about = "" if headers.n_looked == headers.n_files else f" (of {headers.n_looked} looked at)"
    counts = collections.Counter(
        label for one in found.recordings for label in one.labels.split(SEPARATOR) if label
    )
    shown = ", ".join(f"{name} {n}" for name, n in counts.most_common(_SHOWN_CLASSES))
    rest = len(counts) - _SHOWN_CLASSES
    lines = [
        f"layout      {found.layout.name}; adapter {found.layout.settings['adapter']}",
        *(f"            {text}" for text in found.layout.said),
        f"recordings  {len(found.recordings):,} with labels, {found.n_unlabelled:,} without, "
        f"{headers.total_s / 3600:.2f} hours in {headers.n_files:,} files",
        f"rates       {rates}{about}",
        f"lengths     {headers.length_s(0):.2f} to {headers.length_s(1):.2f} s, half below "
        f"{headers.length_s(0.5):.2f} s{about}",
        f"classes     {len(counts)}: {shown}{f', and {rest} more' if rest > 0 else ''}",
    ]
    if n_none := sum(not one.labels for one in found.recordings):
        lines.append(f"            {n_none:,} recordings hold none of them")
    if found.events is not None:
        lines.append(f"events      {len(found.events):,}, with onset and offset")
    if not survey.is_complete:
        lines.append(
            "note        the folder is large and was not seen to its end: counts are of what was seen"
        )
    lines += [f"note        {text}" for text in found.notes]
    if headers.unreadable:
        lines.append(
            f"note        {len(headers.unreadable)} recordings cannot be opened or are cut, and will be "
            "left out: "
            f"{_named(survey, headers.unreadable)}"
        )
    if headers.quiet:
        lines.append(
            f"note        {len(headers.quiet)} of {headers.n_heard} recordings listened to are nearly "
            f"silent (peak under {header_survey.QUIET_DBFS:.0f} dBFS): {_named(survey, headers.quiet)}"
        )
    return lines


def _read(chosen: Layout, survey: Survey) -> Read:
    """Return what the adapter reads; labels without a file are left out where most have one."""
    adapter = importlib.import_module(f"dawnchorus.corpora.adapters.{chosen.settings['adapter']}")
    # of a folder too large to be walked, its adapter would walk all: it is asked about what was seen
    if not survey.is_complete and chosen.settings["adapter"] == "folders":
        recordings = []
        names = chosen.settings.get("classes") or {}
        for path, size in survey.sizes.items():
            place = survey.place(path)
            below = os.path.relpath(place, chosen.settings["root"]).replace(os.sep, "/")
            said = adapter.fields(below.rpartition(".")[0], chosen.settings["pattern"])
            if said is not None:
                label = said.pop("class").strip()
                origin = {**said, "labelled": True, "labels": names.get(label, label) or ""}
                recordings.append(Recording(below, place, state=f"{size} 0 0", **origin))
        return Read(recordings, [], [])

    def read() -> Read:
        return adapter.recordings(validated("the folder", ADAPTERS, chosen.settings))

    try:
        found = read()
    except ValueError as error:
        if "MISSING_FILE" not in str(error):
            raise ValueError(f"found {chosen.name}, but {error}") from None
        chosen.settings["missing_files"] = "exclude"
        found = read()
    n_all = len(found.recordings) + len(found.excluded)
    if len(found.excluded) > _LOST * n_all:
        raise ValueError(
            f"found {chosen.name}, but {len(found.excluded)} of {n_all} recordings cannot be used: "
            f"{'; '.join(' '.join(one) for one in sorted(found.excluded)[:3])}"
        )
    return found


def _task(known: Sequence[Recording], events: Any, asked: str | None, folder: str) -> str:
    """Return the task that labels suggest, or that was asked for where they allow it."""
    classes = sorted({label for one in known for label in one.labels.split(SEPARATOR) if label})
    n_none = sum(not one.labels for one in known)
    if not classes:
        raise ValueError(
            f"no class in {folder!r}: {len(known)} recordings have labels and all say none of the "
            "classes; expected two kinds of recordings at least"
        )
    if len(classes) == 1 and not n_none and events is None:
        raise ValueError(
            f"one class in {folder!r}: all {len(known)} recordings are {classes[0]!r}, so there is "
            "nothing to tell it from; add recordings without it, in a folder called none or as rows with "
            "empty labels"
        )
    are_single = all(one.labels and SEPARATOR not in one.labels for one in known)
    suggested = "events" if events else "species" if are_single and classes[1:] else "presence"
    if asked == "events" and not events:
        raise ValueError("--task events: no annotated onsets and offsets were found")
    if asked == "species" and not (are_single and classes[1:]):
        raise ValueError(
            "--task species: expected one of several classes for each recording; with none or several, "
            "--task presence scores each class by itself"
        )
    return asked or suggested


def _subsets(known: Sequence[Recording], task: str) -> tuple[list[str], list[str], list[str]]:
    """Return the subsets to train on, to choose decodings by, and to test on; none: no subsets."""
    counts = collections.Counter(one.split for one in known)
    roles: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    strong = {one.split for one in known if one.data_set == "strong"}
    for name in sorted(counts):
        words = re.split(r"[\W_]+", name.casefold())
        role = next((SPLITS[word] for word in words if word in SPLITS), None)
        if role is None and name and task == "events" and name not in strong:
            role = "train"  # weak lists
        if role is not None:
            roles[role].append(name)
    train, validation, test = roles["train"], roles["validation"], roles["test"]
    if task != "events":
        # folds choose the epoch: what is called validation is trained on as well
        return (sorted([*train, *validation]), [], test) if train and test else ([], [], [])
    # folders of sites or days: the smallest two tune and test
    free = sorted(strong - {*train, *validation, *test}, key=lambda name: (counts[name], name))
    for role in (test, validation):
        if not role and len(free) + len(train) > 1 and free:
            role.append(free.pop(0))
    return [*train, *free], validation, test


def _reject_duplicates(training: Sequence[Recording], folds: FoldChoice, survey: Survey) -> None:
    """Refuse recordings of equal content that folds may have on both sides: the run would stop there."""
    by_size: dict[int, list[Recording]] = collections.defaultdict(list)
    for one in training:
        if one.state:
            by_size[int(one.state.split(" ")[0])].append(one)
    unit = folds.settings.get("by", "group")
    same: dict[bytes, list[Recording]] = collections.defaultdict(list)
    for size, members in by_size.items():
        if len(members) > 1:
            for one in members:
                glance = hashlib.sha256(str(size).encode())
                with contextlib.suppress(OSError), open(one.path, "rb") as file:
                    for place in (0, size // 2, max(0, size - _COMPARED)):
                        file.seek(place)
                        glance.update(file.read(_COMPARED))
                same[glance.digest()].append(one)
    equal = [
        found
        for found in same.values()
        if len(found) > 1
        and len({getattr(one, unit) or one.id for one in found}) > 1
        and len({digest_of_file(one.path) for one in found}) == 1
    ]
    if equal:
        pairs = [" = ".join(os.path.relpath(one.path, survey.root) for one in f[:2]) for f in equal]
        raise ValueError(
            f"{len(equal)} contents stand in several files, which folds would train on and test: "
            f"{examples(pairs)}; remove one of each, then call init again"
        )


def _named(survey: Survey, paths: Sequence[str]) -> str:
    return examples([os.path.relpath(path, survey.root) for path in paths])
