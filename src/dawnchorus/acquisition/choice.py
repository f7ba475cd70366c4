"""Which recordings of those that xeno-canto knows are downloaded: the selection of dsr2019.

The classes with the most sound are taken, of recordings that are neither short nor long. Each is to give
so many slices; slices of ``length_s`` every ``step_s`` need ``length_s + step_s slices`` seconds of
signal, times a safety factor. How much signal a recording has is not known before it is heard: so much
a second is expected. Where a class cannot have enough, the target is lowered to the fewest of any class.

* `chosen`: recordings that are downloaded.
* `needed_s`: signal for so many slices; `slices_of`: slices of so much signal.
"""

from collections.abc import Mapping, Sequence

from dawnchorus.acquisition.metadata import Metadata
from dawnchorus.runtime import seeds


def needed_s(slices: int, settings: Mapping) -> float:
    """Return the seconds of signal that so many slices need, the safety factor in it."""
    signal_s: float = settings["length_s"] + settings["step_s"] * slices
    return signal_s * settings["safety"]


def slices_of(signal_s: float, settings: Mapping) -> int:
    """Return how many slices so much signal gives, by the same rule; at least 0."""
    return max(0, int((signal_s / settings["safety"] - settings["length_s"]) / settings["step_s"]))


def chosen(rows: Sequence[Metadata], settings: Mapping, seed: int) -> tuple[list[Metadata], int]:
    """Return the recordings to download, in the order of their numbers, and the slices aimed at.

    Parameters
    ----------
    rows : sequence of Metadata
    settings : mapping
        ``classes`` (100: those with the most sound), ``slices`` (1,800 of each class), ``length_s``,
        ``step_s``, ``safety`` (2), ``signal_share`` (0.64 s of signal in a second), ``shortest_s``
        and ``longest_s`` (5 and 1,000: recordings between them are used, both ends left out).
    seed : int
        Of the order in which recordings of a class are taken.

    Raises
    ------
    ValueError
        Where no recording is left.
    """
    usable = [r for r in rows if settings["shortest_s"] < r.length_s < settings["longest_s"]]
    by_class: dict[str, list[Metadata]] = {}
    for row in usable:
        by_class.setdefault(row.label, []).append(row)
    total_s = {label: sum(row.length_s for row in own) for label, own in by_class.items()}
    # by name where two have equally much
    labels = sorted(total_s, key=lambda label: (-total_s[label], label))[: settings["classes"]]
    if not labels:
        raise ValueError(
            f"none of {len(rows)} recordings is between {settings['shortest_s']:g} and "
            f"{settings['longest_s']:g} s long; change acquisition.query or the lengths"
        )
    share = settings["signal_share"]
    reachable = min(slices_of(total_s[label] * share, settings) for label in labels)
    target = min(settings["slices"], reachable)
    found = []
    for label in labels:
        own = sorted(by_class[label], key=lambda row: int(row.number))
        signal_s, wanted_s = 0.0, needed_s(target, settings)
        for number in seeds.generator(seed, "acquisition", label).permutation(len(own)):
            if signal_s >= wanted_s:
                break
            found.append(own[number])
            signal_s += own[number].length_s * share
    return sorted(found, key=lambda row: int(row.number)), target
