"""A paragraph on methods that a paper can take over, with what it cites."""

from collections.abc import Mapping
from typing import Any

from dawnchorus.report.html import Html, bullets, element, section
from dawnchorus.report.result_data import ResultData

_SOURCES = {
    "Grill and Schlüter 2017": "Two convolutional neural networks for bird detection in audio signals. "
    "EUSIPCO.",
    "Tóth and Czeba 2016": "Convolutional neural networks for large-scale bird song classification in "
    "noisy environment. CLEF working notes.",
    "Kahl et al. 2018": "Recognizing birds from sound - the 2018 BirdCLEF baseline system. "
    "arXiv:1804.07177.",
    "Serizel et al. 2018": "Large-scale weakly labeled semi-supervised sound event detection in domestic "
    "environments. arXiv:1807.10501.",
    "Efron and Tibshirani 1993": "An introduction to the bootstrap. Chapman and Hall.",
    "Mesaros et al. 2016": "Metrics for polyphonic sound event detection. Applied Sciences 6(6).",
    "Bilen et al. 2020": "A framework for the robust evaluation of sound event detection. ICASSP.",
    "Mölder et al. 2021": "Sustainable data analysis with Snakemake. F1000Research 10:33.",
}
# architecture: what it is called in the text, and where it was published
_GRILL, _TOTH, _KAHL, _SERIZEL, _EFRON, _MESAROS, _BILEN, _SNAKEMAKE = _SOURCES
_MODELS = {
    "bulbul": ("bulbul", _GRILL),
    "sparrow": ("sparrow", _GRILL),
    "fullconv": ("a variant of bulbul", _GRILL),
    "toth2016": ("the BirdClef network", _TOTH),
    "alexnet": ("AlexNet for spectrograms", _TOTH),
    "baseline": ("the BirdCLEF baseline network", _KAHL),
    "pi": ("the small BirdCLEF network", _KAHL),
    "resnet": ("the wide residual BirdCLEF network", _KAHL),
    "crnn": ("a convolutional recurrent network", _SERIZEL),
}


def methods_text(data: ResultData) -> Html:
    """Return the section; what a setting does not say is left to the authors."""
    settings, policy = data.settings, data.metrics["policy"]
    folds = settings["folds"]
    sentences = [
        *(_stage(name, about, data.asked) for name, about in settings["stages"].items()),
        f"Models were trained in {folds['count']} folds (kind {folds['kind']}); the recordings of a "
        f"{folds['by']} {'may be in several folds' if folds['split_groups'] else 'are in one fold'}.",
        f"Window scores of a recording were pooled by {policy['pooling']}, and models averaged by "
        f"their {policy['average']}.",
        f"Intervals are {policy['confidence']:.0%} percentile intervals of {policy['replicates']} "
        f"bootstrap replicates over {policy['resampled'].replace('_', ' ')} ({_EFRON}).",
    ]
    if data.events is not None:
        collar = data.events["policy"]["collar"]
        sentences.append(
            f"A detected event matches an annotated one whose onset is within {collar['onset_s']:g} s "
            f"and whose offset is within {collar['offset_s']:g} s or {collar['offset_share']:.0%} of its "
            f"length ({_MESAROS}); the polyphonic sound detection score is that of {_BILEN}."
        )
    calibration = settings["calibration"]["method"]
    if calibration != "none":
        sentences.append(
            f"Out-of-fold scores were used to calibrate scores (method {calibration})."
        )
    sentences.append(f"All steps ran in dawnchorus, a Snakemake workflow ({_SNAKEMAKE}).")
    text = " ".join(sentences)
    cited = [f"{name}. {title}" for name, title in _SOURCES.items() if name in text]
    return section(
        "methods",
        "Methods, for a paper",
        element("p", text),
        element("h3", "Cited"),
        bullets(cited),
    )


def _stage(name: str, about: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    training, frontend = about["training"], asked["frontends"][about["frontend"]]
    called, source = _MODELS.get(about["model"]["name"], (about["model"]["name"], ""))
    rate = asked["audio"][frontend["audio"]]["sample_rate"]
    bands = f" of {frontend['n_mels']} bands" if "n_mels" in frontend else ""
    told = {"labels": "labels", "predictions": "pseudo-labels of an earlier stage"}
    targets = about["targets"]["from"]
    return (
        f"Stage {name}: {called}{f' ({source})' if source else ''} was trained on spectrograms (kind "
        f"{frontend['kind']}){bands} of sound at {rate / 1000:g} kHz, with "
        f"{told.get(targets, f'targets from {targets}')}, for at most {training['epochs']} epochs with "
        f"{training['optimizer']} (learning rate {training['learning_rate']:g}, batches of "
        f"{training['batch_size']}, loss {training['loss'].replace('_', ' ')})."
    )
