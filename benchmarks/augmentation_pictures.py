"""What every method of augmentation does to one spectrogram, and how long it takes.

Draws the picture of docs/augmentation.md from synthetic sound (a chunk of kahl2018's frontend at
half its size), prints the table of methods that stands there, and times the methods on images of
128 x 256 and on batches of 32. Of several draws with the default options the picture has the one that
changes most.

    python benchmarks/augmentation_pictures.py
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dawnchorus.augmentation import engine
from dawnchorus.corpora import synthetic_sound
from dawnchorus.frontends import chunk_images
from dawnchorus.frontends.kinds import mel_chunks
from dawnchorus.runtime import artefacts
from dawnchorus.settings.augmentation import METHODS
from dawnchorus.settings.structure import Key, keys

ROOT = Path(__file__).parents[1]
RATE = 44100  # Hz
SEED = 2018
DRAWS = 40  # of which the one that changes most is drawn
SPEC_AUGMENT = {
    "time_masks": 2,
    "time_width": 0.12,
    "frequency_masks": 2,
    "frequency_width": 0.15,
    "replace": "mean",
}
ALL = {
    "count": 2,
    "probability": 0.5,
    "methods": {name: METHODS.model(name)().complete() for name in METHODS.names()},
    "clip": [0, 1],
    "drop_without_noise": False,
    "mixup": 0.2,
    "spec_augment": None,
}
# what is no method but a setting of its own, as rows of the table
SETTINGS = [
    "| setting `rotate` | shifts the frames circularly, uniform over the window | true or false | 2 |",
    "| setting `shift_bands` | shifts the bands by a whole number, uniform in ±shift_bands; edges "
    "repeated | 1 (0 or more) | 2 |",
    "| setting `spec_augment` | hides blocks of frames and of bands; widths uniform from 0 | null; "
    "`time_masks`, `frequency_masks` (0 or more); `time_width`, `frequency_width` (0 to 1), the "
    "widest as a share; `replace`: mean of the window, or zero | 3 |",
    "| setting `mixup` | mixes windows in pairs, and their targets alike, with shares from "
    "Beta(alpha, alpha) | 0, none (0 or more), alpha | 4 |",
]
# recording and second: a song, another one, and a place without any
SONG, OTHER, NOISE = (1, 5), (9, 5), (8, 4)
SHADES = 32  # more can hardly be told apart, and make a larger file
COLUMNS, SCALE, GAP, TITLE, DPI = 4, 2, 12, 18, 128  # pixels, but for the first
IMAGE = (128, 256)  # that is timed
BATCH = 32
MOST_MS = 50.0  # for a batch


def main() -> None:
    """Draw, print the tables, and write the figures as JSON where asked to."""
    options = parsed()
    draw(Path(options.folder, "augmentation.png"))
    print(methods_table())
    figures = timed(1 if options.smoke else options.rounds)
    print(times_table(figures))
    if options.json:
        print(json.dumps(figures, indent=1, sort_keys=True))


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="of which the medians are told")
    parser.add_argument("--folder", default=str(ROOT / "docs"), help="where the picture goes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, too")
    parser.add_argument("--smoke", action="store_true", help="one round; measures little")
    return parser.parse_args()


def draw(path: Path) -> None:
    """Draw an image, and what becomes of it by every method, as one PNG."""
    song, other, noise = (chunk(*place) for place in (SONG, OTHER, NOISE))
    panels = [("the image", song), ("another, for mixup", other), ("a noise image", noise)]
    for name in METHODS.names():
        panels.append(
            (titled(name), most_changed(song, lambda rng, n=name: by(n, song, noise, rng)))
        )
    masks = f"{SPEC_AUGMENT['time_masks']} + {SPEC_AUGMENT['frequency_masks']} masks"
    panels.append((f"SpecAugment: {masks}", most_changed(song, lambda rng: masked(song, rng))))
    panels.append((f"mixup: alpha {ALL['mixup']}", nearest_half(song, other)))
    panels.append(("two methods at once", most_changed(song, lambda rng: both(song, noise, rng))))
    with artefacts.writing(path) as temporary:
        figure_of(panels).savefig(
            temporary,
            dpi=DPI,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 9},
        )


def chunk(number: int, second: int) -> np.ndarray:
    """Return a second of a synthetic recording as an image (64, 128) in 0..1."""
    recipe = {
        "version": 1, "seed": 7, "number": number, "duration_s": 10.0, "sample_rate": RATE,
        "channels": 1, "bird": True, "snr_db": 25.0, "site": number % 3, "recordist": 0,
    }  # fmt: skip
    settings = mel_chunks.Settings(n_bands=64, n_frames=128).complete() | {"sample_rate": RATE}
    images = chunk_images.chunk_images([synthetic_sound.render(recipe)[:, 0]], settings)
    return images[second].astype(np.float32) / 255


def most_changed(image: np.ndarray, draw: Callable) -> np.ndarray:
    """Return the result that is farthest from an image, of `DRAWS` Generators."""
    results = [draw(np.random.default_rng((SEED, number))) for number in range(DRAWS)]
    return max(results, key=lambda result: np.abs(result - image).mean())


def by(name: str, image: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image changed by one method, clipped to 0..1."""
    options = METHODS.model(name)().complete()
    if name in ("add_noise", "mix_noise"):
        options["noise"] = lambda rng: noise
    return np.clip(engine.method(name)(image, rng, **options), 0, 1)


def both(image: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image that met the engine, with two methods for certain."""
    windows = image.T[None].copy()
    names = ("add_noise", "roll_frequency", "roll_time", "blackout")
    chosen = {name: ALL["methods"][name] for name in names}
    settings = ALL | {"probability": 1.0, "methods": chosen}
    engine.augment(windows, settings, rng, lambda rng: noise)
    return windows[0].T


def masked(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image with SpecAugment's masks."""
    windows = image.T[None].copy()
    engine.spec_augment(windows, SPEC_AUGMENT, rng)
    return windows[0].T


def nearest_half(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the most even mixture of two images, of `DRAWS`: most others look like one of both."""
    mixtures = []
    for number in range(DRAWS):
        windows = np.stack([image.T, other.T])
        rng = np.random.default_rng((SEED, number))
        shares = engine.mixup(windows, np.eye(2), ALL, rng)
        mixtures.append((abs(shares[0, 0] - 0.6), windows[0].T))
    return min(mixtures, key=lambda mixture: mixture[0])[1]


def figure_of(panels: list[tuple[str, np.ndarray]]) -> Figure:
    """Return titled images in rows, every pixel of them `SCALE` pixels wide and high."""
    n_rows = -(-len(panels) // COLUMNS)
    height, width = (SCALE * size for size in panels[0][1].shape)
    total = COLUMNS * (width + GAP) + GAP, n_rows * (height + TITLE + GAP) + GAP
    colours = matplotlib.colormaps["magma"].resampled(SHADES)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = Figure((total[0] / DPI, total[1] / DPI), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        for number, (title, image) in enumerate(panels):
            row, column = divmod(number, COLUMNS)
            left = GAP + column * (width + GAP)
            bottom = total[1] - (row + 1) * (height + TITLE + GAP)
            place = (left / total[0], bottom / total[1], width / total[0], height / total[1])
            axes = figure.add_axes(place)
            axes.imshow(image, colours, aspect="auto", interpolation="nearest", vmin=0, vmax=1)
            axes.set_axis_off()
            axes.set_title(title, size=11 * 72 / DPI, loc="left", pad=4 * 72 / DPI)
    return figure


def titled(name: str) -> str:
    """Return a method with its default options."""
    options = [f"{key.name} {shown(key.default)}" for key in keys(METHODS.model(name))]
    return ": ".join([name, *options])


def shown(value) -> str:
    """Return a default as a person writes it."""
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, list) else f"{value:g}"


def methods_table() -> str:
    """Return the table of the documentation, as Markdown."""
    rows = []
    for name in METHODS.names():
        model = METHODS.model(name)
        effect = " ".join(model.__doc__.split()).removesuffix(".")
        options = "; ".join(map(option_of, keys(model)))
        rows.append(f"| `{name}` | {effect} | {options} | 1 |")
    head = ["| | what it does | options: default (range) | source |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, *SETTINGS])


def option_of(key: Key) -> str:
    """Return an option of a method in a cell of a table."""
    default = f"[{shown(key.default)}]" if isinstance(key.default, list) else shown(key.default)
    return f"`{key.name}` {default} ({key.range}), {key.sentence.removesuffix('.').lower()}"


def timed(rounds: int) -> dict:
    """Return medians in ms: of each method on an image, of the engine and of mixup on a batch."""
    rng = np.random.default_rng(SEED)
    image, noise = rng.random(IMAGE, np.float32), rng.random(IMAGE, np.float32)
    windows, values = rng.random((BATCH, *IMAGE[::-1]), np.float32), np.eye(BATCH)
    methods = {
        name: median_ms(lambda n=name: by(n, image, noise, rng), rounds) for name in METHODS.names()
    }
    work = {
        "two tries of all methods": lambda: engine.augment(windows, ALL, rng, lambda rng: noise),
        "SpecAugment": lambda: engine.spec_augment(windows, SPEC_AUGMENT, rng),
        "mixup": lambda: engine.mixup(windows, values, ALL, rng),
    }
    batches = {name: median_ms(run, rounds) for name, run in work.items()}
    return {"image_ms": methods, "batch_ms": batches}


def median_ms(run: Callable, rounds: int) -> float:
    """Return the median time of some calls after a first one."""
    run()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def times_table(figures: dict) -> str:
    """Return the times for a person to read."""
    lines = [f"image of {IMAGE[0]} x {IMAGE[1]} [ms]"]
    lines += [f"  {name:30} {ms:8.2f}" for name, ms in figures["image_ms"].items()]
    lines.append(f"batch of {BATCH} of them [ms]")
    for name, ms in figures["batch_ms"].items():
        mark = "meets" if ms <= MOST_MS else "MISSES"
        lines.append(f"  {name:30} {ms:8.2f}   {mark} at most {MOST_MS:g}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
