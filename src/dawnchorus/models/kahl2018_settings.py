"""Settings that the networks of Kahl et al. (BirdCLEF 2018 baseline) share."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dawnchorus.settings.architecture import ArchitectureSettings, Layers
from dawnchorus.settings.section import Rate, Unit, misfit


class BlockSettings(ArchitectureSettings):
    """Settings that all networks of kahl2018 have."""

    kernels: Annotated[Annotated[int, Field(ge=1)] | Layers, Unit("cells")] = 3
    """Side of the square kernels, for all blocks or for each."""
    groups: Annotated[int, Field(ge=1), Unit("groups")] = 1
    """Groups of the convolutions from the second block on; a divisor of all filters."""
    dropout: Rate = 0.0
    """Dropout after every block."""
    dropout_kind: Literal["random", "channel", "location"] = "random"
    """What is dropped as one: cells, whole channels, or all channels of a place."""
    legacy_dropout: bool = False
    """A fault of kahl2018, to reproduce it: channel silently means random, location never worked."""
    nonlinearity: Literal["relu", "lrelu", "vlrelu", "elu", "identity"] = "relu"
    """Slope 0.01 (lrelu) or 0.33 (vlrelu) below zero."""
    batch_norm: bool = True
    """Normalise blocks; where they are not, their convolutions have a bias."""
    head: Literal["softmax", "sigmoid"] = "softmax"
    """Last layer; softmax scores one class as absent and present."""

    filters: Layers
    """Channels of the blocks."""
    pooling: Literal["max", "stride"]
    """What halves time and bands."""

    def grouped_channels(self) -> Sequence[int]:
        """Return the channels that groups have to divide."""
        return self.filters

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands: pooling drops what is left over, a stride does not."""
        side = 2 ** len(self.filters) if self.pooling == "max" else 1
        return side, side

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Refuse kernels, groups and kinds of dropout that the blocks cannot have."""
        if isinstance(self.kernels, list) and len(self.kernels) != len(self.filters):
            expected = f"{len(self.filters)} numbers, one for each block"
            raise misfit("kernels", self.kernels, expected)
        channels = self.grouped_channels()
        if any(count % self.groups for count in channels):
            numbers = ", ".join(map(str, dict.fromkeys(channels)))
            raise misfit("groups", self.groups, f"a divisor of all channels: {numbers}")
        if self.legacy_dropout and self.dropout_kind == "location":
            expected = (
                "random or channel with legacy_dropout: true, since location never worked in the "
                "original"
            )
            raise misfit("dropout_kind", self.dropout_kind, expected)
        return self
