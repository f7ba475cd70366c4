"""Augmentation: every method against its definition written out, the engine, masks and mixup."""

import math
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import stage_settings

from dawnchorus.augmentation import cubic, engine
from dawnchorus.settings.augmentation import METHODS, AugmentationSettings
from dawnchorus.settings.errors import validated

ROOT = Path(__file__).parents[1]
NONE = stage_settings.augmentation(rotate=False, shift_bands=0)
MASKS = {
    "time_masks": 1,
    "time_width": 0.4,
    "frequency_masks": 0,
    "frequency_width": 0.5,
    "replace": "zero",
}
SMALL = 1e-5  # float32


@pytest.fixture
def image(rng):
    return rng.random((12, 20), np.float32)


def changed(name, image, seed=0, noise=None, **options):
    """One method with its defaults, and the Generator it drew from, at its start."""
    options = METHODS.model(name).model_validate(options).complete()
    if name == "add_noise":
        options["noise"] = noise or (lambda rng: np.full_like(image, 0.25))
    if name == "mix_noise":
        options["noise"] = noise or (lambda rng: rng.random(image.shape).astype(image.dtype))
    rng, same = np.random.default_rng(seed), np.random.default_rng(seed)
    return engine.method(name)(image, rng, **options), same


def checked(settings):
    return validated("augmentation", AugmentationSettings, settings)


def written_out(shape, value):
    """An image whose pixels a function of row and column gives."""
    return np.array([[value(row, column) for column in range(shape[1])] for row in range(shape[0])])


# the methods


@pytest.mark.parametrize("name", METHODS.names())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_method_keeps_shape_type_and_its_input(name, dtype, image):
    given = image.astype(dtype)
    before = given.copy()
    result, _ = changed(name, given)
    assert result.shape == given.shape
    assert result.dtype == dtype
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(given, before)
    result[:] = -1
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("name", METHODS.names())
def test_a_method_is_a_function_of_the_generator_and_not_of_the_memory_layout(name, rng):
    image = rng.random((40, 60), np.float32)
    first, _ = changed(name, image, seed=3)
    again, _ = changed(name, image.T.copy().T, seed=3)
    other, _ = changed(name, image, seed=4)
    np.testing.assert_allclose(first, again, atol=SMALL)
    draws_nothing = name in ("blur", "subtract_mean", "flip")
    assert np.array_equal(first, other) == draws_nothing


def test_a_method_takes_the_options_of_its_settings():
    for name in METHODS.names():
        method = engine.method(name)
        options = set(method.__kwdefaults__ or {}) | set(method.__code__.co_varnames[2:])
        assert set(METHODS.model(name).model_fields) <= options


@pytest.mark.parametrize("seed", range(5))
def test_rolls_are_circular_and_whole(seed, image):
    rolled, rng = changed("roll_frequency", image, seed)
    shift = int(12 * rng.uniform(-0.15, 0.15))
    expected = written_out((12, 20), lambda row, column: image[(row - shift) % 12, column])
    np.testing.assert_array_equal(rolled, expected)
    rolled, rng = changed("roll_time", image, seed)
    shift = int(20 * rng.uniform(-0.5, 0.5))
    expected = written_out((12, 20), lambda row, column: image[row, (column - shift) % 20])
    np.testing.assert_array_equal(rolled, expected)


def test_noise_is_added_as_a_weighted_mean(image):
    noise = image[::-1]
    mixed, rng = changed("add_noise", image, noise=lambda rng: noise)
    own, others = rng.uniform(1, 2), rng.uniform(1, 2)
    np.testing.assert_allclose(mixed, np.average([image, noise], 0, [own, others]), atol=SMALL)


def test_noise_of_another_shape_is_refused(image):
    with pytest.raises(ValueError, match=r"\(1, 20\).*\(12, 20\)"):
        changed("add_noise", image, noise=lambda rng: image[:1])


def test_crop_without_amounts_removes_one_pixel_of_each_side(image):
    cropped, _ = changed("crop", image, amounts=[0, 0, 0, 0])
    np.testing.assert_allclose(cropped, stretched(image[1:-1, 1:-1], (12, 20)), atol=SMALL)


def test_crop_removes_up_to_its_amounts(image):
    cropped, rng = changed("crop", image, seed=5, amounts=[0.45, 0.3, 0.45, 0.2])
    top, left = max(1, int(12 * rng.uniform(0, 0.45))), max(1, int(20 * rng.uniform(0, 0.3)))
    bottom, right = max(1, int(12 * rng.uniform(0, 0.45))), max(1, int(20 * rng.uniform(0, 0.2)))
    assert max(top, left, bottom, right) > 2
    expected = stretched(image[top : 12 - bottom, left : 20 - right], (12, 20))
    np.testing.assert_allclose(cropped, expected, atol=SMALL)


def test_crop_leaves_a_pixel_of_the_smallest_image():
    cropped, _ = changed("crop", np.array([[2.0]], np.float32))
    np.testing.assert_allclose(cropped, [[2.0]], atol=SMALL)


def stretched(part, shape):
    """Return an image resized by cubic convolution, pixel by pixel."""
    steps = part.shape[0] / shape[0], part.shape[1] / shape[1]
    return written_out(
        shape,
        lambda *at: at_place(part, *((a + 0.5) * s - 0.5 for a, s in zip(at, steps, strict=True))),
    )


def at_place(image, y, x):
    """Return the value at a place: Keys' sum over 4 x 4 neighbours, edges replicated."""
    total = 0.0
    for row in range(math.floor(y) - 1, math.floor(y) + 3):
        for column in range(math.floor(x) - 1, math.floor(x) + 3):
            inside = min(max(row, 0), len(image) - 1), min(max(column, 0), image.shape[1] - 1)
            total += keys(abs(y - row)) * keys(abs(x - column)) * image[inside]
    return total


def keys(distance, a=-0.75):
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a


def test_resampling_keeps_pixels_and_planes(image):
    np.testing.assert_array_equal(cubic.resample(image, np.arange(12), np.arange(20)), image)
    even = np.full((9, 9), 3.5, np.float32)
    places = np.linspace(0, 8, 23)
    np.testing.assert_allclose(cubic.resample(even, places, places), 3.5, rtol=SMALL)


def test_zoom_enlarges_about_the_centre(image):
    zoomed, rng = changed("zoom", image, amount=1.0)
    factor = 1 + rng.uniform(0, 1)
    expected = written_out(
        (12, 20),
        lambda row, column: at_place(
            image, 5.5 + (row - 5.5) / factor, 9.5 + (column - 9.5) / factor
        ),
    )
    np.testing.assert_allclose(zoomed, expected, atol=SMALL)


def test_image_is_turned_about_its_centre_and_zeros_move_in(image):
    turned, rng = changed("rotate_image", image, degrees=40.0)
    angle = math.radians(rng.uniform(-40, 40))

    def value(row, column):
        y = 5.5 + math.cos(angle) * (row - 5.5) + math.sin(angle) * (column - 9.5)
        x = 9.5 - math.sin(angle) * (row - 5.5) + math.cos(angle) * (column - 9.5)
        if not (0 <= y <= 11 and 0 <= x <= 19):
            return 0.0
        i, j = min(int(y), 10), min(int(x), 18)
        above = image[i, j] * (1 - x + j) + image[i, j + 1] * (x - j)
        below = image[i + 1, j] * (1 - x + j) + image[i + 1, j + 1] * (x - j)
        return above * (1 - y + i) + below * (y - i)

    np.testing.assert_allclose(turned, written_out((12, 20), value), atol=SMALL)
    assert turned[0, 0] == 0


def test_gaussian_noise_has_a_deviation_up_to_the_root_of_its_amount():
    flat = np.zeros((200, 200), np.float32)
    found = []
    for seed in range(20):
        noisy, rng = changed("gaussian", flat, seed)
        found.append(noisy.std())
        np.testing.assert_allclose(noisy.std(), rng.uniform(0, math.sqrt(0.05)), rtol=0.02)
        assert abs(noisy.mean()) < 0.01
    assert max(found) > 0.15


def test_dropout_sets_a_share_of_the_pixels_to_zero():
    ones = np.ones((200, 300), np.float32)
    dropped, rng = changed("dropout", ones)
    np.testing.assert_array_equal(dropped, rng.random((200, 300), np.float32) > 0.25)
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)


def test_blackout_is_one_block_of_columns_anywhere(image):
    starts = set()
    for seed in range(200):
        black, _ = changed("blackout", image + 1, seed)
        empty = np.flatnonzero((black == 0).all(axis=0))
        assert np.array_equal(empty, [empty[0], empty[0] + 1])  # int(20 * 0.1) columns
        others = np.delete(np.arange(20), empty)
        np.testing.assert_array_equal(black[:, others], image[:, others] + 1)
        starts.add(int(empty[0]))
    assert starts == set(range(19))


@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_blur_is_the_mean_of_neighbours_with_replicated_edges(kernel, image):
    blurred, _ = changed("blur", image, kernel=kernel)

    def value(row, column):
        near = [
            image[min(max(row + i - kernel // 2, 0), 11), min(max(column + j - kernel // 2, 0), 19)]
            for i in range(kernel)
            for j in range(kernel)
        ]
        return sum(near) / kernel**2

    np.testing.assert_allclose(blurred, written_out((12, 20), value), atol=SMALL)


def test_brightness_is_one_factor_and_multiply_one_for_each_pixel(image):
    bright, rng = changed("brightness", image)
    np.testing.assert_allclose(bright, image * rng.uniform(0.85, 1.15), atol=SMALL)
    factors, _ = changed("multiply", np.ones((200, 300), np.float32))
    assert 0.75 <= factors.min() < 0.76
    assert 1.24 < factors.max() <= 1.25
    assert factors.mean() == pytest.approx(1, abs=0.005)
    assert np.unique(factors).size > 50_000
    multiplied, _ = changed("multiply", image)
    same, _ = changed("multiply", np.ones_like(image))
    np.testing.assert_allclose(multiplied, image * same, atol=SMALL)


def test_the_mean_is_subtracted_and_the_rest_rescaled():
    image = np.array([[0, 0], [1, 3]], np.float32)  # mean 1
    np.testing.assert_allclose(changed("subtract_mean", image)[0], [[0, 0], [0, 1]])
    assert not changed("subtract_mean", np.full((3, 4), 0.7, np.float32))[0].any()


def test_flip_runs_time_backwards(image):
    expected = written_out((12, 20), lambda row, column: image[row, 19 - column])
    np.testing.assert_array_equal(changed("flip", image)[0], expected)


# the engine


def test_nothing_is_drawn_where_nothing_is_set(rng):
    windows = rng.random((4, 20, 12), np.float32)
    before, state = windows.copy(), rng.bit_generator.state
    values = np.eye(4)
    kept = engine.augment(windows, NONE, rng)
    assert engine.mixup(windows, values, NONE, rng) is values
    assert kept.tolist() == [True] * 4
    np.testing.assert_array_equal(windows, before)
    assert rng.bit_generator.state == state


def test_a_window_is_changed_as_an_image_of_bands_by_frames(image):
    settings = NONE | {"count": 1, "probability": 1.0, "methods": {"flip": {}}}
    windows = np.stack([image.T, image.T + 1])  # (B, T, F)
    engine.augment(windows, settings, np.random.default_rng(1))
    np.testing.assert_array_equal(windows[0], image.T[::-1])
    np.testing.assert_array_equal(windows[1], image.T[::-1] + 1)


def test_options_given_take_the_place_of_defaults(image):
    methods = {"blackout": {"amount": 1.0}}
    settings = checked(NONE | {"count": 1, "probability": 1.0, "methods": methods})
    windows = image.T[None].copy()
    engine.augment(windows, settings, np.random.default_rng(1))
    assert not windows.any()


def test_the_same_generator_gives_the_same_windows_whatever_the_order_of_the_methods(rng):
    windows = rng.random((8, 20, 12), np.float32)
    methods = {name: {} for name in METHODS.names()}
    reversed_methods = dict(reversed(methods.items()))
    results = []
    for chosen, seed in ((methods, 1), (methods, 1), (reversed_methods, 1), (methods, 2)):
        out = windows.copy()
        settings = checked(NONE | {"count": 3})
        settings["methods"] = {name: METHODS.model(name)().complete() for name in chosen}
        engine.augment(out, settings, np.random.default_rng(seed), lambda rng: windows[0].T)
        results.append(out)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[3])


def test_each_try_succeeds_with_its_probability_and_takes_an_unused_method(rng):
    found = [tuple(engine.draw_methods(["a", "b", "c"], 2, 0.5, rng)) for _ in range(20_000)]
    counts = Counter(found)
    assert all(len(set(drawn)) == len(drawn) for drawn in counts)
    # none: both tries fail; one of three: either succeeds; two of six orders: both do
    assert len(counts) == 1 + 3 + 6
    for drawn, share in (((), 1 / 4), (("b",), 1 / 6), (("c", "a"), 1 / 24)):
        assert counts[drawn] / 20_000 == pytest.approx(share, abs=0.01)


def test_more_tries_than_methods_use_each_once(rng):
    assert sorted(engine.draw_methods(["a", "b"], 9, 1.0, rng)) == ["a", "b"]
    assert engine.draw_methods(["a", "b"], 9, 0.0, rng) == []


def test_windows_are_clipped_after_their_methods():
    settings = NONE | {"count": 1, "methods": {"brightness": {"amount": 1.0}}, "clip": [0, 1]}
    windows = np.full((200, 2, 2), 0.9, np.float32)
    engine.augment(windows, settings, np.random.default_rng(1))
    values = windows[:, 0, 0]
    assert values.max() == 1
    assert (values == np.float32(0.9)).mean() == pytest.approx(0.5, abs=0.1)  # untouched
    engine.augment(windows, settings | {"clip": None}, np.random.default_rng(1))
    assert windows.max() > 1


def test_a_window_without_a_method_is_not_clipped():
    settings = NONE | {"count": 1, "probability": 0.0, "methods": {"flip": {}}, "clip": [0, 1]}
    windows = np.full((2, 3, 4), -7, np.float32)
    engine.augment(windows, settings, np.random.default_rng(1))
    assert (windows == -7).all()


def test_without_a_noise_bank_the_method_counts_as_not_there(rng):
    windows = rng.random((50, 20, 12), np.float32)
    others = {"flip": {}, "roll_time": {"amount": 0.5}}
    settings = NONE | {"count": 2, "methods": {"add_noise": {}, **others}}
    out, expected = windows.copy(), windows.copy()
    kept = engine.augment(out, settings, np.random.default_rng(1))
    engine.augment(expected, settings | {"methods": others}, np.random.default_rng(1))
    assert kept.all()
    np.testing.assert_array_equal(out, expected)


def test_a_window_that_finds_no_noise_is_lost_only_where_that_is_asked_for(rng):
    windows = rng.random((4000, 3, 2), np.float32)
    settings = NONE | {
        "count": 2, "methods": {"add_noise": {}, "flip": {}}, "drop_without_noise": True,
    }  # fmt: skip
    out = windows.copy()
    kept = engine.augment(out, settings, np.random.default_rng(1))
    # lost: one of two methods after one success, certain after two
    assert (~kept).mean() == pytest.approx(1 / 2 * 1 / 2 + 1 / 4, abs=0.03)
    np.testing.assert_array_equal(out[~kept], windows[~kept])
    noise = np.zeros((2, 3), np.float32)
    assert engine.augment(out, settings, rng, lambda rng: noise).all()


# masks


def test_masks_are_as_wide_as_they_may_be_and_anywhere(rng):
    windows = np.ones((4000, 10, 6), np.float32)
    engine.augment(windows, NONE | {"spec_augment": MASKS}, rng)
    empty = (windows == 0).all(axis=2)
    widths = empty.sum(axis=1)
    np.testing.assert_allclose(np.bincount(widths, minlength=5) / 4000, 0.2, atol=0.03)
    assert widths.max() == 4  # int(10 * 0.4)
    edges = np.diff(np.pad(empty, ((0, 0), (1, 1))).astype(int), axis=1)
    assert ((edges == 1).sum(axis=1) == (widths > 0)).all()  # one block each
    starts = np.argmax(empty[widths == 4], axis=1)
    np.testing.assert_allclose(np.bincount(starts) / len(starts), 1 / 7, atol=0.05)
    assert (windows[~empty] == 1).all()


def test_masks_of_frequency_hide_bands_of_all_frames(rng):
    windows = np.ones((500, 10, 6), np.float32)
    settings = MASKS | {"time_masks": 0, "frequency_masks": 2}
    engine.spec_augment(windows, settings, rng)
    assert ((windows == 0).all(axis=1) | (windows == 1).all(axis=1)).all()
    counts = (windows[:, 0] == 0).sum(axis=1)
    assert counts.min() == 0
    assert counts.max() == 6  # two masks of at most int(6 * 0.5)


def test_masks_are_filled_with_the_mean_of_their_own_window(rng):
    windows = rng.random((20, 10, 6), np.float32)
    before = windows.copy()
    engine.spec_augment(windows, MASKS | {"replace": "mean", "frequency_masks": 1}, rng)
    for window, original in zip(windows, before, strict=True):
        hidden = window != original
        np.testing.assert_allclose(window[hidden], original.mean(), rtol=SMALL)
    assert (windows != before).any()


# mixup


def test_mixup_mixes_windows_and_targets_with_the_same_shares():
    windows = np.eye(16, dtype=np.float32)[:, :, None] * np.ones((16, 16, 3), np.float32)
    values = np.eye(16)
    mixed = engine.mixup(windows, values, NONE | {"mixup": 0.4}, np.random.default_rng(1))
    np.testing.assert_allclose(windows, mixed[:, :, None] * np.ones(3), atol=SMALL)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert (mixed > 0).sum(axis=1).max() == 2
    np.testing.assert_array_equal(values, np.eye(16))


def test_mixup_is_the_definition_written_out(rng):
    windows, values = rng.random((6, 5, 4), np.float32), rng.random((6, 3), np.float32)
    out = windows.copy()
    mixed = engine.mixup(out, values, NONE | {"mixup": 0.3}, np.random.default_rng(9))
    same = np.random.default_rng(9)
    partners, shares = same.permutation(6), same.beta(0.3, 0.3, 6)
    for row in range(6):
        share, other = shares[row], partners[row]
        expected = share * windows[row] + (1 - share) * windows[other]
        np.testing.assert_allclose(out[row], expected, atol=SMALL)
        expected = share * values[row] + (1 - share) * values[other]
        np.testing.assert_allclose(mixed[row], expected, atol=SMALL)
    assert mixed.dtype == values.dtype


def test_mixup_mixes_targets_of_frames_alike():
    windows = np.eye(8, dtype=np.float32)[:, :, None] * np.ones((8, 8, 3), np.float32)
    values = np.repeat(np.eye(8)[:, None], 5, axis=1)  # (B, T', C)
    mixed = engine.mixup(windows, values, NONE | {"mixup": 0.4}, np.random.default_rng(1))
    assert mixed.shape == (8, 5, 8)
    for frame in range(5):
        np.testing.assert_allclose(windows[:, :, 0], mixed[:, frame], atol=SMALL)


def test_what_is_mixed_with_padding_stays_as_it_is():
    windows = np.ones((8, 6, 2), np.float32) * np.arange(1, 9, dtype=np.float32)[:, None, None]
    windows[::2, 4:] = np.nan
    before = windows.copy()
    engine.mixup(windows, np.eye(8), NONE | {"mixup": 1.0}, np.random.default_rng(3))
    partners = np.random.default_rng(3).permutation(8)
    both = np.isnan(before) & np.isnan(before[partners])
    np.testing.assert_array_equal(np.isnan(windows), both)
    alone = ~np.isnan(before) & np.isnan(before[partners])
    assert alone.any()
    np.testing.assert_allclose(windows[alone], before[alone], rtol=SMALL)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_of_mixup_have_the_moments_of_their_distribution(alpha, rng):
    n = 4000
    windows = np.ones((n, 1, 1), np.float32)
    windows[: n // 2] = 0  # a pair of unlike windows tells its share
    values = np.arange(n)[:, None] * 1.0
    mixed = engine.mixup(windows, values, NONE | {"mixup": alpha}, rng)
    shares = windows[n // 2 :, 0, 0]
    shares = shares[shares < 1]
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
    assert np.isfinite(mixed).all()


def test_the_mean_of_a_batch_is_kept_by_mixup_on_average(rng):
    windows = rng.random((8, 5, 4), np.float32)
    settings = NONE | {"mixup": 1.0}
    means = []
    for _ in range(500):
        out = windows.copy()
        engine.mixup(out, np.zeros((8, 1)), settings, rng)
        means.append(out.mean(axis=0))
    np.testing.assert_allclose(np.mean(means, axis=0), windows.mean(axis=0), atol=0.02)


def test_very_small_alphas_give_numbers(rng):
    windows = np.ones((64, 2, 2), np.float32)
    engine.mixup(windows, np.ones((64, 1)), NONE | {"mixup": 1e-4}, rng)
    np.testing.assert_allclose(windows, 1, rtol=SMALL)


# settings


def test_sound_settings_are_accepted():
    checked(NONE)
    methods = {name: {} for name in METHODS.names()}
    more = {"count": 2, "methods": methods, "clip": [0, 1], "mixup": 0.2, "spec_augment": MASKS}
    assert checked(NONE | more)["methods"]["zoom"] == {"amount": 0.25}
    checked({"methods": {"crop": {"amounts": [0.1, 0, 0.05, 0]}, "zoom": {"amount": 1}}})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"mixupp": 1}, r"mixupp: unknown key; expected .*did you mean 'mixup'\?$"),
        ({"methods": {"roll_freq": {}}}, r"methods\.roll_freq: .*mean 'roll_frequency'\?$"),
        (
            {"methods": {"zoom": {"amuont": 1}}},
            r"methods\.zoom\.amuont: .*expected amount; did you mean 'amount'\?$",
        ),
        ({"methods": {"flip": {"axis": 1}}}, r"methods\.flip\.axis: .*there are none$"),
        ({"methods": {"zoom": None}}, r"methods\.zoom: None; expected keys and values$"),
        (
            {"methods": {"zoom": {"amount": 4.5}}},
            r"methods\.zoom\.amount: 4\.5; expected at most 4$",
        ),
        (
            {"methods": {"blur": {"kernel": 2.5}}},
            r"methods\.blur\.kernel: 2\.5; expected a whole number$",
        ),
        ({"methods": {"blur": {"kernel": 0}}}, r"methods\.blur\.kernel: 0; expected at least 1$"),
        (
            {"methods": {"crop": {"amounts": [0.1, 0.1]}}},
            r"methods\.crop\.amounts: \[0\.1, 0\.1\]; expected 4 items$",
        ),
        (
            {"methods": {"crop": {"amounts": 0.1}}},
            r"methods\.crop\.amounts: 0\.1; expected a list$",
        ),
        (
            {"methods": {"crop": {"amounts": [0.5] * 4}}},
            r"methods\.crop\.amounts\.0: 0\.5; expected at most 0\.45$",
        ),
        ({"methods": ["zoom"]}, r"methods: \['zoom'\]; expected keys and values$"),
        ({"count": 1.5}, r"count: 1\.5; expected a whole number$"),
        ({"count": True}, r"count: True; expected a whole number$"),
        ({"probability": 1.1}, r"probability: 1\.1; expected at most 1$"),
        ({"mixup": -0.1}, r"mixup: -0\.1; expected at least 0$"),
        ({"mixup": math.nan}, r"mixup: nan; expected a number$"),
        ({"clip": [1, 0]}, r"clip: \[1, 0\]; expected \[low, high\] with low below high or null$"),
        ({"clip": 1}, r"clip: 1; expected a list or null$"),
        ({"rotate": 1}, r"rotate: 1; expected true or false$"),
        ({"shift_bands": -1}, r"shift_bands: -1; expected at least 0$"),
        ({"spec_augment": True}, r"spec_augment: True; expected keys and values or null$"),
        (
            {"spec_augment": MASKS | {"time_with": 1}},
            r"spec_augment\.time_with: .*mean 'time_width'\?$",
        ),
        ({"spec_augment": {"time_masks": 1}}, r"spec_augment\.frequency_masks: missing; this key"),
        (
            {"spec_augment": MASKS | {"time_width": 2}},
            r"spec_augment\.time_width: 2; expected at most 1$",
        ),
        (
            {"spec_augment": MASKS | {"time_masks": 0.5}},
            r"spec_augment\.time_masks: 0\.5; expected a whole",
        ),
        (
            {"spec_augment": MASKS | {"replace": "min"}},
            r"spec_augment\.replace: 'min'; expected mean, zero$",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_in_a_sentence(settings, told):
    with pytest.raises(ValueError, match=rf"^augmentation\.{told}"):
        checked(NONE | settings)


def test_system_000s_shifts_draw_what_they_always_drew():
    settings, rng = {"rotate": True, "shift_bands": 2}, np.random.default_rng(5)
    assert engine.rotations(6, 1000, settings, rng).tolist() == [670, 805, 22, 807, 468, 515]
    windows = np.tile(np.arange(8, dtype=np.float32), (6, 3, 1))
    engine.random_band_shifts(windows, settings, rng)
    assert windows[:, 0, 4].tolist() == [3.0, 5.0, 2.0, 6.0, 5.0, 5.0]
    assert engine.rotations(3, 10, {"rotate": False}, rng).tolist() == [0, 0, 0]


def test_noise_of_dsr2019_is_stretched_to_a_share_of_the_greatest_value(image):
    noise = np.float32([[2, 4], [3, 2]])
    mixed, _ = changed("mix_noise", np.float32([[0, 5], [1, 2]]), noise=lambda rng: noise)
    np.testing.assert_allclose(mixed, [[0, 7], [2, 2]])  # 0.4 x 5 x 0, 1, 0.5, 0
    even, _ = changed("mix_noise", image, noise=lambda rng: np.ones_like(image))
    np.testing.assert_array_equal(even, image)
    with pytest.raises(ValueError, match="expected noise from the same spectrograms"):
        changed("mix_noise", image, noise=lambda rng: image[:1])


def test_rolls_of_dsr2019_shift_both_axes_half_of_the_time():
    image = written_out((40, 60), lambda row, column: 1000 * row + column).astype(np.float32)
    shifts = []
    for seed in range(400):
        top = int(changed("roll_axes", image, seed=seed)[0][0, 0])
        shifts.append((-(top // 1000) % 40, -(top % 1000) % 60))
    rows, columns = ({one[axis] for one in shifts} for axis in (0, 1))
    assert {min((r, r - 40), key=abs) for r in rows} == set(range(-10, 10))
    assert {min((c, c - 60), key=abs) for c in columns} == set(range(-10, 10))
    both = np.mean([row != 0 and column != 0 for row, column in shifts])
    assert 0.36 < both < 0.54  # 0.5 x 0.95^2


def test_the_documentation_has_the_table_of_methods():
    benchmark = runpy.run_path(str(ROOT / "benchmarks/augmentation_pictures.py"))
    assert benchmark["methods_table"]() in (ROOT / "docs/augmentation.md").read_text()
    assert (ROOT / "docs/augmentation.png").stat().st_size < 400_000
