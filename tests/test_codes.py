"""Every code that a recording or a list can get is explained."""

import re
from pathlib import Path

import pytest

from dawnchorus.audio import verdicts
from dawnchorus.cli import codes, command

SOURCE = Path(__file__).parents[1] / "src/dawnchorus"
CODE = re.compile(
    r'f?"((?:AUDIO|CSV|DECODER|FORMAT|LABEL|MISSING|NAME|NOT?|MIX)_[A-Z_]+|BANDWIDTH)\b'
)


def used():
    """Return the codes in the text of the library, and where; the list of them is left out."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name != "codes.py":
            for name in CODE.findall(path.read_text(encoding="utf-8")):
                found.setdefault(name, path.name)
    return found


def test_every_code_is_explained_and_every_explained_code_is_used():
    found = used()
    assert set(found) - set(codes.ALL) == set(), found
    assert set(codes.ALL) - set(found) == set()
    assert tuple(codes.EXCLUSIONS) == verdicts.EXCLUSIONS
    assert tuple(codes.WARNINGS) == verdicts.WARNINGS
    assert len(codes.ALL) == len(codes.EXCLUSIONS) + len(codes.WARNINGS) + len(codes.OF_LISTS)


def test_a_code_says_what_to_do_in_whole_sentences():
    for name, code in codes.ALL.items():
        assert all(re.fullmatch(r"[A-Z].*\.", sentence) for sentence in code), name


def test_the_command_explains(capsys):
    assert command.main(["explain", "audio_lenient", "CSV_RAGGED"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("AUDIO_LENIENT: Used, although")
    assert lines[2].startswith("CSV_RAGGED: ")
    assert command.main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(codes.ALL)


@pytest.mark.parametrize("given", ["AUDIO_LENENT", "nothing"])
def test_an_unknown_code_is_one_sentence(capsys, given):
    assert command.main(["explain", given]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: code {given.upper()}")
    assert error.count("\n") == 1
