"""The config of a run: read strictly, merged, checked and completed before the first job.

* `load`: a complete config whose files are there.
* `compose`: the same, whether or not the recordings are there yet.
* `merged`: definitions by section and name, each with what it inherits; nothing is filled in yet.
* `ordered`: the same value with all keys sorted (but stages and ensembles, whose order counts).

Layers are the presets, config.yaml, overlays and ``--config``, in this order.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from dawnchorus.settings import yaml_file
from dawnchorus.settings.application import Application
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.comparison import Comparison
from dawnchorus.settings.corpus import ADAPTERS
from dawnchorus.settings.crosscheck import check_files, check_sections
from dawnchorus.settings.errors import check_name, nearest, shown, validated
from dawnchorus.settings.experiment import DEFAULT_STAGES, INHERITED, Experiment
from dawnchorus.settings.frontend import KINDS
from dawnchorus.settings.section import Choice, Names, Settings, Unit

VERSION = 2
# Audio recipes and frontends that every config knows; an overlay may add others.
PRESETS: dict[str, Any] = {
    "audio": {
        "mono-22k": {},
        "mono-44k": {"sample_rate": 44100},
        "mono-48k": {"sample_rate": 48000},
    },
    "frontends": {
        "bulbul": {},  # of grill2017
        "log-mel": {
            "denoise": "none"
        },  # level and steady sounds stay: the compact network centres bands
        "portable": {"audio": "mono-44k", "n_fft": 2048},
    },
}
MODELS: dict[str, type[Settings] | Choice] = {
    "audio": AudioRecipe, "frontends": KINDS, "corpora": ADAPTERS, "experiments": Experiment,
    "apply": Application, "compare": Comparison,
}  # fmt: skip


# An experiment's own stages and ensembles replace the defaults as a whole: to mix them would make two
# experiments one. Those of a definition that is `like` another are laid over its, one by one.
_WHOLE = ("stages", "ensembles")
# Mappings whose keys are names that a person gave.
_ENTRIES = (*_WHOLE, "data_sets", "methods", "by_corpus", "decodings", "grids")
# Settings that are a mapping or nothing: over these a null is a value.
_OPTIONAL = (
    "classes", "events", "holdout", "parts", "pretrained", "source_table", "sources", "spec_augment",
    "threshold",
)  # fmt: skip
# Sections that choose a kind: another kind has other keys, so two kinds are never mixed.
_CHOICES = {"model": ("name", "compact"), "schedule": ("kind", "cosine"), "targets": ("from", None)}


class TopLevel(Settings):
    """The keys of a config that are no sections."""

    config_version: int = VERSION
    """Version of the format of the config."""
    run: Names
    """Experiments to build; none where exported models are applied alone (apply)."""
    earlier_jobs: Literal["wait", "cancel"] = "wait"
    """Jobs of an earlier run that still work on the results (a killed head leaves those of a cluster): \
wait until they have ended, or cancel them."""
    gpu_share: Annotated[int, Ge(1), Le(64), Unit("trainings")] = 1
    """Trainings that share a GPU, each with the memory that it needs."""


SECTIONS = (*TopLevel.model_fields, "defaults", *MODELS)
# sections of defaults that config_version 1 had
_KINDS = (
    "frontend_kinds", "adapters", "teachers", "pseudo_labels", "mean_teacher", "events", "decodings",
)  # fmt: skip
_NONE_BY_KIND = (
    "; config_version 2 has no defaults by kind: write the keys into the definition, or share them with "
    "`like:`"
)


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
        definitions = merged(layers)
        for section in MODELS:
            for name in definitions[section]:
                check_name(section, name)
        top = {key: value for key, value in definitions.items() if key not in MODELS}
        complete = validated("", TopLevel, top)
        for section, model in MODELS.items():
            complete[section] = {
                name: validated(f"{section}.{name}", model, settings)
                for name, settings in definitions[section].items()
            }
        check_sections(complete)
    except ValueError as error:
        raise ValueError(_one_line(error)) from None
    found: dict[str, Any] = ordered(complete)
    return found


def _one_line(error: ValueError) -> str:
    # names and paths are a person's and may hold line breaks
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error)
    )


def merged(layers: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the sections of some layers, each definition with all that it inherits.

    Parameters
    ----------
    layers : sequence of (name, mapping)
        The base first; later ones add definitions and replace ``run`` and ``defaults``.

    Raises
    ------
    ValueError
        Where a section is unknown, or a layer gives an existing name other settings.
    """
    result: dict[str, Any] = {}
    for source, layer in layers:
        for section, content in layer.items():
            if section not in SECTIONS:
                raise ValueError(f"{source}: {section}: unknown key{nearest(section, SECTIONS)}")
            if section in MODELS:
                _define(result.setdefault(section, {}), source, section, content)
            elif section == "defaults":
                # only that they are settings: the keys in them are checked where they arrive
                if not isinstance(content, Mapping):
                    raise ValueError(f"{source}: defaults: {shown(content)}; expected settings")
                for name, settings in content.items():
                    if name not in MODELS:
                        hint = _NONE_BY_KIND if name in _KINDS else nearest(name, MODELS)
                        raise ValueError(f"{source}: defaults.{name}: unknown key{hint}")
                    if not isinstance(settings, Mapping):
                        raise ValueError(
                            f"{source}: defaults.{name}: {shown(settings)}; expected settings"
                        )
                result["defaults"] = overlaid(result.get("defaults", {}), content)
            else:  # a key of the top level: the last layer that says it decides
                result[section] = content
    defaults = result.pop("defaults", {})
    for section in MODELS:
        definitions = result.setdefault(section, {})
        result[section] = {
            name: _with_inherited(section, name, definitions, defaults.get(section, {}))
            for name in definitions
        }
    return result


def ordered(value: Any, key: str = "") -> Any:
    """Return a value with the keys of its mappings sorted, except where their order counts."""
    if isinstance(value, Mapping):
        names = value if key in _WHOLE else sorted(value, key=str)
        return {name: ordered(value[name], name) for name in names}
    return value


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Return ``below`` with the keys of ``above`` put over it, mapping by mapping; null takes away.

    Null takes away a mapping and an entry that a person named (a stage, an ensemble, a data set). A
    null over any other value, or over nothing, stays a null: that is how a setting such as
    ``steps_per_epoch: null`` is given; so do ``spec_augment`` and the like, which may be nothing.

    Parameters
    ----------
    below, above : mapping
    key : str
        What they are the value of.
    """
    result = copy.deepcopy(dict(below))
    if key == "training":
        # of two lengths the one above is meant
        for one, other in (("steps", "epochs"), ("epochs", "steps")):
            if above.get(one) is not None and above.get(other) is None:
                result.pop(other, None)
    for name, value in above.items():
        under: Any = result.get(name)
        is_settings = isinstance(under, Mapping) and name not in _OPTIONAL
        is_mixed = isinstance(under, Mapping) and isinstance(value, Mapping)
        if is_mixed and name in _CHOICES:
            # another kind has keys of its own: those of the one below would be unknown to it
            choice, default = _CHOICES[name]
            is_mixed = choice not in value or under.get(choice, default) == value[choice]
        if value is None and (is_settings or (key in _ENTRIES and name in result)):
            del result[name]
        elif is_mixed:
            result[name] = overlaid(under, value, name)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _define(known: dict[str, Any], source: str, section: str, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{source}: {section}: {shown(content)}; expected names with settings")
    for name, settings in content.items():
        if settings is None:
            if name not in known:
                raise ValueError(
                    f"{source}: {section}.{name}: null takes a name away{nearest(name, known)}"
                )
            del known[name]
        elif not isinstance(settings, Mapping):
            raise ValueError(f"{source}: {section}.{name}: {shown(settings)}; expected settings")
        elif name in known and not _is_same(section, name, known, settings):
            raise ValueError(
                f"{source}: {section}.{name}: defined already with other settings, and results are "
                f"kept by name; choose another name, with `like: {name}` and what differs"
            )
        else:
            known[name] = settings


def _is_same(
    section: str, name: str, known: Mapping[str, Any], settings: Mapping[str, Any]
) -> bool:
    """Return whether a definition says what is known of its name.

    ``config.yaml`` of results has the same definitions with all defaults filled in, and makes them again.
    """
    if known[name] == settings:
        return True
    try:
        one, other = (
            validated(
                f"{section}.{name}",
                MODELS[section],
                _with_inherited(section, name, {**known, name: given}, {}),
            )
            for given in (known[name], settings)
        )
    except ValueError:
        return False
    return one == other


def _with_inherited(
    section: str, name: str, definitions: Mapping[str, Any], default: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a definition over what it is `like` and over the defaults of its section."""
    settings = _inherited(section, name, definitions, ())
    default = {
        key: value for key, value in default.items() if key not in settings or key not in _WHOLE
    }
    settings = overlaid(default, settings)
    if section != "experiments":
        return settings
    settings.setdefault("stages", copy.deepcopy(DEFAULT_STAGES))
    if isinstance(settings["stages"], Mapping):
        shared = {key: settings[key] for key in INHERITED if key in settings}
        settings["stages"] = {
            stage: overlaid(shared, own) if isinstance(own, Mapping) else own
            for stage, own in settings["stages"].items()
        }
    events = settings.get("events")
    if isinstance(events, Mapping) and isinstance(events.get("decodings"), Mapping):
        # a decoding without settings of its own is written as a name alone
        named = {n: {} if about is None else about for n, about in events["decodings"].items()}
        settings["events"] = {**events, "decodings": named}
    return settings


def _inherited(
    section: str, name: str, definitions: Mapping[str, Any], above: tuple[str, ...]
) -> dict[str, Any]:
    settings = dict(definitions[name])
    if "like" not in settings:
        return settings
    parent = settings.pop("like")
    if not isinstance(parent, str) or parent not in definitions:
        raise ValueError(f"{section}.{name}.like: {shown(parent)}{nearest(parent, definitions)}")
    if parent == name or parent in above:
        chain = " like ".join(map(repr, (*above, name, parent)))
        raise ValueError(f"{section}.{name}.like: {chain}; expected a chain that ends")
    return overlaid(_inherited(section, parent, definitions, (*above, name)), settings)
