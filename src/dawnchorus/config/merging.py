"""Layers of config become complete definitions.

* `complete`: merge the layers, follow ``like:``, fill in defaults.
* `ordered`: the same value with all keys sorted (but stages and ensembles, whose order counts).
* `nearest`, `check_known`, `shown`: what errors say of names and values.
"""

import copy
import difflib
from collections.abc import Iterable, Mapping, Sequence

NAMED = ("audio", "frontends", "corpora", "experiments")
SECTIONS = ("config_version", "run", "defaults", *NAMED)
# An experiment's own stages and ensembles replace the defaults as a whole, to mix them would make
# two experiments one; those of a definition that is `like` another are laid over its, one by one.
# Their order counts.
_WHOLE = ("stages", "ensembles")
_ENTRIES = (
    *_WHOLE,
    "data_sets",
    "methods",
    "by_corpus",
    "decodings",
    "grids",
)  # mappings whose keys are names that a person gave
# Sections whose definitions choose a kind, which has defaults of its own: the key and their section.
_BY_CHOICE = {"corpora": ("adapter", "adapters"), "frontends": ("kind", "frontend_kinds")}
# Settings that are a mapping or nothing: over these a null is a value.
_OPTIONAL = ("classes", "events", "holdout", "parts", "pretrained", "sources", "spec_augment")
# What a stage takes from its experiment where it says nothing.
INHERITED = (
    "frontend", "window", "segments", "predict_frontend", "model", "augmentation", "training",
    "seeds", "use", "output", "clip_pooling",
)  # fmt: skip

_TARGETS = {  # kinds with defaults
    "predictions": "pseudo_labels",
    "teachers": "teachers",
    "mean_teacher": "mean_teacher",
}
_SHOWN = 80  # characters of a refused value


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
        names = value if key in _WHOLE else sorted(value, key=str)
        return {name: ordered(value[name], name) for name in names}
    return value


def overlaid(below: Mapping, above: Mapping, key: str = "") -> dict:
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
    for name, value in above.items():
        under = result.get(name)
        is_settings = isinstance(under, Mapping) and name not in _OPTIONAL
        if value is None and (is_settings or (key in _ENTRIES and name in result)):
            del result[name]
        elif _may_mix(name, under, value):
            result[name] = overlaid(under, value, name)
        else:
            result[name] = copy.deepcopy(value)
    return result


def nearest(name, known) -> str:
    """Return what to add to an error about an unknown name."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    expected = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    return f"; expected {expected or 'none, there are none'}{meant}"


def check_known(said: str, name: str, known: Iterable[str]) -> None:
    """Raise a ValueError where a name is not among those there are."""
    if name not in known:
        raise ValueError(f"{said}{nearest(name, known)}")


def shown(value) -> str:
    """Return a refused value as an error shows it: short."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _add_layer(merged: dict, source: str, layer: Mapping) -> None:
    for section, content in layer.items():
        if section not in SECTIONS:
            raise ValueError(f"{source}: {section}: unknown key{nearest(section, SECTIONS)}")
        if section in NAMED:
            _define(merged.setdefault(section, {}), source, section, content)
        elif section == "defaults":
            _check_defaults(source, content)
            merged["defaults"] = overlaid(merged.get("defaults", {}), content)
        else:
            merged[section] = content


def _check_defaults(source: str, defaults) -> None:
    """Refuse defaults that are no settings; the keys in them are judged where they arrive."""
    sections = defaults if isinstance(defaults, Mapping) else {"": defaults}
    found = dict(sections)
    for section in _BY_CHOICE.values():
        chosen = sections.get(section[1])
        if isinstance(chosen, Mapping):
            found |= {f"{section[1]}.{name}": settings for name, settings in chosen.items()}
    for name, settings in found.items():
        if not isinstance(settings, Mapping):
            where = f"defaults.{name}".removesuffix(".")
            raise ValueError(f"{source}: {where}: {shown(settings)}; expected settings")


def _define(known: dict, source: str, section: str, content) -> None:
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
    if section in _BY_CHOICE:
        key, kinds = _BY_CHOICE[section]
        choice = settings.get(key, default.get(key))
        default = overlaid(default, defaults.get(kinds, {}).get(str(choice), {}))
    whole = [key for key in _WHOLE if key in settings]
    default = {key: value for key, value in default.items() if key not in whole}
    settings = overlaid(default, settings)
    if section == "experiments" and isinstance(settings.get("stages"), Mapping):
        settings["stages"] = {
            stage: _stage(settings, own, defaults) for stage, own in settings["stages"].items()
        }
    if section == "experiments" and isinstance(settings.get("events"), Mapping):
        settings["events"] = _events(settings["events"], defaults)
    return settings


def _events(own: Mapping, defaults: Mapping) -> dict:
    events = overlaid(defaults.get("events", {}), own)
    if isinstance(events.get("decodings"), Mapping):
        events["decodings"] = {
            name: overlaid(defaults.get("decodings", {}), {} if about is None else about)
            if about is None or isinstance(about, Mapping)
            else about
            for name, about in events["decodings"].items()
        }
    return events


def _inherited(section: str, name: str, definitions: Mapping, above: tuple[str, ...]) -> dict:
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


def _stage(experiment: Mapping, own, defaults: Mapping):
    if not isinstance(own, Mapping):
        return own
    inherited = {key: experiment[key] for key in INHERITED if key in experiment}
    stage = overlaid(inherited, own)
    targets = stage.get("targets")
    if isinstance(targets, Mapping) and targets.get("from") in _TARGETS:
        stage["targets"] = overlaid(defaults.get(_TARGETS[targets["from"]], {}), targets)
    return stage


def _may_mix(key: str, below, above) -> bool:
    """Return whether two values are mappings of the same: another model has options of its own."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return False
    choice = {"model": "name", "targets": "from"}.get(key)
    return choice is None or choice not in above or below.get(choice) == above[choice]
