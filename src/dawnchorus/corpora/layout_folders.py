"""Layouts where the path of a recording says its class, and perhaps its group, fold and subset.

* `class_folders`: a folder per class, or classes in the names of files.
"""

import collections
import re
from collections.abc import Sequence

from dawnchorus.corpora.folder_survey import Survey
from dawnchorus.corpora.layout_match import NEGATIVE, SPLITS, Layout, plain
from dawnchorus.formats.label_sheet import examples

_MOSTLY = 0.95  # share of the recordings that have to lie equally deep
_NUMBERED = re.compile(r"\d+(\s*[-_.]\s*)\D")
_ORIGIN = re.compile(r"\d|site|plot|station|session|day|night|rec", re.IGNORECASE)
_SIGNS = ("_", "-", " ", ".")
_MOST_FOLDS = 10
_MOST_FIELDS = 4  # at the beginning of a name that are looked at


def class_folders(survey: Survey) -> Layout | str:
    """Recognise folders of classes; groups, folds and subsets come from their names and the files'."""
    paths = [path.split("/") for path in survey.audio_paths()]
    # what lies in one folder of the folder is looked at from there
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    root = survey.place("/".join(paths[0][:shared]))
    below = [path[shared:] for path in paths]
    depths = collections.Counter(map(len, below))
    depth, n_at_depth = depths.most_common(1)[0]
    if n_at_depth < _MOSTLY * len(below):
        found = ", ".join(f"{count} at level {level}" for level, count in sorted(depths.items()))
        return f"recordings lie at several levels: {found}"
    rows = [[*path[:-1], path[-1].rpartition(".")[0]] for path in below if len(path) == depth]
    levels = _level_fields(rows)
    if "class" not in levels:
        names = _name_with_class([row[-1] for row in rows])
        if names is None:
            if len(rows[0]) > 1:
                return f"folders are called {examples(sorted({row[0] for row in rows}))}"
            folder = "/".join(paths[0][:shared])
            one = f"one folder, {folder!r}: one class has nothing to be told from"
            return f"all recordings lie in {one if folder else 'the folder itself'}"
        pattern, fields = "/".join([*map(_in_braces, levels), names[0]]), names[1]
        said = [f"file names begin with the class, such as {rows[0][-1]!r}"]
    else:
        at = levels.index("class")
        # folders may be numbered, all of them alike: 001 - Dog bark
        signs = {found[1] if (found := _NUMBERED.match(row[at])) else "" for row in rows}
        sign = signs.pop() if len(signs) == 1 else ""
        texts = [_in_braces(name) for name in levels]
        texts[at] = f"{{}}{sign}{{class}}" if sign else "{class}"
        classes = [row[at] for row in rows]
        taken = set(levels)
        name_pattern, fields = _name_fields([row[-1] for row in rows], classes, taken)
        pattern = "/".join([*texts, name_pattern])
        said = [f"folders are called as the classes, such as {classes[0]!r}"]
        said += [
            f"folders {'below' if level > at else 'above'} them are the {name}: "
            f"{examples(sorted({row[level] for row in rows}))}"
            for level, name in enumerate(levels)
            if name not in ("", "class")
        ]
    settings = {"adapter": "folders", "root": root, "pattern": pattern}
    said += fields
    if n_at_depth < len(below):
        settings["unmatched"] = "exclude"
        said.append(f"{len(below) - n_at_depth} recordings lie at another level and are left out")
    if "class" in levels:
        names = sorted({name.split(sign, 1)[1] if sign else name for name in classes})
        negative = {one for one in names if plain(one) in NEGATIVE or plain(one).startswith("no")}
        # two folders, one of recordings without the class: that is no class to be found
        if len(names) == 2 and len(negative) == 1:
            stripped = {name: name.strip() for name in names}
            settings["classes"] = {s: None if n in negative else s for n, s in stripped.items()}
    return Layout("folder per class", settings, said)


def _level_fields(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return what each level of folders is: class, group, split, or nothing."""
    n_levels = len(rows[0]) - 1
    found = [""] * n_levels
    names = [{row[level] for row in rows} for level in range(n_levels)]
    for level in range(n_levels):
        if {name.casefold() for name in names[level]} <= set(SPLITS):
            found[level] = "split"
            break
    free = [level for level in range(n_levels) if not found[level] and len(names[level]) > 1]
    if not free:
        return found
    # Sites, days and sessions have numbers, and none of them is called none; of two levels of words the
    # upper one is the class.
    of_origin = {
        level: sum(bool(_ORIGIN.search(name)) for name in names[level]) / len(names[level])
        for level in free
    }
    has_negative = {level: not NEGATIVE.isdisjoint(map(plain, names[level])) for level in free}
    chosen = min(free, key=lambda level: (not has_negative[level], of_origin[level] > 0.5, level))
    found[chosen] = "class"
    others = [level for level in free if level != chosen]
    if others and "class" in found:
        found[others[0]] = "group"
    return found


def _in_braces(name: str) -> str:
    return f"{{{name}}}"


def _name_fields(
    stems: Sequence[str], classes: Sequence[str], taken: set[str]
) -> tuple[str, list[str]]:
    """Return the pattern of file names, with a fold and a group where one can be seen, and notes."""
    best = ("{}", [])
    for sign in _SIGNS:
        pieces = [stem.split(sign) for stem in stems]
        n_fields = min(min(map(len, pieces)) - 1, _MOST_FIELDS)
        names: list[str] = []
        said = []
        for at in range(n_fields):
            values = [piece[at] for piece in pieces]
            if not all(values):
                break
            name = ""
            if "fold" not in [*names, *taken] and _is_fold(values, classes):
                name = "fold"
            elif "group" not in [*names, *taken] and _is_group(values, classes):
                name = "group"
            names.append(name)
            if name:
                shown = examples(sorted(set(values)))
                said.append(
                    f"field {at + 1} of the file names may be the {name}: {len(set(values))} values, "
                    f"{shown}"
                )
        while names and not names[-1]:
            names.pop()
        if len(said) > len(best[1]):
            best = sign.join([*map(_in_braces, names), "{}"]), said
    return best


def _is_fold(values: Sequence[str], classes: Sequence[str]) -> bool:
    """Return whether values are numbers of folds: few, one after another, each with every class."""
    numbers = set(values)
    if not all(value.isdecimal() for value in numbers) or not 3 <= len(numbers) <= _MOST_FOLDS:
        return False
    found = sorted(map(int, numbers))
    if found != list(range(found[0], found[0] + len(found))) or found[0] > 1:
        return False
    pairs = collections.Counter(zip(values, classes, strict=True))
    is_full = len(pairs) == len(numbers) * len(set(classes))
    # with one recording each they are the running numbers of takes
    return is_full and min(pairs.values()) > 1


def _is_group(values: Sequence[str], classes: Sequence[str]) -> bool:
    """Return whether values can name a source: neither one, nor a running number, nor the class."""
    counts = collections.Counter(values)
    if not 3 <= len(counts) <= len(values) / 1.2:
        return False
    pairs = set(zip(values, classes, strict=True))
    of_class = collections.Counter(name for _, name in pairs)
    several = sum(count > 1 for count in of_class.values())
    if several < 0.8 * len(of_class):  # folds by group would leave most classes out of training
        return False
    # 01, 02, ... of each class: every value once in a class
    return len(pairs) < len(values)


def _name_with_class(stems: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return a pattern of names that begin with a word of few, which may be the class, or None."""
    for sign in _SIGNS:
        first = [stem.split(sign)[0] for stem in stems]
        counts = collections.Counter(first)
        are_words = all(name and not any(c.isdecimal() for c in name) for name in counts)
        if all(sign in stem for stem in stems) and are_words and 2 <= len(counts) <= len(stems) / 2:
            rest = [stem.split(sign, 1)[1] for stem in stems]
            pattern, said = _name_fields(rest, first, {"class"})
            return f"{{class}}{sign}{pattern}", said
    return None
