"""What makes the results again: command, lock, settings, versions, seeds, hashes.

* `manifest`: the section; `rebuilding_facts`: command, lock, seed, machine and versions.
"""

import json
from collections.abc import Iterable
from typing import Any

from dawnchorus.report.html import Html, details, element, section, table
from dawnchorus.report.result_data import ResultData
from dawnchorus.runtime import artefacts


def manifest(data: ResultData) -> Html:
    """Return the section."""
    recipes = [
        (f"{kind}.{name}.{key}", value)
        for kind in ("frontends", "audio")
        for name, settings in sorted(data.asked[kind].items())
        for key, value in settings.items()
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
        table("To make it again", ("what", "value"), rebuilding_facts(data)),
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


def rebuilding_facts(data: ResultData) -> list[tuple[str, object]]:
    """Return what makes a run again, in words: what it was made by, as its records have it."""
    name, record = data.asked["name"], data.jobs.files.get(data.asked["metrics"], {})
    folder = f"{artefacts.RESULTS}/{name}"
    versions = record.get("versions", {})
    return [
        ("environment", "uv sync --frozen --extra workflow, in the clone with this uv.lock"),
        ("uv.lock (SHA-256)", record.get("lock", "not recorded: not run from a clone")),
        ("command", f"uv run snakemake --configfile {folder}/config.yaml -- {folder}/report.html"),
        ("metrics.json (SHA-256)", record.get("sha256", "not recorded")),
        ("seed", data.settings["seed"]),
        ("machine", record.get("machine", "not recorded")),
        *sorted(versions.items()),
    ]


def _shown(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(key, json.dumps(value, ensure_ascii=False)) for key, value in rows]
