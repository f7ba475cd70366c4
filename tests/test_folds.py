"""Folds: sizes that follow from arithmetic, no leak unseen, a function of ids and seed alone."""

import tracemalloc
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.targets import folds


def recording(name, **fields):
    empty = {"data_set": "", "group": "", "fold": "", "labelled": True, "labels": ()}
    return SimpleNamespace(id=name, **(empty | fields))


def recordings(n, **fields):
    return [recording(f"r{index:05d}", **fields) for index in range(n)]


def dealt(items, kind, count=5, seed=0):
    return folds.deal(items, {"kind": kind, "count": count}, seed)


def spread(values):
    return max(values) - min(values)


def test_the_published_corpus_is_dealt_into_12552_and_3138():
    sizes = Counter(dealt(recordings(15_690), "rotate").values())
    assert sizes == dict.fromkeys(range(1, 6), 3138)
    assert 15_690 - sizes[1] == 12_552


@pytest.mark.parametrize("kind", ["rotate", "stratified", "grouped"])
def test_folds_follow_from_ids_and_seed_not_from_the_order_of_recordings(kind):
    items = [recording(f"r{i}", group=f"g{i // 2}", labels=("bird",) * (i % 2)) for i in range(40)]
    assert dealt(items, kind) == dealt(items[::-1], kind)
    assert list(dealt(items, kind)) == sorted(r.id for r in items)
    assert dealt(items, kind) != dealt(items, kind, seed=1)
    assert set(dealt(items, kind).values()) == {1, 2, 3, 4, 5}


def test_rotate_mixes_recordings_that_stand_together():
    found = np.array(list(dealt(recordings(1000), "rotate", count=2).values()))
    runs = 1 + np.count_nonzero(np.diff(found))
    # runs of 1000 fair coins: mean 501, standard deviation 15.8
    assert abs(runs - 501) < 5 * 15.8


def test_stratified_folds_differ_by_one_recording_of_each_label_set_at_most():
    sets = [(), ("bird",), ("frog", "bird"), ("bird", "frog")]
    items = [recording(f"r{i}", labels=sets[i % 7 % 4], labelled=i % 9 > 0) for i in range(123)]
    found = dealt(items, "stratified", count=4)
    assert spread(Counter(found.values()).values()) <= 1
    for labels in {(r.labelled, tuple(sorted(r.labels))) for r in items}:
        same = [r.id for r in items if (r.labelled, tuple(sorted(r.labels))) == labels]
        sizes = Counter(found[name] for name in same)
        assert spread([sizes[fold] for fold in range(1, 5)]) <= 1


def test_grouped_keeps_groups_together_and_balances_size_and_classes():
    rng = np.random.default_rng(3)
    items = []
    for group, size in enumerate(rng.integers(1, 20, size=60)):
        chance = rng.random()
        for index in range(size):
            labels = ("bird",) * int(rng.random() < chance)
            items.append(recording(f"{group}-{index}", group=f"g{group}", labels=labels))
    found = dealt(items, "grouped")
    folds.check_leaks(found, items)
    birds = Counter(found[r.id] for r in items if r.labels)
    assert spread(Counter(found.values()).values()) <= 0.03 * len(items)
    assert spread(birds.values()) <= 0.04 * birds.total()


def test_grouped_without_groups_deals_single_recordings():
    items = [recording(f"r{i}", labels=("bird",) * (i % 2)) for i in range(41)]
    assert spread(Counter(dealt(items, "grouped").values()).values()) <= 1


def test_grouped_leaves_no_fold_empty_where_one_group_holds_nearly_all():
    items = recordings(100, group="big") + [recording(f"s{i}") for i in range(4)]
    assert set(dealt(items, "grouped").values()) == {1, 2, 3, 4, 5}


def test_a_recording_is_not_in_the_group_that_bears_its_name():
    assert len(set(folds.group_keys([recording("a"), recording("b", group="a")]))) == 2
    twins = [recording("a", group="g"), recording("b", group="g")]
    assert len(set(folds.group_keys(twins))) == 1


def test_given_folds_are_numbered_in_natural_order():
    items = [recording(name, fold=fold) for name, fold in (("a", "10"), ("b", "9"), ("c", "10"))]
    assert dealt(items, "given", count=2) == {"a": 2, "b": 1, "c": 2}
    assert dealt(items, "given", count=None) == {"a": 2, "b": 1, "c": 2}


def test_a_data_set_is_a_fold_by_name():
    items = [recording(name, data_set=name[0]) for name in ("b1", "a1", "c1", "a2")]
    found = dealt(items, "leave_one_data_set_out", count=3)
    assert found == {"a1": 1, "a2": 1, "b1": 2, "c1": 3}


def test_a_group_in_two_folds_is_an_error_that_names_it():
    items = [recording("a", group="pond"), recording("b", group="pond"), recording("c")]
    folds.check_leaks({"a": 1, "b": 1, "c": 2}, items)
    folds.check_leaks({"a": 1, "c": 2}, items)  # b is not used
    with pytest.raises(
        ValueError, match=r"'pond' is in two.*'a' in fold 1 and 'b' in fold 2.*groupe"
    ):
        folds.check_leaks({"a": 1, "b": 2, "c": 2}, items)


def test_equal_content_in_two_folds_is_an_error_that_names_it():
    items = recordings(3)
    found = {"r00000": 1, "r00001": 1, "r00002": 2}
    folds.check_leaks(found, items, [("r00000", "r00001")])
    with pytest.raises(ValueError, match=r"'r00000' in fold 1 and 'r00002' in fold 2"):
        folds.check_leaks(found, items, [("r00000", "r00001", "r00002")])


def test_several_leaking_groups_are_counted():
    items = [recording(f"{g}{i}", group=g) for g in "xyz" for i in range(2)]
    with pytest.raises(ValueError, match=r"3 groups \('x', 'y', 'z'\)"):
        folds.check_leaks({r.id: int(r.id[1]) + 1 for r in items}, items)


@pytest.mark.parametrize(
    ("items", "kind", "count", "message"),
    [
        (recordings(9), "grouping", 3, "did you mean 'grouped'"),
        (recordings(2), "rotate", 3, "3 folds of 2 recordings"),
        (recordings(9, group="g"), "grouped", 3, "3 folds of 1 groups"),
        (recordings(9), "rotate", 1, "folds count 1"),
        (recordings(9), "stratified", None, "folds count None"),
        (recordings(9), "given", 3, "9 recordings have no fold: .'r00000'"),
        (recordings(9, fold="a"), "given", None, "1 values of fold: .'a'.; expected at least 2"),
        (recordings(9, data_set="d"), "leave_one_data_set_out", 3, "expected 3, the count"),
        (recordings(2) * 2, "rotate", 2, "2 ids stand twice: .'r00000', 'r00001'"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(items, kind, count, message):
    with pytest.raises(ValueError, match=message):
        dealt(items, kind, count)


# of twenty recordings of two classes, as they were dealt before rare classes were looked at
TEST_OF_20, VALIDATION_OF_20 = ["r04", "r19"], ["r02", "r06", "r13", "r16"]


def held_out(items, seed=0, **shares):
    shares = {"test": 0.0, "validation": 0.0} | shares
    return folds.deal(items, {"kind": "holdout", "count": 1, "shares": shares}, seed)


def test_shares_are_held_out_and_the_rest_is_last():
    sizes = Counter(held_out(recordings(1000), test=0.01, validation=0.05).values())
    assert sizes == {1: 10, 2: 50, 3: 940}
    assert Counter(held_out(recordings(1000), validation=0.05).values()) == {1: 50, 2: 950}
    # serizel2018 holds a fifth of its 1,578 weak clips out
    assert Counter(held_out(recordings(1578), validation=0.2).values()) == {1: 316, 2: 1262}
    assert Counter(held_out(recordings(3), test=0.01, validation=0.05).values()) == {
        1: 1,
        2: 1,
        3: 1,
    }


def test_a_held_out_share_never_splits_a_group():
    items = [recording(f"r{i:03}", group=f"g{i // 7}") for i in range(200)]
    found = held_out(items, test=0.1, validation=0.1)
    by_group = {}
    for item in items:
        by_group.setdefault(item.group, set()).add(found[item.id])
    assert all(len(numbers) == 1 for numbers in by_group.values())
    sizes = Counter(found.values())
    assert 20 <= sizes[1] < 27
    assert 20 <= sizes[2] < 27
    assert found != held_out(items, seed=1, test=0.1, validation=0.1)


def test_without_shares_every_recording_trains():
    """The only member is that of fold 1: in fold 2 a recording is never its own."""
    assert Counter(held_out(recordings(50)).values()) == {2: 50}


@pytest.mark.parametrize("seed", range(5))
def test_the_last_recording_of_a_class_is_not_held_out(seed):
    rare = [recording(f"s{i}", labels=(f"rare{i}",)) for i in range(20)]
    pairs = [recording(f"p{i}", labels=(f"four{i // 4}",)) for i in range(40)]
    found = held_out(rare + pairs, seed=seed, test=0.1, validation=0.2)
    assert Counter(found.values()) == {1: 6, 2: 12, 3: 42}
    trained = {name for item in rare + pairs if found[item.id] == 3 for name in item.labels}
    assert trained == {name for item in rare + pairs for name in item.labels}


def test_folds_without_rare_classes_are_those_of_before():
    items = [recording(f"r{i:02}", labels=("a", "b")[i % 2 : i % 2 + 1]) for i in range(20)]
    found = held_out(items, test=0.1, validation=0.2)
    assert [name for name, fold in found.items() if fold == 1] == TEST_OF_20
    assert [name for name, fold in found.items() if fold == 2] == VALIDATION_OF_20


def test_a_share_is_never_empty_where_every_recording_is_the_last_of_its_class():
    items = [recording(f"r{i}", labels=(f"c{i}",)) for i in range(5)]
    assert Counter(held_out(items, validation=0.2).values()) == {1: 1, 2: 4}


def test_too_few_groups_for_the_shares_are_refused():
    items = [recording(f"r{i}", group="g") for i in range(9)]
    with pytest.raises(ValueError, match="1 groups for 2 held-out shares"):
        held_out(items, test=0.1, validation=0.1)


def made_up(n, n_classes, rng):
    return [
        recording(
            f"r{i:04d}", group=f"g{rng.integers(n // 2)}" if i % 5 else "", labelled=i % 11 > 0,
            labels=tuple(f"c{c}" for c in rng.integers(0, n_classes, i % 4)),
        )
        for i in range(n)
    ]  # fmt: skip


def by_dense_arithmetic(items, count, seed):
    """Deal groups with the shares of all groups in one dense array, as the definition has it."""
    keys = folds.group_keys(items)
    names = sorted(set(keys))
    classes = sorted({label for r in items if r.labelled for label in r.labels})
    counts = np.zeros((len(names), 2 + len(classes)))  # recordings, of no class, of each class
    for key, item in zip(keys, items, strict=True):
        columns = [2 + classes.index(label) for label in set(item.labels)] or [1]
        counts[names.index(key), [0, *(columns if item.labelled else [])]] += 1
    shares = counts / counts.sum(axis=0)
    shares[:, 1:] /= np.sqrt(1 + len(classes))
    shuffled = np.random.default_rng(seed).permutation(len(names))
    weight = np.square(shares).sum(axis=1)[shuffled]
    held, found = np.zeros((count, shares.shape[1])), {}
    for group in shuffled[np.argsort(-weight, kind="stable")]:
        found[names[group]] = fold = int(np.argmin(held @ shares[group]))
        held[fold] += shares[group]
    return {item.id: found[key] + 1 for item, key in zip(items, keys, strict=True)}


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_dealt_as_by_dense_arithmetic_whatever_is_dense_at_a_time(seed, monkeypatch):
    items = made_up(300, 25, np.random.default_rng(seed))
    expected = by_dense_arithmetic(items, 4, seed)
    assert dealt(items, "grouped", count=4, seed=seed) == expected
    monkeypatch.setattr(folds, "_AT_ONCE", 1)
    assert dealt(items, "grouped", count=4, seed=seed) == expected


def test_groups_of_many_classes_need_little_memory():
    n = 4000
    items = [recording(f"r{i}", group=f"g{i}", labels=(f"c{i % 2000}",)) for i in range(n)]
    tracemalloc.start()
    dealt(items, "grouped")
    # all groups dense would be 64 MB, three times over
    assert tracemalloc.get_traced_memory()[1] < 80e6
    tracemalloc.stop()


def test_a_class_that_loses_all_its_recordings_is_an_error(tmp_path):
    rows = [
        (n, "", "", "", "", "", 1, label, "", "")
        for n, label in zip("abc", ("x", "x", "y"), strict=True)
    ]
    tables.write_rows(tmp_path / "labels.csv", tables.LABELS, rows)
    artefacts.write_table(
        tmp_path / "verdicts.csv", ("id", "verdict"),
        [("a", "used"), ("b", "used"), ("c", "AUDIO_EMPTY")],
    )  # fmt: skip
    paths = ({"k": tmp_path / "labels.csv"}, {"k": tmp_path / "verdicts.csv"}, {"k": []})
    about = {"kind": "rotate", "count": 2, "by": "group", "split_groups": False, "seed": 1}
    with pytest.raises(ValueError, match=r"1 classes lose all of their recordings: 'y' \(1\)"):
        folds.deal_folds(["k"], *paths, about, tmp_path / "folds.csv")
