import re
import shutil

import pytest

from dawnchorus.runtime import provenance

SCRIPT = """
from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.runtime import hashes
"""
BOTH = {"dawnchorus.runtime.hashes", "dawnchorus.runtime.seeds", "script"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package to edit; provenance reads it in place of the true one."""
    copy = tmp_path / "dawnchorus"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


def library(package, *chosen, script=SCRIPT):
    """Digests behind a script, of the package as it is now."""
    path = package.parent / "script.py"
    path.write_text(script)
    return provenance.library(path, *chosen)


def edit(package, name, before, after):
    path = package / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def write(package, modules):
    for name, text in modules.items():
        path = package / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def write_hashes(package, text):
    write(package, {"runtime.hashes": text})


def test_docstrings_comments_and_layout_change_no_digest(package):
    write_hashes(package, '"""Old."""\n\ndef f(a):\n    """Old."""\n    return [a, 1]\n')
    before = library(package)
    new = '# why\ndef f(a):\n    """New.\n\n    More.\n    """\n    return [\n        a, 1\n    ]\n'
    write_hashes(package, f'"""New."""\n{new}')
    assert library(package) == before


def test_a_changed_constant_changes_the_digest_of_its_module_only(package):
    write_hashes(package, "from dawnchorus.runtime import seeds\nA = 1\n")
    before = library(package)
    write_hashes(package, "from dawnchorus.runtime import seeds\nA = 2\n")
    after = library(package)
    assert before.keys() == after.keys() == BOTH
    assert [name for name in before if before[name] != after[name]] == ["dawnchorus.runtime.hashes"]


def test_a_string_that_is_no_docstring_counts(package):
    write_hashes(package, 'A = 1\n"""old"""\n')
    before = library(package)
    write_hashes(package, 'A = 1\n"""new"""\n')
    assert library(package) != before


def test_imports_are_followed_through_modules_and_functions(package):
    modules = {
        "runtime.hashes": "def f():\n    import dawnchorus.deep.inner\n",
        "deep.__init__": "",
        "deep.inner": "from dawnchorus.deep.other import x\n",
        "deep.other": "def g():\n    if True:\n        from dawnchorus.deep import beside\n",
        "deep.beside": "",
    }
    write(package, modules)
    found = {name.removeprefix("dawnchorus.") for name in library(package)}
    assert found == {"script", "runtime.hashes", "deep.inner", "deep.other", "deep.beside"}


def test_what_only_a_type_checker_imports_does_not_count(package):
    text = "if TYPE_CHECKING:\n    from dawnchorus.runtime import seeds\n"
    write_hashes(package, text)
    assert library(package).keys() == {"dawnchorus.runtime.hashes", "script"}
    write_hashes(package, f"{text}else:\n    from dawnchorus.runtime import seeds\n")
    assert library(package).keys() == BOTH


def test_modules_that_import_each_other_are_found_once(package):
    modules = {
        "runtime.hashes": "from dawnchorus.runtime import seeds\n",
        "runtime.seeds": "from dawnchorus.runtime import hashes\n",
    }
    write(package, modules)
    assert library(package).keys() == BOTH


def test_a_chosen_module_is_followed_and_the_others_are_not(package):
    found = library(package, "dawnchorus.models.architectures.bulbul")
    assert "dawnchorus.models.architectures.bulbul" in found
    assert "dawnchorus.models.blocks" in found
    assert "dawnchorus.models.architectures.sparrow" not in found
    edit(package, "models/architectures/sparrow.py", "SMALLEST", "OTHER = 1\nSMALLEST")
    assert library(package, "dawnchorus.models.architectures.bulbul") == found


def test_neutral_modules_change_nothing(package):
    assert provenance.NEUTRAL == (
        "cli", "runtime.devices", "runtime.earlier_jobs", "runtime.energy", "runtime.file_locks",
        "runtime.finished",
        "runtime.job", "runtime.job_status", "runtime.logs", "runtime.provenance", "runtime.run",
        "runtime.slurm", "runtime.slurm_jobs", "settings.errors", "settings.structure",
    )  # fmt: skip
    script = "".join(f"import dawnchorus.{name}\n" for name in provenance.NEUTRAL)
    script += "import dawnchorus.cli.command\n"
    assert library(package, script=script).keys() == {"script"}


def test_what_a_neutral_module_imports_is_left_out_too(package):
    modules = {
        "runtime.logs": "from dawnchorus.scores import pooling\n",
        "runtime.hashes": "from dawnchorus.runtime import logs\n",
    }
    write(package, modules)
    assert library(package).keys() == {"dawnchorus.runtime.hashes", "script"}


def test_an_edit_of_the_script_changes_its_digest(package):
    before = library(package)
    after = library(package, script=SCRIPT + "    hashes.auroc()\n")
    assert [name for name in before if before[name] != after[name]] == ["script"]


def test_digests_are_short_and_sorted(package):
    found = library(package)
    assert list(found) == sorted(found)
    assert all(re.fullmatch("[0-9a-f]{12}", digest) for digest in found.values())


def test_the_order_of_keys_does_not_matter():
    one = provenance.settings_digest({"a": 1, "b": {"c": 2, "d": [1, 2]}})
    assert one == provenance.settings_digest({"b": {"d": [1, 2], "c": 2}, "a": 1})
    assert one != provenance.settings_digest({"a": 1, "b": {"c": 2, "d": [2, 1]}})
    assert re.fullmatch("[0-9a-f]{16}", one)


def test_versions_name_installed_packages_only(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package"))
    assert provenance.versions().keys() == {"numpy"}
