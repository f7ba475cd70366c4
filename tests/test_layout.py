"""Where modules of the library stand, and what may import what."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src/dawnchorus"
# Each folder imports those before it alone. Exempt are modules that the config picks by name, as
# far as others reach them with importlib.
ORDER = (
    "runtime", "settings", "formats", "metrics", "corpora", "audio", "acquisition", "frontends",
    "segments", "augmentation", "models", "scores", "targets", "events", "exported", "page",
    "training", "plots", "evaluation", "report", "plan", "progress", "cli",
)  # fmt: skip
BY_NAME = (
    "corpora/adapters", "frontends/kinds", "models/architectures", "augmentation/methods",
    "formats/annotations", "formats/submissions", "training/schedules", "segments/kinds",
    "evaluation/clip_baselines", "frontends/network_readers",
)  # fmt: skip
# what the workflow itself writes and reads, whatever the config says
FIXED = (
    ("corpora/clip_lists.py", "formats.annotations.dcase"),
    ("evaluation/detection_files.py", "formats.annotations.audacity"),
    ("evaluation/detection_files.py", "formats.annotations.raven"),
    ("events/detection.py", "formats.annotations.dcase"),
    ("exported/detection_sample.py", "formats.annotations.raven"),
    ("exported/annotation_files.py", "formats.annotations.audacity"),
    ("exported/annotation_files.py", "formats.annotations.raven"),
)
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(tree):
    """Names that a module imports when it runs, in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imported(node)


def own_imports(path):
    """Parts of the names below the package that a module imports."""
    names = (name.split(".") for name in imported(ast.parse((PACKAGE / path).read_bytes())))
    return [parts[1:] for parts in names if parts[0] == "dawnchorus" and len(parts) > 1]


def test_there_are_the_folders_of_the_design_and_no_loose_modules():
    folders = {path.parts[0] for path in MODULES if len(path.parts) > 1}
    assert folders <= set(ORDER)
    assert {str(path) for path in MODULES if len(path.parts) == 1} == {"__init__.py", "__main__.py"}


def test_faces_of_packages_are_empty():
    for path in MODULES:
        if path.name == "__init__.py":
            body = ast.parse((PACKAGE / path).read_bytes()).body
            assert [node for node in body if not isinstance(node, ast.Expr)] == [], path


def test_folders_and_modules_stay_small_enough_to_be_looked_through():
    for folder in (path for path in PACKAGE.iterdir() if path.is_dir()):
        assert len(list(folder.glob("*.py"))) <= 26, folder.name  # 25 and __init__.py
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path


def test_no_two_modules_have_one_name():
    names = Counter(path.name for path in MODULES if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_those_before_it_alone(folder):
    allowed = set(ORDER[: ORDER.index(folder) + 1])
    wrong = [
        (str(path), ".".join(parts))
        for path in MODULES
        if path.parts[0] == folder
        for parts in own_imports(path)
        if parts[0] not in allowed
    ]
    assert wrong == []


def test_what_the_config_picks_by_name_is_imported_by_name():
    found = [
        (str(path), ".".join(parts))
        for path in MODULES
        for parts in own_imports(path)
        if "/".join(parts[:2]) in BY_NAME and len(parts) > 2
    ]
    assert [(path, name) for path, name in found if (path, name) not in FIXED] == []


def test_choices_do_not_import_each_other():
    for path in MODULES:
        if str(path.parent) in BY_NAME:
            assert all("/".join(parts[:2]) not in BY_NAME for parts in own_imports(path)), path
