"""The energy detector of an experiment: its file, its decoding, and whether ensembles beat it.

It sees the spectrograms of the first stage and learns its bands from the events of training recordings,
else of validation recordings, else from the loud frames of a class. Its decoding is chosen as a tuned one
of an ensemble is: by event-based F on the validation recordings, which are neither trained on nor tested.
Where there are none its decoding is that of `_GIVEN`: half the mean rise.

* `detect_energy`: ``energy.h5``, frame scores of the recordings with known events that are tested or
  choose decodings, under ids ``corpus/id``; and ``energy.json``, its decoding and its bands.
* `open_energy`: the scores of a corpus.
* `energy_report`: its scores beside those of the ensembles, and their differences.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dawnchorus.evaluation import energy_detector
from dawnchorus.evaluation.caveats import marked
from dawnchorus.evaluation.energy_detector import Detector, noise_floor, rise
from dawnchorus.evaluation.event_scores import Ensemble, difference, ensemble_scores
from dawnchorus.events import decoding_choice
from dawnchorus.events.decoding import frame_targets
from dawnchorus.formats.event import Event
from dawnchorus.frontends.shard_reader import Spectrograms, open_shards
from dawnchorus.metrics.tuning import THRESHOLDS
from dawnchorus.runtime import artefacts, seeds
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import frame_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import EventGroundTruth, find_event_set
from dawnchorus.targets.labels import indicator, training_classes, training_labels

NAME = "energy"
_GIVEN = {"threshold": 0.5, "filter_s": 0.0, "gap_s": 0.0, "minimum_s": 0.0}
# lengths that tuning tries, times the median length of the validation events, the simplest first
_FILTERS, _GAPS, _LEAST = (0.0, 0.25, 0.5, 1.0), (0.0, 0.25, 0.5, 1.0), (0.0, 0.25, 0.5)
_MOST_FRAMES = 2_000_000  # of training recordings: half a minute on one core

Readers = Mapping[str, Spectrograms]  # by corpus
Known = Mapping[str, EventGroundTruth]  # by reference


def detect_energy(
    shards: Mapping[str, Sequence[str | Path]],
    folds_path: str | Path,
    tables: Mapping[str, Mapping[str, str]],
    settings: Mapping,
    scores_path: str | Path,
    decoders_path: str | Path,
) -> None:
    """Learn the energy detector of an experiment, score with it, and choose its decoding.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Spectrograms of the training, validation and test corpora, of one frontend.
    folds_path : path
        Folds of the experiment.
    tables : mapping of str to mapping of corpus to path
        ``labels``, ``verdicts`` and ``events`` of these corpora; one without events has no path.
    settings : mapping
        ``train``, ``test``, ``classes``, ``seed``, ``events`` (``collar``, ``validation``) and
        ``crossing`` by corpus.
    scores_path, decoders_path : path
        See the module.
    """
    labels, verdicts = tables["labels"], tables["verdicts"]
    _, truth = training_labels(settings["train"], labels, folds_path, verdicts)
    classes = training_classes(truth, settings["classes"])
    readers = {corpus: open_shards(paths) for corpus, paths in shards.items()}

    def known(references: Sequence[str]) -> dict[str, EventGroundTruth]:
        found = {}
        for reference in references:
            corpus, _ = parse_reference(reference)
            own = labels[corpus], verdicts[corpus], tables["events"].get(corpus), classes
            found[reference] = find_event_set(
                reference, *own, settings["crossing"].get(corpus, "clip")
            )
        return found

    validation = known(settings["events"]["validation"])
    scored = {**known(settings["test"]), **validation}
    rng = seeds.generator(settings["seed"], "baselines", NAME)
    detector, about = _fitted(readers, truth, known(settings["train"]), validation, classes, rng)
    names = sorted(
        {(parse_reference(one)[0], name) for one, own in scored.items() for name in own.ids}
    )
    onsets_s = np.array([readers[corpus].onset_s(name) for corpus, name in names])
    blocks = (detector.scores(readers[corpus].frames(name)) for corpus, name in names)
    rate = next(iter(readers.values())).frames_per_second
    ids = ["/".join(name) for name in names]
    with frame_files.writing_frames(scores_path, ids, [NAME], classes, rate) as put:
        put(NAME, np.arange(len(names)), onsets_s, blocks)
    own = {**_GIVEN, "tune": "none", "grids": {}, "together": [], "per_class": True}
    lengths_s = [e.offset_s - e.onset_s for one in validation.values() for e in one.events]
    if lengths_s:
        # the lengths of events say what is worth trying
        median_s = float(np.median(lengths_s))
        tried = {"filter_s": _FILTERS, "gap_s": _GAPS, "minimum_s": _LEAST}
        grids = {name: [share * median_s for share in shares] for name, shares in tried.items()}
        own |= {
            "tune": "events",
            "grids": {"threshold": list(THRESHOLDS), **grids},
            "together": ["threshold", "filter_s"],
        }
    given = {corpus: scores_path for corpus in shards}
    sources = _Sources(
        given, {}, labels, verdicts, tables["events"], folds_path,
        {"events": {**settings["events"], "decodings": {NAME: own}},
         "train": settings["train"], "crossing": settings["crossing"]},
        tuple(classes),
    )  # fmt: skip
    content = decoding_choice.decoding_content(own, sources)
    artefacts.write_json(
        decoders_path, {"classes": classes, "decodings": {NAME: content}, "detector": about}
    )


@dataclass(frozen=True)
class _Sources(decoding_choice.Sources):
    """What its decoding is chosen by: the frame scores of all corpora are one file."""

    def open_frames(self, corpus: str) -> contextlib.AbstractContextManager:
        """Open the frame scores of a corpus for reading."""
        return open_energy(self.frames[corpus], corpus)


class CorpusFrames:
    """Frame scores of one corpus out of a file of several, as `dawnchorus.scores.frame_files.Frames`."""

    def __init__(self, found: frame_files.Frames, corpus: str):
        self.path, self.class_names, self.learning = found.path, found.class_names, found.learning
        self.frames_per_second = found.frames_per_second
        self._found, self._corpus = found, corpus

    def of(self, identifier: str) -> tuple[float, np.ndarray]:
        """Return onset of the first frame [s] and scores (T, C) of a recording."""
        return self._found.of(f"{self._corpus}/{identifier}")


@contextlib.contextmanager
def open_energy(path: str | Path, corpus: str) -> Iterator[CorpusFrames]:
    """Open the frame scores of one corpus for reading."""
    with frame_files.open_frames(path) as found:
        yield CorpusFrames(found, corpus)


def energy_report(
    files: Sequence[str | Path],
    found: Mapping[str, Ensemble],
    tests: Known,
    validations: Known,
    settings: Mapping,
) -> tuple[dict[str, Any], list[dict]]:
    """Return the scores of the detector, and the differences of the ensembles to it.

    Parameters
    ----------
    files : (path, path)
        What `detect_energy` writes.
    found : mapping of ensemble to Ensemble
    tests, validations : mapping of subset to EventGroundTruth
    settings : mapping
        The experiment; see `dawnchorus.evaluation.event_evaluation.evaluate_events`.

    Returns
    -------
    dict
        ``detector``, ``settings``, ``chosen_on``, ``tuned``, ``test``, ``validation`` and
        ``not_beaten``: sentences, one where the interval of a macro event F reaches 0.
    list of dict
        Comparisons, as those of ensembles.
    """
    scores_path, decoders_path = files
    section = {**settings["events"], "decodings": {NAME: {}}}
    own = ensemble_scores(
        NAME,
        lambda corpus: open_energy(scores_path, corpus),
        decoders_path,
        {**tests, **validations},
        {**settings, "events": section, "ensembles": {NAME: []}},
    )
    about, measured = own.about["decodings"][NAME], own.measured[NAME]
    comparisons, not_beaten = [], []
    decodings = settings["events"]["decodings"]
    tuned = [name for name in decodings if decodings[name]["tune"] != "none"]
    for name, ensemble in found.items():
        for decoding in tuned or decodings:
            changes = {
                test: difference(measured[test], ensemble.measured[decoding][test], settings)
                for test in tests
            }
            for test, change in changes.items():
                f = change["event_macro_f"]
                # without an interval a difference cannot be told from none
                if not f["low"] > 0 and not np.isnan(f["difference"]):
                    limits = f"{f['low']:.2f} to {f['high']:.2f}"
                    not_beaten.append(
                        f"{name}, {decoding}, does not beat energy above a floor on {test}: macro event "
                        f"F {f['difference']:+.2f} ({limits})"
                    )
            comparisons.append(
                {
                    "first": {"ensemble": NAME, "decoding": NAME},
                    "second": {"ensemble": name, "decoding": decoding},
                    "test": marked(changes, ensemble.stages, settings),
                }
            )
    content = {
        "detector": own.about["detector"],
        **about,
        "test": {name: measured[name].content for name in tests},
        "validation": {
            name: measured[name].content | {"chosen_here": about["tuned"] is not None}
            for name in validations
        },
        "not_beaten": not_beaten,
    }
    return content, comparisons


def _fitted(
    readers: Readers,
    truth: Mapping[tuple[str, str], Sequence[str]],
    strong: Known,
    validation: Known,
    classes: Sequence[str],
    rng: np.random.Generator,
) -> tuple[Detector, dict]:
    """Return the detector, and by class its bands and what showed them."""
    events: dict[tuple[str, str], list[Event]] = {}
    source = dict.fromkeys(classes, "loud frames")
    # A band is a setting as a threshold is: what training events do not show is chosen on validation,
    # and what these do not show by the loud frames of the recordings of a class.
    for what, references in (("training events", strong), ("validation events", validation)):
        shown = [label for label in classes if source[label] == "loud frames"]
        for reference, known in references.items() if shown else ():
            corpus, _ = parse_reference(reference)
            events |= {(corpus, name): [] for name in known.ids}
            for event in known.events:
                if event.label in shown:
                    events[corpus, event.id].append(event)
                    source[event.label] = what
    is_weak = np.array([source[label] == "loud frames" for label in classes])
    names = sorted(events) + sorted(truth.keys() - events.keys() if is_weak.any() else ())
    order = [names[row] for row in rng.permutation(len(names))]
    n_frames = np.cumsum([readers[corpus].rows(name) for corpus, name in order])
    chosen = order[: int(np.searchsorted(n_frames, _MOST_FRAMES)) + 1]

    def recordings() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for corpus, name in chosen:
            reader = readers[corpus]
            frames = np.asarray(reader.frames(name))
            risen = rise(frames, noise_floor(frames))
            if (corpus, name) in events:
                active = frame_targets(
                    events[corpus, name], len(frames), reader.frames_per_second, classes,
                    onset_s=reader.onset_s(name),
                )  # fmt: skip
                yield risen, active > 0
            else:
                present = indicator([truth[corpus, name]], classes)[0] > 0
                yield risen, energy_detector.loud_frames(risen, present & is_weak)

    detector = energy_detector.fit_detector(recordings(), len(classes))
    n_bands = next(iter(readers.values())).n_bands
    LOG.info("energy: learnt from %d of %d recordings", len(chosen), len(names))
    by_class = {
        label: {
            "bands": detector.ranges[row].tolist(),
            "separation": float(detector.separation[row]),
            "learnt_from": source[label],
        }
        for row, label in enumerate(classes)
        if detector.ranges[row, 1]
    }
    about = {"learnt_from": len(chosen), "recordings": len(names), "bands": n_bands}
    without = [label for label in classes if label not in by_class]
    return detector, {**about, "classes": by_class, "classes_without": without}
