"""Chunks of kahl2018: where they lie, their pictures, their scores, and shards of them."""

import pickle
import statistics
import time

import h5py
import librosa
import numpy as np
import pytest
from audio_shards import noise, written
from scipy import ndimage

from dawnchorus.frontends import base, chunk_images, filterbanks, shard_reader, shards
from dawnchorus.settings.frontend import KINDS, slaney_hz, slaney_mel

CHUNK_KINDS = ("mel_chunks", "linear_chunks")
LEVEL_TOLERANCE = 2e-4  # of 0..1
DB_TOLERANCE = 0.02  # float32 here and in librosa, 90 dB below the loudest
MEL = {
    "kind": "mel_chunks",
    "audio": "plain",
    "sample_rate": 44100,
    "length_s": 1.0,
    "overlap_s": 0.0,
    "min_length_s": 1.0,
    "last": "drop",
    "padding": "zeros",
    "n_bands": 128,
    "n_frames": 256,
    "n_fft": None,
    "fmin": 500.0,
    "fmax": 15000.0,
    "pre_emphasis": 0.95,
    "power": 1.0,
    "top_db": 80.0,
    "scale": "min_max",
    "flip": True,
    "store": "uint8",
}
LINEAR = {key: value for key, value in MEL.items() if key not in ("n_fft", "power")}
LINEAR |= {"kind": "linear_chunks", "legacy_band": False, "pre_emphasis": 0.0}
EXACT = {"scale": "none", "store": "float32", "flip": False}
APRIL = {**MEL, "fmin": 300.0, "overlap_s": 0.25, "power": 2.0, "top_db": 100.0}
SMALL = {**MEL, "sample_rate": 8000, "length_s": 0.5, "min_length_s": 0.5, "n_bands": 16}
SMALL |= {"n_frames": 32, "fmin": 200.0, "fmax": 4000.0}
SMALL_LINEAR = {key: value for key, value in SMALL.items() if key in LINEAR}
SMALL_LINEAR |= {"kind": "linear_chunks", "legacy_band": False, "pre_emphasis": 0.0}


def emphasised(waveform, settings):
    factor = settings["pre_emphasis"]
    return np.append(waveform[0], waveform[1:] - factor * waveform[:-1]).astype(np.float32)


def mel_by_librosa(waveform, settings):
    """One whole chunk as librosa computes it, before flip and stretch: (F, T)."""
    bands = librosa.feature.melspectrogram(
        y=emphasised(waveform, settings),
        sr=settings["sample_rate"],
        n_fft=settings["n_fft"] or 8 * settings["n_bands"],
        hop_length=len(waveform) // (settings["n_frames"] - 1),
        n_mels=settings["n_bands"],
        fmin=settings["fmin"],
        fmax=settings["fmax"],
        power=settings["power"],
    )
    to_db = librosa.amplitude_to_db if settings["power"] == 1 else librosa.power_to_db
    return to_db(bands, ref=np.max, top_db=settings["top_db"])[:, : settings["n_frames"]]


def linear_by_librosa(waveform):
    """One whole chunk of 44.1 kHz as kahl2018 has it, before its rows are cut: (bins, T)."""
    spectrum = librosa.stft(waveform, n_fft=779, hop_length=172, window="hamming")
    return librosa.amplitude_to_db(np.abs(spectrum), ref=np.max, top_db=80)[:, :256]


def stretched(image):
    image = image - image.min()
    return image / image.max()


def slow_signal_to_noise(image):
    """The rule value by value."""
    n_rows, n_columns = image.shape
    rows = [1.25 * statistics.median(row) for row in image.tolist()]
    columns = [1.15 * statistics.median(column) for column in image.T.tolist()]
    places = [(r, c) for r in range(n_rows) for c in range(n_columns)]
    mask = {
        (r, c): image[r, c] > 0 and image[r, c] >= rows[r] and image[r, c] >= columns[c]
        for r, c in places
    }

    def around(r, c):
        return [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]

    def repeated(r, c):
        return min(max(r, 0), n_rows - 1), min(max(c, 0), n_columns - 1)

    mask = {at: statistics.median(mask[repeated(*near)] for near in around(*at)) for at in places}
    mask = {at: any(mask[near] for near in around(*at) if near in mask) for at in places}
    mask = {at: all(mask[near] for near in around(*at) if near in mask) for at in places}
    return sum(mask.values()) / len(mask)


@pytest.mark.parametrize("settings", [MEL, LINEAR, APRIL, SMALL, SMALL_LINEAR])
def test_published_settings_are_accepted(settings):
    base.check(settings)
    base.check({**settings, **EXACT, "top_db": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"length_s": 0}, "length_s: 0; expected at least 0.05"),
        ({"overlap_s": 1.0}, "overlap_s: 1.0; expected less than length_s 1.0"),
        ({"overlap_s": -0.1}, "overlap_s: -0.1; expected at least 0"),
        ({"overlap_s": 1 - 1e-6}, "overlap_s: 0.999999; expected less than length_s 1.0"),
        ({"min_length_s": 1.5}, "min_length_s: 1.5; expected at most length_s 1.0"),
        ({"last": "keep"}, "last: 'keep'; expected align_end, drop, pad"),
        ({"padding": "wrap"}, "padding: 'wrap'; expected loop, zeros"),
        ({"n_bands": 0}, "n_bands: 0; expected at least 1"),
        ({"n_frames": 1}, "n_frames: 1; expected at least 2"),
        (
            {"n_frames": 4411, "length_s": 0.1, "min_length_s": 0.1},
            "n_frames: 4411; expected at most 4410, the samples of a chunk",
        ),
        ({"fmin": -1.0}, "fmin: -1.0; expected at least 0"),
        ({"fmax": 23000.0}, "fmax: 23000.0; expected at most 22050 Hz, half the sample rate"),
        ({"fmin": 15000.0}, "fmin: 15000.0; expected less than fmax 15000.0"),
        ({"pre_emphasis": 1.5}, "pre_emphasis: 1.5; expected less than 1"),
        ({"top_db": 0}, "top_db: 0; expected more than 0"),
        ({"scale": "max"}, "scale: 'max'; expected min_max, none"),
        ({"flip": 1}, "flip: 1; expected true or false"),
        ({"store": "uint16"}, "store: 'uint16'; expected float32, uint8"),
        ({"scale": "none"}, "store: 'uint8'; expected float32 with scale: none"),
    ],
)
@pytest.mark.parametrize("settings", [MEL, LINEAR], ids=["mel", "linear"])
def test_settings_that_cannot_work_are_refused(settings, change, message):
    with pytest.raises(ValueError, match=f"^frontend.{message}"):
        base.check({**settings, **change})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**MEL, "n_fft": 2}, "n_fft: 2; expected at least 16"),
        ({**MEL, "power": 1.5}, "power: 1.5; expected 1, 2"),
        ({**LINEAR, "legacy_band": None}, "legacy_band: None; expected true or false"),
        ({**MEL, "sample_rate": 0}, "sample_rate: 0; expected at least 1000"),
    ],
)
def test_settings_of_one_kind_are_checked(settings, message):
    with pytest.raises(ValueError, match=f"^frontend.{message}"):
        base.check(settings)


@pytest.mark.parametrize("settings", [MEL, LINEAR], ids=["mel", "linear"])
def test_a_missing_sample_rate_is_named(settings):
    rest = {key: value for key, value in settings.items() if key != "sample_rate"}
    with pytest.raises(ValueError, match="^frontend.sample_rate: missing; this key is needed$"):
        base.check(rest)


@pytest.mark.parametrize(
    ("seconds", "change", "places"),
    [
        (3.0, {}, [(0, 10), (10, 10), (20, 10)]),
        (3.4, {}, [(0, 10), (10, 10), (20, 10)]),
        (3.4, {"min_length_s": 0.4}, [(0, 10), (10, 10), (20, 10), (30, 4)]),
        (3.4, {"min_length_s": 0.5}, [(0, 10), (10, 10), (20, 10)]),
        (3.4, {"last": "pad"}, [(0, 10), (10, 10), (20, 10), (30, 4)]),
        (3.0, {"last": "pad"}, [(0, 10), (10, 10), (20, 10)]),
        (3.4, {"last": "align_end"}, [(0, 10), (10, 10), (20, 10), (24, 10)]),
        (3.4, {"last": "align_end", "min_length_s": 0.1}, [(0, 10), (10, 10), (20, 10), (24, 10)]),
        (3.0, {"last": "align_end"}, [(0, 10), (10, 10), (20, 10)]),
        (2.0, {"overlap_s": 0.5}, [(0, 10), (5, 10), (10, 10)]),
        (2.2, {"overlap_s": 0.5, "last": "pad"}, [(0, 10), (5, 10), (10, 10), (15, 7)]),
        (2.2, {"overlap_s": 0.5, "last": "align_end"}, [(0, 10), (5, 10), (10, 10), (12, 10)]),
        (
            2.2,
            {"overlap_s": 0.5, "min_length_s": 0.0},
            [(0, 10), (5, 10), (10, 10), (15, 7), (20, 2)],
        ),
        *((0.7, {"last": last}, [(0, 7)]) for last in ("drop", "pad", "align_end")),
        (0.1, {"min_length_s": 0.5}, [(0, 1)]),
    ],
)
def test_chunks_lie_where_they_should(seconds, change, places):
    settings = {**MEL, "sample_rate": 10, **change}
    assert chunk_images.chunk_places(round(10 * seconds), settings) == places


@pytest.mark.parametrize("overlap_s", [0.0, 0.25])
@pytest.mark.parametrize("min_length_s", [0.0, 0.5, 1.0])
def test_chunks_are_those_of_the_originals_loop(overlap_s, min_length_s):
    settings = {**MEL, "sample_rate": 100, "overlap_s": overlap_s, "min_length_s": min_length_s}
    for n_samples in range(100, 400):
        places = []
        for start in range(0, n_samples, int((1 - overlap_s) * 100)):
            found = min(100, n_samples - start)
            if found < int(min_length_s * 100):
                break
            places.append((start, found))
        assert chunk_images.chunk_places(n_samples, settings) == places


@pytest.mark.parametrize("last", ["drop", "pad", "align_end"])
@pytest.mark.parametrize("overlap_s", [0.0, 0.3])
def test_no_sound_is_lost_but_where_it_is_dropped(last, overlap_s):
    settings = {**MEL, "sample_rate": 20, "overlap_s": overlap_s, "last": last}
    for n_samples in range(1, 100):
        places = chunk_images.chunk_places(n_samples, settings)
        heard = np.zeros(n_samples, bool)
        for start, length in places:
            assert 0 < length <= 20
            heard[start : start + length] = True
        lost = n_samples - heard.sum()
        assert lost == 0 if last != "drop" or n_samples < 20 else lost < 20


def test_one_second_is_128_by_256_with_hop_172(rng):
    assert base.hop_length(MEL) == 172
    found = chunk_images.chunk_images([noise(rng, 44100)], MEL)
    assert (found.shape, found.dtype) == ((1, 128, 256), np.uint8)
    assert (found.min(), found.max()) == (0, 255)


@pytest.mark.parametrize("of", [(44100, 1024, 128, 500.0, 15000.0), (8000, 128, 16, 200.0, 4000.0)])
def test_slaney_filterbank_is_the_one_of_the_definition(of):
    sample_rate, n_fft, n_mels, fmin, fmax = of
    low, high = slaney_mel(fmin), slaney_mel(fmax)
    points = [slaney_hz(low + (high - low) * i / (n_mels + 1)) for i in range(n_mels + 2)]
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    expected = np.zeros((len(bins), n_mels))
    for band, (left, top, right) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        line = np.minimum((bins - left) / (top - left), (right - bins) / (right - top))
        expected[:, band] = np.maximum(line, 0) * 2 / (right - left)
    np.testing.assert_allclose(filterbanks.slaney_filterbank(*of), expected, atol=1e-12)


def test_decibels_are_those_of_librosa(rng):
    levels = rng.random((300, 128), np.float32) ** 8
    of_powers = librosa.power_to_db(levels, ref=np.max, amin=1e-10, top_db=80)
    np.testing.assert_array_equal(chunk_images.decibels(levels, 2, 80.0), of_powers)
    # librosa squares magnitudes in float32 first: one unit in the last place at 80 dB
    of_magnitudes = librosa.amplitude_to_db(levels, ref=np.max, amin=1e-5, top_db=80)
    np.testing.assert_allclose(chunk_images.decibels(levels, 1, 80.0), of_magnitudes, atol=8e-6)


@pytest.mark.parametrize(
    "change",
    [{}, {"power": 2.0, "top_db": 100.0}, {"n_fft": 2048, "pre_emphasis": 0.0}, {"top_db": 30.0}],
)
@pytest.mark.parametrize("settings", [MEL, SMALL], ids=["published", "small"])
def test_mel_chunks_are_those_of_librosa(rng, settings, change):
    settings = {**settings, **EXACT, **change}
    n_samples = round(settings["length_s"] * settings["sample_rate"])
    tone = np.sin(np.arange(n_samples) * np.linspace(0.1, 1, n_samples))
    waveform = (0.2 * tone + 0.1 * noise(rng, n_samples)).astype(np.float32)
    found = chunk_images.chunk_images([waveform], settings)[0]
    expected = mel_by_librosa(waveform, settings)
    np.testing.assert_allclose(found, expected, atol=DB_TOLERANCE)


def test_chunks_are_flipped_stretched_and_rounded(rng):
    waveform = noise(rng, 88200)
    found = chunk_images.chunk_images([waveform], MEL)
    for image, start in zip(found, (0, 44100), strict=True):
        expected = stretched(mel_by_librosa(waveform[start : start + 44100], MEL))[::-1]
        np.testing.assert_allclose(image, 255 * expected, atol=0.5 + 255 * LEVEL_TOLERANCE)


def test_a_linear_chunk_has_system_002s_window():
    assert filterbanks.linear_n_fft(44100, 128, 500.0, 15000.0) == 779


def test_linear_chunks_have_no_pre_emphasis():
    of_kind = {kind: KINDS.validate({"kind": kind})["pre_emphasis"] for kind in CHUNK_KINDS}
    assert of_kind == {"mel_chunks": 0.95, "linear_chunks": 0.0}


def test_legacy_rows_are_5_to_132(rng):
    settings = {**LINEAR, **EXACT, "legacy_band": True}
    weights = filterbanks.linear_filterbank(44100, 128, 500.0, 15000.0, legacy_band=True)
    np.testing.assert_array_equal(np.flatnonzero(weights.any(axis=1)), np.arange(5, 133))
    waveform = noise(rng, 44100)
    np.testing.assert_allclose(
        chunk_images.chunk_images([waveform], settings)[0],
        linear_by_librosa(waveform)[5:133],
        atol=DB_TOLERANCE,
    )


@pytest.mark.parametrize("hertz", [60.0, 10000.0])
def test_linear_chunks_are_below_the_loudest_of_all_bins(rng, hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(44100) / 44100)
    waveform = (tone + 1e-4 * noise(rng, 44100)).astype(np.float32)
    settings = {**LINEAR, **EXACT, "legacy_band": True}
    found = chunk_images.chunk_images([waveform], settings)[0]
    expected = linear_by_librosa(waveform)[5:133]
    assert found.max() < -30  # the tone lies beside the rows
    np.testing.assert_allclose(found, expected, atol=DB_TOLERANCE)
    wide = chunk_images.chunk_images([waveform, waveform], {**LINEAR, **EXACT})[0]
    assert -80 <= wide.min() < wide.max() <= 0


def test_linear_bands_cover_what_was_asked_for():
    weights = filterbanks.linear_filterbank(44100, 128, 500.0, 15000.0, legacy_band=False)
    hz = 44100 / 779 * np.arange(len(weights))
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)
    np.testing.assert_array_equal(weights.any(axis=1), (hz >= 500) & (hz < 15000))
    centres = 500 + 14500 / 128 * (np.arange(128) + 0.5)
    np.testing.assert_allclose(hz @ weights, centres, atol=44100 / 779)


@pytest.mark.parametrize("n_bands", [16, 64, 100, 128])
@pytest.mark.parametrize("fmax", [4000.0, 8000.0, 15000.0, 22050.0])
def test_every_linear_band_has_two_bins(n_bands, fmax):
    weights = filterbanks.linear_filterbank(44100, n_bands, 500.0, fmax, legacy_band=False)
    assert np.count_nonzero(weights, axis=0).min() >= 2
    legacy = filterbanks.linear_filterbank(44100, n_bands, 500.0, fmax, legacy_band=True)
    assert (legacy.sum(axis=0) == 1).all()


@pytest.mark.parametrize("frequency", [1000.0, 5000.0, 12000.0])
@pytest.mark.parametrize(("flip", "kind"), [(True, MEL), (False, MEL), (True, LINEAR)])
def test_low_tones_are_at_the_bottom_of_a_flipped_picture(frequency, flip, kind):
    tone = np.sin(2 * np.pi * frequency * np.arange(44100) / 44100).astype(np.float32)
    image = chunk_images.chunk_images([tone], {**kind, "flip": flip})[0]
    row = int(image[:, 100].argmax())
    up = 127 - row if flip else row
    mels = librosa.mel_frequencies(130, fmin=500, fmax=15000)[1:-1]
    expected = np.abs(mels - frequency).argmin() if kind is MEL else (frequency - 500) / 14500 * 128
    assert abs(up - expected) <= 1


def test_channels_are_averaged_before_the_logarithm(rng):
    settings = {**MEL, **EXACT, "top_db": None}
    left, right = noise(rng, 44100), 0.1 * noise(rng, 44100)
    single = [chunk_images.chunk_images([channel], settings) for channel in (left, right)]
    both = chunk_images.chunk_images([left, right], settings)
    np.testing.assert_allclose(both, np.mean(single, axis=0), rtol=1e-5, atol=1e-7)
    assert chunk_images.chunk_images([left, -left], settings).max() > 0


@pytest.mark.parametrize("settings", [SMALL, SMALL_LINEAR], ids=["mel", "linear"])
def test_silence_is_a_picture_of_zeros(settings):
    assert not chunk_images.chunk_images([np.zeros(9000)], settings).any()


@pytest.mark.parametrize("padding", ["zeros", "loop"])
def test_a_short_recording_is_one_padded_chunk(rng, padding):
    waveform = noise(rng, 1500)
    full = np.zeros(4000, np.float32)
    full[:1500] = waveform
    if padding == "loop":
        full = np.concatenate([waveform, waveform, waveform[:1000]])
    found = chunk_images.chunk_images([waveform], {**SMALL, "padding": padding})
    np.testing.assert_array_equal(found, chunk_images.chunk_images([full], SMALL))


def test_eight_bits_are_rounded_not_cut():
    values = np.array([0.0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.0, 1.1, -0.1], np.float32)
    stored = chunk_images.quantised(values, {"store": "uint8"})
    assert stored.tolist() == [0, 0, 1, 255, 255, 255, 0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 3), (8, 5), (12, 20)])
def test_signal_to_noise_is_that_of_a_loop(rng, shape):
    for sharpness in (1, 2, 6, 20):
        image = rng.random(shape).astype(np.float32) ** sharpness
        blurred = stretched(ndimage.uniform_filter(image, 3)) if image.size > 1 else image
        for picture in (image, blurred.astype(np.float32)):
            found = chunk_images.signal_share(picture)
            assert found == pytest.approx(slow_signal_to_noise(picture), abs=1e-12)


def test_signal_to_noise_is_that_of_scipys_filters(rng):
    image = stretched(ndimage.gaussian_filter(rng.random((128, 256)), 2)).astype(np.float32) ** 3
    kept = np.where(image < 1.25 * np.median(image, axis=1, keepdims=True), 0, image)
    kept = np.where(image < 1.15 * np.median(image, axis=0, keepdims=True), 0, kept)
    median = ndimage.median_filter((kept > 0).astype(np.uint8), size=3, mode="nearest")
    dilated = ndimage.grey_dilation(median, (3, 3), mode="constant", cval=0)
    closed = ndimage.grey_erosion(dilated, (3, 3), mode="constant", cval=1)
    assert 0 < closed.mean() < 1
    assert chunk_images.signal_share(image) == pytest.approx(closed.mean())


def test_signal_to_noise_by_hand():
    image = np.zeros((10, 20), np.float32)
    assert chunk_images.signal_share(image) == 0
    image[2, 2] = 1  # a single value is none
    assert chunk_images.signal_share(image) == 0
    image[4:8, 6:11] = 1  # a block of 20 loses its 4 corners to the median, the closing is silent
    assert chunk_images.signal_share(image) == pytest.approx(16 / 200)
    assert chunk_images.signal_share(np.full((10, 20), 0.5, np.float32)) == 0
    image[4, 6] = np.nan
    assert chunk_images.signal_share(image) == 0


@pytest.mark.parametrize("shape", [(3,), (0, 5), (2, 3, 4)])
def test_what_is_no_image_has_no_score(shape):
    with pytest.raises(ValueError, match=r"expected \(F, T\)"):
        chunk_images.signal_share(np.zeros(shape))


def test_a_shard_gives_back_its_chunks(tmp_path, rng):
    recordings = {"a": [noise(rng, 10000)], "b": [noise(rng, 300)], "c": 2 * [noise(rng, 8000)]}
    settings = {**SMALL, "last": "pad"}
    path = written(tmp_path / "a", recordings, settings, excluded=[("bad", "AUDIO_EMPTY")])
    shard = shard_reader.open_shards([path])
    assert (shard.layout, shard.ids, shard.settings) == ("chunks", ["a", "b", "c"], settings)
    assert (shard.n_bands, shard.n_frames, shard.dtype) == (16, 32, np.uint8)
    assert shard.frames_per_second == 8000 / 129
    for identifier, channels in recordings.items():
        expected = chunk_images.chunk_images(channels, settings)
        np.testing.assert_array_equal(shard.images(identifier), expected)
        assert shard.rows(identifier) == len(expected)
    assert shard.onsets_s("a").tolist() == [0.0, 0.5, 1.0]
    assert shard.lengths_s("a").tolist() == [0.5, 0.5, 0.25]
    assert shard.lengths_s("b").tolist() == [300 / 8000]
    assert "bad" not in shard


@pytest.mark.parametrize("change", [{"store": "float32"}, EXACT, {}], ids=["0-1", "dB", "8-bit"])
def test_scores_are_of_the_picture_before_it_is_rounded(tmp_path, rng, change):
    chirp = np.sin(np.cumsum(np.linspace(0.3, 1.5, 8000))) * np.hanning(8000)
    waveform = (chirp + 0.01 * noise(rng, 8000)).astype(np.float32)
    shard = shard_reader.open_shards(
        [written(tmp_path / "a", {"x": [waveform]}, {**SMALL, **change})]
    )
    exact = chunk_images.chunk_images([waveform], {**SMALL, "store": "float32"})
    expected = [slow_signal_to_noise(image) for image in exact]
    assert 0 < max(expected) < 1
    np.testing.assert_allclose(shard.scores("x"), expected, atol=1e-6)
    assert shard.scores("x").dtype == np.float32


def test_a_chunk_shard_is_one_contiguous_described_array(tmp_path, rng):
    path = written(tmp_path / "a", {"x": [noise(rng, 8000)], "y": [noise(rng, 700)]}, SMALL)
    with h5py.File(path) as file:
        assert set(file) == {"ids", "images", "recording", "onset", "length", "score"}
        assert file["images"].chunks is None
        assert file["recording"][:].tolist() == [0, 0, 1]
        dtypes = [file[name].dtype for name in ("recording", "onset", "length", "score")]
        assert dtypes == [np.int32, np.float64, np.float64, np.float32]
        assert (file.attrs["layout"], file.attrs["complete"]) == ("chunks", 1)


def test_equal_work_gives_equal_bytes(tmp_path, rng, monkeypatch):
    recordings = {f"r{i}": [noise(rng, 9000 + 4000 * i)] for i in range(3)}
    first = written(tmp_path / "a", recordings, SMALL).read_bytes()
    time.sleep(1.1)  # a time stamp in whole seconds would differ
    monkeypatch.setattr(shards, "_CHUNKS_HELD", 2)
    monkeypatch.setattr(shards, "_VALUES_HELD", 1000)
    assert written(tmp_path / "b", recordings, SMALL).read_bytes() == first


def test_chunks_survive_another_process(tmp_path, rng):
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [noise(rng, 9000)]}, SMALL)])
    copy = pickle.loads(pickle.dumps(shard))
    np.testing.assert_array_equal(copy.images("x"), shard.images("x"))


def test_several_shards_are_one(tmp_path, rng):
    waveforms = {name: [noise(rng, 9000)] for name in "xy"}
    paths = [written(tmp_path / name, {name: waveforms[name]}, SMALL) for name in "xy"]
    paths.append(written(tmp_path / "z", {}, SMALL, excluded=[("bad", "AUDIO_EMPTY")]))
    shard = shard_reader.open_shards(paths)
    assert shard.ids == ["x", "y"]
    expected = chunk_images.chunk_images(waveforms["y"], SMALL)
    np.testing.assert_array_equal(shard.images("y"), expected)


def test_frames_and_chunks_are_refused_together(tmp_path, rng, tiny_shard):
    path = written(tmp_path / "a", {"x": [noise(rng, 9000)]}, SMALL)
    with pytest.raises(ValueError, match="other frontend settings.*kind: 'log_mel' for 'mel_ch"):
        shard_reader.open_shards([path, tiny_shard[0]])


def test_an_unknown_recording_is_named(tmp_path, rng):
    shard = shard_reader.open_shards([written(tmp_path / "a", {"x": [noise(rng, 9000)]}, SMALL)])
    with pytest.raises(ValueError, match="'y' is not in the 1 spectrogram shards"):
        shard.scores("y")


def test_values_that_are_not_finite_are_refused_and_nothing_is_left(tmp_path, rng):
    waveform = noise(rng, 9000)
    waveform[6000] = np.nan
    with pytest.raises(ValueError, match="'late'.*not finite"):
        written(tmp_path / "a", {"early": [noise(rng, 900)], "late": [waveform]}, SMALL)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["000.csv", "000.wav"]


def test_pictures_that_never_reached_the_file_are_found(tmp_path, rng, monkeypatch):
    original = shards.Chunks.write

    def without_one(self, pictures, index):
        n_zero = original(self, pictures, index)
        pictures[1] = 0
        return n_zero

    monkeypatch.setattr(shards.Chunks, "write", without_one)
    with pytest.raises(OSError, match="'x' reads back with 1 empty rows, 0 were written"):
        written(tmp_path / "a", {"x": [noise(rng, 9000)]}, SMALL)


def edit_order(file):
    file["recording"][0] = 1


def edit_number(file):
    file["recording"][2] = 7


def edit_score(file):
    del file["score"]
    file["score"] = np.zeros(2, np.float32)


def edit_elsewhere(file):
    del file["onset"]
    file["onset"] = h5py.ExternalLink("other.h5", "/onset")


def edit_layout(file):
    file.attrs["layout"] = "pictures"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_order, "no spectrogram shard.*order of its recordings"),
        (edit_number, "contradicts itself"),
        (edit_score, "contradicts itself"),
        (edit_elsewhere, "no spectrogram shard.*onset is not an array of the file itself"),
        (edit_layout, "no spectrogram shard.*'pictures'.*frames, chunks"),
    ],
)
def test_a_file_that_is_not_as_written_is_refused(tmp_path, rng, edit, message):
    path = written(tmp_path / "a", {"x": [noise(rng, 8000)], "y": [noise(rng, 700)]}, SMALL)
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(ValueError, match=message):
        shard_reader.open_shards([path])
