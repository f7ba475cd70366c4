"""The log-mel spectrogram of serizel2018, against librosa."""

import itertools

import librosa
import numpy as np
import pytest
from audio_shards import noise, written

from dawnchorus.frontends import base, filterbanks, shard_reader, spectra, spectrograms
from dawnchorus.frontends.kinds import slaney_mel

LOG_TOLERANCE = 1e-3  # nats: float32 against float64
SETTINGS = {
    "kind": "slaney_mel", "audio": "plain", "sample_rate": 44100, "n_fft": 2048,
    "window_length": 1764, "window": "hamming", "hop": 882, "n_bands": 64, "fmin": 0.0,
    "fmax": 22050.0, "power": 1, "epsilon": 2.22e-16,
}  # fmt: skip
SMALL = SETTINGS | {
    "sample_rate": 8000, "n_fft": 256, "window_length": 201, "hop": 40, "n_bands": 12, "fmin": 50.0,
    "fmax": 3900.0, "epsilon": 1e-6,
}  # fmt: skip


def by_librosa(waveform, settings):
    """Linear mel sums as serizel2018 had them, of float64: (T, F)."""
    spectrum = librosa.stft(
        np.asarray(waveform, np.float64) + settings["epsilon"],
        n_fft=settings["n_fft"],
        hop_length=settings["hop"],
        win_length=settings["window_length"],
        window=settings["window"],
        center=True,
        pad_mode="constant",
    )
    bank = librosa.filters.mel(
        sr=settings["sample_rate"],
        n_fft=settings["n_fft"],
        n_mels=settings["n_bands"],
        fmin=settings["fmin"],
        fmax=settings["fmax"],
        dtype=np.float64,
    )
    return (bank @ np.abs(spectrum) ** settings["power"]).T


def logarithm(mel, settings):
    return np.log(mel + settings["epsilon"])


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")  # of librosa
@pytest.mark.parametrize("n_samples", [1, 40, 4000, 4019])
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("window", ["hamming", "hann"])
@pytest.mark.parametrize("settings", [SETTINGS, SMALL], ids=["published", "small"])
def test_mel_bands_are_those_of_librosa(rng, settings, window, power, n_samples):
    settings = settings | {"window": window, "power": power}
    waveform = noise(rng, n_samples)
    rows = spectrograms.spectrogram([waveform], settings)
    assert rows.dtype == np.float32
    expected = logarithm(by_librosa(waveform, settings), settings)
    np.testing.assert_allclose(rows, expected, atol=LOG_TOLERANCE)


@pytest.mark.parametrize("change", [{"window_length": 256}, {"n_bands": 5, "hop": 201}])
def test_other_lengths_are_those_of_librosa(rng, change):
    settings = SMALL | change
    waveform = noise(rng, 3000)
    expected = logarithm(by_librosa(waveform, settings), settings)
    rows = spectrograms.spectrogram([waveform], settings)
    np.testing.assert_allclose(rows, expected, atol=LOG_TOLERANCE)


def test_ten_seconds_are_501_frames(rng):
    assert base.n_frames(441000, SETTINGS) == 501
    assert base.n_frames(440999, SETTINGS) == 500
    assert base.hop_length(SETTINGS) == 882
    assert spectrograms.spectrogram([noise(rng, 441000)], SETTINGS).shape == (501, 64)


def test_a_frame_lies_at_its_centre():
    click = np.zeros(4000, np.float32)
    click[1200] = 1.0
    loudest = spectrograms.spectrogram([click], SMALL).sum(axis=1).argmax()
    assert loudest == 30
    assert slaney_mel.onset_s(30, SMALL) == 0.15


@pytest.mark.parametrize("power", [1, 2])
def test_silence_is_finite_and_lower_than_any_sound(rng, power):
    settings = SETTINGS | {"power": power}
    silence = spectrograms.spectrogram([np.zeros(44100, np.float32)], settings)
    assert np.isfinite(silence).all()
    assert silence.min() >= np.log(np.float32(2.22e-16)) - LOG_TOLERANCE
    sound = spectrograms.spectrogram([1e-4 * noise(rng, 44100)], settings)
    assert silence.max() < sound.min()


def test_epsilon_is_added_to_samples_but_not_beyond_them():
    settings = SMALL | {"epsilon": 0.1}
    rows = spectrograms.spectrogram([np.zeros(400, np.float32)], settings)
    expected = logarithm(by_librosa(np.zeros(400), settings), settings)
    np.testing.assert_allclose(rows, expected, atol=LOG_TOLERANCE)
    assert rows[0, 0] > rows[5, 0]  # the edge is a step, the middle a constant


def test_channels_are_averaged_before_the_logarithm(rng):
    left, right = noise(rng, 4000), 0.1 * noise(rng, 4000)
    mean = np.mean([by_librosa(channel, SMALL) for channel in (left, right)], axis=0)
    rows = spectrograms.spectrogram([left, right], SMALL)
    np.testing.assert_allclose(rows, logarithm(mean, SMALL), atol=LOG_TOLERANCE)
    np.testing.assert_allclose(
        spectrograms.spectrogram([left, -left], SMALL),
        spectrograms.spectrogram([left], SMALL),
        atol=LOG_TOLERANCE,
    )


def test_blocks_do_not_change_a_value(rng, monkeypatch):
    waveform = noise(rng, 9000)
    whole = spectrograms.spectrogram([waveform], SMALL)
    monkeypatch.setattr(spectra, "FRAMES_HELD", 7)
    blocks = list(slaney_mel.blocks([waveform], SMALL, 3, 100))
    assert [start for start, _ in blocks] == list(range(3, 100, 7))
    assert max(len(rows) for _, rows in blocks) == 7
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), whole[3:100])


def test_a_shard_holds_the_spectrograms(tmp_path, rng):
    recordings = {"x": [noise(rng, 4000)], "y": [noise(rng, 900), noise(rng, 900)]}
    reader = shard_reader.open_shards([written(tmp_path / "s", recordings, SMALL)])
    assert (reader.n_bands, reader.frames_per_second) == (12, 200.0)
    for name, channels in recordings.items():
        expected = spectrograms.spectrogram(channels, SMALL)
        np.testing.assert_array_equal(reader.frames(name), expected)
        assert reader.onset_s(name) == 0


@pytest.mark.parametrize("settings", [SETTINGS, SMALL, SETTINGS | {"window": "hann", "power": 2.0}])
def test_settings_that_work_are_accepted(settings):
    base.check(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_fft": 2047}, "n_fft: 2047; expected a multiple of 2"),
        ({"window_length": 2049}, "window_length: 2049; expected at most n_fft 2048"),
        ({"window_length": 1}, "window_length: 1; expected at least 2"),
        ({"window": "blackman"}, "window: 'blackman'; expected hamming, hann"),
        ({"hop": 0}, "hop: 0; expected at least 1"),
        ({"hop": 1765}, "hop: 1765; expected at most window_length 1764"),
        ({"n_bands": 0}, "n_bands: 0; expected at least 1"),
        ({"n_bands": 512}, "n_bands: 512; band 1 of them lies between two bins of n_fft 2048"),
        ({"fmin": -1.0}, "fmin: -1.0; expected at least 0"),
        ({"fmax": 22051.0}, "fmax: 22051.0; expected at most 22050 Hz, half the sample rate"),
        ({"sample_rate": 0}, "sample_rate: 0; expected at least 1000"),
        ({"sample_rate": 44100.0}, "sample_rate: 44100.0; expected a whole number"),
        ({"power": 3}, "power: 3; expected 1, 2"),
        ({"power": True}, "power: True; expected 1, 2"),
        ({"epsilon": 0}, "epsilon: 0; expected more than 1e-37"),
        ({"epsilon": 1e-40}, "epsilon: 1e-40; expected more than 1e-37"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=f"^frontend.{message}"):
        base.check(SETTINGS | change)


def test_a_missing_sample_rate_is_named():
    settings = {key: value for key, value in SETTINGS.items() if key != "sample_rate"}
    with pytest.raises(ValueError, match="^frontend.sample_rate: missing; this key is needed$"):
        base.check(settings)


def test_settings_are_refused_where_the_filterbank_is():
    refused = set()
    tried = itertools.product((256, 700, 1024), (10.0, 999.0), range(20, 200, 9))
    for n_fft, fmin, n_bands in tried:
        frontend = SETTINGS | {"n_fft": n_fft, "fmin": fmin, "n_bands": n_bands, "fmax": 11000.0}
        found = [
            is_refused(base.check, frontend | WHOLE | {"sample_rate": 22050}),
            is_refused(filterbanks.slaney_filterbank, 22050, n_fft, n_bands, fmin, 11000.0),
        ]
        assert found[0] == found[1], frontend
        refused.add(found[0])
    assert refused == {True, False}


WHOLE = {"window_length": 200, "hop": 100}


def is_refused(check, *arguments):
    try:
        check(*arguments)
    except ValueError:
        return True
    return False
