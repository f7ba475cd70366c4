import numpy as np
import pytest

from dawnchorus.runtime import seeds

PATHS = [
    ("first", "f1p0s1", 1),
    ("first", "f1p0s1", 2),
    ("second", "f1p0s1", 1),
    ("first", "f1p0s1", "1"),
    (),
]


def test_equal_paths_give_equal_numbers():
    for path in PATHS:
        one, other = (seeds.generator(7, *path).random(5) for _ in range(2))
        np.testing.assert_array_equal(one, other)


def test_numbers_are_the_same_in_every_release():
    assert seeds.integer(2017, "first", "f1p0s1", 3) == 681934845
    assert seeds.generator(2017, "first", "f1p0s1", 3).integers(0, 1000, 4).tolist() == [
        615,
        151,
        119,
        440,
    ]


def test_any_change_of_seed_or_path_gives_other_numbers():
    drawn = [seeds.generator(seed, *path).integers(0, 2**62) for seed in (7, 8) for path in PATHS]
    drawn += [seeds.integer(seed, *path) for seed in (7, 8) for path in PATHS]
    assert len(set(drawn)) == 4 * len(PATHS)


def test_parts_of_a_path_do_not_run_together():
    assert seeds.integer(7, "ab", "c") != seeds.integer(7, "a", "bc")
    assert seeds.integer(7, 1, 2) != seeds.integer(7, 12)


def test_integers_are_of_31_bits():
    drawn = [seeds.integer(7, number) for number in range(200)]
    assert min(drawn) >= 0
    assert max(drawn) < 2**31
    assert max(drawn) > 2**30  # chance of failing by luck: 2 ** -200


@pytest.mark.parametrize("before", [0, 1, 1000])
def test_numbers_do_not_follow_from_what_was_drawn_before(before):
    np.random.default_rng(1).random(before)
    seeds.generator(7, "other").random(before)
    assert seeds.generator(7, "a").integers(10**9) == seeds.generator(7, "a").integers(10**9)
