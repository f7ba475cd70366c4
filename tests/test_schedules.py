"""Learning rates, optimisers, and the epochs that are kept."""

import itertools
import json
import math

import keras
import pytest
from stage_settings import PATIENT, training

from dawnchorus.settings.errors import validated
from dawnchorus.settings.section import ByName
from dawnchorus.training import schedule, steps, training_length, validation

SCHEDULES = ByName("dawnchorus.training.schedules", "kind", "plateau")
CHOICE = {
    "early_stopping": PATIENT,
    "keep": [],
    "snapshot_every": None,
}


def made(kind, epochs=60, start=1e-3, **changed):
    patience = {"patience": 2} if kind == "plateau" else {}
    chosen = SCHEDULES.validate({"kind": kind, **patience, **changed})
    return schedule.make({"learning_rate": start, "epochs": epochs, "schedule": chosen})


def rates(rule, epochs):
    return [rule.rate(epoch) for epoch in range(1, epochs + 1)]


@pytest.mark.parametrize(
    ("n_windows", "batch_size", "each", "epochs", "warmup", "patience"),
    [
        (100, 10, 60, 50, 2, 5),
        (100_000, 32, 60, 50, 2, 5),  # the same for a thousand times the windows
    ],
)
def test_steps_mean_the_same_whatever_the_number_of_windows(
    n_windows, batch_size, each, epochs, warmup, patience
):
    chosen = training(
        steps=3000, schedule={"kind": "plateau", "warmup_steps": 100, "patience_steps": 300},
        early_stopping={"patience_steps": 301},
    )  # fmt: skip
    size = training_length.batch_size(chosen, n_windows)
    assert (size, training_length.steps_per_epoch(chosen, n_windows, size)) == (batch_size, each)
    found = training_length.in_epochs(chosen, each)
    schedule = found["schedule"]
    assert (found["epochs"], schedule["warmup_epochs"], schedule["patience"]) == (
        epochs,
        warmup,
        patience,
    )
    assert found["early_stopping"]["patience"] == patience + 1


def test_a_patience_in_steps_is_one_of_passes_where_the_length_is_in_epochs():
    # 240 clips in batches of 64 are 4 steps a pass: 15 epochs of patience were 60 steps
    chosen = training(epochs=60, batch_size=64, schedule={"kind": "plateau", "patience_steps": 600})
    each = training_length.steps_per_epoch(chosen, 240, 64)
    found = training_length.in_epochs(chosen, each)
    assert (each, found["epochs"], found["schedule"]["patience"]) == (4, 60, 150)


def test_lengths_in_epochs_stay_as_they_are():
    chosen = training(batch_size=64, epochs=60, schedule={"kind": "plateau", "patience": 15})
    found = training_length.in_epochs(chosen, 4)
    assert (found["epochs"], found["schedule"]["patience"]) == (60, 15)
    assert training_length.steps_per_epoch(chosen, 240, 64) == 4
    whole = training(steps=90, steps_per_epoch="whole_batches", batch_size=64)
    assert (
        training_length.in_epochs(whole, training_length.steps_per_epoch(whole, 240, 64))["epochs"]
        == 30
    )


@pytest.mark.parametrize(("epoch", "rate"), [(1, 1e-3), (31, 5e-4), (60, 6.9e-7)])
def test_cosine_has_the_published_rates(epoch, rate):
    assert made("cosine").rate(epoch) == pytest.approx(rate, rel=0.01)


def test_linear_runs_from_start_to_end():
    found = rates(made("linear"), 60)
    assert found[0] == 1e-3
    assert found[-1] == pytest.approx(1e-6, rel=1e-9)
    steps = [one - other for one, other in itertools.pairwise(found)]
    assert steps == pytest.approx([(1e-3 - 1e-6) / 59] * 59)


def test_step_falls_every_n_epochs_and_ends_at_the_end_rate():
    found = rates(made("step", step_epochs=10), 60)
    expected = [1e-3 - number * (1e-3 - 1e-6) / 5 for number in range(6) for _ in range(10)]
    assert found == pytest.approx(expected)
    assert found[-1] == pytest.approx(1e-6)


def test_step_never_falls_below_the_end_rate():
    # 25 epochs of steps of 10: the formula of system 002 gives -9.98e-4 from epoch 21 on
    assert rates(made("step", epochs=25), 25) == pytest.approx(
        [1e-3] * 10 + [1e-6] * 10 + [1e-6] * 5
    )


def test_step_longer_than_the_training_is_constant():
    assert rates(made("step", epochs=12, step_epochs=10), 12) == [1e-3] * 12


def test_root_falls_with_the_root_of_the_epoch():
    assert rates(made("root"), 9)[::3] == pytest.approx([1e-3, 5e-4, 1e-3 / math.sqrt(7)])


def test_exponential_has_the_published_rates():
    rule = made("exponential")
    assert rule.rate(1 + 1) == pytest.approx(9.5e-4)  # after epoch 1
    assert rule.rate(50 + 1) == pytest.approx(7.7e-5, rel=0.01)  # after epoch 50


@pytest.mark.parametrize("kind", SCHEDULES.names())
def test_warm_up_rises_to_the_start_of_any_schedule(kind):
    found = rates(made(kind, epochs=20, warmup_epochs=4), 20)
    assert found[:5] == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 1e-3])
    assert found[4:] == rates(made(kind, epochs=16), 16)


def test_plateau_lowers_the_rate_and_stops_below_the_last():
    rule = made("plateau")
    found = []
    for epoch in range(1, 20):
        if rule.is_over:
            break
        rule.observe({"epoch": epoch, "loss": 1.0})
        found.append(rule.rate(epoch + 1))
    # the first loss is better than none; then every second epoch without a better one
    assert found == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5], rel=1e-9)


def test_plateau_does_not_judge_the_warm_up():
    rule = made("plateau", warmup_epochs=3)
    for epoch in (1, 2, 3):
        rule.observe({"epoch": epoch, "loss": 0.1})
    assert (rule.best, rule.waited) == (math.inf, 0)
    rule.observe({"epoch": 4, "loss": 0.5})
    assert rule.best == 0.5


@pytest.mark.parametrize("kind", SCHEDULES.names())
def test_a_schedule_goes_on_from_its_plain_state(kind):
    one, other = made(kind), made(kind)
    for epoch, loss in enumerate([3.0, 4.0, 2.0, 5.0, 6.0, 2.5, 7.0], 1):
        vars(other).update(json.loads(json.dumps(vars(one))))
        for rule in (one, other):
            rule.observe({"epoch": epoch, "loss": loss})
        assert vars(one) == vars(other)
        assert one.rate(epoch + 1) == other.rate(epoch + 1)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(
        ValueError, match=r"schedule.kind: 'cosin'; expected .*did you mean 'cosine'"
    ):
        validated("schedule", SCHEDULES, {"kind": "cosin"})


def test_optimizers_take_their_options():
    sgd = steps.make_optimizer("sgd", 0.1, {"momentum": 0.9, "nesterov": True})
    assert isinstance(sgd, keras.optimizers.SGD)
    assert (float(sgd.learning_rate), sgd.momentum, sgd.nesterov) == (pytest.approx(0.1), 0.9, True)
    rmsprop = steps.make_optimizer("rmsprop", 1e-3, {"rho": 0.8, "epsilon": 1e-8})
    assert (rmsprop.rho, rmsprop.epsilon) == (0.8, 1e-8)
    assert steps.make_optimizer("adamw", 1e-3, {"weight_decay": 0.1}).weight_decay == 0.1
    assert steps.make_optimizer("adam", 1e-3, {"beta_1": 0.8}).beta_1 == 0.8


@pytest.mark.parametrize(
    ("name", "option"),
    [("adam", "momentum"), ("sgd", "rho"), ("rmsprop", "beta_1"), ("adamw", "nesterov")],
)
def test_an_option_that_an_optimizer_does_not_take_is_refused(name, option):
    with pytest.raises(ValueError, match=f"{name} takes no '{option}'; expected .*weight_decay"):
        steps.make_optimizer(name, 1e-3, {option: 0.5})


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer 'lion'; expected one of adam, adamw"):
        steps.make_optimizer("lion", 1e-3, {})


def observed(values, metric="val_mlrap", **changed):
    """Return a choice after epochs with these values of one metric, and the epochs it took."""
    choice = validation.EpochChoice(CHOICE | changed)
    for epoch, value in enumerate(values, 1):
        choice.observe(
            dict.fromkeys(validation.METRICS, math.nan) | {"epoch": epoch, metric: value}
        )
        if choice.is_over:
            break
    return choice, epoch


@pytest.mark.parametrize(
    ("metric", "values", "epoch"),
    [
        ("val_mlrap", [0.2, 0.5, 0.5, 0.4], 2),
        ("val_loss", [2.0, 0.5, 0.5, 0.4, 0.4], 4),
        ("loss", [1.0, 2.0], 1),
        ("val_accuracy", [math.nan, 0.1, math.nan], 2),
    ],
)
def test_the_first_of_equally_good_epochs_is_kept(metric, values, epoch):
    choice, _ = observed(values, metric, keep=[f"best_{metric}"])
    assert choice.kept == {f"best_{metric}": epoch}


def test_an_epoch_of_nothing_but_nan_is_not_kept():
    assert observed([math.nan, math.nan], keep=["best_val_mlrap"])[0].kept == {}


def test_training_stops_after_so_many_epochs_without_a_better_one():
    stopping = {"metric": "val_mlrap", "patience": 3, "min_delta": 0.0, "from_epoch": 1}
    values = [0.1, 0.2, 0.2, 0.1, 0.2, 0.9]
    assert observed(values, early_stopping=stopping)[1] == 5
    assert not observed(values[:4], early_stopping=stopping)[0].is_over
    assert observed([math.nan] * 9, early_stopping=stopping)[1] == 3
    assert not observed([0.1] * 9)[0].is_over


def test_system_004_stops_at_the_sixteenth_epoch_that_is_not_better_by_a_hundredth():
    stopping = {"metric": "val_macro_f", "patience": 16, "min_delta": 0.01, "from_epoch": 7}
    kept = {"keep": ["best_val_macro_f"], "early_stopping": stopping}
    # the first six do not count; the eighth and the tenth are a little better than the seventh
    values = [0.9] * 6 + [0.5, 0.509, 0.4, 0.5095] + [0.3] * 40
    choice, epoch = observed(values, "val_macro_f", **kept)
    assert choice.kept == {"best_val_macro_f": 10}  # the plainly best
    assert epoch == 7 + 16
    assert observed([0.5] * 6, "val_macro_f", **kept)[0].kept == {}


def test_snapshots_are_kept_every_so_many_epochs():
    assert observed([0.0] * 7, snapshot_every=3)[0].kept == {"epoch_3": 3, "epoch_6": 6}


def test_a_choice_goes_on_from_its_plain_state():
    settings = {
        "keep": ["best_val_mlrap"],
        "early_stopping": PATIENT | {"metric": "val_loss", "patience": 2},
    }
    one, _ = observed([0.3, 0.6], **settings)
    other = validation.EpochChoice(CHOICE | settings)
    other.restore(json.loads(json.dumps(one.state())))
    assert (other.kept, other.is_over, other.state()) == (one.kept, one.is_over, one.state())


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="metric 'val_auc' of keep or early_stopping"):
        validation.EpochChoice(CHOICE | {"keep": ["best_val_auc"]})


def test_only_choices_by_validation_need_validation():
    stopping = {"metric": "val_mlrap", "patience": 3, "min_delta": 0.0, "from_epoch": 1}
    assert validation.validation_choices(CHOICE | {"keep": ["best_loss"]}) == []
    chosen = CHOICE | {"keep": ["best_loss", "best_val_loss"], "early_stopping": stopping}
    assert validation.validation_choices(chosen) == ["best_val_loss", "val_mlrap"]
