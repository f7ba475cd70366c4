"""``dawnchorus segments``: what of recordings is signal.

``dawnchorus segments DATABASE`` prints the segments of a database.sqlite of the results, all or those of
a recording, a class or a kind. ``dawnchorus segments RECORDING --picture PNG`` draws the mask, the parts
and the slices of a recording, by the rules of dsr2019.
"""

import argparse
import csv
import sys


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "segments", help="what of recordings is signal, or a picture of one"
    )
    parser.add_argument(
        "file", metavar="FILE", help="database.sqlite of the results, or a recording"
    )
    parser.add_argument("--recording", metavar="ID", help="of this recording alone")
    parser.add_argument("--class", dest="class_name", metavar="CLASS", help="of this class alone")
    parser.add_argument("--kind", metavar="KIND", help="signal, noise or window alone")
    parser.add_argument("--picture", metavar="PNG", help="draw a recording, and print nothing")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print, or draw; return the exit status."""
    if arguments.picture is not None:
        return _draw(arguments.file, arguments.picture)
    # imported here: most commands need no database
    from dawnchorus.corpora import database

    columns, rows = database.segments(
        arguments.file, arguments.recording, arguments.class_name, arguments.kind
    )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return 0


def _draw(path: str, output: str) -> int:
    """Draw a recording with the defaults of the frontend and the segments of dsr2019."""
    import os

    import numpy as np

    from dawnchorus.audio.verdicts import Excluded
    from dawnchorus.exported import sound_reader
    from dawnchorus.frontends import signal_mask
    from dawnchorus.plots import signal_plot
    from dawnchorus.segments import signal_slices
    from dawnchorus.settings.audio import AudioRecipe
    from dawnchorus.settings.experiment import SegmentSettings
    from dawnchorus.settings.frontend import KINDS

    recipe = AudioRecipe(channels="mix").complete()
    settings = KINDS.model("mel_power")().complete() | {"sample_rate": recipe["sample_rate"]}
    about = SegmentSettings(kind="time").complete()
    with sound_reader.SoundReader([{"path": path}], recipe) as sounds:
        try:
            pieces = [piece for sound in sounds for piece in sound.pieces()]
        except Excluded as excluded:
            raise ValueError(f"{path} cannot be used: {excluded.code}, {excluded.detail}") from None
    waveform = np.concatenate([piece[0] for piece in pieces])
    is_signal = signal_slices.widened(
        signal_mask.signal_frames([waveform], settings), about["reach"]
    )
    window = 1 + int(5.0 * recipe["sample_rate"]) // settings["hop"]
    rate = recipe["sample_rate"] / settings["hop"]
    columns = np.flatnonzero(is_signal)
    starts = signal_slices.slice_starts(len(columns), window, about["step_s"] * rate)
    stretches = [signal_slices.stretches(columns[a : a + window]) / rate for a in starts]
    signal_plot.draw_signal(
        [waveform], settings, is_signal, stretches, output, os.path.basename(path)
    )
    share = 100 * is_signal.mean()
    print(f"{output}: {share:.0f} % of {len(waveform) / recipe['sample_rate']:.1f} s is signal, "
          f"{len(starts)} slices", file=sys.stderr)  # fmt: skip
    return 0
