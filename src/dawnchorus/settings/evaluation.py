"""Settings of evaluation and of submissions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.section import Few, PositiveSeconds, Settings, Unit


class EvaluationSettings(Settings):
    """How the scores of an experiment are measured."""

    replicates: Annotated[int, Field(ge=100, le=1_000_000), Unit("replicates")] = 1000
    """Replicates of the bootstrap over groups."""
    confidence: Annotated[float, Field(gt=0.5, lt=1), Unit("share")] = 0.95
    """Coverage of the intervals."""
    threshold: Literal["f1", "youden"] = "f1"
    """Rule by which the threshold of a class is chosen out of fold."""
    top_k: Annotated[int, Field(ge=2, le=1000), Unit("classes")] = 5
    """Rank up to which top-k accuracy counts."""
    compare: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    """Pairs of ensembles; the second is compared with the first."""


class SubmissionSettings(Settings):
    """How the scores of test corpora are written for a challenge."""

    format: str = "none"
    """The format; none: no submission. Formats are the modules of formats/submissions."""
    by_corpus: dict[str, str] = {}
    """Another format for a test corpus."""
    ensemble: str = "first"
    """The ensemble that is submitted."""
    best: Annotated[Few, Unit("classes")] = 100
    """Classes of each recording or interval (birdclef2018 formats)."""
    interval_s: PositiveSeconds = 5.0
    """Length of an interval (birdclef2018_soundscape)."""
    keep_trailing: bool = True
    """Keep an incomplete last interval (birdclef2018_soundscape); false as kahl2018 did."""


def format_of(submission: dict[str, Any], corpus: str) -> str:
    """Return the submission format of a test corpus; ``none`` for none."""
    chosen: str = submission["by_corpus"].get(corpus, submission["format"])
    return chosen
