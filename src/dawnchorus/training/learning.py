"""Whether a training learnt anything.

* `judge`: what the training targets and the validation recordings say of a model, and why it has not
  learnt where it has not.
* `look_early`: the same of training targets, after the first epochs, as a warning.
* `ended`: the same of a model that was not trained at all.
* `losses`: the loss of each row, as Keras computes it.
* `prior_loss`: the least loss of scores that do not look at the windows.
* `warn`: the same for the log.
* `auroc`: of one class, for the report on validation recordings.

A model that answers every window with the share of its classes has the loss of the class prior: no
training that ends there has learnt, and an average with it is only diluted. The loss is compared on
windows as a step gets them, augmented and mixed, with the same targets: those of teachers, of frames
and with smoothed labels too. A model whose scores are informative but badly scaled, such as one whose
batch normalisation has seen few steps, may have a greater loss than the prior; it is told from one
that has not learnt by the loss of the same scores with the targets shuffled.

Validation recordings decide nothing here, they are reported. A model left out for its scores on the
fold it is evaluated on would make the scores out of fold optimistic.
"""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from dawnchorus.metrics import checks
from dawnchorus.models import frame_output
from dawnchorus.runtime import logs, seeds
from dawnchorus.training import batches, distillation, mean_teacher, steps, validation

RETRAININGS = 2  # at most, of one member
LEAST_GAIN = 0.02  # of the way from the loss of the prior to the least that the targets allow
LEAST_GAP = 0.05  # of the same way, between the loss with the targets shuffled and the loss
_LOOKED_AT = 3  # epochs before the first look, at least
_WINDOWS = 1024  # that are looked at, at least: all of a small set
_SHUFFLES = 20
_LEAST_SPREAD = 1e-6  # of the scores of a class; below, they are one number
_COMMON = 0.5  # a class with a greater share may rightly be the answer to all windows
_LEAST = 1e-7  # as Keras clips scores
_Z = 1.6449  # one-sided 5 % of the normal distribution
_WIDEST = 0.2  # a margin of the AUROC beyond which a validation says nothing
_DIGITS = 7


def judge(
    training: steps.Training,
    examples: batches.Batches | mean_teacher.Paired,
    teachers: distillation.Teachers | None,
    held: validation.Validation,
    settings: Mapping,
) -> dict:
    """Return what is known of the learning of a model.

    Parameters
    ----------
    training : steps.Training
        At its end.
    examples : Batches or Paired
        What it was trained on.
    teachers : Teachers or None
        Whose scores replace the targets.
    held : Validation
    settings : mapping
        The ``training`` section: ``loss``, ``keep``.

    Returns
    -------
    dict
        ``learnt``; ``reasons``, sentences, of a model that has not; ``can_learn``: whether there is
        more than one target; ``loss_final`` (of the model on training windows), ``loss_best`` (the
        least of an epoch, penalties on weights included), ``loss_prior``, ``loss_shuffled``: all in
        nats; ``validation``: ``auroc``, the ``margin`` over 0.5 that it has to exceed (the one-sided
        5 % of the normal approximation of the Mann-Whitney test, of all classes as if they were one)
        and ``at_chance``, None where recordings are too few to tell.
    """
    found = _learning(training, examples, teachers, settings)
    # the AUROC of validation recordings, and whether it is one of chance
    content: dict = {"auroc": None, "margin": None, "at_chance": None}
    scores = held.scores(training.result)
    if scores is not None:
        targets = (held.targets >= validation.PRESENT).astype(int)
        is_counted = checks.scored_classes(targets)
        if is_counted.any():
            targets = targets[:, is_counted]
            columns = zip(targets.T == 1, scores[:, is_counted].T, strict=True)
            mean = float(np.mean([auroc(*column) for column in columns]))
            n_present = targets.sum(axis=0)
            n_absent = len(targets) - n_present
            # scores of classes depend on one another: the mean of deviations is that of full dependence
            deviations = np.sqrt((len(targets) + 1) / (12 * n_present * n_absent))
            margin = _Z * float(deviations.mean())
            at_chance = bool(mean < 0.5 + margin) if margin <= _WIDEST else None
            content = {
                "auroc": _rounded(mean), "margin": _rounded(margin), "at_chance": at_chance,
            }  # fmt: skip
    return found | {"validation": content}


def first_look(n_epochs: int) -> int:
    """Return the epoch after which a training of so many is looked at: a tenth, at least three."""
    return max(_LOOKED_AT, math.ceil(n_epochs / 10))


def look_early(
    member: str,
    training: steps.Training,
    examples: batches.Batches | mean_teacher.Paired,
    teachers: distillation.Teachers | None,
    settings: Mapping,
) -> None:
    """Warn where the first epochs taught nothing; the last row of the history says so, too.

    Parameters are those of `judge`. Hours of a long training are saved where its labels are wrong or its
    learning rate is too high, and its first epochs show it.
    """
    found = _learning(training, examples, teachers, settings)
    own = {name: found[name] for name in ("loss_final", "loss_prior", "loss_shuffled")}
    training.history[-1] |= {name: value for name, value in own.items() if value is not None}
    training.history[-1]["learnt"] = int(found["learnt"])
    if not found["learnt"]:
        logs.LOG.info(
            "warning: %s has learnt nothing in its first %d of %d epochs (%d steps): %s; expected a fall "
            "of the loss: look at the labels and segments.png, or lower the learning_rate", member,
            training.epoch, settings["epochs"], training.epoch * examples.steps,
            "; ".join(found["reasons"]),
        )  # fmt: skip


def _learning(training, examples, teachers, settings: Mapping) -> dict:
    """Return what `judge` does, without what validation recordings say."""
    targets, scores, weights = _sample(training, examples, teachers)
    is_softmax = settings["loss"] == "categorical_crossentropy" and targets.shape[1] > 1
    prior, floor = prior_loss(targets, weights, is_softmax)
    known = [row["loss"] for row in training.history if math.isfinite(row["loss"])]
    best = min(known, default=math.nan)
    found = {"can_learn": bool(prior - floor > _LEAST), "loss_best": best, "loss_prior": prior}
    reasons = []
    if not np.isfinite(scores).all() or not math.isfinite(training.history[-1]["loss"]):
        reasons.append("its loss or its scores are not finite")
        found |= {"loss_final": math.nan, "loss_shuffled": math.nan}
    else:
        final = float((weights * losses(targets, scores, is_softmax)).mean())
        rng = seeds.generator(*training.key, "shuffled")
        shuffled = [
            (weights[rows] * losses(targets[rows], scores, is_softmax)).mean()
            for rows in (rng.permutation(len(targets)) for _ in range(_SHUFFLES))
        ]
        found |= {"loss_final": final, "loss_shuffled": float(np.mean(shuffled))}
        # an epoch before the last counts where its weights are kept, and may be those that predict
        least = min(final, best) if settings["keep"] else final
        far = max(prior - floor, _LEAST)
        if prior - least < LEAST_GAIN * far and found["loss_shuffled"] - final < LEAST_GAP * far:
            reasons.append(
                f"its loss is {least:.4f}, {prior:.4f} by the class prior and "
                f"{found['loss_shuffled']:.4f} with shuffled targets"
            )
        if scores.std(axis=0).max() < _LEAST_SPREAD:
            reasons.append("its scores of all training windows are equal")
        elif is_softmax and len(np.unique(scores.argmax(axis=1))) == 1:
            shares = np.bincount(targets.argmax(axis=1)) / len(targets)
            if shares.max() < _COMMON:
                reasons.append("it names one class for all training windows")
    if not found["can_learn"]:
        reasons.insert(0, "all its training windows have the same targets")
    losses_found = {name: _rounded(value) for name, value in found.items() if "loss" in name}
    return {**found, **losses_found, "learnt": not reasons, "reasons": reasons}


def ended(why: str) -> dict:
    """Return what is known of a model that was not trained, as its stage had nothing to learn from."""
    return {
        "learnt": False, "can_learn": False, "ended": why, "reasons": [why], "attempts": 0,
        "left_out": True, "validation": {"auroc": None, "margin": None, "at_chance": None},
    }  # fmt: skip


def losses(targets: np.ndarray, scores: np.ndarray, is_softmax: bool) -> np.ndarray:
    """Return the cross-entropy of each row (N,), in nats, of targets and scores (N, C), float64."""
    scores = scores.astype(np.float64)
    if is_softmax:
        scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), _LEAST)
        return -(targets * np.log(np.clip(scores, _LEAST, 1 - _LEAST))).sum(axis=1)
    scores = np.clip(scores, _LEAST, 1 - _LEAST)
    return -(targets * np.log(scores) + (1 - targets) * np.log(1 - scores)).mean(axis=1)


def prior_loss(targets: np.ndarray, weights: np.ndarray, is_softmax: bool) -> tuple[float, float]:
    """Return the loss of the class prior, and the least that scores of each window can reach.

    Cross-entropy is linear in the targets: of constant scores the mean of the targets is the best,
    also where windows are mixed or labels smoothed.

    Parameters
    ----------
    targets : array, shape (N, C)
        In [0, 1].
    weights : array, shape (N,)
        Of the windows in the loss.
    is_softmax : bool
        Whether the classes exclude each other.
    """
    prior = np.average(targets, axis=0, weights=weights)
    constant = losses(targets, np.tile(prior, (len(targets), 1)), is_softmax)
    least = losses(targets, targets, is_softmax)
    return float((weights * constant).mean()), float((weights * least).mean())


def _sample(training, examples, teachers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return targets and scores (N, C) and weights (N,) of windows as the first steps got them."""
    n_steps = min(examples.steps, -(-_WINDOWS // examples.size))
    found: list[tuple[np.ndarray, ...]] = []
    for windows, targets, weights in itertools.islice(batches.ahead(examples, 0, 0), n_steps):
        if teachers is not None:
            targets = teachers.targets(windows, targets)
        if windows.ndim == 4:  # the view of the student; that of the teacher has other noise
            windows = windows[:, 0]
        scores = frame_output.class_scores(training.result, windows, targets.shape[-1])
        rows_each = 1 if targets.ndim == 2 else targets.shape[1]
        each = np.ones(len(targets)) if weights is None else weights.astype(np.float64)
        flat = (array.reshape(-1, array.shape[-1]) for array in (targets, scores))
        found.append((*flat, np.repeat(each, rows_each)))
    targets, scores, weights = (np.concatenate(part) for part in zip(*found, strict=True))
    # unlabelled windows of a mean teacher have no targets
    is_known = np.isfinite(targets).all(axis=1)
    return targets[is_known].astype(np.float64), scores[is_known], weights[is_known]


def auroc(is_present: np.ndarray, scores: np.ndarray) -> float:
    """Return the AUROC of scores (N,) by the rank sum of Mann and Whitney (1947).

    That of `dawnchorus.metrics.roc` decides no training: an edit of it is to make none stale.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # of equal scores the mean of their ranks
    n_present, n = is_present.sum(), len(scores)
    above = ranks[is_present].sum() - n_present * (n_present + 1) / 2
    return float(above / (n_present * (n - n_present)))


def warn(member: str, found: Mapping) -> None:
    """Log why a member has not learnt, and that its validation is one of chance."""
    if not found["learnt"]:
        logs.LOG.info("warning: %s did not learn: %s", member, "; ".join(found["reasons"]))
    held = found["validation"]
    if held["at_chance"]:
        logs.LOG.info(
            "warning: %s is at chance on its validation recordings: AUROC %.3f, above %.3f expected",
            member, held["auroc"], 0.5 + held["margin"],
        )  # fmt: skip


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
