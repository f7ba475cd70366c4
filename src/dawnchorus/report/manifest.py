"""What makes the results again: settings that differ from the defaults, versions, seeds, hashes."""

import json
from collections.abc import Iterable
from typing import Any

from dawnchorus.report.html import Html, details, element, section, table
from dawnchorus.report.result_data import ResultData


def manifest(data: ResultData) -> Html:
    """Return the section."""
    record = data.jobs.files.get(data.asked["metrics"], {})
    recipes = [
        (f"{kind}.{name}.{key}", value)
        for kind in ("frontends", "audio")
        for name, settings in sorted(data.asked[kind].items())
        for key, value in settings.items()
    ]
    facts = [
        ("seed", data.settings["seed"]),
        ("machine", record.get("machine", "not recorded")),
        *sorted(record.get("versions", {}).items()),
    ]
    hashes = [
        (path, about["rule"], about.get("sha256", "")) for path, about in data.jobs.files.items()
    ]
    return section(
        "manifest",
        "Settings and versions",
        table(
            "Settings that differ from the defaults",
            ("setting", "value"),
            _shown(data.asked["changed"].items()),
        ),
        details(
            "Settings of frontends and audio",
            table("Frontends and audio", ("setting", "value"), _shown(recipes)),
        ),
        table("Seed, machine and versions", ("what", "value"), facts),
        details(
            f"SHA-256 of the {len(hashes)} files behind this page",
            table("Files", ("file", "made by rule", "SHA-256"), hashes, True),
        ),
        element(
            "p",
            "The complete settings are in config.yaml beside this page; dawnchorus why says of each file "
            "what it was made from, and dawnchorus verify whether it is still what was written.",
        ),
    )  # fmt: skip


def _shown(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(key, json.dumps(value, ensure_ascii=False)) for key, value in rows]
