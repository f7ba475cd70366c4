"""Class names of a corpus: names that are probably meant to be one, and other names for them.

People type names by hand, for years and with several programs, so that one species comes as ``Robin``,
``robin`` and ``robbin``. Each is a class of its own, which nobody sees in a macro mean.

* `name_notes`: a note on each kind of oddity, none where there is none.
* `one_apart`: names with an edit distance of 1.
* `check_losses`: refuse classes that lose all of their recordings.
* `renamed`: recordings and events under other class names.
"""

import collections
import re
import unicodedata
from collections.abc import Iterable, Mapping

from dawnchorus.corpora.tables import SEPARATOR, Found, Recording

_SHOWN = 5  # groups of names that a note shows
_LEAST = 5  # letters; shorter names, such as codes, differ in one on purpose
_OTHER_SEPARATORS = re.compile(r"[,|/+&]")


def name_notes(recordings: Iterable[Recording], is_strict: bool = False) -> list[str]:
    """Return notes on class names that differ by little, or that hold several names.

    Names are one but for their spelling where they are equal after Unicode's NFC, in lower case and
    without blanks, hyphens and underscores; they are nearly equal where one letter is added, left out
    or another one, in names of five letters or more. Names that differ in a digit are not.

    Parameters
    ----------
    recordings : iterable of Recording
        Their ``labels`` are counted; what is only in the background is not trained on.
    is_strict : bool, optional
        Whether there may be none.

    Raises
    ------
    ValueError
        Where there are some and there may be none, with all notes.
    """
    counts = collections.Counter(
        label for row in recordings for label in (row.labels.split(SEPARATOR) if row.labels else ())
    )
    spellings: dict[str, list[str]] = collections.defaultdict(list)
    for name in sorted(counts):
        spellings[_plain(name)].append(name)
    alike = [names for names in spellings.values() if len(names) > 1]
    near = [[spellings[first][0], spellings[second][0]] for first, second in one_apart(spellings)]
    joined = [
        [name]
        for name in sorted(counts)
        if len(parts := _OTHER_SEPARATORS.split(name)) > 1
        and any(_plain(part) in spellings for part in parts)
    ]
    several = f"class names hold others; {SEPARATOR!r} separates the classes of a recording"
    found = (
        (alike, "class names differ only in case, blanks, hyphens or accents"),
        (near, "pairs of class names differ in one letter"),
        (joined, several),
    )
    notes = []
    for groups, what in found:
        # with their counts: the name that is right is mostly the frequent one
        shown = [" = ".join(f"{name!r} ({counts[name]})" for name in group) for group in groups]
        if len(shown) > _SHOWN:
            shown[_SHOWN:] = ["..."]
        if groups:
            notes.append(f"{len(groups)} {what}: {', '.join(shown)}; rename_classes makes them one")
    if notes and is_strict:
        raise ValueError(f"{'; '.join(notes)}, or set strict_names: false")
    return notes


def one_apart(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names with an edit distance of 1, each once, without comparing all pairs.

    Names of fewer than five letters, and names that differ in a digit, are in none.
    """
    long_ones = sorted(name for name in names if len(name) >= _LEAST)
    # names that differ in one letter are equal with that letter left out
    without: dict[tuple[int, str], list[str]] = collections.defaultdict(list)
    pairs, known = set(), set(long_ones)
    for name in long_ones:
        for place, letter in enumerate(name):
            shorter = name[:place] + name[place + 1 :]
            if letter.isdecimal():
                continue
            if shorter in known:
                pairs.add((min(name, shorter), max(name, shorter)))
            pairs |= {(other, name) for other in without[place, shorter]}
            without[place, shorter].append(name)
    return sorted(pairs)


def check_losses(gone: Iterable[str], kept: Iterable[str], why: str) -> None:
    """Refuse classes of which no recording is left: nobody misses a class that is in no table.

    Parameters
    ----------
    gone, kept : iterable of str
        Classes of the files or rows that are no recordings, and of the recordings; "" is none.
    why : str
        Why they are no recordings, for the message.

    Raises
    ------
    ValueError
        Where there is such a class, naming up to five.
    """
    lost = collections.Counter(gone)
    for name in {"", *kept}:
        del lost[name]
    if not lost:
        return
    named = ", ".join(f"{name!r} ({lost[name]} files)" for name in sorted(lost)[:_SHOWN])
    raise ValueError(
        f"{len(lost)} classes lose all of their files: {named}{', ...' if len(lost) > _SHOWN else ''} "
        f"are no recordings {why}; bring recordings of them, or take these classes out of the data"
    )


def renamed(found: Found, names: Mapping[str, str]) -> Found:
    """Return what an adapter found under other class names; a class once per recording.

    Parameters
    ----------
    found : Found
    names : mapping of str to str
        New names by old ones. Classes that are not named stay.

    Raises
    ------
    ValueError
        Where an old name is no class of the corpus, or a new one cannot stand in its tables.
    """
    events = None if found.events is None else list(found.events)
    known = {label for row in found.recordings for label in _split(row.labels, row.background)}
    known |= {label for *_, label in events or ()}
    if unknown := sorted(names.keys() - known):
        raise ValueError(
            f"rename_classes: {unknown[:_SHOWN]!r} are no classes of the corpus; expected some of "
            f"{sorted(known)[:_SHOWN]!r}{'...' if len(known) > _SHOWN else ''}"
        )
    for name in names.values():
        if not name or name != name.strip() or SEPARATOR in name or not name.isprintable():
            raise ValueError(
                f"rename_classes: {name!r}; expected a name without {SEPARATOR!r}, outer blanks and "
                "control characters"
            )

    def other(labels: str) -> str:
        return SEPARATOR.join(sorted({names.get(label, label) for label in _split(labels)}))

    rows = [
        row._replace(labels=other(row.labels), background=other(row.background))
        for row in found.recordings
    ]
    if events is not None:
        events = [(*about, names.get(label, label)) for *about, label in events]
    marks = [
        mark._replace(
            event=mark.event._replace(label=names.get(mark.event.label, mark.event.label))
        )
        for mark in found.marks
    ]
    return found._replace(recordings=rows, events=events, marks=marks)


def _split(*joined: str) -> list[str]:
    return [label for text in joined if text for label in text.split(SEPARATOR)]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name)).casefold()
