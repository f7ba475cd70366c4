"""What was run, in one paragraph, and which recordings could not be used.

* `overview`: the section; `recording_counts`: recordings and hours of a run.
"""

from collections.abc import Mapping

from dawnchorus.audio.verdicts import USED, read_verdicts
from dawnchorus.report.html import Html, bullets, details, element, section, table
from dawnchorus.report.result_data import ResultData
from dawnchorus.settings.references import parse_reference

_HOUR_S = 3600.0
MOST_EXCLUDED = 200  # rows of the table of what could not be used


def overview(data: ResultData) -> Html:
    """Return the section: corpora, hours, folds, models, and excluded recordings with their codes."""
    verdicts = {c: read_verdicts(path) for c, path in sorted(data.asked["verdicts"].items())}
    settings, metrics = data.settings, data.metrics
    used = {c: frame[frame["verdict"] == USED] for c, frame in verdicts.items()}
    hours = {c: float(frame["duration_s"].sum()) / _HOUR_S for c, frame in used.items()}
    n_excluded = sum(len(verdicts[c]) - len(used[c]) for c in verdicts)
    n_models = sum(len(stage["members"]) for stage in metrics["stages"].values())
    classes = metrics["classes"]
    folds = settings["folds"]
    kept = (
        "may be split between folds" if folds["split_groups"] else "are never split between folds"
    )
    text = (
        f"Experiment {data.asked['name']}: {_count(n_models, 'model')} of "
        f"{_count(len(metrics['stages']), 'stage')} and {_count(len(classes), 'class', 'classes')} "
        f"({', '.join(classes[:8])}{', ...' if len(classes) > 8 else ''}), trained on "
        f"{', '.join(settings['train'])} and tested on "
        f"{', '.join(settings['test']) or 'no recordings but those of the other folds'}. "
        f"{sum(map(len, used.values())):,} recordings of {sum(hours.values()):.1f} hours were used and "
        f"{n_excluded} could not be. Folds with models: {folds['count']} (kind {folds['kind']}); "
        f"{folds['by']}s of recordings {kept}."
    )
    rows = [
        (
            corpus,
            _role(corpus, settings),
            f"{len(verdicts[corpus]):,}",
            f"{len(used[corpus]):,}",
            f"{len(verdicts[corpus]) - len(used[corpus]):,}",
            f"{hours[corpus]:.2f}",
        )
        for corpus in verdicts
    ]
    out = [
        (row.id, corpus, row.verdict, row.detail)
        for corpus, frame in verdicts.items()
        for row in frame[frame["verdict"] != USED].itertuples()
    ]
    header = ("corpus", "used for", ">recordings", ">used", ">excluded", ">hours used")
    columns, shown = ("recording", "corpus", "code", "why"), out[:MOST_EXCLUDED]
    rest = len(out) - len(shown)
    return section(
        "overview",
        "What was run",
        element("p", text),
        table("Recordings of each corpus", header, rows),
        details(
            f"Recordings that could not be used: {len(out)}",
            table("Recordings that could not be used", columns, shown, True),
            element("p", f"and {rest} more, in verdicts.csv") if rest else "",
        )
        if out
        else "",
        bullets(
            f"stage {name} ended, and no ensemble has it: {why}"
            for name, why in metrics["ended"].items()
        ),
    )


def recording_counts(data: ResultData) -> tuple[int, float, int]:
    """Return the recordings that were used, their hours, and those that could not be used."""
    frames = [read_verdicts(path) for path in data.asked["verdicts"].values()]
    used = [frame[frame["verdict"] == USED] for frame in frames]
    hours = sum(float(frame["duration_s"].sum()) for frame in used) / _HOUR_S
    n_used = sum(map(len, used))
    return n_used, hours, sum(map(len, frames)) - n_used


def _role(corpus: str, settings: Mapping) -> str:
    def named(references) -> bool:
        return any(parse_reference(one)[0] == corpus for one in references)

    roles = [name for name in ("train", "test") if named(settings[name])]
    targets = [stage["targets"] for stage in settings["stages"].values()]
    if any(named(one.get("unlabelled", ())) for one in targets):
        roles.append("pseudo-labels")
    if settings["events"] and named(settings["events"]["validation"]):
        roles.append("choice of decodings")
    return ", ".join(roles)


def _count(n: int, one: str, several: str = "") -> str:
    return f"{n} {one if n == 1 else several or f'{one}s'}"
