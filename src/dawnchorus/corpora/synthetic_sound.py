"""The sound of one synthetic recording: a place, its weather and insects, and perhaps a bird.

Waveforms are float32, shape (S,) and (S, channels) at the end. A recording draws from four streams
(ambience, distractors, bird, microphone) that follow from seed and number, and a site's and a
recordist's character from seed and site or recordist: each is the same whatever else there is.

* `render`: a recording from its recipe (`dawnchorus.corpora.adapters.synthetic.recipe`).
* `as_int16`: samples as 16-bit integers.
* `ambience`: hiss, wind, rain and insects of a site.
* `distractor`: something that is no bird: clicks, hum, beeps, barks, an insect's burst.
* `birdsong`: one to three birds of a site.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.corpora import synthetic_song

_AMBIENCE, _DISTRACTORS, _BIRD, _MICROPHONE, _SITE, _RECORDIST, _INDIVIDUAL = range(7)
_BIRDS_OF_A_SITE = 4
_WIND_RATE = 1000  # Hz: wind is below half of it
_LOUDEST = 0.9  # peak of a recording, of full scale
_DISTRACTED = 0.6  # share of recordings with a distractor, the same with and without a bird


def render(recipe: Mapping) -> np.ndarray:
    """Return the sound of one recording.

    Parameters
    ----------
    recipe : mapping
        See `dawnchorus.corpora.adapters.synthetic.recipe`.

    Returns
    -------
    array, shape (S, channels), float32
        Finite, and below `_LOUDEST` in magnitude. The level of the bird over the background is
        ``snr_db``, both as RMS of the first difference, which weighs a bird's band over wind, and
        the bird's while it sings.
    """
    rate = recipe["sample_rate"]
    n_samples = round(recipe["duration_s"] * rate)
    seed, number = recipe["seed"], recipe["number"]
    background = ambience(n_samples, rate, _stream(seed, recipe["site"], _SITE),
                          _stream(seed, number, _AMBIENCE))  # fmt: skip
    rng = _stream(seed, number, _DISTRACTORS)
    if rng.random() < _DISTRACTED:
        intruder = distractor(n_samples, rate, rng)
        level_db = rng.uniform(-3, 12)
        # a low sound is weak in its difference: its plain level must not drown the rest
        loudest = 10.0 ** (level_db / 20.0) * background.std() / intruder.std()
        background = background + min(_gain(intruder, background, level_db), loudest) * intruder
    bird = None
    if recipe["bird"]:
        rng = _stream(seed, number, _BIRD)
        bird = birdsong(n_samples, rate, seed, recipe["site"], rng)
        bird *= _gain(bird, background, recipe["snr_db"])
    microphone = _stream(seed, recipe["recordist"], _RECORDIST)
    rng = _stream(seed, number, _MICROPHONE)
    # RMS, dB of full scale: a recordist has a usual gain and does not always keep to it
    level = 10.0 ** ((microphone.uniform(-34, -22) + rng.normal(0, 2)) / 20.0)
    channels = []
    for channel in range(recipe["channels"]):
        # another place in the same noise, and another distance to the bird
        heard = np.roll(background, channel * rng.integers(200, 900)) * rng.uniform(0.8, 1.2)
        if bird is not None:
            # up to 0.6 ms: two microphones 20 cm apart
            delay = channel * int(rng.uniform(0, 0.0006) * rate)
            heard = heard + np.roll(bird, delay) * np.float32(rng.uniform(0.8, 1.2))
        channels.append(heard)
    sound = np.stack(channels, axis=1).astype(np.float32)
    sound -= sound.mean(axis=0)
    level /= np.sqrt(np.square(sound).mean())
    return sound * np.float32(min(level, _LOUDEST / np.abs(sound).max()))


def as_int16(samples: np.ndarray) -> np.ndarray:
    """Return samples in [-1, 1) as little-endian 16-bit integers of the same shape."""
    return np.round(samples * 32767.0).astype("<i2")


def ambience(
    n_samples: int, rate: int, site: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:
    """Return the background of a site: the site says what there is, ``rng`` how it is today.

    Returns
    -------
    array, shape (S,), float32
    """
    tilt, wind_db = site.uniform(0.3, 1.4), site.uniform(-6, 14)
    rain_chance, insect_chance = site.uniform(0.0, 0.5), site.uniform(0.1, 0.7)
    insect_pitch = site.uniform(4200, 0.8 * min(rate / 2, 9500)) if rate >= 12000 else 2500.0
    n_padded = -(-n_samples // 4096) * 4096  # a length whose Fourier transform is quick
    tilt_now = tilt + rng.normal(0, 0.1)
    noise = rng.standard_normal((2, n_padded // 2 + 1), dtype=np.float32)
    bins_hz = np.fft.rfftfreq(n_padded, 1.0 / rate)
    # flat below 50 Hz, where the level would grow without bound
    shape = np.maximum(bins_hz.astype(np.float32) / 1000.0, 0.05) ** np.float32(-0.5 * tilt_now)
    spectrum = (noise[0] + 1j * noise[1]) * shape
    is_raining = rng.random() < rain_chance
    if is_raining:
        # a smooth bump from 1.5 to 7 kHz: an edge in the spectrum would ring
        octaves = np.log2(np.maximum(bins_hz, 1.0)).astype(np.float32)
        centre, width = np.log2(1500.0 * 7000.0) / 2, np.log2(7000.0 / 1500.0) / 2
        bump = np.exp(-0.5 * np.square((octaves - np.float32(centre)) / np.float32(width)))
        spectrum *= 1.0 + 1.5 * bump
    # gusts of low noise, made at a low rate, where they are cheap
    level_db = wind_db + rng.uniform(-8, 4)
    n_slow = n_padded * _WIND_RATE // rate // 2 * 2
    gusts = np.fft.rfft(rng.standard_normal(n_slow))
    hertz = np.fft.rfftfreq(n_slow, 1.0 / _WIND_RATE)
    gusts *= 1.0 / (1.0 + (hertz / 60.0) ** 1.8) * (hertz > 8.0) * (hertz < 0.4 * _WIND_RATE)
    n_knots = max(int(1.2 * n_slow / _WIND_RATE), 2) + 1
    knots = np.interp(np.linspace(0, n_knots - 1, n_slow), np.arange(n_knots),
                      rng.normal(0.0, 0.7, n_knots))  # fmt: skip
    wind = np.fft.rfft(np.fft.irfft(gusts, n_slow) * np.exp(knots))
    level = 10.0 ** (level_db / 20.0) * np.abs(spectrum[: len(wind)]).mean()
    spectrum[: len(wind)] += (wind * (level * 12.0 / np.abs(wind).max())).astype(spectrum.dtype)
    sound = np.fft.irfft(spectrum, n_padded)[:n_samples].astype(np.float32)
    sound /= _loudness(sound)
    if is_raining:
        drops = _bursts(n_samples, rate, rng, per_s=rng.uniform(20, 150), decay_s=0.0015)
        sound += _gain(drops, sound, rng.uniform(-3, 6)) * drops
    if rng.random() < insect_chance:
        insect = _insect(n_samples, rate, insect_pitch * np.exp(rng.normal(0, 0.03)), rng)
        sound += _gain(insect, sound, rng.uniform(-6, 8)) * insect
    return sound


def distractor(n_samples: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return something that is no bird, shape (S,), float32, of any level."""
    kind = rng.integers(5)
    if kind == 0:  # mechanical clicks
        return _bursts(n_samples, rate, rng, per_s=rng.uniform(0.5, 5), decay_s=0.004)
    if kind == 1:  # mains hum or an engine: many partials of a low tone
        return _tone(n_samples, rate, rng.choice([50.0, 60.0, 83.0]), np.arange(1, 13), rng)
    if kind == 2:  # a reversing vehicle or an alarm: a plain tone, on and off
        beeps = _tone(n_samples, rate, rng.uniform(900, 2600), np.array([1, 3]), rng)
        return beeps * _on_and_off(n_samples, rate, rng.uniform(0.7, 2.0), 0.5, rng)
    if kind == 3:  # barks: a low, rough stack in short bursts
        barks = _tone(n_samples, rate, rng.uniform(280, 600), np.arange(1, 9), rng)
        barks *= rng.standard_normal(n_samples, dtype=np.float32) * 0.5 + 1.0
        return barks * _on_and_off(n_samples, rate, rng.uniform(1.0, 3.0), 0.2, rng)
    burst = _insect(n_samples, rate, rng.uniform(3000, min(8000, 0.4 * rate)), rng)
    return burst * _on_and_off(n_samples, rate, rng.uniform(0.15, 0.6), 0.4, rng)


def birdsong(
    n_samples: int, rate: int, seed: int, site: int, rng: np.random.Generator
) -> np.ndarray:
    """Return one to three birds of a site, singing now and then; shape (S,), float32."""
    sound = np.zeros(n_samples, np.float32)
    n_birds = rng.choice([1, 1, 1, 2, 2, 3])
    for who in rng.permutation(_BIRDS_OF_A_SITE)[:n_birds]:
        bird = synthetic_song.individual(_stream(seed, site * _BIRDS_OF_A_SITE + who, _INDIVIDUAL))
        level = rng.uniform(0.4, 1.0)
        onset_s = rng.uniform(0.0, 0.4 * n_samples / rate)
        for _ in range(rng.integers(1, 5)):
            dry = synthetic_song.song(bird, rate, rng)
            # three echoes smear its edges: trees 2 to 12 m away, there and back [s]
            delays = (np.array([0.013, 0.031, 0.067]) * rng.uniform(0.7, 1.3, 3) * rate).astype(int)
            gains = np.float32([0.35, 0.22, 0.12]) * np.float32(rng.uniform(0.2, 1.2))
            sung = np.zeros(len(dry) + delays.max(), np.float32)
            sung[: len(dry)] = dry
            for delay, gain in zip(delays, gains, strict=True):
                sung[delay : delay + len(dry)] += gain * dry
            start = int(onset_s * rate)
            n_heard = min(len(sung), n_samples - start)
            if n_heard <= 0:
                break
            sound[start : start + n_heard] += np.float32(level) * sung[:n_heard]
            onset_s += len(sung) / rate + rng.uniform(0.3, 3.0)
    return sound


def _stream(seed: int, number: int, what: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, what])


def _loudness(sound: np.ndarray) -> np.float32:
    """Return the RMS of the first difference where there is any sound."""
    difference = np.diff(sound)
    # 20 ms or so at a time; silence between songs must not count
    n_blocks = max(len(difference) // 512, 1)
    power = np.square(difference[: n_blocks * 512]).reshape(n_blocks, -1).mean(axis=1)
    is_sounding = power > 1e-3 * power.max()
    return np.float32(np.sqrt(power[is_sounding].mean())) if is_sounding.any() else np.float32(1)


def _gain(sound: np.ndarray, background: np.ndarray, level_db: float) -> np.float32:
    """Return the factor that brings a sound to a level over the background [dB]."""
    return np.float32(10.0 ** (level_db / 20.0)) * _loudness(background) / _loudness(sound)


def _bursts(
    n_samples: int, rate: int, rng: np.random.Generator, per_s: float, decay_s: float
) -> np.ndarray:
    """Return short bursts of noise at random times: drops or clicks."""
    n_bursts = max(rng.poisson(per_s * n_samples / rate), 1)
    n_long = min(int(6 * decay_s * rate), n_samples)  # until 0.25 % is left
    decay = np.exp(-np.arange(n_long) / (decay_s * rate)).astype(np.float32)
    # a dozen bursts, drawn again and again: noise of its own for each drop would be slow
    kinds = rng.standard_normal((12, n_long), dtype=np.float32) * decay
    levels = np.exp(rng.normal(0.0, 0.7, n_bursts)).astype(np.float32)
    heard = kinds[rng.integers(12, size=n_bursts)] * levels[:, None]
    starts = rng.integers(0, n_samples - n_long + 1, n_bursts)
    places = starts[:, None] + np.arange(n_long)
    return np.bincount(places.ravel(), heard.ravel(), n_samples).astype(np.float32)


def _insect(n_samples: int, rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Return a stridulating insect: a tone in pulses, the pulses in chirps or without end."""
    seconds = np.arange(n_samples) / rate
    turns = seconds * min(pitch, 0.45 * rate) + np.float32(0.3) * _sine(seconds * 7.0)
    pulses = _pulsed(seconds * rng.uniform(18, 60), 3)
    if rng.random() < 0.6:
        pulses *= _pulsed(seconds * rng.uniform(0.8, 3.0) + rng.random(), 2)
    return _sine(turns) * pulses


def _tone(
    n_samples: int, rate: int, pitch: float, partials: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a steady tone with these partials, each weaker than the one before."""
    turns = np.arange(n_samples) * (pitch / rate) + rng.random()
    before, wave = np.zeros(n_samples, np.float32), _sine(turns)
    twice_cosine = 2 * _sine(turns + 0.25)
    sound = np.zeros(n_samples, np.float32)
    for number in range(1, partials.max() + 1):
        if number * pitch > 0.45 * rate:
            break
        if number in partials:
            sound += np.float32(rng.uniform(0.5, 1.0) / number) * wave
        # sin(n + 1) = 2 cos(1) sin(n) - sin(n - 1): a product in place of a sine per partial
        before, wave = wave, twice_cosine * wave - before
    return sound


def _sine(turns: np.ndarray) -> np.ndarray:
    return np.sin((2 * np.pi * (turns - np.floor(turns))).astype(np.float32))


def _pulsed(turns: np.ndarray, sharpness: int) -> np.ndarray:
    """Return one smooth pulse per turn, from 0 to 1."""
    return (np.float32(0.5) + np.float32(0.5) * _sine(turns)) ** sharpness


def _on_and_off(
    n_samples: int, rate: int, per_s: float, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return an envelope that is 1 for a share of each period, with edges of about 10 ms."""
    at = (np.arange(n_samples, dtype=np.float32) * np.float32(per_s / rate) + rng.random()) % 1.0
    edge = min(0.01 * per_s, share / 4)
    return np.clip(np.minimum(at, share - at) / edge, 0.0, 1.0).astype(np.float32)
