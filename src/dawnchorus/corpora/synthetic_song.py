"""Bird-like song: syllables of species, sung by individuals.

A species has a repertoire of syllable types, the same in every corpus; an individual sings some of
them, higher or lower, faster or slower than others. A song is a few phrases, and a phrase repeats
one syllable. Times are in seconds, frequencies in Hz; waveforms are float32, shape (S,).

* `individual`: one bird, from its species and a Generator.
* `song`: a song of it.
* `SPECIES`: the species.
"""

from typing import NamedTuple

import numpy as np

HIGHEST = 0.45  # highest partial, as a share of the sample rate


class Syllable(NamedTuple):
    """One type of syllable.

    The pitch moves from ``start`` to ``end`` [Hz] and over an arch of ``arch`` (share of the
    pitch); ``vibrato`` is its depth (share) and ``vibrato_rate`` its rate [Hz]; ``beat`` is the
    rate [Hz] at which the amplitude is cut (0: not). ``partials`` are amplitudes from the first on.
    """

    start: float
    end: float
    duration_s: float
    gap_s: float
    repeats: tuple[int, int]
    arch: float = 0.0
    vibrato: float = 0.0
    vibrato_rate: float = 30.0
    beat: float = 0.0
    partials: tuple[float, ...] = (1.0, 0.15)


SPECIES: tuple[tuple[Syllable, ...], ...] = (
    (  # a whistler: pure tones, two pitches
        Syllable(4200, 4050, 0.22, 0.07, (1, 3), partials=(1.0, 0.05)),
        Syllable(3400, 3350, 0.30, 0.09, (1, 3), partials=(1.0, 0.05)),
        Syllable(3900, 3000, 0.25, 0.10, (1, 2), partials=(1.0, 0.08)),
    ),
    (  # a trill of falling sweeps
        Syllable(6800, 3600, 0.045, 0.025, (8, 22)),
        Syllable(5600, 4200, 0.035, 0.020, (10, 26)),
        Syllable(3200, 5200, 0.12, 0.06, (1, 3)),
    ),
    (  # arches and chevrons
        Syllable(3000, 3200, 0.16, 0.07, (2, 5), arch=0.45, partials=(1.0, 0.3, 0.1)),
        Syllable(4600, 4400, 0.11, 0.06, (2, 6), arch=-0.35, partials=(1.0, 0.25)),
        Syllable(2600, 2600, 0.20, 0.08, (1, 4), arch=0.7, partials=(1.0, 0.3, 0.1)),
    ),
    (  # a warbler: fast modulation
        Syllable(4800, 4300, 0.30, 0.08, (1, 4), vibrato=0.14, vibrato_rate=28),
        Syllable(5600, 6200, 0.22, 0.06, (1, 4), vibrato=0.10, vibrato_rate=45),
        Syllable(3800, 5400, 0.09, 0.05, (2, 6)),
    ),
    (  # harmonic stacks, low
        Syllable(1500, 1350, 0.20, 0.09, (2, 5), partials=(0.7, 1.0, 0.6, 0.35, 0.2)),
        Syllable(1200, 1700, 0.26, 0.10, (1, 4), arch=0.2, partials=(0.8, 1.0, 0.5, 0.3)),
        Syllable(2000, 1500, 0.12, 0.05, (3, 7), partials=(1.0, 0.6, 0.35, 0.15)),
    ),
    (  # buzzes and high, thin notes
        Syllable(5200, 5000, 0.35, 0.12, (1, 3), beat=90, partials=(1.0, 0.2)),
        Syllable(7600, 7200, 0.14, 0.08, (2, 6), partials=(1.0,)),
        Syllable(6400, 7400, 0.07, 0.04, (4, 10), partials=(1.0, 0.1)),
    ),
)


class Individual(NamedTuple):
    """One bird: its repertoire, and how it differs from its species."""

    repertoire: tuple[Syllable, ...]
    pitch: float  # factor on every frequency
    tempo: float  # factor on every duration
    attack: float  # share of a syllable until it is at its loudest


def individual(rng: np.random.Generator) -> Individual:
    """Draw a bird: a species, two or three of its syllables, its own pitch and tempo."""
    species = SPECIES[rng.integers(len(SPECIES))]
    order = rng.permutation(len(species))[: rng.integers(2, len(species) + 1)]
    return Individual(
        tuple(species[i] for i in order),
        pitch=float(np.exp(rng.normal(0.0, 0.08))),
        tempo=float(np.exp(rng.normal(0.0, 0.12))),
        attack=float(rng.uniform(0.15, 0.5)),
    )


def song(bird: Individual, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Sing one song.

    Parameters
    ----------
    bird : Individual
    sample_rate : int
        [Hz]; partials above `HIGHEST` of it are left out.
    rng : Generator
        Which phrases, how long, and how they vary from one repetition to the next.

    Returns
    -------
    array, shape (S,), float32
        From some tenths of a second to about four seconds; the loudest syllable is about 1.
    """
    n_phrases = rng.integers(1, len(bird.repertoire) + 1)
    pauses = rng.uniform(0.02, 0.15, n_phrases)
    parts = []
    for i, pause_s in enumerate(pauses):
        parts.append(phrase(bird, bird.repertoire[i], sample_rate, rng))
        parts.append(np.zeros(int(pause_s * sample_rate), np.float32))
    return np.concatenate(parts[:-1])


def phrase(
    bird: Individual, syllable: Syllable, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Sing one syllable several times over; see `song`."""
    low, high = syllable.repeats
    n_repeats = int(rng.integers(low, high + 1))
    n_samples = max(int(syllable.duration_s * bird.tempo * sample_rate), 16)
    n_gap = int(syllable.gap_s * bird.tempo * sample_rate)
    pitches = bird.pitch * np.exp(rng.normal(0.0, 0.012, n_repeats)).astype(np.float32)
    # a phrase swells, and no repetition is quite as loud as the one before
    swell = np.sin(np.linspace(0.6, 2.4, n_repeats)) * np.exp(rng.normal(0.0, 0.08, n_repeats))
    sung = np.zeros((n_repeats, n_samples + n_gap), np.float32)  # (repeats, samples and gap)
    at = np.linspace(0.0, 1.0, n_samples, dtype=np.float64)
    seconds = np.arange(n_samples) / sample_rate
    pitch = syllable.start * (syllable.end / syllable.start) ** at
    pitch *= 1.0 + syllable.arch * np.sin(np.pi * at)
    pitch *= 1.0 + syllable.vibrato * np.sin(2 * np.pi * syllable.vibrato_rate * seconds)
    # in float64 until the phase is below one turn: float32 would lose it within a second
    turns = np.cumsum(pitch) / sample_rate  # of a bird at its species' pitch
    # an amplitude from 0 to 0 with smooth ends: an edge would be a click at all frequencies
    rise = np.clip(at / bird.attack, 0.0, 1.0)
    fall = np.clip((1.0 - at) / (1.0 - bird.attack), 0.0, 1.0)
    envelope = np.sin(0.5 * np.pi * rise) ** 2 * np.sin(0.5 * np.pi * fall) ** 0.7
    if syllable.beat:
        envelope = envelope * (0.5 - 0.5 * np.cos(2 * np.pi * syllable.beat * seconds)) ** 2
    notes = np.zeros((n_repeats, n_samples), np.float32)
    for number, amplitude in enumerate(syllable.partials, 1):
        is_heard = number * pitch.max() * pitches < HIGHEST * sample_rate
        if not is_heard.any():
            break
        phase = turns[None, :] * (number * pitches[:, None].astype(np.float64))
        wave = np.sin((2 * np.pi * (phase - np.floor(phase))).astype(np.float32))
        notes += amplitude * is_heard[:, None].astype(np.float32) * wave
    sung[:, :n_samples] = notes * envelope.astype(np.float32)
    sung *= swell.astype(np.float32)[:, None]
    return sung.reshape(-1)
