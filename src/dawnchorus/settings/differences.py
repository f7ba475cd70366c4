"""Settings of an experiment that differ from the defaults.

* `differences`: those settings by their path.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dawnchorus.settings.errors import validated
from dawnchorus.settings.experiment import Experiment
from dawnchorus.settings.load import merged

_NONE = object()  # no value is equal to it
# what has no default, or names that a person gave
_GIVEN = ("train", "test", "frontend", "ensembles", "events")


def differences(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are others than the defaults, by their path.

    Parameters
    ----------
    name : str
        Of the experiment.
    settings : mapping
        Complete. The defaults are those of an experiment with the same corpora, frontend, stages, models,
        ensembles and events. What a stage inherits stands at the experiment alone.
    """
    stages = {
        stage: {"targets": about["targets"], "model": {"name": about["model"]["name"]}}
        for stage, about in settings["stages"].items()
    }
    plain = {key: settings[key] for key in _GIVEN}
    plain |= {"model": {"name": settings["model"]["name"]}, "stages": stages}
    layers = [("defaults", {"run": [name], "experiments": {name: plain}})]
    whole = validated(f"experiments.{name}", Experiment, merged(layers)["experiments"][name])
    usual = dict(_leaves(whole))
    found = {key: value for key, value in _leaves(settings) if usual.get(key, _NONE) != value}

    def is_inherited(key: str) -> bool:
        return key.startswith("stages.") and found.get(key.split(".", 2)[2], _NONE) == found[key]

    return {key: value for key, value in found.items() if not is_inherited(key)}


def _leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting that is no section, by its path."""
    for key, value in settings.items():
        path = f"{above}.{key}" if above else key
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
