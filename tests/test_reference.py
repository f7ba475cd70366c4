"""The files of docs/reference are those that the settings models give."""

import re
from pathlib import Path

import pytest

from dawnchorus.cli.reference_files import current
from dawnchorus.plan.jobs import rules_by_key

ROOT = Path(__file__).parents[1]
REPAIR = "docs/reference is not current; run `make reference` and commit what it writes"


def shipped(name):
    return (ROOT / "docs/reference" / name).read_text(encoding="utf-8")


def without_stale(text):
    """The page without its last column, which takes a minute to find."""
    return re.sub(r"^(\|.*)\|[^|]*\|$", r"\1|", text, flags=re.M)


def test_the_reference_is_current_but_for_its_last_column():
    files = current({})
    assert files["codes.md"] == shipped("codes.md"), REPAIR
    assert files["config.schema.json"] == shipped("config.schema.json"), REPAIR
    assert without_stale(files["config.md"]) == without_stale(shipped("config.md")), REPAIR


@pytest.mark.slow
def test_the_reference_is_current():
    assert current(rules_by_key(ROOT))["config.md"] == shipped("config.md"), REPAIR


def test_the_reference_says_what_becomes_stale():
    page = shipped("config.md")
    assert re.search(r"^\| `learning_rate` .* \| train \|$", page, re.M)
    assert re.search(r"^\| `n_mels` .* \| export, make_spectrograms \|$", page, re.M)
