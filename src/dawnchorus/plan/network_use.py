"""Which pretrained networks stand behind the stages of an experiment, and what they have seen.

* `copied_network`: the copy of a frontend's network.
* `pretraining`: what networks have seen, as evaluation and leak check take it.
"""

from collections.abc import Mapping
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run
from dawnchorus.settings.references import parse_teacher

_TOLD = ("licence", "source", "trained_on")


def copied_network(run: Run, frontend: str) -> str | None:
    """Return the copy of the pretrained network of a frontend; None for one that has none."""
    network = run.config["frontends"][frontend].get("network")
    if not network:
        return None
    return paths.NETWORK.format(digest=network["sha256"][:16], format=network["format"])


def pretraining(run: Run, experiment: str, corpora: list[str]) -> Params | None:
    """Return the networks behind each stage, or None where no stage has any.

    Parameters
    ----------
    run : Run
    experiment : str
    corpora : list of str
        Of the recordings that are scored.

    Returns
    -------
    dict or None
        ``stages`` (by stage and network what it has seen, those of its teachers too), ``networks``
        (licence and source by name), ``collections`` and ``sources`` by corpus.
    """
    found = {
        stage: {name: about["seen"] for name, about in _networks(run, experiment, stage).items()}
        for stage in run.settings_of(experiment)["stages"]
    }
    if not any(found.values()):
        return None
    networks = {
        name: {key: about[key] for key in _TOLD}
        for stage in found
        for name, about in _networks(run, experiment, stage).items()
    }
    return {
        "stages": found,
        "networks": networks,
        "collections": {corpus: run.config["corpora"][corpus]["collection"] for corpus in corpora},
        "sources": {
            corpus: paths.SOURCES.format(corpus=corpus, digest=run.index[corpus]["sources"])
            for corpus in corpora
            if "sources" in run.index[corpus]
        },
    }


def _networks(run: Run, experiment: str, stage: str) -> dict[str, Mapping[str, Any]]:
    """Return what is known about the networks behind a stage and behind what teaches it, by name."""
    chosen = run.settings_of(experiment)["stages"][stage]
    frontends = [run.config["frontends"][chosen[key] or chosen["frontend"]]
                 for key in ("frontend", "predict_frontend")]  # fmt: skip
    found = {f["about"]["name"]: f["about"] for f in frontends if f.get("about")}
    targets = chosen["targets"]
    taught_by = list(targets.get("stages", []))
    taught_by += [targets["stage"]] if targets["from"] == "predictions" else []
    for teacher in taught_by:
        found |= _networks(run, *parse_teacher(teacher, experiment))
    return found
