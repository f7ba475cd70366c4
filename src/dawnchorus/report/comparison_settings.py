"""What differs between runs in their settings and costs, and what makes each again.

* `differing_settings`, `compared_costs`, `reproduction`: a section each.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dawnchorus.report.html import Html, element, section, table
from dawnchorus.report.manifest import rebuilding_facts
from dawnchorus.report.run_differences import Comparison

_ABSENT = "not there"
_USED = ("frontends", "audio", "corpora")  # that an experiment names
# folders of data and names decide no number
_PLACES = ("root", "table", "audio", "labels", "metadata", "xml", "groups")


def differing_settings(compared: Comparison) -> Html:
    """Return the settings that are not the same in all runs, a row each."""
    found = {}
    for name, run in compared.runs.items():
        used = {part: run.asked[part] for part in _USED if part in run.asked}
        found[name] = dict(_leaves({**run.asked["settings"], **used}))
    rows = []
    if len(found) < 2:
        return Html("")
    for key in sorted({key for own in found.values() for key in own}):
        values = [
            json.dumps(own[key], ensure_ascii=False) if key in own else _ABSENT
            for own in found.values()
        ]
        section_name, _, below = key.partition(".")
        own_key = below.partition(".")[2]
        # a stage often only repeats in all runs what its experiment says
        is_copy = (
            section_name == "stages"
            and bool(own_key)
            and all(
                key in own and own_key in own and own[key] == own[own_key] for own in found.values()
            )
        )
        if len(set(values)) > 1 and not is_copy:
            rows.append((key, *values))
    same = element("p", "The runs have the same settings.") if not rows else ""
    return section(
        "settings",
        "What differs in their settings",
        same,
        table("Settings that differ", ("setting", *compared.runs), rows, True),
    )


def compared_costs(compared: Comparison) -> Html:
    """Return the seconds of each rule in each run."""
    rules = dict.fromkeys(rule for run in compared.runs.values() for rule in run.jobs.by_rule)
    rows = []
    for rule in rules:
        seconds = [
            sum(job.seconds for job in run.jobs.by_rule.get(rule, ()))
            for run in compared.runs.values()
        ]
        rows.append((rule, *(f"{one:.1f}" for one in seconds)))
    return section(
        "costs",
        "Time",
        element(
            "p", "Measured while the results were made, on the machine and beside the work of then."
        )
        if rows
        else "",
        table(
            "Seconds of all jobs of a rule",
            ("rule", *(f">{name}" for name in compared.runs)),
            rows,
            True,
        ),
    )


def reproduction(compared: Comparison) -> Html:
    """Return command, lock, versions and hashes of each run."""
    facts = {name: dict(rebuilding_facts(run)) for name, run in compared.runs.items()}
    keys = dict.fromkeys(key for own in facts.values() for key in own)
    rows = [(key, *(own.get(key, "–") for own in facts.values())) for key in keys]
    return section(
        "again",
        "To make them again",
        table("Command, lock, versions and hashes", ("what", *compared.runs), rows),
    )


def _leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting that is no section and no place of data, by its path."""
    for key, value in settings.items():
        path = f"{above}.{key}" if above else str(key)
        if path.startswith("corpora.") and key in _PLACES:
            continue
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
