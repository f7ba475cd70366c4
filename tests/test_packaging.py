"""What is installed: the wheel, the types, the hooks of git."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_model
import yaml
from packaging.requirements import Requirement

from dawnchorus.cli import conda_file
from dawnchorus.exported import networks
from dawnchorus.frontends import spectrograms
from dawnchorus.runtime import provenance

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / ".pre-commit-config.yaml"
WORKFLOW = ("Snakefile", "config.yaml", "envs", "experiments", "profiles", "rules", "workflow")
IMPORT_ALL = """
import importlib, pathlib, sys
import dawnchorus
root = pathlib.Path(dawnchorus.__file__).parent
print(root)
for path in sorted(set(root.rglob("*.py")) - set(root.glob("workflow/**/*.py"))):
    name = ".".join(("dawnchorus", *path.relative_to(root).with_suffix("").parts))
    # the first runs the command, the second binds a process to its parent
    if name not in ("dawnchorus.__main__", "dawnchorus.runtime.job"):
        importlib.import_module(name.removesuffix(".__init__"))
"""


def output(*command, folder):
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=300, env=own
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the tree, built without network from a copy."""
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("pyproject.toml", "README.md", "LICENSE", "wheel_hook.py", "src", *WORKFLOW):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name, **({"ignore": ignored} if copy is shutil.copytree else {}))
    output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", folder=folder)
    return next(folder.glob("dist/*.whl"))


@pytest.mark.slow
def test_a_wheel_holds_the_whole_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {
        name for name in names if name.startswith(("dawnchorus/", "snakemake_logger_plugin_"))
    }
    assert {"dawnchorus/py.typed", "dawnchorus/runtime/backend.py"} <= package
    here = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    cards = ROOT / "src/dawnchorus/frontends/cards"
    here |= {str(path.relative_to(ROOT / "src")) for path in cards.glob("*.yaml")}
    for page in ("page", "report"):
        static = ROOT / f"src/dawnchorus/{page}/static"
        here |= {str(path.relative_to(ROOT / "src")) for path in static.rglob("*.*")}
    # the licence and the version of what is not ours
    here |= {f"dawnchorus/page/static/wavesurfer/{name}" for name in ("LICENSE", "VERSION")}
    workflow = {name for name in package if name.startswith("dawnchorus/workflow/")}
    assert package - workflow == here | {"dawnchorus/py.typed"}
    found = {
        path
        for name in WORKFLOW
        for path in (ROOT / name, *(ROOT / name).rglob("*"))
        if path.is_file()
    }
    there = {f"dawnchorus/workflow/{path.relative_to(ROOT)}" for path in found}
    assert workflow == {name for name in there if "__pycache__" not in name}
    assert {name.split("/")[0].rpartition(".")[2] for name in names - package} == {"dist-info"}


@pytest.mark.slow
def test_a_wheel_works_in_a_clean_environment_outside_the_clone(wheel, tmp_path):
    clean = tmp_path / "clean"
    output(sys.executable, "-m", "venv", clean, folder=tmp_path)
    output(clean / "bin/pip", "install", "--no-deps", "--no-index", wheel, folder=tmp_path)
    # What the package needs is where these tests run. A path in a .pth file is searched last, and
    # .pth files in it are not followed: the tree, installed there for editing, stays out of sight.
    site = next(clean.glob("lib/python*/site-packages"))
    (site / "needs.pth").write_text(sysconfig.get_path("purelib"))
    assert str(site) in output(clean / "bin/python", "-c", IMPORT_ALL, folder=tmp_path)
    assert output(clean / "bin/dawnchorus", "--version", folder=tmp_path)
    told = output(clean / "bin/dawnchorus", "config", "training.epochs", folder=tmp_path)
    assert "experiments.training.epochs" in told
    checked = output(clean / "bin/dawnchorus", "check", folder=tmp_path)
    assert checked.startswith("sound: runs demo")
    # two commands for recordings of one's own, without a clone
    rng = np.random.default_rng(0)
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = tmp_path / f"data/{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(8000), 16000)
    (tmp_path / "work").mkdir()
    output(clean / "bin/dawnchorus", "init", tmp_path / "data", folder=tmp_path / "work")
    planned = output(clean / "bin/dawnchorus", "run", "--", "-n", folder=tmp_path / "work")
    assert re.search(r"^train +2$", planned, re.MULTILINE)
    assert f"Snakefile: {site / 'dawnchorus/workflow/Snakefile'}" in planned


USE_MODEL = """
import sys, time
started = time.perf_counter()
from dawnchorus.exported import model_file, networks
from dawnchorus.frontends import spectrograms
import numpy as np

model = model_file.load(sys.argv[1])
settings = model.frontends["tiny"].settings
rows = spectrograms.spectrogram([np.load(sys.argv[2])], settings)
windows = rows[: model.stages[0].window][np.newaxis]
print(repr(networks.Networks(model).clip_scores("first", windows).tolist()))
print([name for name in ("tensorflow", "keras", "pandas", "snakemake", "librosa") if name in sys.modules])
"""


@pytest.mark.slow
def test_the_small_install_scores_with_an_exported_model(wheel, tmp_path):
    """In an environment of its own, with what a use of models asks for and nothing else."""
    tool = shutil.which("uv") or next(map(str, ROOT.glob(".uv/bin/uv")), None)
    if tool is None:
        pytest.skip("uv is not there, which makes the environment")
    model = tiny_model.write_tiny_model(tmp_path / "tiny.dawnchorus")
    waveform = np.random.default_rng(1).normal(size=12_000).astype(np.float32)
    np.save(tmp_path / "waveform.npy", waveform)
    clean = tmp_path / "clean"
    output(tool, "venv", "--python", sys.executable, clean, folder=tmp_path)
    python = clean / "bin/python"
    output(tool, "pip", "install", "--python", python, wheel, folder=tmp_path)
    site = next(clean.glob("lib/python*/site-packages"))
    assert not {"tensorflow", "keras", "pandas", "snakemake", "librosa"} & {
        path.name for path in site.iterdir()
    }
    (tmp_path / "use.py").write_text(USE_MODEL)
    scores, heavy = output(
        python, "use.py", "tiny.dawnchorus", "waveform.npy", folder=tmp_path
    ).splitlines()
    rows = spectrograms.spectrogram([waveform], model.frontends["tiny"].settings)
    windows = rows[: tiny_model.WINDOW][np.newaxis]
    expected = networks.Networks(model).clip_scores("first", windows)
    np.testing.assert_allclose(ast.literal_eval(scores), expected, atol=1e-6)
    assert heavy == "[]"
    helped = output(clean / "bin/dawnchorus", "--help", folder=tmp_path)
    assert "needs dawnchorus[workflow]" in helped
    ran = subprocess.run([clean / "bin/dawnchorus", "sort", "a"], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: this command needs ")
    assert ran.stderr.count("\n") == 1


def test_the_package_says_that_it_has_types():
    assert (ROOT / "src/dawnchorus/py.typed").read_bytes() == b""


def test_all_hooks_are_local_and_their_tools_are_locked():
    repositories = yaml.safe_load(HOOKS.read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = {text.partition(">")[0] for text in project["dependency-groups"]["dev"]}
    hooks = repositories[0]["hooks"]
    entries = [hook["entry"].split()[0] for hook in hooks]
    assert {Path(entry).name for entry in entries if "/" in entry} <= tools
    assert all(hook["language"] == "system" for hook in hooks)


def test_the_hook_of_large_files_names_them_and_fails(tmp_path):
    hooks = {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text())["repos"][0]["hooks"]}
    small, large = tmp_path / "a b.txt", tmp_path / "large.bin"
    small.write_bytes(b"x" * 1000)
    large.write_bytes(b"x" * 600_000)
    command = f"{hooks['large-files']['entry']} '{small}'"
    assert subprocess.run(command, shell=True, capture_output=True).returncode == 0
    ran = subprocess.run(f"{command} '{large}'", shell=True, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stdout.split("\n") == [str(large), ""]


# Of packages that the code imports: no number passes through these. Two keep numbers as they are
# (h5py, pyarrow), others read text, draw, or print; Snakemake, of our logger, decides the order of jobs.
NO_NUMBERS = {
    "defusedxml", "h5py", "httpx", "matplotlib", "onnx", "packaging", "pyarrow", "pydantic", "pyyaml",
    "rich", "snakemake", "snakemake-interface-logger-plugins", "starlette", "threadpoolctl", "uvicorn",
}  # fmt: skip
# parts of packages that are asked for
PARTS = {"annotated-types": "pydantic", "pydantic-core": "pydantic"}


def imported():
    """Names of the packages from elsewhere that the code imports, as they are installed."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    installed = importlib.metadata.packages_distributions()
    names = {installed[name][0].lower() for name in found if name in installed}
    names = {PARTS.get(name.replace("_", "-"), name) for name in names}
    return names - {"dawnchorus"} | (found & {"torch"})  # an optional backend, maybe not installed


def asked_for():
    """What a use of a model needs, and what the workflow needs beside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"], project["optional-dependencies"]["workflow"]


def test_what_is_imported_is_asked_for_and_nothing_else():
    asked = {text.partition(">")[0] for texts in asked_for() for text in texts}
    # a backend is a choice, and so is what reads one format of pretrained networks
    assert asked == imported() - {"torch", "jax", "ai-edge-litert"}


def test_what_is_imported_at_once_by_a_use_of_models_is_asked_for_in_the_small_install():
    """Imports at the head of modules, followed from those of exported models and of the decoder."""
    package = ROOT / "src/dawnchorus"
    reached, found = set(), set()
    waiting = ["audio.decode", "audio.decoder_process", "frontends.spectrograms", "cli.command"]
    # kinds are imported by their names
    for folder in ("exported", "frontends/kinds", "segments/kinds"):
        waiting += [str(path.relative_to(package).with_suffix("")).replace("/", ".")
                    for path in package.glob(f"{folder}/[a-z]*.py")]  # fmt: skip
    while waiting:
        path = package / f"{waiting.pop().replace('.', '/')}.py"
        if path in reached or not path.is_file():
            continue
        reached.add(path)
        for node in ast.parse(path.read_bytes()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name.removeprefix("dawnchorus.") for name in names]
            found |= {name.partition(".")[0] for name in names}
    assert package / "frontends/spectra.py" in reached
    installed = importlib.metadata.packages_distributions()
    small = {text.partition(">")[0] for text in asked_for()[0]}
    beyond = {name for name in found if name in installed} - {"dawnchorus"}
    beyond = {installed[name][0].lower() for name in beyond}
    assert {PARTS.get(name.replace("_", "-"), name) for name in beyond} <= small


def test_records_name_exactly_the_packages_that_numbers_pass_through():
    # JAX is imported by Keras alone, and what an extra brings may not be installed
    assert set(provenance.PACKAGES) == imported() - NO_NUMBERS | {"jax", "ai-edge-litert"}


def test_the_conda_file_is_the_lock():
    text = (ROOT / "envs/dawnchorus.yaml").read_text()
    assert text == conda_file.environment(ROOT / "uv.lock"), "run `make reference`"
    pinned = dict(
        line.split("==")
        for line in yaml.safe_load(text)["dependencies"][-1]["pip"]
        if "[" not in line
    )
    asked = {Requirement(one).name.lower() for texts in asked_for() for one in texts}
    assert asked <= set(pinned)
    if sys.version_info[:2] == (3, 11) and sys.platform == "linux":
        # of this environment, which `uv sync --frozen` has made from the same lock
        assert pinned == {name: importlib.metadata.version(name) for name in pinned}
