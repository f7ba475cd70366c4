"""How much of recordings the signal extraction of dsr2019 keeps, and how many slices are left.

Prints, for slices of 5 s as published and of half that length (half the hop, or half as many frames), the
share of frames that are signal, the slices and the recordings that have any; with ``--each`` share and
slices of every recording. The original expected 0.64 s of signal in a second of xeno-canto; its mask,
built anew, is to find about as much (0.55 to 0.75).

    python benchmarks/signal_slices.py --table recordings.csv --label species
"""

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dawnchorus.frontends import signal_mask
from dawnchorus.frontends.kinds import mel_power
from dawnchorus.segments import signal_slices

RATE = 22_050
# hop [samples], frames of a slice, frames by which signal is widened, seconds from slice to slice
LENGTHS = {
    "5 s": (512, 216, 15, 2.5),
    "2.5 s": (256, 216, 30, 1.25),
    "2.5 s of half as many frames": (512, 108, 30, 1.25),
}
AIM = (0.55, 0.75)  # share of signal, of the published length


def waveform(path: Path) -> np.ndarray:
    """Return a recording at 22,050 Hz, its channels averaged."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE)


def report(name: str, shares: list[float], slices: list[int], labels: list[str]) -> str:
    """Return one line on a length of slices."""
    low, middle, high = np.percentile(shares, [25, 50, 75])
    per_class = Counter(dict.fromkeys(labels, 0))
    for label, count in zip(labels, slices, strict=True):
        per_class[label] += count
    n_with = sum(count > 0 for count in slices)
    return (
        f"slices of {name}: signal is {np.mean(shares):.0%} of a recording (quartiles {low:.0%}, "
        f"{middle:.0%}, {high:.0%}); {sum(slices)} slices of {n_with} of {len(slices)} recordings; "
        f"{min(per_class.values())} to {max(per_class.values())} of a class"
    )


def smoke_table(folder: Path) -> Path:
    """Write two recordings of noise with a tone in half of it, and return their table."""
    rng, times = np.random.default_rng(1), np.arange(8 * RATE) / RATE
    for name in "ab":
        tone = np.sin(2 * np.pi * (3000 * times + 200 * np.sin(9 * times))) * (times % 4 < 2)
        soundfile.write(folder / f"{name}.wav", rng.normal(0, 0.002, len(times)) + 0.3 * tone, RATE)
    table = folder / "slices.csv"
    table.write_text("path,label\na.wav,a\nb.wav,b\n")
    return table


def main() -> None:
    """Print a line for each length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="CSV with a row per recording")
    parser.add_argument("--smoke", action="store_true", help="two synthetic recordings")
    parser.add_argument("--folder", type=Path, default=Path("."), help="of what --smoke makes")
    parser.add_argument(
        "--path", default="path", help="column of the file, from the table's folder"
    )
    parser.add_argument("--label", default="label", help="column of the class")
    parser.add_argument("--each", action="store_true", help="a line for every recording, too")
    given = parser.parse_args()
    if given.smoke:
        given.table = smoke_table(given.folder)
    if given.table is None:
        parser.error("expected --table, or --smoke")
    with given.table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sounds = [waveform(given.table.parent / row[given.path]) for row in rows]
    for name, (hop, window, reach, step_s) in LENGTHS.items():
        settings = mel_power.Settings(hop=hop).complete() | {"sample_rate": RATE}
        found = [signal_mask.signal_frames([sound], settings) for sound in sounds]
        found = [signal_slices.widened(frames, reach) for frames in found]
        step = step_s * RATE / hop
        slices = [len(signal_slices.slice_starts(int(one.sum()), window, step)) for one in found]
        shares = [float(one.mean()) for one in found]
        print(report(name, shares, slices, [row[given.label] for row in rows]))
        for row, share, count in zip(rows, shares, slices, strict=True) if given.each else ():
            print(f"{row[given.path]}: {share:.0%}, {count} slices")
        if name == "5 s":
            verdict = "meets" if AIM[0] <= np.mean(shares) <= AIM[1] else "MISSES"
            print(f"{verdict} the aim of {AIM[0]} to {AIM[1]}")


if __name__ == "__main__":
    main()
