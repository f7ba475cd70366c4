"""Layers of config become complete definitions.

* `complete`: merge the layers, follow ``like:``, fill in defaults.
* `ordered`: the same value with all keys sorted (but stages and ensembles, whose order counts).
"""

import copy
import difflib
from collections.abc import Mapping, Sequence

NAMED = ("audio", "frontends", "corpora", "experiments")
SECTIONS = ("config_version", "run", "defaults", *NAMED)
_IN_ORDER = ("stages", "ensembles", "data_sets")  # keys whose entries have an order of their own
# An experiment's definition replaces these as a whole: to merge them would mix two experiments.
_WHOLE = ("stages", "ensembles")
# What a stage takes from its experiment where it says nothing.
INHERITED = ("model", "augmentation", "training", "seeds")
_PSEUDO = {"low": 0.1, "high": 0.9, "parts": 2, "pooling": "max", "average": "mean"}


def complete(layers: Sequence[tuple[str, Mapping]]) -> dict:
    """Return the complete config of some layers.

    Parameters
    ----------
    layers : sequence of (name, mapping)
        The base first; later ones add definitions and replace ``run`` and ``defaults``.

    Raises
    ------
    ValueError
        Where a section is unknown, or a layer gives an existing name other settings.
    """
    merged: dict = {}
    for source, layer in layers:
        _add_layer(merged, source, layer)
    defaults = merged.get("defaults", {})
    for section in NAMED:
        definitions = merged.setdefault(section, {})
        merged[section] = {
            name: _completed(section, name, definitions, defaults) for name in definitions
        }
    return merged


def ordered(value, key: str = ""):
    """Return a value with the keys of its mappings sorted, except where their order counts."""
    if isinstance(value, Mapping):
        names = value if key in _IN_ORDER else sorted(value, key=str)
        return {name: ordered(value[name], name) for name in names}
    return value


def _add_layer(merged: dict, source: str, layer: Mapping) -> None:
    for section, content in layer.items():
        if section not in SECTIONS:
            raise ValueError(f"{source}: {section}: unknown key{nearest(section, SECTIONS)}")
        if section in NAMED:
            _define(merged.setdefault(section, {}), source, section, content)
        elif section == "defaults" and isinstance(content, Mapping):
            merged["defaults"] = overlaid(merged.get("defaults", {}), content)
        else:
            merged[section] = content


def _define(known: dict, source: str, section: str, content) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{source}: {section}: {content!r}; expected names with settings")
    for name, settings in content.items():
        if settings is None:
            known.pop(name, None)
        elif not isinstance(settings, Mapping):
            raise ValueError(f"{source}: {section}.{name}: {settings!r}; expected settings")
        elif name in known and known[name] != settings:
            raise ValueError(
                f"{source}: {section}.{name}: defined already with other settings, and results are "
                f"kept by name; choose another name, with `like: {name}` and what differs"
            )
        else:
            known[name] = settings


def _completed(section: str, name: str, definitions: Mapping, defaults: Mapping) -> dict:
    settings = _inherited(section, name, definitions, ())
    default = defaults.get(section, {})
    if section == "corpora":
        default = overlaid(default, defaults.get("adapters", {}).get(settings.get("adapter"), {}))
    whole = [key for key in _WHOLE if key in settings]
    default = {key: value for key, value in default.items() if key not in whole}
    settings = overlaid(default, settings)
    if section == "experiments" and isinstance(settings.get("stages"), Mapping):
        settings["stages"] = {
            stage: _stage(settings, own) for stage, own in settings["stages"].items()
        }
    return settings


def _inherited(section: str, name: str, definitions: Mapping, above: tuple[str, ...]) -> dict:
    settings = dict(definitions[name])
    parent = settings.pop("like", None)
    if parent is None:
        return settings
    if parent not in definitions:
        raise ValueError(f"{section}.{name}.like: {parent!r}{nearest(parent, definitions)}")
    if parent == name or parent in above:
        raise ValueError(f"{section}.{name}.like: {parent!r} is like {name!r} itself")
    return overlaid(_inherited(section, parent, definitions, (*above, name)), settings)


def _stage(experiment: Mapping, own):
    if not isinstance(own, Mapping):
        return own
    inherited = {key: experiment[key] for key in INHERITED if key in experiment}
    stage = overlaid(inherited, own)
    targets = stage.get("targets")
    if isinstance(targets, Mapping) and targets.get("from") == "predictions":
        stage["targets"] = _PSEUDO | dict(targets)
    return stage


def overlaid(below: Mapping, above: Mapping) -> dict:
    """Return ``below`` with the keys of ``above`` put over it, mapping by mapping; null takes away.

    A null that stands where there is nothing, or a value that is no mapping, stays a null: that is
    how a setting such as ``steps_per_epoch: null`` is given.
    """
    result = copy.deepcopy(dict(below))
    for key, value in above.items():
        under = result.get(key)
        if value is None and isinstance(under, Mapping):
            del result[key]
        elif isinstance(value, Mapping) and isinstance(under, Mapping) and _may_mix(key, under, value):
            result[key] = overlaid(under, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _may_mix(key: str, below: Mapping, above: Mapping) -> bool:
    """A model of another name, or targets from elsewhere, has options of its own."""
    choice = {"model": "name", "targets": "from"}.get(key)
    return choice is None or choice not in above or below.get(choice) == above[choice]


def nearest(name, known) -> str:
    """Return what to add to an error about an unknown name."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"; expected {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}{meant}"
