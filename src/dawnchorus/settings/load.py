"""The config of a run: read strictly, merged, checked and completed before the first job.

* `load`: a complete config whose files are there.
* `compose`: the same, whether or not the recordings are there yet.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dawnchorus.settings import merge, yaml_file
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.corpus import ADAPTERS
from dawnchorus.settings.crosscheck import check_files, check_sections
from dawnchorus.settings.errors import check_name, shown, validated
from dawnchorus.settings.experiment import Experiment
from dawnchorus.settings.frontend import KINDS
from dawnchorus.settings.section import Choice, Settings, SomeNames

VERSION = 2
# Audio recipes and frontends that every config knows; an overlay may add others.
PRESETS: dict[str, Any] = {
    "audio": {"mono-22k": {}, "mono-44k": {"sample_rate": 44100}},
    "frontends": {
        "bulbul": {},  # of grill2017
        "portable": {"audio": "mono-44k", "n_fft": 2048},
    },
}
MODELS: dict[str, type[Settings] | Choice] = {
    "audio": AudioRecipe, "frontends": KINDS, "corpora": ADAPTERS, "experiments": Experiment,
}  # fmt: skip


class TopLevel(Settings):
    """The keys of a config that are no sections."""

    config_version: int = VERSION
    """Version of the format of the config."""
    run: SomeNames
    """Experiments to build."""


def load(
    base: str | Path, overlays: Sequence[str | Path], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the complete config: every definition whole, keys sorted.

    Parameters
    ----------
    base : path
        ``config.yaml`` of the workflow.
    overlays : sequence of path
        Files named with ``--configfile``, in order.
    given : mapping
        Values given with ``--config``, as Snakemake hands them over.

    Raises
    ------
    ValueError
        One line: key path, value, what is allowed.
    """
    config = compose(base, overlays, given)
    try:
        check_files(config)
    except ValueError as error:
        raise ValueError(_one_line(error)) from None
    return config


def compose(
    base: str | Path, overlays: Sequence[str | Path], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `load` returns, whether or not the recordings are there."""
    try:
        layers = [(str(path), yaml_file.read(path)) for path in (base, *overlays)]
        said = yaml_file.resolved(given)
        if isinstance(said.get("run"), str):
            said["run"] = [said["run"]]  # --config run=demo is short for run=[demo]
        layers = [("presets", PRESETS), *layers, ("--config", said)]
        for source, layer in layers:
            version = layer.get("config_version", VERSION)
            if version == 1:
                raise ValueError(
                    f"{source}: config_version: 1; expected 2: take the key out (or write 2), leave "
                    "out what only repeats a default, move defaults by kind into the definitions, and "
                    "write `toth2016` for the model `birdclef2016`; `dawnchorus config KEY` explains "
                    "each key"
                )
            if version != VERSION or isinstance(version, bool):  # True equals 1
                raise ValueError(f"{source}: config_version: {shown(version)}; expected {VERSION}")
        complete = _completed(merge.merged(layers))
        check_sections(complete)
    except ValueError as error:
        raise ValueError(_one_line(error)) from None
    ordered: dict[str, Any] = merge.ordered(complete)
    return ordered


def _completed(merged: Mapping[str, Any]) -> dict[str, Any]:
    """Return all sections, checked by their models and with defaults filled in."""
    for section in MODELS:
        for name in merged[section]:
            check_name(section, name)
    top = {key: value for key, value in merged.items() if key not in MODELS}
    return validated("", TopLevel, top) | {
        section: {
            name: validated(f"{section}.{name}", model, settings)
            for name, settings in merged[section].items()
        }
        for section, model in MODELS.items()
    }


def _one_line(error: ValueError) -> str:
    # names and paths are a person's and may hold line breaks
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error)
    )
