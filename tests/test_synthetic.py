"""Facts about the corpus the workflow makes: its recipes, its archives and its sound."""

import io
import zipfile

import numpy as np
import pytest
import soundfile

from dawnchorus.corpora import catalog, synthetic_song, synthetic_sound, tables
from dawnchorus.corpora.adapters import synthetic

SETTINGS = {
    "adapter": "synthetic",
    "shards": 3,
    "fingerprint": "content",
    "missing_files": "error",
    "max_excluded": 0.01,
    "data_set": "made",
    "seed": 7,
    "recordings": 24,
    "duration_s": 2.0,
    "sample_rate": 16000,
    "prevalence": 0.5,
    "sites": 3,
    "recordists": 4,
    "snr_db": [0.0, 15.0],
    "stereo_share": 0.3,
    "other_rate_share": 0.2,
}


def made(tmp_path, name="c", **changes):
    """List the corpus and make its first shard: (listing rows, archive path)."""
    settings = {**SETTINGS, **changes}
    index = catalog.list_corpus(name, settings, tmp_path)
    shard, about = next(iter(index["shards"].items()))
    path = tables.listing_path(tmp_path, name, shard, about["digest"])
    archive = tmp_path / f"{name}.zip"
    synthetic.make_shard(path, settings, archive)
    return tables.read_listing(path), archive


def digests(**changes):
    found = synthetic.recordings({**SETTINGS, **changes}).recordings
    return [recording.sha256 for recording in found]


def test_the_listing_follows_from_the_recipe():
    found = synthetic.recordings(SETTINGS)
    first = found.recordings[0]
    assert (first.id, first.path, first.data_set) == ("made/0000", "0000.wav", "made")
    plan = synthetic.recipe(SETTINGS, 0)
    assert first.group == f"site{plan['site']}-recordist{plan['recordist']}"
    assert all(recording.labelled and recording.state == "" for recording in found.recordings)
    assert len(set(digests())) == SETTINGS["recordings"]
    assert synthetic.recordings(SETTINGS) == found


def test_two_makings_give_the_same_bytes(tmp_path):
    rows, first = made(tmp_path / "1")
    _, second = made(tmp_path / "2")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == [f"{row.id[-4:]}.wav" for row in rows]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_more_recordings_and_other_shards_change_none_there_is():
    assert digests(recordings=40)[:24] == digests()
    assert digests(shards=9, data_set="other", missing_files="exclude") == digests()
    plan = synthetic.recipe({**SETTINGS, "recordings": 99}, 5)
    assert synthetic.wav(plan) == synthetic.wav(synthetic.recipe(SETTINGS, 5))


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"duration_s": 3.0}, {"sample_rate": 22050}, {"snr_db": [1.0, 15.0]}]
)
def test_what_shapes_the_sound_changes_the_digest(change):
    assert digests(**change) != digests()


def test_a_change_of_snr_leaves_the_birdless_alone():
    same = [a == b for a, b in zip(digests(), digests(snr_db=[1.0, 15.0]), strict=True)]
    has_bird = [
        recording.labels == "bird" for recording in synthetic.recordings(SETTINGS).recordings
    ]
    assert same == [not bird for bird in has_bird]


@pytest.mark.parametrize("prevalence", [0.0, 0.3, 0.5, 1.0])
def test_the_share_of_birds_is_kept(prevalence):
    found = synthetic.recordings({**SETTINGS, "prevalence": prevalence, "recordings": 200})
    n_birds = sum(recording.labels == "bird" for recording in found.recordings)
    assert abs(n_birds - 200 * prevalence) <= 2


def test_sites_recordists_channels_and_rates_vary():
    plans = [synthetic.recipe(SETTINGS, number) for number in range(200)]
    assert {plan["site"] for plan in plans} == {0, 1, 2}
    assert {plan["recordist"] for plan in plans} == {0, 1, 2, 3}
    assert 0.2 < np.mean([plan["channels"] == 2 for plan in plans]) < 0.4
    assert 0.1 < np.mean([plan["sample_rate"] != 16000 for plan in plans]) < 0.3
    assert all(0 <= plan["snr_db"] <= 15 for plan in plans if plan["bird"])


def test_the_archive_holds_sound_as_the_recipe_says(tmp_path):
    rows, archive = made(tmp_path)
    with zipfile.ZipFile(archive) as opened:
        for row in rows:
            plan = synthetic.recipe(SETTINGS, int(row.id[-4:]))
            content = opened.read(f"{row.id[-4:]}.wav")
            samples, rate = soundfile.read(io.BytesIO(content), always_2d=True)
            assert (rate, samples.shape[1]) == (plan["sample_rate"], plan["channels"])
            assert len(samples) == 2 * rate
            assert 1e-3 < np.abs(samples).max() < 0.95


def test_a_listing_of_other_settings_is_refused(tmp_path):
    index = catalog.list_corpus("c", SETTINGS, tmp_path)
    shard, about = next(iter(index["shards"].items()))
    path = tables.listing_path(tmp_path, "c", shard, about["digest"])
    with pytest.raises(ValueError, match="from other settings than those given"):
        synthetic.make_shard(path, {**SETTINGS, "seed": 8}, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"prevalence": 1.5}, "prevalence=1.5, expected a share"),
        ({"sites": 0}, "sites=0, expected an integer of at least 1"),
        ({"seed": -1}, "seed=-1, expected an integer of at least 0"),
        ({"duration_s": 0.1}, "duration_s=0.1, expected"),
        ({"snr_db": [3, 1]}, r"snr_db=\[3, 1\], expected \[low, high\]"),
    ],
)
def test_settings_out_of_range_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        synthetic.recordings({**SETTINGS, **change})


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("rate", [16000, 44100])
def test_sound_is_finite_and_not_clipped(number, rate):
    plan = {**synthetic.recipe(SETTINGS, number), "sample_rate": rate, "channels": 2}
    samples = synthetic_sound.render(plan)
    assert samples.shape == (2 * rate, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 0.9001
    assert not np.array_equal(samples[:, 0], samples[:, 1])


def test_the_bird_alone_makes_the_difference_and_at_its_level():
    plan = {**synthetic.recipe(SETTINGS, 3), "channels": 1, "bird": False, "snr_db": None}
    without = synthetic_sound.render(plan)[:, 0]
    bird = synthetic_sound.render({**plan, "bird": True, "snr_db": 30.0})[:, 0]
    faint = synthetic_sound.render({**plan, "bird": True, "snr_db": -60.0})[:, 0]
    assert np.corrcoef(without, faint)[0, 1] > 0.99
    assert np.corrcoef(without, bird)[0, 1] < 0.9


def tonality(samples, rate):
    """How far the strongest moving bin stands out: a plain detector of song."""
    n_frames = len(samples) // 512
    frames = samples[: n_frames * 512].reshape(n_frames, 512) * np.hanning(512)
    power = np.log(np.abs(np.fft.rfft(frames)) ** 2 + 1e-12)
    power = power[:, int(1000 * 512 / rate) :]
    power -= np.median(power, axis=0)
    return np.percentile(power.max(axis=1), 97)


def test_a_plain_detector_sees_birds_but_not_all_of_them():
    settings = {**SETTINGS, "stereo_share": 0.0, "other_rate_share": 0.0, "duration_s": 4.0}
    plans = [synthetic.recipe(settings, number) for number in range(60)]
    scores = np.array([tonality(synthetic_sound.render(p)[:, 0], 16000) for p in plans])
    has_bird = np.array([p["bird"] for p in plans])
    wins = scores[has_bird][:, None] > scores[~has_bird][None, :]
    assert 0.65 < wins.mean() < 0.99


@pytest.mark.parametrize("species", range(len(synthetic_song.SPECIES)))
def test_every_species_sings_below_the_highest_partial(species):
    rng = np.random.default_rng(1)
    bird = synthetic_song.Individual(synthetic_song.SPECIES[species], 1.0, 1.0, 0.3)
    sung = synthetic_song.song(bird, 16000, rng)
    assert np.isfinite(sung).all()
    assert 0.1 < np.abs(sung).max() < 4.0
    power = np.abs(np.fft.rfft(sung)) ** 2
    hertz = np.fft.rfftfreq(len(sung), 1 / 16000)
    assert power[(hertz > 800) & (hertz < 7900)].sum() > 0.98 * power.sum()


def test_individuals_differ():
    birds = [synthetic_song.individual(np.random.default_rng(seed)) for seed in range(20)]
    assert len({bird.pitch for bird in birds}) == 20
    assert len({bird.repertoire for bird in birds}) > 8
    assert np.std([bird.tempo for bird in birds]) > 0.05
