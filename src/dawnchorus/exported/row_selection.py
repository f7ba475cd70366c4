"""Which scores become rows of a table of detections.

* `Selection`: thresholds by class, and how many classes at most.
* `selection_of`: one for a model; `thresholds_of`: thresholds from what a person wrote.

Axes: B windows, C classes.
"""

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dawnchorus.exported.model_file import ExportedModel
from dawnchorus.exported.scorer import check_scores
from dawnchorus.metrics import calibration, operating_points

KINDS = ("windows", "recordings", "events")
_ALL = 0.0  # threshold that every score reaches
_USUAL = 0.5  # where a model knows no threshold


@dataclasses.dataclass(frozen=True)
class Selection:
    """What of the scores is wanted.

    Attributes
    ----------
    kind : {"windows", "recordings", "events"}
        A row for each window, for the recording, or for each decoded event.
    thresholds : sequence of float, length C
        Lowest score of each class; NaN is never reached. Of events they take the place of those of
        the decoding, but where they are None.
    top : int, optional
        At most so many of the classes of a window or recording, or of a recording's events: those
        with the highest scores.
    decoding : str, optional
        Of events.
    """

    kind: str
    thresholds: tuple[float | None, ...]
    top: int | None = None
    decoding: str | None = None

    def chosen(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns of scores (B, C) that are wanted, the highest of a row first."""
        least = np.array([math.nan if one is None else one for one in self.thresholds], np.float32)
        is_wanted = scores >= least  # never where it is NaN
        if self.top is not None and self.top < scores.shape[1]:
            ranked = np.where(is_wanted, scores, -np.inf)
            # stable: of equal scores the class that comes first
            best = np.argsort(-ranked, axis=1, kind="stable")[:, : self.top]
            is_best = np.zeros(scores.shape, bool)
            np.put_along_axis(is_best, best, True, axis=1)
            is_wanted &= is_best
        row, column = np.nonzero(is_wanted)
        order = np.lexsort((-scores[row, column], row))
        return row[order], column[order]


def selection_of(
    model: ExportedModel,
    kind: str | None,
    thresholds: Sequence[str],
    top: int | None,
    classes: Sequence[str] | None,
    decoding: str | None,
) -> Selection:
    """Return what is wanted of a model's scores.

    Parameters
    ----------
    model : ExportedModel
    kind : str or None
        One of `KINDS`; None: events where the model decodes any, else windows.
    thresholds : sequence of str
        See `thresholds_of`.
    top : int or None
    classes : sequence of str or None
        These alone.
    decoding : str or None
        None: the first of the model.

    Raises
    ------
    ValueError
        Where the model has no such scores, or a class or a number is not one.
    """
    scored = "windows" if model.has_common_windows else "recordings"
    kind = kind or ("events" if model.decodings else scored)
    decoding = decoding or next(iter(model.decodings), None)
    check_scores(model, kind, decoding)
    known = {name: value for name, value in model.thresholds.items() if value is not None}
    curves = model.about.get("operating_curves")

    def reached(goal: str, wanted: float) -> Mapping[str, float]:
        chosen, _ = operating_points.thresholds_for(curves, goal, wanted)
        if kind != "recordings":
            return chosen
        # chosen by scores as they were before they were calibrated; the maps rise, so they map too
        raw = np.array([chosen.get(name, math.nan) for name in model.classes])
        mapped = calibration.apply(model.calibration, raw, model.classes)
        return {
            name: float(one)
            for name, one in zip(model.classes, mapped, strict=True)
            if name in chosen
        }

    found = thresholds_of(
        thresholds, kind, model.classes, known, None if curves is None else reached
    )
    if classes is not None:
        wanted = {known_class(name, model.classes) for name in classes}
        pairs = zip(model.classes, found, strict=True)
        found = [one if name in wanted else math.nan for name, one in pairs]
    return Selection(kind, tuple(found), top, decoding if kind == "events" else None)


def thresholds_of(
    given: Sequence[str],
    kind: str,
    class_names: Sequence[str],
    known: Mapping[str, float],
    reached: Callable[[str, float], Mapping[str, float]] | None = None,
) -> list[float | None]:
    """Return the threshold of each class.

    Parameters
    ----------
    given : sequence of str
        ``0.5``, for all classes; ``CLASS=0.5``, for one; ``precision=0.9``, ``recall=0.9`` or
        ``false_alarms_per_hour=1``, for all classes.
    kind : str
        One of `KINDS`. Where nothing is given, recordings have all their scores, windows those that
        the model's thresholds keep (0.5 where it knows none), and events those of their decoding.
    class_names : sequence of str
        C.
    known : mapping of class to float
        Thresholds of the model.
    reached : callable, optional
        Of such a goal and a number: the thresholds of the classes that reach it. Left out: the model
        does not know.

    Raises
    ------
    ValueError
        Where a text is none of these, a class is unknown, or a number is not in 0 to 1.
    """
    usual: dict[str, float | None] = dict.fromkeys(class_names, _ALL)
    if kind == "windows":
        usual = {name: known.get(name, _USUAL) for name in class_names}
    elif kind == "events":
        usual = dict.fromkeys(class_names)
    single: dict[str, float] = {}
    for text in given:
        name, equals, number = text.rpartition("=")
        is_goal = name in operating_points.GOALS and name not in class_names
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        # NaN is in no range; a rate of false alarms is a number per hour, of any size
        if not 0 <= value <= (math.inf if is_goal else 1):
            raise ValueError(
                f"threshold {text!r}; expected a number from 0 to 1, CLASS=NUMBER or precision=NUMBER"
            )
        if not equals:
            usual = dict.fromkeys(class_names, value)
        elif is_goal:
            if reached is None:
                raise ValueError(
                    f"threshold {text!r}; the model does not say what its scores reach, expected a "
                    "number from 0 to 1"
                )
            # a class that never reaches it has no detection: a row would say more than is known
            usual = {**dict.fromkeys(class_names, math.nan), **reached(name, value)}
        else:
            single[known_class(name, class_names)] = value
    return [single.get(name, usual[name]) for name in class_names]


def known_class(name: str, class_names: Sequence[str]) -> str:
    """Return a class, or raise a ValueError that names the nearest of those there are."""
    if name in class_names:
        return name
    near = difflib.get_close_matches(name, class_names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"such as {list(class_names[:5])!r}"
    raise ValueError(f"class {name!r} is none of the {len(class_names)} of the model; {hint}")
