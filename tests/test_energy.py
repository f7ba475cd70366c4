"""Energy above a floor: tones over noise that it has to find, and its place beside the ensembles."""

import json

import audio_shards
import numpy as np
import pytest
from test_event_evaluation import Experiment

from dawnchorus.corpora.tables import LABELS, write_rows
from dawnchorus.evaluation import energy_baseline, energy_detector
from dawnchorus.formats.event import Event, read_events, write_events
from dawnchorus.runtime import artefacts
from dawnchorus.scores.frame_files import open_frames, writing_frames

CLASSES = ["high", "low"]
TONES = {"high": 3000, "low": 600}  # Hz
PARTS = {"home": 10, "pond": 5, "field": 5}  # recordings to learn from, to choose by and to test on
SECONDS, RATE = 4, 8000


def spans(i):
    """Events of a recording: two of one class, one of the other; every fifth has none."""
    first, second = (CLASSES, CLASSES[::-1])[i % 2]
    found = [(0.4 + 0.05 * i, 0.9, first), (1.6, 2.3, second), (2.8 + 0.05 * i, 3.3, first)]
    return [] if i % 5 == 4 else [(a, b if b > a else a + 0.5, name) for a, b, name in found]


class Sounds:
    """Tones over noise whose level differs from recording to recording, as shards and tables."""

    def __init__(self, folder, frontend):
        rng, self.folder, self.shards = np.random.default_rng(8), folder, {}
        time_s = np.arange(SECONDS * RATE) / RATE
        self.tables = {kind: {} for kind in ("labels", "verdicts", "events")}
        folds = []
        for corpus, n in PARTS.items():
            sound = {}
            for i in range(n):
                wave = 0.01 * rng.standard_normal(len(time_s))
                for onset_s, offset_s, name in spans(i):
                    inside = (time_s >= onset_s) & (time_s < offset_s)
                    wave += 0.05 * inside * np.sin(2 * np.pi * TONES[name] * time_s)
                # a gain of the recorder: the floor is the recording's own
                sound[f"r{i}"] = [(wave * 2.0 ** (i % 4 - 2)).astype(np.float32)]
            path = audio_shards.written(folder / corpus, sound, frontend | {"denoise": "none"})
            self.shards[corpus] = [str(path)]
            self.write_tables(corpus, n)
            folds += [(corpus, f"r{i}", 1) for i in range(n) if corpus == "home"]
        artefacts.write_table(folder / "folds.csv", ("corpus", "id", "fold"), folds)

    def write_tables(self, corpus, n, strong=True):
        for kind in self.tables:
            self.tables[kind][corpus] = str(self.folder / f"{kind}-{corpus}.csv")
        about = {"data_set": "strong" if strong else "weak", "labelled": 1}
        rows = [
            {"id": f"r{i}", "labels": ";".join(sorted({name for *_, name in spans(i)}))} | about
            for i in range(n)
        ]
        table = [[row.get(column, "") for column in LABELS] for row in rows]
        write_rows(self.tables["labels"][corpus], LABELS, table)
        verdicts = [(f"r{i}", "used", float(SECONDS)) for i in range(n)]
        columns = ("id", "verdict", "duration_s")
        artefacts.write_table(self.tables["verdicts"][corpus], columns, verdicts)
        events = [Event(f"r{i}", *span) for i in range(n) for span in spans(i)]
        write_events(self.tables["events"][corpus], events if strong else [])

    def detect(self, validation=("pond",)):
        paths = self.folder / "energy.h5", self.folder / "energy.json"
        settings = {
            "train": ["home"], "test": ["field"], "classes": None, "seed": 1, "crossing": {},
            "events": {
                "collar": {"onset_s": 0.1, "offset_s": 0.1, "offset_share": 0.2},
                "validation": list(validation),
            },
        }  # fmt: skip
        energy_baseline.detect_energy(
            self.shards, self.folder / "folds.csv", self.tables, settings, *paths
        )
        return paths, json.loads(paths[1].read_text())


@pytest.fixture
def sounds(tmp_path, tiny_frontend):
    return Sounds(tmp_path, tiny_frontend)


def test_tones_are_found_in_their_own_bands_and_settings_are_chosen_on_validation(sounds):
    (scores, _), found = sounds.detect()
    decoding, detector = found["decodings"]["energy"], found["detector"]
    assert decoding["chosen_on"] == "pond (5 recordings, 12 events)"
    assert min(decoding["tuned"]["figures"].values()) == 1.0
    low, high = (detector["classes"][name]["bands"] for name in ("low", "high"))
    assert low[1] <= high[0]
    assert {one["learnt_from"] for one in detector["classes"].values()} == {"training events"}
    # scored is what is tested or chooses; equal work gives equal bytes
    with open_frames(scores) as frames:
        assert frames.ids == sorted(f"{c}/r{i}" for c in ("field", "pond") for i in range(5))
    before = scores.read_bytes()
    assert sounds.detect()[0][0].read_bytes() == before


def test_bands_come_from_validation_events_or_loud_frames_where_training_events_are_unknown(sounds):
    sounds.write_tables("home", PARTS["home"], strong=False)
    _, found = sounds.detect()
    assert found["detector"]["classes"]["low"]["learnt_from"] == "validation events"
    assert min(found["decodings"]["energy"]["tuned"]["figures"].values()) == 1.0
    _, found = sounds.detect(validation=())
    assert found["detector"]["classes"]["low"]["learnt_from"] == "loud frames"
    assert found["decodings"]["energy"]["chosen_on"] is None
    assert set(found["decodings"]["energy"]["settings"]["threshold"]) == {0.5}


def test_scores_are_the_rise_over_the_scale_and_shares_of_classes():
    rng = np.random.default_rng(2)
    frames = rng.normal(size=(50_000, 8)).astype(np.float32)  # more than a block
    active = np.zeros((50_000, 2), bool)
    active[30_000:31_000, 0] = True
    active[40_000:41_000, 1] = True
    frames[30_000:31_000, :3] += 6
    frames[40_000:41_000, 5:] += 6
    floor = energy_detector.noise_floor(frames)
    # a fifth of the frames lies under it
    assert np.mean(frames < floor) == pytest.approx(0.2, abs=0.02)
    risen = energy_detector.rise(frames, floor)
    found = energy_detector.fit_detector([(risen, active), (risen[:100], active[:100])], 2)
    assert found.ranges.tolist() == [[0, 3], [5, 8]]
    assert found.scales == pytest.approx(risen[30_000:31_000, :3].mean(), rel=0.05)
    energy = np.maximum(risen[:, :3].mean(axis=1), 0)
    energy /= energy + found.scales[0]
    own = found.scores(frames)
    assert own[30_000:31_000, 0] == pytest.approx(energy[30_000:31_000], abs=1e-3)
    assert own[40_000:41_000, 0].max() < 1e-3  # the frames of the other class
    # another gain changes nothing; silence and a class without frames score 0
    assert found.scores(frames - 7) == pytest.approx(own, abs=1e-4)
    assert not found.scores(np.full((3, 8), -np.inf)).any()
    none = energy_detector.fit_detector([(risen, active[:, :1] & False)], 1)
    assert none.ranges.tolist() == [[0, 0]]
    assert not none.scores(frames[:5]).any()


def test_ensembles_are_held_against_it_and_a_sentence_says_where_they_are_not_better(tmp_path):
    """Its frames are those of the poor ensemble: the perfect one beats it, the poor one does not."""
    experiment = Experiment(tmp_path)
    experiment.write_all()
    ids, blocks = [], []
    for corpus in experiment.events:
        with open_frames(tmp_path / f"guess.{corpus}.h5") as frames:
            ids += [f"{corpus}/{name}" for name in frames.ids]
            blocks += [frames.of(name)[1] for name in frames.ids]
    with writing_frames(
        tmp_path / "energy.h5", ids, ["energy"], ["crow", "owl", "wren"], 10.0
    ) as put:
        put("energy", np.arange(len(ids)), np.zeros(len(ids)), blocks)
    decoder = json.loads((tmp_path / "guess.json").read_text())
    decoder["decodings"] = {"energy": decoder["decodings"]["tuned"]}
    decoder["detector"] = {"classes": {}, "classes_without": ["crow"]}
    artefacts.write_json(tmp_path / "energy.json", decoder)
    experiment.settings["energy"] = [tmp_path / "energy.h5", tmp_path / "energy.json"]
    found, text = experiment.evaluate()
    own = found["baselines"]["energy"]
    poor = found["ensembles"]["guess"]["decodings"]["tuned"]
    assert own["test"]["field"]["events"] == poor["test"]["field"]["events"]
    of = {one["second"]["ensemble"]: one for one in found["comparisons"][:3]}
    assert {one["first"]["ensemble"] for one in of.values()} == {"energy"}
    assert of["guess"]["test"]["field"]["event_macro_f"]["difference"] == 0
    better = of["perfect"]["test"]["field"]["event_macro_f"]
    perfect = found["ensembles"]["perfect"]["decodings"]["tuned"]["test"]["field"]
    expected = perfect["events"]["macro"]["f"] - own["test"]["field"]["events"]["macro"]["f"]
    assert better["difference"] == pytest.approx(expected)
    assert better["low"] > 0
    assert own["not_beaten"] == [
        "guess, tuned, does not beat energy above a floor on field: macro event F +0.00 (0.00 to 0.00)"
    ]
    assert own["not_beaten"][0] in text
    assert "energy: no training frame of crow" in text
    assert any(line.startswith("energy ") and "0." in line for line in text.splitlines())
    assert len(read_events(tmp_path / "events-field.csv")) == 18
