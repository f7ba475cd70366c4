"""What stands in the ``model.json`` of an exported model, and its check.

The settings of audio, frontends and windows are checked by the models that check those of a config, so
what an exported model says is in the same ranges; what an older version did not know has its default.

* `Content`: the whole.
* `checked_content`: read and checked, or one sentence.
* `changed`: decodings with every value changed.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from dawnchorus.events import decoding
from dawnchorus.frontends import base
from dawnchorus.metrics import calibration
from dawnchorus.scores import pooling
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.errors import check_name, validated
from dawnchorus.settings.experiment import SegmentSettings
from dawnchorus.settings.section import Count, Names, Settings, SomeNames, is_own_file

Values = Annotated[list[float | None], Field(min_length=1)]


class NetworkContent(Settings):
    """One network."""

    member: str
    weights: str
    has_frames: bool


class StageContent(Settings):
    """Networks that see the same windows."""

    name: str
    frontend: str
    segments: dict[str, Any]
    window: Count
    clip_pooling: Literal["average", "max", "linear_softmax"]
    frames_per_score: Count
    networks: Annotated[list[NetworkContent], Field(min_length=1)]


class FrontendContent(Settings):
    """A frontend and its audio recipe."""

    settings: dict[str, Any]
    audio: dict[str, Any]
    has_bank: bool
    has_network: bool = False


class PoolingContent(Settings):
    """How scores of windows and members become those of recordings."""

    pooling: Literal[tuple(pooling.POOLINGS)]  # type: ignore[valid-type]
    average: Literal["mean", "median"]
    average_unit: Literal["recording", "chunk"]
    ignored_classes: Names


class Content(Settings):
    """The whole ``model.json``."""

    format: int
    name: str
    classes: SomeNames
    frontends: Annotated[dict[str, FrontendContent], Field(min_length=1)]
    stages: Annotated[list[StageContent], Field(min_length=1)]
    pooling: PoolingContent
    decodings: dict[str, dict[str, Values]]
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)] | None]
    calibration: dict[str, Any] | None
    about: dict[str, Any]


def checked_content(found: Mapping[str, Any]) -> Content:
    """Return the content of ``model.json``, its settings complete.

    Raises
    ------
    ValueError
        The key, what stands there, and what is expected.
    """
    complete = validated("model.json", Content, found)
    for name, about in complete["frontends"].items():
        check_name("frontends", name)
        if is_own_file(str(about["settings"].get("kind"))):  # it would be run
            raise ValueError(f"frontends.{name}.settings.kind: a file is no kind of frontend here")
        # paths of another machine; what the card said stands beside them
        outside = {key: None for key in ("card", "file") if key in about["settings"]}
        about["settings"] = {**about["settings"], **outside}
        about["audio"] = validated(f"frontends.{name}.audio", AudioRecipe, about["audio"])
        base.check(about["settings"])
        rate, own = about["audio"]["sample_rate"], about["settings"].get("sample_rate")
        if own != rate:
            raise ValueError(f"frontends.{name}: sample_rate {own!r}; its audio recipe has {rate}")
    for about in complete["stages"]:
        check_name("stages", about["name"])
        about["segments"] = validated("segments", SegmentSettings, about["segments"])
        if about["frontend"] not in complete["frontends"]:
            raise ValueError(
                f"stage {about['name']}: its frontend {about['frontend']!r} is missing"
            )
    n_classes = len(complete["classes"])
    names = [about["name"] for about in complete["stages"]]
    if len(set(names)) < len(names):
        raise ValueError(f"stages {names!r} are not of different names")
    if complete["calibration"] is not None:
        try:
            calibration.apply(
                complete["calibration"], np.zeros((1, n_classes)), complete["classes"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"calibration: cannot be applied ({error})") from None
    if sorted(complete["thresholds"]) != sorted(complete["classes"]):
        raise ValueError(f"thresholds are not those of the {n_classes} classes")
    for name, settings in complete["decodings"].items():
        lengths = {key: len(values) for key, values in settings.items()}
        if lengths != dict.fromkeys(decoding.SETTINGS, n_classes):
            raise ValueError(
                f"decodings.{name} has {lengths}; expected {n_classes} values of each of "
                f"{', '.join(decoding.SETTINGS)}"
            )
    return Content.model_validate(complete)


def changed(decodings: Mapping, change: Callable) -> dict[str, dict[str, list]]:
    """Return decodings with every value changed."""
    return {
        name: {key: list(map(change, values)) for key, values in settings.items()}
        for name, settings in decodings.items()
    }
