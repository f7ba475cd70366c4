"""The plot of one recording with the cells that are signal, and the slices that are cut from them.

The spectrogram is at the top, low frequencies at the bottom; cells of the mask are tinted. Below it stand
parts with signal and parts without, and under them the slices of the signal, each where its frames come
from. Equal content gives equal bytes.

* `draw_signal`: the plot as a PNG.

Axes: T frames, K bins.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.frontends import signal_mask
from dawnchorus.plots import canvas, png
from dawnchorus.runtime import artefacts

SIGNAL, NOISE, SLICE = "#e69f00", "#999999", "#0072b2"  # told apart by every kind of colour vision
_WIDTH, _HEIGHT, _DPI = 14.0, 5.0, 100  # inches, dots for each
_LOWEST_DB = -70.0  # below the loudest cell


def draw_signal(
    channels: Sequence[np.ndarray],
    settings: Mapping,
    is_signal: np.ndarray,
    slices_s: Sequence[Sequence[tuple[float, float]]],
    output: str | Path,
    title: str = "",
) -> None:
    """Draw a recording with mask, parts and slices as one PNG.

    Parameters
    ----------
    channels : sequence of array, shape (S,)
        Waveforms at ``settings["sample_rate"]``.
    settings : mapping
        Of a frontend of kind ``mel_power``.
    is_signal : array, shape (T,), bool
        Frames with signal and near it.
    slices_s : sequence of sequences of (float, float)
        Of each slice the stretches of the recording that it is made of [s].
    output : path
        The PNG.
    title : str, optional
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rate, n_samples = settings["sample_rate"], len(channels[0])
    rows = signal_mask.magnitudes(channels, settings, 0, len(is_signal))
    decibels = 20 * np.log10(np.maximum(rows / max(rows.max(), 1e-12), 1e-12))
    mask = signal_mask.signal_mask(rows, settings)
    end_s = n_samples / rate
    kinds = {"signal": (SIGNAL, is_signal), "noise": (NOISE, ~is_signal)}
    with (
        artefacts.writing(output, check=png.check, record=False) as temporary,
        canvas.plain_style(),
    ):
        figure = Figure((_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        axes, lanes = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        extent = (0, end_s, 0, rate / 2000)
        axes.imshow(
            decibels.T, origin="lower", aspect="auto", extent=extent, cmap="Greys",
            vmin=_LOWEST_DB, vmax=0,
        )  # fmt: skip
        tint = np.zeros((*mask.T.shape, 4), np.float32)
        tint[mask.T] = (0.9, 0.62, 0, 0.55)
        axes.imshow(tint, origin="lower", aspect="auto", extent=extent)
        axes.set_ylabel("kHz")
        axes.set_title("".join(t if t.isprintable() else "?" for t in title), parse_math=False)
        for kind, (colour, frames) in kinds.items():
            found = signal_mask.timestamps(frames, n_samples, rate)
            bars = [(start, stop - start) for start, stop in found]
            lanes.broken_barh(bars, (2.1, 0.8), facecolors=colour, label=kind)
        for number, parts in enumerate(slices_s):
            bars = [(start, stop - start) for start, stop in parts]
            # neighbours overlap, so they take turns
            lanes.broken_barh(
                bars, (1.05 - number % 2, 0.9), facecolors=SLICE, edgecolors="white",
                label="slices" if number == 0 else None,
            )  # fmt: skip
        lanes.set_ylim(0, 3)
        lanes.set_yticks([])
        lanes.set_xlim(0, end_s)
        lanes.set_xlabel("s")
        figure.legend(loc="outside lower right", fontsize="small", ncols=3)
        figure.savefig(temporary, format="png", metadata={"Software": None})
