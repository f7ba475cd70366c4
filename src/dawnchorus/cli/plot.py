"""``dawnchorus plot``: figures for a paper, as SVG or PNG.

* ``plot recording EXPERIMENT ID``: a recording with spectrogram, windows, scores and events.
* ``plot corpus NAME``: hours by class, site and month.
* ``plot frontend NAME SOUND``: what a frontend makes of a sound.
* ``plot augmentations EXPERIMENT SOUND``: what a training may see in its place.

The first two draw what a run has made; the others need a sound and a config alone.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from dawnchorus.cli import launch
from dawnchorus.plots import paper_figure
from dawnchorus.runtime import artefacts, seeds

_VARIANTS = 4  # augmented windows that are drawn
_MOST_CLASSES = len(paper_figure.COLOURS)


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser(
        "plot", help="figures of recordings, corpora, frontends, augmentations"
    )
    kinds = parser.add_subparsers(title="figures", metavar="", required=True)
    named = {
        "recording": ("a recording with spectrogram, windows, scores and events", ("folder", "id")),
        "corpus": ("hours of a corpus by class, site and month", ("name",)),
        "frontend": ("what a frontend makes of a sound", ("name", "sound")),
        "augmentations": ("what a training may see of a sound", ("name", "sound")),
    }
    for kind, (text, arguments) in named.items():
        one = kinds.add_parser(kind, help=text)
        for argument in arguments:
            one.add_argument(argument, metavar=argument.upper())
        one.add_argument("--out", required=True, metavar="FILE", help="ends in .svg or .png")
        one.set_defaults(command=run, kind=kind)
        if kind == "recording":
            one.add_argument("--stage", help="whose scores; the last one otherwise")
        elif kind == "corpus":
            one.add_argument("--results", default=artefacts.RESULTS, metavar="FOLDER")
        else:
            one.add_argument("--config", action="append", default=[], metavar="CONFIG")


def run(arguments: argparse.Namespace) -> int:
    """Draw a figure; return the exit status."""
    paper_figure.check_format(arguments.out)
    {
        "recording": draw_recording, "corpus": draw_corpus, "frontend": draw_frontend,
        "augmentations": draw_augmentations,
    }[arguments.kind](arguments)  # fmt: skip
    return 0


def draw_corpus(arguments: argparse.Namespace) -> None:
    """Draw the hours of a corpus, of the recordings that its verdicts call used."""
    from dawnchorus.audio import verdicts
    from dawnchorus.corpora import tables
    from dawnchorus.plots import corpus_plot

    name, results = arguments.name, arguments.results
    index = tables.read_index(name, results)
    labels = tables.read_labels(tables.labels_path(results, name, index["labels"]))
    found = sorted(Path(results, "audio").glob(f"*/{name}/verdicts.csv"))
    if not found:
        raise ValueError(
            f"corpus {name!r} has no verdicts.csv below {results}/audio, which has the lengths of its "
            "recordings; run the workflow as far as rule judge"
        )
    frame = verdicts.read_verdicts(found[0])
    frame = frame[frame["verdict"] == "used"]
    hours = corpus_plot.hours_of(labels, dict(zip(frame["id"], frame["duration_s"], strict=True)))
    title = f"{name}: {len(frame)} recordings, {frame['duration_s'].sum() / 3600:.1f} h"
    corpus_plot.draw_corpus(hours, arguments.out, title)


def draw_frontend(arguments: argparse.Namespace) -> None:
    """Draw the spectrogram that a frontend stores of a sound."""
    from dawnchorus.plots import window_plot

    config = _config(arguments.config)
    frames, per_second = _spectrogram(config, arguments.name, arguments.sound)
    images = {f"{Path(arguments.sound).name}, {frames.shape[1]} bands": frames}
    title = f"frontend {arguments.name}"
    window_plot.draw_variants(images, len(frames) / per_second, arguments.out, title)


def draw_augmentations(arguments: argparse.Namespace) -> None:
    """Draw the first window of a sound, and draws of what an experiment's augmentation makes of it."""
    import numpy as np

    from dawnchorus.augmentation import engine
    from dawnchorus.plots import window_plot

    config = _config(arguments.config)
    experiment = _named(config["experiments"], arguments.name, "experiment")
    stage = next(iter(experiment["stages"].values()))
    frames, per_second = _spectrogram(config, stage["frontend"], arguments.sound)
    window = stage["window"] or len(frames)  # a chunk is a window
    if len(frames) < window:
        raise ValueError(
            f"{arguments.sound} has {len(frames)} frames, a window of {arguments.name} {window}; choose "
            "a longer sound"
        )
    first = np.array(frames[:window], np.float32)
    drawn = np.repeat(first[np.newaxis], _VARIANTS, axis=0)
    settings, rng = stage["augmentation"], seeds.generator(experiment["seed"], "plot")
    shifts = engine.rotations(_VARIANTS, window, settings, rng)
    drawn = np.stack(
        [np.roll(one, shift, axis=0) for one, shift in zip(drawn, shifts, strict=True)]
    )
    engine.random_band_shifts(drawn, settings, rng)
    engine.augment(drawn, settings, rng)
    images = {"as it is": first, **{f"draw {n + 1}": one for n, one in enumerate(drawn)}}
    title = f"augmentation of {arguments.name}, without mixup"
    window_plot.draw_variants(images, window / per_second, arguments.out, title)


def draw_recording(arguments: argparse.Namespace) -> None:
    """Draw a recording of an experiment with the mean scores of a stage's members."""
    from dawnchorus.corpora import tables
    from dawnchorus.formats.event import read_events
    from dawnchorus.frontends import shard_reader
    from dawnchorus.plots import window_plot
    from dawnchorus.plots.recording_plot import Track

    folder, name = Path(arguments.folder), arguments.id
    results = folder.absolute().parent
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"{folder} has no config.yaml; expected the results of an experiment, such as results/demo"
        ) from None
    stages = config["experiments"][folder.absolute().name]["stages"]
    stage = arguments.stage or list(stages)[-1]
    about = _named(stages, stage, "stage")
    corpus, class_names, windows = _windows(folder / "stages" / stage, name)
    frontend = about["predict_frontend"] or about["frontend"]
    shards = sorted(Path(results, "spectrograms", frontend, corpus).glob("*.h5"))
    reader = shard_reader.open_shards([str(path) for path in shards])
    if reader.layout != "frames":
        raise ValueError(
            f"frontend {frontend} stores chunks, which have no place in time to draw; expected one that "
            "stores frames"
        )
    onset_s = reader.onset_s(name)
    track = Track(reader.frames(name), reader.frames_per_second, onset_s)
    # the classes with the highest scores, in a colour each
    order = windows[2].max(axis=0).argsort(kind="stable")[::-1][:_MOST_CLASSES]
    shown = [class_names[number] for number in order]
    lanes = {}
    if digest := tables.read_index(corpus, results).get("events"):
        events = read_events(tables.events_path(results, corpus, digest))
        lanes["known"] = [event for event in events if event.id == name and event.label in shown]
    for path in sorted(folder.glob(f"detections/*.{corpus}.csv"))[:1]:
        events = read_events(path)
        lanes["detected"] = [event for event in events if event.id == name and event.label in shown]
    title = f"{name}, stage {stage}"
    scores = (*windows[:2], windows[2][:, order])
    window_plot.draw_windows(track, scores, shown, lanes, arguments.out, title)


def _windows(stage: Path, name: str):
    """Return corpus, classes, and the windows of a recording with the mean scores of its models."""
    import numpy as np

    from dawnchorus.scores import score_files

    paths = sorted(stage.glob("scores.*.h5"))
    for path in paths:
        with score_files.open_windows(path) as windows:
            if name not in windows.ids:
                continue
            number, found = windows.ids.index(name), []
            for member in windows.members:
                recording, onsets, offsets, scores = windows.windows(member)
                own = recording == number
                if own.any():
                    found.append((onsets[own], offsets[own], scores[own]))
            if found:
                # members of one stage see the same windows
                mean = np.mean([scores for _, _, scores in found], axis=0)
                corpus = path.name.removeprefix("scores.").removesuffix(".h5")
                return corpus, windows.class_names, (*found[0][:2], mean)
    raise ValueError(
        f"recording {name!r} has no scores in {len(paths)} files of {stage}; expected an id of "
        "verdicts.csv, of a corpus that the stage has scored"
    )


def _config(overlays: list[str]) -> Mapping:
    from dawnchorus.settings import load

    return load.load(launch.workflow_folder() / "config.yaml", overlays, {})


def _named(section: Mapping, name: str, what: str) -> Mapping:
    if name not in section:
        raise ValueError(f"{what} {name!r} is not there; expected one of {', '.join(section)}")
    return section[name]


def _spectrogram(config: Mapping, name: str, sound: str):
    """Return frames (T, F) and their rate, through the very steps of the workflow."""
    from dawnchorus.audio import audio_shards, verdicts
    from dawnchorus.corpora import tables
    from dawnchorus.frontends import shard_reader, shards

    frontend = _named(config["frontends"], name, "frontend")
    recipe = config["audio"][frontend["audio"]]
    frontend = frontend | {"sample_rate": recipe["sample_rate"]}
    path = Path(sound)
    row = ("sound", path.suffix[1:].lower(), path.stat().st_size, "", artefacts.sha256(path))
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder, "listing.parquet")
        tables.write_rows(listing, tables.LISTING, [row])
        places = [("sound", str(path.absolute()))]
        tables.write_rows(tables.places_path(listing), tables.PLACES, places)
        wav, table, stored = (str(Path(folder, f"000.{kind}")) for kind in ("wav", "csv", "h5"))
        audio_shards.resample_shard(listing, recipe, wav, table)
        verdict = next(iter(verdicts.read_shard_table(table)))
        if verdict.verdict != "used":
            raise ValueError(
                f"{sound} cannot be used: {verdict.verdict} {verdict.detail}; `dawnchorus explain "
                f"{verdict.verdict}` says what that is"
            )
        shards.write_shard(wav, table, frontend, stored)
        reader = shard_reader.open_shards([stored])
        if reader.layout == "frames":
            return reader.frames("sound").copy(), reader.frames_per_second
        image = reader.images("sound")[0].T.copy()  # the first chunk
        return image, len(image) / float(reader.lengths_s("sound")[0])
