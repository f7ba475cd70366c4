"""Annotated events that no recording can have, held against the settings of their corpus.

They begin before 0, have no length, no range of frequencies or no class. Such rows come from tables
that were joined or edited by hand. What lies beyond the end of a recording, or beyond the frequencies
that it has, is found when it is decoded (`dawnchorus.targets.event_bounds`).

* `usable`: the events as they count, with notes on the others.
"""

import collections
from collections.abc import Iterable, Mapping

from dawnchorus.formats.annotation import Mark
from dawnchorus.formats.label_sheet import RefusedRows

# what a corpus without such a setting does
_STRICT = {"outside": "error", "crossing": "error", "blank_classes": "error"}
_SETTING = {"outside": "outside", "crossing": "crossing", "blank": "blank_classes"}
_REMEDIES = {
    "outside": "outside: drop",
    "crossing": "crossing: clip",
    "blank": "blank_classes: drop, or a class name",
}
_SHOWN = 5


def usable(marks: Iterable[Mark], settings: Mapping) -> tuple[list[Mark], list[str]]:
    """Return the events that count, and a note on those that were dropped or changed.

    Parameters
    ----------
    marks : iterable of Mark
    settings : mapping
        Of the corpus: ``outside`` (error, drop), ``crossing`` (error, drop, or clip: the event begins
        at 0) and ``blank_classes`` (error, drop, or the class of events that have none).

    Raises
    ------
    RefusedRows
        Names files, lines and times, up to five of them, and the setting.
    """
    policies = {kind: settings.get(key, _STRICT[key]) for kind, key in _SETTING.items()}
    kept, places = [], collections.defaultdict(list)
    refused: dict[str, list[str]] = collections.defaultdict(list)
    for mark in marks:
        # an event may have several faults; each change leaves one less
        while (fault := mark.fault()) is not None:
            kind, sentence = fault
            if policies[kind] == "error":
                refused[kind].append(sentence)
                break
            places[kind].append(mark.place)
            if policies[kind] == "drop":
                break
            event = mark.event
            changed = {"onset_s": 0.0} if kind == "crossing" else {"label": policies[kind]}
            mark = mark._replace(event=event._replace(**changed))
        else:
            kept.append(mark)
    for kind, faults in refused.items():
        raise RefusedRows(faults, f"; mend the annotations, or set {_REMEDIES[kind]}")
    said = {
        "outside": "lie nowhere in a recording",
        "crossing": "begin before 0",
        "blank": "have no class",
    }
    return kept, [
        f"{len(found)} events {said[kind]} ({_SETTING[kind]}: {policies[kind]}): "
        f"{'; '.join(found[:_SHOWN])}{'; ...' if len(found) > _SHOWN else ''}"
        for kind, found in places.items()
    ]
