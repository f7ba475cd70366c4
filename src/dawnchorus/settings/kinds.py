"""The models behind complete sections, for what they know of themselves.

* `frontend_model`, `architecture_model`: the settings of a kind as an instance of its model.
* `layout`, `frame_s`: how a frontend stores spectrograms, and how long a frame is.
* `has_frames`, `head`, `frames_per_score`: what an architecture scores.
"""

from collections.abc import Mapping
from typing import Any

from dawnchorus.settings.architecture import ARCHITECTURES, ArchitectureSettings
from dawnchorus.settings.frontend import KINDS, FrontendSettings


def frontend_model(frontend: Mapping[str, Any]) -> FrontendSettings:
    """Return the settings of a frontend as an instance of the model of its kind."""
    model = KINDS.model(frontend["kind"])
    found = model.model_validate({key: v for key, v in frontend.items() if key != "sample_rate"})
    assert isinstance(found, FrontendSettings)
    return found


def architecture_model(settings: Mapping[str, Any]) -> ArchitectureSettings:
    """Return the settings of a network as an instance of the model of its architecture."""
    found = ARCHITECTURES.model(settings["name"]).model_validate(dict(settings))
    assert isinstance(found, ArchitectureSettings)
    return found


def layout(frontend: Mapping[str, Any]) -> str:
    """Return ``frames`` (rows in time) or ``chunks`` (a picture for each chunk)."""
    return frontend_model(frontend).LAYOUT


def frame_s(frontend: Mapping[str, Any], sample_rate: int) -> float:
    """Return the seconds from one frame to the next, of a frontend that stores frames."""
    return frontend_model(frontend).frame_s(sample_rate)


def has_frames(stage: Mapping[str, Any]) -> bool:
    """Return whether the models of a stage score frames: by architecture and windows."""
    outputs = architecture_model(stage["model"]).OUTPUTS
    return stage["segments"]["kind"] == "windows" and "frame" in outputs


def head(model: Mapping[str, Any]) -> str:
    """Return the last layer of an architecture: ``sigmoid`` or ``softmax``."""
    return str(getattr(architecture_model(model), "head", "sigmoid"))


def frames_per_score(model: Mapping[str, Any]) -> int:
    """Return how many frames of the input one frame of the scores stands for."""
    return architecture_model(model).frames_per_score()
