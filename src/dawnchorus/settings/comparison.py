"""Settings of a comparison: experiments side by side on one page."""

from typing import Annotated

from pydantic import Field

from dawnchorus.settings.section import Settings, Unique


class Comparison(Settings):
    """Experiments that are tested on the same recordings."""

    experiments: Annotated[list[str], Field(min_length=2), Unique]
    """Their names; the others are compared with the first. Made where all are in `run`."""
