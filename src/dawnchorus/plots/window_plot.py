"""Figures of one sound: a recording with what models say of its windows, and variants of a spectrogram.

* `draw_windows`: spectrogram, scores of windows, events.
* `draw_variants`: spectrograms below each other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.formats.event import Event
from dawnchorus.plots import paper_figure
from dawnchorus.plots.recording_plot import Track

_PANEL_CM, _SCORES_CM, _LANE_CM, _EDGE_CM = 4.0, 4.0, 0.5, 1.5
_LEGEND = 5  # classes of a row


def draw_windows(
    spectrogram: Track,
    windows: tuple[np.ndarray, np.ndarray, np.ndarray],
    class_names: Sequence[str],
    events: Mapping[str, Sequence[Event]],
    output: str | Path,
    title: str,
) -> None:
    """Draw a recording with the scores of its windows.

    Parameters
    ----------
    spectrogram : Track of shape (T, F)
    windows : arrays of shape (W,), (W,), (W, C)
        Onsets and offsets [s], and scores in [0, 1]; a line spans each window.
    class_names : sequence of str
        C, at most as many as there are `paper_figure.COLOURS`.
    events : mapping of str to events
        Lanes by name, ``known`` or ``detected``, of these classes.
    output : path
        An SVG or a PNG.
    title : str
    """
    onsets, offsets, scores = windows
    colours = dict(zip(class_names, paper_figure.COLOURS, strict=False))
    heights = [_PANEL_CM, *([_LANE_CM] * len(events)), _SCORES_CM]
    with paper_figure.new_figure(sum(heights) + _EDGE_CM) as figure:
        axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        paper_figure.draw_spectrogram(axes[0], spectrogram.values, spectrogram.span_s, title)
        for lane, (name, own) in zip(axes[1:-1], events.items(), strict=True):
            for event in own:
                lane.barh(
                    0, event.offset_s - event.onset_s, left=event.onset_s, height=1.0,
                    color=colours[event.label], edgecolor="black", linewidth=0.3,
                )  # fmt: skip
            lane.set_ylim(-0.5, 0.5)
            lane.set_yticks([0], [name])
        panel = axes[-1]
        for name, own in zip(class_names, scores.T, strict=True):
            panel.hlines(own, onsets, offsets, colors=colours[name], linewidth=1.0)
            middles = (onsets + offsets) / 2
            panel.plot(
                middles, own, ".-", color=colours[name], linewidth=0.5, markersize=2, label=name
            )
        panel.set(xlabel="time (s)", ylabel="score", ylim=(-0.02, 1.02))
        panel.set_xlim(min(spectrogram.span_s[0], *onsets), max(spectrogram.span_s[1], *offsets))
        figure.legend(loc="outside lower center", ncols=_LEGEND, frameon=False)
        paper_figure.save(figure, output)


def draw_variants(
    images: Mapping[str, np.ndarray], duration_s: float, output: str | Path, title: str
) -> None:
    """Draw spectrograms of one length below each other.

    Parameters
    ----------
    images : mapping of str to array, shape (T, F)
        By what is written above each.
    duration_s : float
        That T frames span.
    output : path
        An SVG or a PNG.
    title : str
    """
    with paper_figure.new_figure(_PANEL_CM * len(images) + _EDGE_CM) as figure:
        figure.suptitle(title, size="medium")
        axes = figure.subplots(len(images), 1, sharex=True, squeeze=False)[:, 0]
        for panel, (name, image) in zip(axes, images.items(), strict=True):
            paper_figure.draw_spectrogram(panel, image, (0.0, duration_s), name)
        axes[-1].set_xlabel("time (s)")
        paper_figure.save(figure, output)
