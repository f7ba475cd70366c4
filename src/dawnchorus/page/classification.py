"""One recording for the page: decoded once, scored and drawn.

* `Limits`: what is taken; `Classifier`: a model and what it says of a recording.
* `Gone`: nobody waits for the answer any more.
"""

import base64
import contextlib
import dataclasses
import io
from collections.abc import Callable, Sequence

import numpy as np

from dawnchorus.exported import annotation_files, detection_rows, detections, prediction
from dawnchorus.exported.model_file import ExportedModel
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.row_selection import selection_of
from dawnchorus.exported.scorer import Scorer
from dawnchorus.exported.sound_reader import Sound, SoundReader
from dawnchorus.page import sentences
from dawnchorus.page.sound_picture import Picture, SoundPicture

BEST = 5  # classes named for the recording as a whole
MOST_DETECTIONS = 20_000  # in one answer
_SHOWN_DECIMALS = 3  # of seconds
_SCORE_DECIMALS = 4


class Gone(Exception):
    """The client has left."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What of recordings is taken.

    Attributes
    ----------
    n_bytes : int
        Of one recording.
    longest_s : float
        Of one recording, in seconds.
    at_once : int
        Recordings that are received and scored at the same time; others wait.
    waiting : int
        Those that may wait; further ones are sent away.
    """

    n_bytes: int = 200_000_000
    longest_s: float = 3600.0
    at_once: int = 2
    waiting: int = 16


class Classifier:
    """A model, ready for recordings; several threads may use it.

    Parameters
    ----------
    model : ExportedModel
    limits : Limits
    thresholds : sequence of str
        As `dawnchorus.exported.row_selection.thresholds_of` takes them.
    threads : int
        Of the networks.
    """

    def __init__(
        self,
        model: ExportedModel,
        limits: Limits,
        thresholds: Sequence[str] = (),
        threads: int = 1,
    ):
        self.limits = limits
        self._model = model
        self._selection = selection_of(model, None, thresholds, None, None, None)
        self._networks = Networks(model, threads)

    def about(self) -> dict:
        """Return what the page says of the model and its limits, as JSON holds it."""
        model, selection = self._model, self._selection
        return {
            "name": model.name,
            "digest": model.short_digest,
            "classes": list(model.classes),
            "rows": selection.kind,
            "decoding": selection.decoding,
            "calibration": (model.calibration or {}).get("method"),
            "threshold_rule": model.about.get("threshold_rule"),
            "caveats": model.about.get("caveats"),
            "corpora": model.about.get("recordings"),
            "limits": dataclasses.asdict(self.limits),
        }

    def classify(self, path: str, name: str, is_wanted: Callable[[], bool]) -> dict:
        """Return the answer on one recording, as JSON holds it.

        Parameters
        ----------
        path : str
            Of the bytes.
        name : str
            Of the recording, for tables.
        is_wanted : callable
            Asked while the sound is decoded.

        Raises
        ------
        ValueError
            One sentence, where the recording cannot be used.
        Gone
            Where the answer is not wanted any more.
        """
        recipes = prediction.recipes_of(self._model)
        scorer = Scorer(self._model, self._networks)
        picture = SoundPicture(recipes[0]["sample_rate"])

        def heard(pieces: Sequence[np.ndarray]) -> None:
            if not is_wanted():
                raise Gone
            picture.add(pieces)

        try:
            with contextlib.ExitStack() as stack:
                # a child of its own for each upload: what one may do to its decoder meets no other
                readers = [
                    SoundReader([{"path": path}], recipe, longest_s=self.limits.longest_s)
                    for recipe in recipes
                ]
                sounds = [next(iter(stack.enter_context(one))) for one in readers]
                prediction.score(scorer, sounds, recipes, heard)
            duration_s = sounds[0].duration_s
            rows = prediction.rows_of(scorer, self._model, self._selection, duration_s)
            scores = scorer.recording()
        except prediction.FAULTS as error:
            fault = prediction.fault_of(error)
            sentence = sentences.EXCLUSIONS.get(getattr(error, "code", ""))
            raise ValueError(f"{sentence} ({fault})" if sentence else fault) from error
        if len(rows) > MOST_DETECTIONS:
            raise ValueError(
                f"{len(rows)} detections, at most {MOST_DETECTIONS} are shown; cut the recording "
                "into parts, or serve the model with a higher --threshold"
            )
        return self._answer(name, sounds[0], rows[:], scores, picture.finish())

    def _answer(
        self, name: str, sound: Sound, rows: np.ndarray, scores: np.ndarray, drawn: Picture
    ) -> dict:
        """Return what was found in a recording, as JSON holds it."""
        best = np.argsort(-scores, kind="stable")[:BEST]
        model, table = self._model, io.StringIO(newline="")
        classes = model.classes
        # the detections as the texts of the files that are offered
        how = model.calibration_of(self._selection.kind)
        blocks = detection_rows.blocks_of([(name, rows)], classes, model.short_digest, how)
        detections.write_csv(table, blocks)
        plain = [
            (float(row["onset"]), float(row["offset"]), classes[row["class"]], row["score"], how)
            for row in rows
        ]
        texts = {kind: annotation_files.annotation_text(kind, name, plain)
                 for kind in annotation_files.ENDINGS}  # fmt: skip
        return {
            "name": name,
            "duration_s": sound.duration_s,
            "warnings": [sentences.WARNINGS.get(code, code) for code in sound.warnings],
            "best": [[classes[i], round(float(scores[i]), _SCORE_DECIMALS)] for i in best],
            "detections": [
                [
                    round(float(row["onset"]), _SHOWN_DECIMALS),
                    round(float(row["offset"]), _SHOWN_DECIMALS),
                    classes[row["class"]],
                    round(float(row["score"]), _SCORE_DECIMALS),
                ]
                for row in rows
            ],
            "picture": {
                "n_columns": len(drawn.shades),
                "n_bands": drawn.shades.shape[1],
                "columns_per_s": drawn.columns_per_s,
                "top_hz": drawn.top_hz,
                "shades": base64.b64encode(drawn.shades.tobytes()).decode(),
                "peaks": base64.b64encode(drawn.peaks.tobytes()).decode(),
            },
            "files": {"csv": table.getvalue(), **texts},
        }
