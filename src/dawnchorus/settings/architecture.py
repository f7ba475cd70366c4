"""Settings that every architecture has; its own stand in its module in `models.architectures`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from dawnchorus.settings.section import ByName, Settings, Unit, misfit

Layers = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


class ArchitectureSettings(Settings):
    """A network, by the name of its module.

    ``OUTPUTS`` says what it can score: ``clip``, and for some ``frame``. ``head`` is the last layer of
    those that have a choice; the others end in a sigmoid. ``ANY_LENGTH`` says whether the number of
    frames may be unknown.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("clip",)
    ANY_LENGTH: ClassVar[bool] = False

    name: str
    """The architecture."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return 1, 1

    def frames_per_score(self) -> int:
        """Return how many frames of the input one frame of the scores stands for."""
        return 1

    def is_solved(self) -> bool:
        """Return whether the module's ``solve`` sets the weights, in place of a training by steps."""
        return False


class PooledSettings(ArchitectureSettings):
    """A network whose every layer of ``filters`` makes one of several frames and bands."""

    LAYER: ClassVar[str] = "convolution"

    @model_validator(mode="after")
    def _one_pool_each(self) -> Self:
        n_filters = len(getattr(self, "filters", ()))
        for name in ("band_pools", "frame_pools"):
            pools = getattr(self, name, None)
            if pools is not None and len(pools) != n_filters:
                raise misfit(name, pools, f"{n_filters} numbers, one for each {self.LAYER}")
        return self


def exactly(count: int) -> Any:
    """Return the type of a list of so many channels, each 1 or more."""
    return Annotated[
        list[Annotated[int, Field(ge=1), Unit("channels")]],
        Field(min_length=count, max_length=count),
    ]


def smallest_input(stages: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> tuple[int, int]:
    """Return the fewest frames and bands that leave one of each after all stages.

    Parameters
    ----------
    stages : sequence of ((int, int), (int, int))
        Kernel and pool of each convolution, frames x bands.
    """
    # from the last stage back: what it leaves decides what it needs
    sizes = [1, 1]
    for kernel, pool in reversed(stages):
        sizes = [size * p + k - 1 for size, k, p in zip(sizes, kernel, pool, strict=True)]
    return sizes[0], sizes[1]


ARCHITECTURES = ByName(
    "dawnchorus.models.architectures",
    "name",
    "compact",
    ArchitectureSettings,
    ("Settings", "build"),
)
Architecture = Annotated[dict[str, Any], ARCHITECTURES]


def architecture_model(settings: Mapping[str, Any]) -> ArchitectureSettings:
    """Return the settings of a network as an instance of the model of its architecture."""
    found = ARCHITECTURES.model(settings["name"]).model_validate(dict(settings))
    assert isinstance(found, ArchitectureSettings)
    return found


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
