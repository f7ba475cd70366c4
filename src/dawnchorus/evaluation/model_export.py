"""An ensemble as one file, for use without the workflow.

* `export`: networks, banks, settings, thresholds, decodings, scores and where all of it comes from.
* `with_recordists`: who recorded what was downloaded.
* `stage_networks`: the networks of a stage as ONNX.
"""

import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.evaluation.caveats import in_words
from dawnchorus.exported import frontend_networks, model_file
from dawnchorus.formats import download_lock
from dawnchorus.frontends import base
from dawnchorus.models import model_files, onnx_graph
from dawnchorus.runtime import artefacts, logs, provenance

_STAGE = ("frontend", "segments", "window", "clip_pooling", "frames_per_score")


def export(
    metrics_path: str | Path,
    decoder_paths: Sequence[str | Path],
    calibration_paths: Sequence[str | Path],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write an exported model.

    Parameters
    ----------
    metrics_path : path
        Scores of the experiment; they have classes, thresholds and caveats.
    decoder_paths : paths
        Decodings of the ensemble, one file or none.
    calibration_paths : paths
        Calibration of the ensemble, one file or none.
    settings : mapping
        ``name`` (``experiment/ensemble``), ``ensemble``, ``pooling``, ``frontends`` (by name
        ``settings``, ``audio`` and ``outside``: what the card of a pretrained network says beside its
        numbers), ``stages`` (by name what `model_file.Stage` has, ``use``,
        ``has_frames`` and ``models``: files by member) and ``recordings`` (of the training corpora
        ``licence``, ``attribution`` and the digest of the ``labels``) and ``locks`` (by corpus, of those
        that were downloaded, the lock file: it says who is to be named for each recording).
    output : path

    Raises
    ------
    ValueError
        Where a network cannot be written as ONNX, or a setting is none that an exported model can have.
    """
    measured = json.loads(Path(metrics_path).read_text(encoding="utf-8"))
    scores, classes = measured["ensembles"][settings["ensemble"]], measured["classes"]
    thresholds = scores["threshold"]
    keras: dict[str, bytes] = {}
    stages = []
    for name, about in settings["stages"].items():
        networks = tuple(stage_networks(name, about, keras))
        stages.append(model_file.Stage(name, **{k: about[k] for k in _STAGE}, networks=networks))
    frontends = {}
    for name, about in settings["frontends"].items():
        kind = base.kind(about["settings"])
        # computed once more, as for the spectrograms: whoever uses the model does without librosa
        bank = {"bank": kind.bank(about["settings"])} if hasattr(kind, "bank") else {}
        frontends[name] = model_file.Frontend(
            {**about["settings"], **bank, **about["outside"]},
            about["audio"],
            frontend_networks.bundled(about["settings"], about["outside"].get("about")),
        )
    decoders, calibration = {}, None
    for path in decoder_paths:
        decoders = json.loads(Path(path).read_text(encoding="utf-8"))["decodings"]
    for path in calibration_paths:
        calibration = json.loads(Path(path).read_text(encoding="utf-8"))
        calibration.pop("folds", None)  # for evaluation out of fold alone
    inputs = [metrics_path, *decoder_paths, *calibration_paths]
    for about in settings["stages"].values():
        inputs += [path for files in about["models"].values() for path in files.values()]
    versions = provenance.versions() | {"dawnchorus": importlib.metadata.version("dawnchorus")}
    model = model_file.ExportedModel(
        name=settings["name"],
        classes=tuple(classes),
        frontends=frontends,
        stages=tuple(stages),
        pooling=settings["pooling"],
        decodings={name: about["settings"] for name, about in decoders.items()},
        thresholds=thresholds["thresholds"],
        calibration=calibration,
        about={
            "threshold_rule": f"{thresholds['criterion']}, {thresholds['chosen_on']}",
            "operating_curves": thresholds.get("operating_curves", {}),
            "decodings": {name: about["chosen_on"] for name, about in decoders.items()},
            "scores": {key: scores[key] for key in ("out_of_fold", "test", "models")},
            "networks": measured.get("networks", {}),
            "caveats": [
                *in_words(scores, measured["policy"]),
                "scores are not calibrated: no score is a probability"
                if calibration is None
                else f"scores of recordings are calibrated by {calibration['method']}; those of windows "
                "and events are not",
            ],
            "recordings": with_recordists(settings),
            "provenance": {
                "inputs": {str(path): artefacts.input_sha256(path) for path in inputs},
                "versions": versions,
            },
        },
    )
    model_file.write(output, model, keras)
    n_networks = sum(len(stage.networks) for stage in stages)
    logs.LOG.info("%d networks of %d stages, %d classes", n_networks, len(stages), len(classes))


def with_recordists(settings: Mapping) -> dict[str, dict]:
    """Return what is known of the training corpora, with who recorded what was downloaded."""
    found = {corpus: dict(about) for corpus, about in settings["recordings"].items()}
    for corpus, path in settings.get("locks", {}).items():
        rows = download_lock.attribution_rows(download_lock.read_lock(path))
        found[corpus]["recorded_by"] = [list(row) for row in rows]
    return found


def stage_networks(
    stage: str, about: Mapping, keras: dict[str, bytes]
) -> Iterator[model_file.Network]:
    """Yield the networks of a stage as ONNX, member by member.

    Parameters
    ----------
    stage : str
        Name.
    about : mapping
        ``models`` (files by member), ``use`` (which of their weights) and ``has_frames``.
    keras : dict
        Gets each as Keras keeps it, too: bytes by ``{stage}.{member}.{weights}``.
    """
    use = [about["use"]] if isinstance(about["use"], str) else about["use"]
    for member, paths in about["models"].items():
        # what no ensemble counts is no part of what is passed on either
        if model_files.read_learning(paths["kept"]).get("left_out"):
            logs.LOG.info("warning: %s of stage %s did not learn and is left out", member, stage)
            continue
        for weights in use:
            model = model_files.load_used(paths, weights)
            onnx = onnx_graph.onnx_bytes(model, with_frames=about["has_frames"])
            keras[f"{stage}.{member}.{weights}"] = model_files.file_bytes(model)
            yield model_file.Network(member, weights, onnx, about["has_frames"])
