"""The worst misses and false alarms of an ensemble, to look at and to listen to.

* `worst_clips`: the section; `clip_items`: recordings with sound and spectrogram.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.report import sound_excerpt
from dawnchorus.report.html import Html, element, joined, number, section
from dawnchorus.report.result_data import ResultData, place
from dawnchorus.scores import score_files
from dawnchorus.targets.ground_truth import GroundTruth

SHOWN = 10


def worst_clips(data: ResultData) -> Html:
    """Return the section: recordings of a class with the lowest scores, others with the highest."""
    ensemble, test = data.shown_ensemble, data.shown_test
    if ensemble is None or test not in data.truths:
        return Html("")
    truth, scores = data.truths[test], data.scores[ensemble][test]
    present = truth.targets > 0
    # a class that is heard in the background is no false alarm, and no miss either
    absent = ~present & ~(truth.background > 0)
    kinds = (
        ("Worst misses", "of the class, with the lowest scores", present, scores),
        ("Worst false alarms", "not of the class, with the highest scores", absent, -scores),
    )
    shown = []
    for title, what, rows, order in kinds:
        places = np.argwhere(rows)
        worst = np.argsort(order[rows], kind="stable")[:SHOWN]
        chosen = [(int(row), int(column)) for row, column in places[worst]]
        told = [f" has {number(float(scores[at]))}" for at in chosen]
        items = clip_items(data, ensemble, truth, chosen, told)
        if items:
            shown += [
                element("h3", title),
                element("p", f"Recordings {what} of {ensemble}, {place(test)}."),
                element("ol", *items, class_="clips"),
            ]
    return section("worst", "Recordings to listen to", *shown)


def clip_items(
    data: ResultData,
    ensemble: str,
    truth: GroundTruth,
    places: Sequence[tuple[int, int]],
    told: Sequence[str],
) -> list[Html]:
    """Return an item of a list for each place: what is said of it, sound and spectrogram.

    Parameters
    ----------
    data : ResultData
        Whose windows and sound are shown.
    ensemble : str
        The window is that in which its first stage scores the class highest.
    truth : GroundTruth
    places : sequence of (row, column)
        Recording and class.
    told : sequence of str
        What follows the name of the class.
    """
    items = []
    for (row, column), text in zip(places, told, strict=True):
        corpus, recording = truth.recordings[row]
        known = [truth.class_names[c] for c in np.flatnonzero(truth.targets[row])]
        said = (
            f" of {corpus}: {truth.class_names[column]}{text}; truth: "
            f"{', '.join(known) or 'none of the classes'}"
        )
        heard = _heard(data, ensemble, corpus, recording, column)
        items.append(element("li", element("p", element("strong", recording), said), heard))
    return items


def _heard(data: ResultData, ensemble: str, corpus: str, recording: str, column: int) -> Html:
    """Return sound and spectrogram of a recording where the class has its highest score."""
    stage = data.settings["ensembles"][ensemble][0]
    windows = data.asked["windows"].get(stage, {}).get(corpus, [])
    middle_s = _middle_of_best(windows, recording, column)
    sound = data.asked["sound"][corpus]
    excerpt = sound_excerpt.read_excerpt(sound["folder"], sound["shards"], recording, middle_s)
    if excerpt is None:
        return element("p", "Its sound is not there any more.", class_="minor")
    end_s = excerpt.onset_s + excerpt.duration_s
    span = f"{excerpt.onset_s:.1f} to {end_s:.1f} s, up to {excerpt.sample_rate / 2000:g} kHz"
    labelled = {"aria-label": f"Sound of {recording}, {span}"}
    return joined(
        [
            element(
                "img",
                src=sound_excerpt.as_source("image/png", sound_excerpt.picture_bytes(excerpt)),
                alt=f"Spectrogram of {recording}, {span}; dark is loud",
                width=300,
                height=128,
            ),
            element(
                "audio",
                src=sound_excerpt.as_source("audio/wav", sound_excerpt.wav_bytes(excerpt)),
                controls=True,
                preload="metadata",
                **labelled,
            ),
            element("p", span, class_="minor"),
        ]
    )


def _middle_of_best(paths: Sequence[str], recording: str, column: int) -> float:
    """Return the middle [s] of the window with the highest score of a class; 0 where none is known."""
    if not (paths and all(Path(path).is_file() for path in paths)):
        return 0.0
    best, middle_s = -1.0, 0.0
    with score_files.open_windows(paths) as windows:
        if recording not in windows.ids:
            return 0.0
        index = windows.ids.index(recording)
        for member in windows.members:
            rows, onset, offset = windows.times(member)
            first, last = np.searchsorted(rows, [index, index + 1])
            if first == last:
                continue
            scores = windows.scores(member, slice(int(first), int(last)))[:, column]
            highest = int(scores.argmax())
            if scores[highest] > best:
                best = float(scores[highest])
                middle_s = float(onset[first + highest] + offset[first + highest]) / 2
    return middle_s
