"""The training loop.

* `train_member`: one member of a stage, from targets and spectrograms to a model and its history.
* `resume`, `train_epochs`: the two halves of an attempt, from its last checkpoint to its end.

Every random draw is a function of (seed, stage, member, epoch, step): order and augmentation come
from `batches`, initial weights from the global seed, dropout from generator states set before each
step. So two trainings are equal bit for bit on one class of machines with one number of threads, and
one that was killed goes on to the weights of one that was not. A training that did not learn may be
repeated from other seeds: the attempt joins the path of the seeds, the member keeps its name.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras

from dawnchorus.models import model_files, zoo
from dawnchorus.runtime import artefacts, logs, provenance, run, seeds
from dawnchorus.segments import window_source
from dawnchorus.targets import targets_table
from dawnchorus.training import (
    batches,
    checkpoints,
    distillation,
    exact_solution,
    learning,
    members,
    setup,
    steps,
    training_length,
    validation,
)

HISTORY = ("epoch", "rate", *validation.METRICS)
# of the last row: what `learning.judge` finds of the weights that are saved; some of the row of the
# first look, too
LEARNING = ("loss_final", "loss_prior", "loss_shuffled", "attempts", "learnt")
TEST = ("test_accuracy", "test_map_micro", "test_map_macro")  # of the last row, where there is any
_LOG_EVERY_S = 10.0


def train_member(
    member_name: str,
    stage: str,
    targets_path: str | Path,
    shards: Mapping[str, Sequence[str]],
    settings: Mapping,
    library: Mapping,
    model_path: str | Path,
    history_path: str | Path,
    kept_path: str | Path,
) -> None:
    """Train one member of a stage.

    Parameters
    ----------
    member_name : str
        ``f{fold}p{part}s{seed}``.
    stage : str
        Name of the stage.
    targets_path : path
        Targets of the stage.
    shards : mapping of corpus to paths
        Spectrogram shards of the corpora in the targets.
    settings : dict
        ``seed``, ``window``, ``segments``, ``model``, ``output``, ``clip_pooling``, ``training``,
        ``augmentation``, ``pooling``, ``validation``, ``backend``; ``normaliser`` (path or None);
        ``frame_targets`` (see `frame_targets.FrameTargets`, or None); where there are teachers (see
        `distillation.Teachers`), ``teachers`` and ``temperature``; of pseudo-labels, ``untaught``:
        ``end`` where a stage without any, or with those of one class, trains nothing.
    library : dict
        Digests of the code, which a checkpoint must agree with.
    model_path, history_path, kept_path : path
        The model with its last weights; one row per epoch, see `HISTORY` and `LEARNING`; kept
        weights by name.

    Raises
    ------
    dawnchorus.runtime.run.Stopped
        On SIGTERM, after the step in hand; the checkpoint is written.
    """
    wanted = targets_table.read(targets_path)
    member = targets_table.Member.named(member_name)
    source = window_source.open_source(shards, settings["segments"], settings["window"])
    if settings.get("untaught") == "end" and member.part and (why := wanted.lacking()):
        logs.LOG.info("warning: stage %s ends here: %s", stage, why)
        # whole files, which rules expect: the model is not trained, and its record says so
        keras.utils.set_random_seed(seeds.integer(settings["seed"], stage, member_name, "weights"))
        untrained = zoo.build(
            input_shape=source.shape, n_classes=len(wanted.class_names), output=settings["output"],
            **settings["model"],
        )  # fmt: skip
        artefacts.write_table(history_path, (*HISTORY, *LEARNING), [])
        model_files.save_kept(kept_path, {}, learning.ended(why))
        model_files.save(untrained, model_path)
        return
    digest = training_digest(stage, targets_path, shards, settings, library)
    for attempt in range(1 + learning.RETRAININGS):
        key, named = (settings["seed"], stage, member_name), digest
        if attempt:  # the first has the seeds it would have if there were no other
            key, named = (*key, f"attempt {attempt}"), f"{digest}-{attempt}"
        own = members.parts(wanted, member, source, settings, key)
        chosen = training_length.in_epochs(settings["training"], own.examples.steps)
        teachers = setup.teachers(own.examples, settings)
        training = setup.new_training(own.examples, {**settings, "training": chosen}, key)
        checkpoint = checkpoints.checkpoint_path(model_path, named)
        resume(training, checkpoint)
        solve = None
        if zoo.is_solved(settings["model"]):
            given = (training, own.examples, teachers, settings, wanted.class_names)
            solve = functools.partial(exact_solution.solve, *given)
        train_epochs(training, own, teachers, chosen, checkpoint, solve)
        found = learning.judge(training, own.examples, teachers, own.validation, chosen)
        learning.warn(member_name, found)
        # more of the same would not help where there is one target
        is_last = attempt == learning.RETRAININGS or not found["can_learn"] or solve is not None
        if found["learnt"] or chosen["untrained"] != "retrain" or is_last:
            break
        logs.LOG.info("%s is trained again, attempt %d", member_name, attempt + 2)
        # a job that is killed in the next attempt judges this one again, and does not train it again
        _save(training, checkpoint)
    for name in chosen["keep"]:
        if name not in training.choice.kept:
            logs.LOG.info("warning: no weights are kept as %s: it was a number in no epoch", name)
    columns, rows = (*HISTORY, *LEARNING), [dict(row) for row in training.history]
    rows[-1] |= {name: found[name] for name in LEARNING[:-2] if found[name] is not None}
    rows[-1] |= {"attempts": attempt + 1, "learnt": int(found["learnt"])}
    if own.test is not None:
        # once, of the last weights: test windows that were watched would choose an epoch
        columns = (*columns, *TEST)
        rows[-1] |= own.test.measure(training.result, "test")
    nan = float("nan")
    table = [[row["epoch"], *(f"{row.get(name, nan):.7g}" for name in columns[1:])] for row in rows]
    artefacts.write_table(history_path, columns, table)
    is_left_out = not found["learnt"] and chosen["untrained"] != "keep"
    about = found | {"attempts": attempt + 1, "left_out": is_left_out}
    model_files.save_kept(kept_path, checkpoints.Epochs(checkpoint, training.choice.kept), about)
    model_files.save(training.result, model_path)
    # last of all: a job that is killed before goes on from it
    checkpoints.remove(checkpoint)


def train_epochs(
    training: steps.Training,
    own: members.Parts,
    teachers: distillation.Teachers | None,
    chosen: Mapping,
    checkpoint: Path,
    solve: Callable[[], None] | None,
) -> None:
    """Take the epochs that are left of one attempt, and write checkpoints.

    Parameters
    ----------
    training : steps.Training
        At its beginning, or where it was resumed.
    own : members.Parts
        What is trained and validated on.
    teachers : Teachers or None
        Whose scores replace the targets.
    chosen : mapping
        The ``training`` section, in epochs.
    checkpoint : path
    solve : callable or None
        Sets the weights in place of the steps, in one epoch.

    Raises
    ------
    dawnchorus.runtime.run.Stopped
        On SIGTERM; the checkpoint is written.
    """
    epochs = 1 if solve else chosen["epochs"]
    with run.catch_signals() as should_stop:
        progress = logs.TrainingProgress(epochs, own.examples.steps, training)
        while training.epoch < epochs and not training.is_over:
            started = time.monotonic()
            if solve:
                solve()
                n_windows = len(own.examples.windows)
            else:
                n_windows = _train_epoch(
                    training, own.examples, teachers, should_stop, checkpoint, progress
                )
            windows_per_s = n_windows / (time.monotonic() - started)
            # the result is validated and kept, which of a mean teacher is not what was trained
            is_kept = training.end_epoch(own.validation.measure(training.result, "val"))
            progress.end_epoch()
            if is_kept:
                checkpoints.save_epoch(checkpoint, training.epoch, training.result.get_weights())
            row = training.history[-1]
            metrics = ", ".join(f"{name} {row[name]:.4g}" for name in validation.METRICS)
            logs.LOG.info(
                "epoch %d of %d: %s, rate %.1g, %.0f windows/s, at most %.0f s left", row["epoch"],
                epochs, metrics, row["rate"], windows_per_s,
                (epochs - row["epoch"]) * (time.monotonic() - started),
            )  # fmt: skip
            if training.epoch == learning.first_look(epochs) < epochs:
                learning.look_early(training.key[2], training, own.examples, teachers, chosen)
            if training.epoch % chosen["checkpoint_every"] == 0:
                _save(training, checkpoint)


def training_digest(
    stage: str,
    targets_path: str | Path,
    shards: Mapping[str, Sequence[str]],
    settings: Mapping,
    library: Mapping,
) -> str:
    """Return 16 hexadecimal digits of all that decides the weights of a stage's members.

    A training resumes from a checkpoint only where this agrees. The contents of targets and
    spectrograms count, and those of teachers, of a model to start from, and of frame labels.
    """
    read = [targets_path, *_in_order(shards)]
    for teacher in settings.get("teachers") or ():
        read += [teacher["model"], *filter(None, [teacher["kept"]])]
        read += _in_order(teacher["shards"] or {})
    start = settings["training"]["pretrained"]
    read += [start["path"]] if start else []
    read += [settings["normaliser"]] if settings["normaliser"] else []
    about = settings["frame_targets"] or {"events": {}, "scores": {}}
    read += _in_order(about["scores"])
    read += [path for of in about["events"].values() for path in of.values()]
    # contents, not times: a copy of the results goes on where its original was
    contents = [artefacts.input_sha256(path) for path in read]
    return provenance.settings_digest([stage, settings, library, contents])


def _in_order(shards: Mapping[str, Sequence[str]]) -> list[str]:
    # by name: the order in which a config has its corpora is no setting
    return [path for corpus in sorted(shards) for path in shards[corpus]]


def _train_epoch(
    training, examples, teachers, should_stop, checkpoint: Path, progress: logs.TrainingProgress
) -> int:
    """Take the steps of an epoch that are left and return the number of windows."""
    logged_s, n_windows = time.monotonic(), 0
    for windows, targets, weights in batches.ahead(examples, training.epoch, training.step):
        if teachers is not None:
            targets = teachers.targets(windows, targets)
        training.train_step(windows, targets, weights)
        n_windows += len(windows)
        progress.step(len(windows))
        if should_stop():
            _save(training, checkpoint)
            raise run.Stopped(
                f"told to stop in epoch {training.epoch + 1}; {checkpoint} goes on from there"
            )
        if time.monotonic() - logged_s > _LOG_EVERY_S:
            logged_s = time.monotonic()
            logs.LOG.info(
                "epoch %d: step %d of %d, loss %.4f", training.epoch + 1, training.step,
                examples.steps, training.loss_sum / training.step,
            )  # fmt: skip
    return n_windows


def _save(training: steps.Training, checkpoint: Path) -> None:
    checkpoints.save(checkpoint, training.arrays(), training.state())
    # after the checkpoint is whole, which names those that it needs
    checkpoints.remove_epochs(checkpoint, training.choice.kept.values())


def resume(training: steps.Training, checkpoint: Path) -> None:
    """Take a training to where its checkpoint is, if there is one and all that it needs."""
    found = checkpoints.load(checkpoint)
    if found is None:
        return
    _, state = found
    if not checkpoints.Epochs(checkpoint, state["choice"]["kept"]).are_complete():
        logs.LOG.info("kept weights of checkpoint %s are gone: training starts anew", checkpoint)
        return
    training.restore(*found)
    logs.LOG.info("going on from epoch %d, step %d", training.epoch + 1, training.step)
