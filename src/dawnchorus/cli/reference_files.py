"""The files that are made from others: ``docs/reference`` from the settings models, envs/ from the lock.

* `write`: make them again, in place (``make reference``).
* `current`: the texts of ``docs/reference`` as they should be.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.cli import codes, conda_file
from dawnchorus.plan.jobs import rules_by_key
from dawnchorus.settings.documentation import config_schema, page


def current(stale: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the text of each file by its name.

    Parameters
    ----------
    stale : mapping
        From the path of a key to the rules that a change of it makes stale; see
        `dawnchorus.plan.jobs.rules_by_key`.
    """
    return {
        "config.schema.json": config_schema(),
        "codes.md": codes.page(),
        "config.md": page(lambda path: ", ".join(stale.get(path, ()))),
    }


def write(base: str | Path) -> None:
    """Write the files below the folder of a Snakefile."""
    folder = Path(base, "docs/reference")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in current(rules_by_key(base)).items():
        Path(folder, name).write_text(text, encoding="utf-8")
    text = conda_file.environment(Path(base, "uv.lock"))
    Path(base, "envs/dawnchorus.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
