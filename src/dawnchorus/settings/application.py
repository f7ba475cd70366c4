"""Settings of an application: an exported model on corpora without labels."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import Names, Score, Settings, SomeNames, Unit


class Application(Settings):
    """An exported model, and the corpora in which it detects."""

    model: str
    """The file; one below results/ is made by the run."""
    corpora: SomeNames
    """Corpora whose recordings are scored; labels are not asked for."""
    network: str | None = None
    """File of a pretrained network that the model needs and no package carries."""
    rows: Literal["windows", "recordings", "events"] | None = None
    """What a detection is; null: an event where the model decodes any, else a window."""
    threshold: Score | dict[str, Score] | None = None
    """Least score, or one for each class; null: as `dawnchorus predict` has it."""
    precision: Score | None = None
    """The thresholds at which the model reached this precision, where it knows them."""
    top: Annotated[int, Field(ge=1), Unit("classes")] | None = None
    """At most so many classes of a window or recording, or events of a recording."""
    classes: Names | None = None
    """These classes alone; null: all of the model."""
    decoding: str | None = None
    """Of events; null: the first of the model."""
