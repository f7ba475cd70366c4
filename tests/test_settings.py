"""The config: what is refused, in which words, and that what is allowed comes out whole."""

import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from dawnchorus.frontends.filterbanks import mel_filterbank
from dawnchorus.settings import corpus_check, documentation, load, structure, yaml_file
from dawnchorus.settings.documentation import config_schema
from dawnchorus.settings.frontend import check_mel_bands, natural_hz, natural_mel
from dawnchorus.settings.section import Unit
from dawnchorus.settings.stage_check import see_alike

ROOT = Path(__file__).parents[1]
BASE = ROOT / "config.yaml"
SHIPPED = sorted((ROOT / "experiments").glob("*.yaml"))
TWO_SETS = "{a: {audio: a, labels: null}, b: {audio: b, labels: null}}"


@pytest.fixture
def overlay(tmp_path):
    """Write an overlay of config.yaml."""

    def written(text, name="overlay.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture(autouse=True)
def read_once(monkeypatch):
    """Read config.yaml once for all tests: most of the time goes there."""
    read = yaml_file.read
    monkeypatch.setattr(yaml_file, "read", lambda path: once(path) if path == BASE else read(path))


once = functools.cache(yaml_file.read)


def composed(*overlays, **given):
    return load.compose(BASE, overlays, given)


def refusal(function, *arguments):
    with pytest.raises(ValueError, match=r".") as caught:
        function(*arguments)
    said = str(caught.value)
    assert "\n" not in said
    return said


def experiment(settings):
    return f"experiments: {{mine: {{like: demo, {settings}}}}}"


def stages(settings, more=""):
    return experiment(f"stages: {{{settings}}}{', ' * bool(more)}{more}")


HOLDS_NOTHING = "{kind: holdout, count: 1, shares: {test: 0.0, validation: 0.0}}"
# overlay, and what the one line says: key path, value, what is allowed
REFUSED = {
    "weights kept twice": (
        experiment("training: {keep: [best_loss, best_loss]}"),
        ["mine.training.keep: ['best_loss', 'best_loss']; expected no item twice"],
    ),
    "a threshold tried twice": (
        experiment(
            "model: {name: crnn}, events: {decodings: {fixed: {grids: {threshold: [0.5, 0.5]}}}}"
        ),
        ["events.decodings.fixed.grids.threshold: [0.5, 0.5]; expected no item twice or null"],
    ),
    "settings tried together twice": (
        experiment("model: {name: crnn}, events: {decodings: {fixed: {together: [gap_s, gap_s]}}}"),
        ["events.decodings.fixed.together: ['gap_s', 'gap_s']; expected no item twice"],
    ),
    "a baseline twice": (
        experiment(
            "model: {name: crnn}, events: {baselines: [clicks, clicks], decodings: {fixed: {}}}"
        ),
        ["events.baselines: ['clicks', 'clicks']; expected no item twice"],
    ),
    "a key by its old name": (
        experiment("model: {name: crnn}, events: {framing: [clicks], decodings: {fixed: {}}}"),
        ["events.framing: this key is called 'baselines' now; write that name"],
    ),
    "unknown format of strong labels": (
        "corpora: {x: {adapter: dcase_sed, audio: a, strong: s.tsv, strong_format: ravn}}",
        ["corpora.x.strong_format: 'ravn'; expected audacity, birdsong_xml, dcase, raven"],
    ),
    "groups that divide no channels": (
        experiment("model: {name: pi, groups: 3}"),
        ["mine.model.groups: 3; expected a divisor of all channels: 16, 32, 64, 128"],
    ),
    "pools that fit no blocks": (
        experiment("model: {name: crnn, filters: [4, 4]}"),
        ["mine.model.band_pools: [4, 4, 4]; expected 2 numbers, one for each block"],
    ),
    "a model that is no section": (
        experiment("model: crnn"),
        ["experiments.mine.model: 'crnn'; expected keys and values"],
    ),
    "a key that is no text": (
        experiment("model: {1: 2}"),
        ["experiments.mine.model.1: unknown key; expected dense, dropout"],
    ),
    "unknown section": (
        "experimnets: {}",
        ["experimnets: unknown key", "did you mean 'experiments'?"],
    ),
    "unknown key of an experiment": (
        experiment("windwo: 700"),
        ["experiments.mine.windwo: unknown key; expected", "did you mean 'window'?"],
    ),
    "unknown key, nested": (
        experiment("training: {schedule: {patiense: 2}}"),
        ["experiments.mine.training.schedule.patiense: unknown key", "did you mean 'patience'?"],
    ),
    "unknown key of an audio recipe": (
        "audio: {x: {sample_rat: 8000}}",
        ["audio.x.sample_rat: unknown key", "did you mean 'sample_rate'?"],
    ),
    "unknown key of a frontend": (
        "frontends: {x: {nmels: 64}}",
        ["frontends.x.nmels: unknown key", "did you mean 'n_mels'?"],
    ),
    "unknown key of a corpus": (
        "corpora: {x: {like: demo-test, snr: 3}}",
        ["corpora.x.snr: unknown key", "did you mean 'snr_db'?"],
    ),
    "unknown key of a default": (
        "defaults: {frontends: {nfft: 512}}",
        ["frontends.bulbul.nfft: unknown key", "did you mean 'n_fft'?"],
    ),
    "defaults by kind, of version 1": (
        "defaults: {adapters: {table: {root: x}}}",
        ["defaults.adapters: unknown key; config_version 2 has no defaults by kind"],
    ),
    "unknown option of a model": (
        experiment("model: {dropuot: 0.3}"),
        ["experiments.mine.model.dropuot: unknown key", "did you mean 'dropout'?"],
    ),
    "two lengths of a training": (
        experiment("training: {epochs: 3, steps: 100}"),
        ["mine.training.steps: 100; expected steps or epochs, not both"],
    ),
    "no length of a training": (
        experiment("training: {steps: null, epochs: null}"),
        ["mine.training.steps: None; expected a number, of steps or of epochs"],
    ),
    "an epoch after the last of so many steps": (
        experiment("use: epoch_60, training: {snapshot_every: 5, steps: 3000}"),
        ["use: 'epoch_60'; expected epoch_1 to epoch_50"],
    ),
    "wrong type": (
        experiment("training: {epochs: many}"),
        ["experiments.mine.training.epochs: 'many'; expected a whole number"],
    ),
    "number as text": (
        "frontends: {x: {fmax: '8000'}}",
        ["frontends.x.fmax: '8000'; expected a number"],
    ),
    "whole number as float": (
        "frontends: {x: {n_fft: 1024.0}}",
        ["frontends.x.n_fft: 1024.0; expected a whole number"],
    ),
    "no number": ("frontends: {x: {fmax: .nan}}", ["frontends.x.fmax: nan; expected a number"]),
    "boolean as number": (experiment("window: yes"), ["experiments.mine.window: True"]),
    "list for a mapping": ("frontends: [bulbul]", ["frontends: ['bulbul']; expected names"]),
    "value for settings": ("audio: {x: 22050}", ["audio.x: 22050; expected settings"]),
    "value for defaults": ("defaults: {audio: 3}", ["defaults.audio: 3; expected settings"]),
    "text for run": ("run: demo", ["run: 'demo'; expected a list"]),
    "nothing to run": (
        "run: []",
        ["run: []; expected an experiment, or an exported model under apply"],
    ),
    "out of range": (
        experiment("training: {target_range: [0.01, 1.5]}"),
        ["experiments.mine.training.target_range.1: 1.5; expected at most 1"],
    ),
    "unknown choice": (
        "audio: {x: {resampler: soxr_hg}}",
        ["audio.x.resampler: 'soxr_hg'; expected polyphase, shallow", "did you mean 'soxr_hq'?"],
    ),
    "unknown adapter": (
        "corpora: {x: {adapter: synthetik}}",
        ["corpora.x.adapter: 'synthetik'; expected", "did you mean 'synthetic'?"],
    ),
    "missing adapter": ("corpora: {x: {table: t.csv}}", ["corpora.x.adapter: missing"]),
    "missing key": ("corpora: {x: {adapter: table}}", ["corpora.x.table: missing"]),
    "missing training corpora": (
        "experiments: {x: {test: [demo-test]}}",
        ["experiments.x.train: missing; this key is needed"],
    ),
    "old version": (
        "config_version: 1",
        ["config_version: 1; expected 2: take the key out", "`toth2016`", "dawnchorus config KEY"],
    ),
    "other version": ("config_version: 3", ["config_version: 3; expected 2"]),
    "fmax over Nyquist": (
        "frontends: {x: {fmax: 11025.5}}",
        ["frontends.x.fmax: 11025.5; expected at most 11025 Hz", "audio.mono-22k"],
    ),
    "fmin over fmax": ("frontends: {x: {fmin: 12000.0}}", ["frontends.x.fmin: 12000.0", "11000.0"]),
    "gaps between windows": (
        "frontends: {x: {frames_per_second: 20}}",
        ["frontends.x.frames_per_second: 20; expected at least 21.53"],
    ),
    "bands without a bin": ("frontends: {x: {n_mels: 256}}", ["frontends.x.n_mels: 256; band 3"]),
    "attenuation of other bands": (
        "frontends: {x: {band_attenuation: shallow, n_mels: 40}}",
        ["frontends.x.n_mels: 40; expected 80"],
    ),
    "durations upside down": (
        "audio: {x: {max_duration_s: 0.05}}",
        ["audio.x.min_duration_s: 0.1; expected less than max_duration_s 0.05"],
    ),
    "unknown audio recipe": (
        "frontends: {x: {audio: mono-22}}",
        [
            "frontends.x.audio: 'mono-22'; expected mono-22k, mono-44k, mono-48k; did you mean "
            "'mono-22k'?"
        ],
    ),
    "unknown frontend": (
        experiment("frontend: bulbull"),
        [
            "experiments.mine.frontend: 'bulbull'; expected bulbul, log-mel, portable; did you mean "
            "'bulbul'?"
        ],
    ),
    "unknown model": (
        experiment("model: {name: sparow}"),
        ["experiments.mine.model.name: 'sparow'; expected", "did you mean 'sparrow'?"],
    ),
    "unknown model of a stage": (
        stages("second: {model: {name: x}}"),
        ["experiments.mine.stages.second.model.name: 'x'; expected alexnet, attention, baseline"],
    ),
    "a model by its old name": (
        stages("second: {model: {name: birdclef2016}}"),
        ["stages.second.model.name: 'birdclef2016' is called 'toth2016' since config_version 2"],
    ),
    "a network too deep for its window": (
        experiment("window: 100"),
        [
            "mine.stages.first.model: bulbul sees 100 frames x 80 bands of frontend 'bulbul'; "
            "expected at least 161 x 17",
        ],
    ),
    "a network too deep for its bands": (
        "frontends: {x: {n_mels: 12}}\n" + experiment("frontend: x"),
        ["first.model: bulbul sees 1000 frames x 12 bands of frontend 'x'; expected at least 161"],
    ),
    "chunks of a frontend that has none": (
        experiment("segments: {kind: chunks}"),
        [
            "mine.stages.first.segments.kind: 'chunks'; expected windows, cells or time for "
            "frontends.bulbul"
        ],
    ),
    "windows of a frontend that has chunks": (
        "frontends: {x: {kind: mel_chunks, fmax: 8000.0}}\n" + experiment("frontend: x"),
        [
            "stages.first.segments.kind: 'windows'; expected chunks for frontends.x of kind mel_chunks"
        ],
    ),
    "cells of a frontend that stores none": (
        experiment("segments: {kind: cells}"),
        ["segments.kind: 'cells'; expected a frontend of kind psd"],
    ),
    "overlap of a whole chunk": (
        "frontends: {x: {kind: mel_chunks, fmax: 8000.0, overlap_s: 1.0}}",
        ["frontends.x.overlap_s: 1.0; expected less than length_s 1.0"],
    ),
    "key of another kind of frontend": (
        "frontends: {x: {kind: psd, n_mels: 64}}",
        ["frontends.x.n_mels: unknown key; expected audio, cell_borders"],
    ),
    "more rows than bins": (
        "frontends: {x: {kind: psd, n_bands: 300}}",
        ["frontends.x.n_bands: 300; expected at most 257"],
    ),
    "unknown augmentation": (
        experiment("augmentation: {methods: {rol_time: {}}}"),
        ["experiments.mine.augmentation.methods.rol_time: unknown method", "'roll_time'?"],
    ),
    "weights used that are not kept": (
        experiment("use: best_val_mlrap"),
        ["stages.first.use: 'best_val_mlrap'; expected last, or one of training.keep: []"],
    ),
    "snapshot that is not made": (
        experiment("use: epoch_7, training: {snapshot_every: 5}"),
        ["stages.first.use: 'epoch_7'; expected a multiple of training.snapshot_every (5)"],
    ),
    "one of several snapshots between two": (
        experiment("use: [last, epoch_10, epoch_7], training: {snapshot_every: 5, epochs: 15}"),
        ["stages.first.use: 'epoch_7'; expected a multiple of training.snapshot_every (5)"],
    ),
    "a snapshot twice": (
        experiment("use: [epoch_5, epoch_5], training: {snapshot_every: 5}"),
        ["experiments.mine.use: ['epoch_5', 'epoch_5']; expected a text or no item twice"],
    ),
    "snapshot after the last epoch": (
        experiment("use: epoch_20, training: {snapshot_every: 5, epochs: 15}"),
        ["stages.first.use: 'epoch_20'; expected epoch_1 to epoch_15"],
    ),
    "an epoch chosen by nothing": (
        experiment("training: {keep: [best_val_loss]}"),
        ["stages.first.training: 'best_val_loss' chooses an epoch by validation; expected folds"],
    ),
    "training stopped by nothing": (
        experiment("training: {early_stopping: {metric: val_mlrap}}"),
        ["stages.first.training: 'val_mlrap' chooses an epoch by validation"],
    ),
    "frames of a model that scores none": (
        experiment("output: frame"),
        ["stages.first.output: 'frame'; expected clip, or segments.kind: windows and a model with"],
    ),
    "frames judged where none are scored": (
        experiment("model: {name: crnn}, training: {validation: {unit: frame}}"),
        ["stages.first.training.validation.unit: 'frame'; expected it with output: frame"],
    ),
    "pseudo-labels of frames for clips": (
        stages(
            "second: {targets: {from: predictions, stage: first, unlabelled: [demo-test], "
            "level: frame}}"
        ),
        [
            "stages.second.targets.level: 'frame'; expected output: frame of the stage, or level: clip"
        ],
    ),
    "pseudo-labels of frames by clips": (
        stages(
            "second: {targets: {from: predictions, stage: first, unlabelled: [demo-test], "
            "level: frame}, output: frame, model: {name: crnn}}"
        ),
        ["stages.second.targets.level: 'frame'; expected a stage before it that scores frames"],
    ),
    "padding that an augmentation does not know": (
        experiment(
            "segments: {padding: zeros}, augmentation: {spec_augment: {time_masks: 1, "
            "time_width: 0.1, frequency_masks: 1, frequency_width: 0.1, replace: mean}}"
        ),
        ["stages.first.augmentation: methods and spec_augment know no padding"],
    ),
    "a mean teacher on labelled recordings": (
        stages("second: {targets: {from: mean_teacher, unlabelled: [demo-train]}}"),
        ["stages.second.targets.unlabelled: 'demo-train' is labelled and trained on; name it once"],
    ),
    "a mean teacher without recordings": (
        stages("second: {targets: {from: mean_teacher}}"),
        ["stages.second.targets.unlabelled: missing; this key is needed"],
    ),
    "events of a model without frames": (
        experiment("events: {decodings: {fixed: {}}}"),
        [
            "experiments.mine.events: ensembles have stage 'first', whose model bulbul scores no frames"
        ],
    ),
    "events that nothing decodes": (
        experiment("model: {name: crnn}, events: {}"),
        ["experiments.mine.events.decodings"],
    ),
    "decodings tuned by nothing": (
        experiment("model: {name: crnn}, events: {decodings: {tuned: {tune: events}}}"),
        ["events.decodings.tuned.tune: 'events'; expected none or clips, or a corpus with events"],
    ),
    "decodings chosen by what is tested": (
        experiment(
            "model: {name: crnn}, events: {validation: [demo-test], decodings: {fixed: {}}}"
        ),
        ["events.validation: 'demo-test' shares recordings with 'demo-test'; decodings are never"],
    ),
    "a threshold above 1": (
        experiment("model: {name: crnn}, events: {decodings: {fixed: {threshold: 1.5}}}"),
        ["events.decodings.fixed.threshold: 1.5; expected 0 to 1"],
    ),
    "an unknown key of events": (
        experiment("model: {name: crnn}, events: {decodings: {fixed: {treshold: 0.4}}}"),
        ["events.decodings.fixed.treshold: unknown key", "did you mean 'threshold'?"],
    ),
    "thresholds of an unknown rule": (
        stages(
            "second: {targets: {from: predictions, stage: first, unlabelled: [demo-test], "
            "labels: hard, thresholds: best}}"
        ),
        ["stages.second.targets.thresholds: 'best'; expected published, tuned"],
    ),
    "no epoch to keep": (
        experiment("training: {keep: [best_loss], epochs: 3, early_stopping: {from_epoch: 7}}"),
        ["training.early_stopping.from_epoch: 7; expected at most epochs 3, or no epoch is kept"],
    ),
    "decodings chosen by what gets pseudo-labels": (
        stages(
            "second: {targets: {from: predictions, stage: first, unlabelled: [demo-test]}}",
            "test: [], model: {name: crnn}, "
            "events: {validation: [demo-test], decodings: {fixed: {}}}",
        ),
        ["events.validation: 'demo-test' shares recordings with 'demo-test'; decodings are never"],
    ),
    "an ensemble of unequal frames": (
        stages(
            "second: {targets: {from: labels}, model: {name: crnn, frame_pools: [2, 1, 1]}}",
            "model: {name: crnn}, events: {decodings: {fixed: {}}}",
        ),
        [
            "ensemble 'final' averages frames of different lengths (first 0.01429 s, second 0.02857 s)"
        ],
    ),
    "a grid of thresholds above 1": (
        experiment(
            "model: {name: crnn}, events: {decodings: {fixed: {grids: {threshold: [0.5, 50]}}}}"
        ),
        ["events.decodings.fixed.grids.threshold: expected numbers from 0 to 1"],
    ),
    "teachers of frames": (
        stages(
            "second: {targets: {from: teachers, stages: [first]}, output: frame}",
            "model: {name: crnn}",
        ),
        ["stages.second.targets.from: 'teachers'; expected output: clip"],
    ),
    "sound that moves and targets that stay": (
        experiment(
            "model: {name: crnn}, output: frame, augmentation: {count: 1, methods: {flip: {}}}"
        ),
        ["stages.first.augmentation.methods: 'flip' moves sound that has its time in the targets"],
    ),
    "windows that frames do not divide": (
        experiment("window: 101, output: frame, model: {name: crnn, frame_pools: [2, 1, 1]}"),
        [
            "stages.first.window: 101; expected a multiple of 2, the product of the model's frame_pools"
        ],
    ),
    "padding that is no number": (
        experiment("segments: {padding: zeros, rescale: true}"),
        ["stages.first.segments.rescale: true; expected it with padding: loop"],
    ),
    "windows weighted by their recordings": (
        experiment("segments: {labels: window}, training: {class_weights: balanced}"),
        ["stages.first.training: class_weights and oversample count recordings"],
    ),
    "an export of no decoding": (
        experiment(
            "model: {name: crnn}, events: {decodings: {fixed: {}}, exports: [[first, tuned]]}"
        ),
        ["events.exports: 'tuned'; expected fixed"],
    ),
    "option of another optimiser": (
        experiment("training: {optimizer: sgd, optimizer_options: {rho: 0.9}}"),
        ["training.optimizer_options: 'rho'; expected momentum, nesterov, weight_decay"],
    ),
    "teacher of a later stage": (
        stages("second: {targets: {from: teachers, stages: [third]}}"),
        ["stages.second.targets.stages: 'third' is no earlier stage; expected first"],
    ),
    "no teacher": (
        stages("second: {targets: {from: teachers}}"),
        ["stages.second.targets.stages: []; expected a stage, or a file in models"],
    ),
    "teacher of an unknown experiment": (
        stages("second: {targets: {from: teachers, stages: [demos/first]}}"),
        ["stages.second.targets.stages: 'demos' is no", "did you mean 'demo'?"],
    ),
    "teacher of an unknown stage of another experiment": (
        stages("second: {targets: {from: teachers, stages: [demo/fist]}}"),
        ["stages.second.targets.stages: 'demo/fist'", "did you mean 'first'?"],
    ),
    "teacher that learnt from predictions elsewhere": (
        stages("second: {targets: {from: teachers, stages: [demo/second]}}"),
        ["targets.stages: 'demo/second'; expected a stage that learns from labels"],
    ),
    "teacher of other folds": (
        stages("second: {targets: {from: teachers, stages: [demo/first]}}", "seed: 5"),
        ["targets.stages: 'demo/first' has seed 2017; expected 5, so that its folds are those"],
    ),
    "teacher from a file that is no model": (
        stages("second: {targets: {from: teachers, models: [old.h5]}}"),
        ["stages.second.targets.models: 'old.h5'; expected a .keras file"],
    ),
    "holdout of several members": (
        experiment("folds: {kind: holdout, count: 5}"),
        ["experiments.mine.folds.count: 5; expected 1: kind holdout has one member"],
    ),
    "holdout of nothing": (
        experiment(f"test: [], folds: {HOLDS_NOTHING}"),
        ["experiments.mine.folds.shares:", "expected more than 0", "no test, or nothing is scored"],
    ),
    "holdout of nothing that chooses an epoch": (
        experiment(f"folds: {HOLDS_NOTHING[:-1]}, validation: own}}"),
        ["experiments.mine.folds.validation: 'own'; expected none for the shares"],
    ),
    "holdout of nothing that chooses thresholds": (
        experiment(f"folds: {HOLDS_NOTHING}, stages: {{second: {{targets: {{labels: hard}}}}}}"),
        ["experiments.mine.folds.shares:", "since stage second chooses its thresholds"],
    ),
    "holdout of nothing that calibrates": (
        experiment(f"folds: {HOLDS_NOTHING}, calibration: {{method: platt}}"),
        ["experiments.mine.folds.shares:", "since calibration is fitted by held-out recordings"],
    ),
    "holdout of everything": (
        experiment("folds: {kind: holdout, count: 1, shares: {test: 0.5, validation: 0.5}}"),
        ["experiments.mine.folds.shares:", "expected less than 1 together"],
    ),
    "one fold": (
        experiment("folds: {kind: rotate, count: 1}"),
        ["experiments.mine.folds.count: 1; expected at least 2 for rotate"],
    ),
    "nothing left to train on": (
        experiment("folds: {kind: rotate, count: 2, validation: next}"),
        ["experiments.mine.folds.count: 2; expected at least 3"],
    ),
    "submission of an untested corpus": (
        experiment("submission: {by_corpus: {demo-train: birdclef2016}}"),
        ["experiments.mine.submission.by_corpus: 'demo-train'; expected demo-test"],
    ),
    "drawn stage that is none": (
        experiment("drawn: [frist]"),
        ["experiments.mine.drawn: 'frist'; expected first, second; did you mean 'first'?"],
    ),
    "unknown corpus": (
        experiment("train: [demo-tain]"),
        ["experiments.mine.train: 'demo-tain'; expected", "did you mean 'demo-train'?"],
    ),
    "unknown pseudo-labelled corpus": (
        stages("second: {targets: {unlabelled: [nowhere]}}"),
        ["experiments.mine.stages.second.targets.unlabelled: 'nowhere'; expected demo-test"],
    ),
    "half a reference": (
        experiment("test: ['demo-test:']"),
        ["experiments.mine.test:", "'demo-test:'"],
    ),
    "unknown stage of an ensemble": (
        experiment("ensembles: {final: [first, secnd]}"),
        [
            "experiments.mine.ensembles.final: 'secnd'; expected first, second",
            "did you mean 'second'?",
        ],
    ),
    "unknown ensemble compared": (
        experiment("evaluation: {compare: [[first, finl]]}"),
        ["experiments.mine.evaluation.compare: 'finl'; expected", "did you mean 'final'?"],
    ),
    "unknown ensemble submitted": (
        "corpora: {t: {adapter: bird_detection, data_sets: {a: {audio: a, labels: null}}}}\n"
        + experiment("test: [t], submission: {format: bad2017, ensemble: all}"),
        ["experiments.mine.submission.ensemble: 'all'; expected final, first, second"],
    ),
    "submission without label files": (
        experiment("submission: {format: bad2017}"),
        ["experiments.mine.submission.format: 'bad2017'", "bird_detection", "demo-test is not"],
    ),
    "unknown experiment to run": (
        "run: [dmo]",
        ["run: 'dmo'; expected demo; did you mean 'demo'?"],
    ),
    "an experiment by its old name": (
        "run: [birdclef2018-april]",
        ["run: 'birdclef2018-april' is called 'kahl2018-april' since", "experiments/kahl2018.yaml"],
    ),
    "unknown stage": (
        stages("second: {targets: {stage: frist}}"),
        ["stages.second.targets.stage: 'frist' is no stage", "did you mean 'first'?"],
    ),
    "a later stage": (
        experiment(
            "stages: {first: {targets: {from: predictions, stage: second, "
            "unlabelled: [demo-test]}}}"
        ),
        ["stages.first.targets.stage: 'second' is a later stage", "there is no earlier stage"],
    ),
    "its own stage": (
        stages("second: {targets: {stage: second}}"),
        ["stages.second.targets.stage: 'second' is a later stage, or this one; expected first"],
    ),
    "pseudo-labels on trained recordings": (
        stages("second: {targets: {unlabelled: [demo-train]}}"),
        ["stages.second.targets.unlabelled: stage 'first' has trained on 'demo-train'"],
    ),
    "pseudo-labels on pseudo-labels": (
        stages("third: {targets: {from: predictions, stage: second, unlabelled: [demo-test]}}"),
        ["stages.third.targets.unlabelled: stage 'second' has trained on 'demo-test'"],
    ),
    "pseudo-labels in between": (
        stages("second: {targets: {low: 0.9, high: 0.1}}"),
        ["stages.second.targets.low: 0.9; expected less than high 0.1"],
    ),
    "targets from nowhere": (
        stages("second: {targets: {from: prediction}}"),
        ["stages.second.targets.from: 'prediction'", "did you mean 'predictions'?"],
    ),
    "test in train": (
        experiment("test: [demo-train]"),
        ["experiments.mine.test: 'demo-train' is trained on as well"],
    ),
    "part of train in test": (
        experiment("test: ['demo-train:east']"),
        ["experiments.mine.test: 'demo-train:east' is trained on as well"],
    ),
    "recordings named twice": (
        experiment("train: [demo-train, 'demo-train:east']"),
        ["experiments.mine.train: 'demo-train' and 'demo-train:east' share recordings"],
    ),
    "targets upside down": (
        experiment("training: {target_range: [0.99, 0.01]}"),
        [
            "experiments.mine.",
            "training.target_range: [0.99, 0.01]; expected [low, high] with low below high",
        ],
    ),
    "categorical loss of a sigmoid": (
        experiment("training: {loss: categorical_crossentropy}"),
        ["training.loss: 'categorical_crossentropy'; expected binary_crossentropy", "softmax"],
    ),
    "folds beside data sets": (
        f"corpora: {{t: {{adapter: bird_detection, data_sets: {TWO_SETS}}}}}\n"
        + experiment("train: [t], folds: {kind: leave_one_data_set_out, count: 3}"),
        ["experiments.mine.folds.count: 3; expected 2, one for each data set of train: a, b"],
    ),
    "name with a slash": ("audio: {a/b: {}}", ["audio.a/b: 'a/b' becomes part of paths; expected"]),
    "name of the folder above": (
        "frontends: {..: {}}",
        ["frontends...: '..' becomes part of paths"],
    ),
    "name with a line break": (
        'corpora: {"a\\nb": {like: demo-test}}',
        [r"corpora.a\nb:", "paths"],
    ),
    "empty name": ("audio: {'': {}}", ["audio.: '' becomes part of paths"]),
    "long name": (f"audio: {{{'a' * 65}: {{}}}}", ["at most 64"]),
    "number for a name": (
        "experiments: {2018: {like: demo}}",
        ["experiments.2018: is read as int; put the name in quotes"],
    ),
    "name of a stage": (
        stages("a/b: {targets: {from: labels}}"),
        ["stages.a/b: 'a/b' becomes part"],
    ),
    "name of an ensemble": (
        experiment("ensembles: {../x: [first]}"),
        ["ensembles.../x: '../x' becomes"],
    ),
    "name of a data set": (
        "corpora: {t: {adapter: bird_detection, data_sets: {a/b: {audio: a, labels: null}}}}",
        ["corpora.t.data_sets.a/b: 'a/b' stands before '/'"],
    ),
    "name of a folder of results": (
        "experiments: {corpora: {like: demo}}",
        ["experiments.corpora: 'corpora' is a folder of the results"],
    ),
    "redefinition": (
        "frontends: {bulbul: {n_mels: 64}}",
        ["frontends.bulbul: defined already with other settings", "`like: bulbul`"],
    ),
    "unknown name taken away": ("corpora: {demo: null}", ["corpora.demo: null takes a name away"]),
    "like what is not there": (
        "frontends: {x: {like: bulbu}}",
        ["frontends.x.like: 'bulbu'; expected", "did you mean 'bulbul'?"],
    ),
    "like itself": ("audio: {x: {like: x}}", ["audio.x.like: 'x' like 'x'"]),
    "like in a circle": (
        "audio: {x: {like: y}, y: {like: z}, z: {like: x}}",
        ["like: 'x' like 'y' like 'z' like 'x'; expected a chain that ends"],
    ),
    "like a list": (
        "audio: {x: {like: [mono-22k]}}",
        ["audio.x.like: ['mono-22k']; expected mono"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_error_is_one_line_with_path_value_and_what_is_allowed(overlay, case):
    text, said = REFUSED[case]
    line = refusal(composed, overlay(text))
    assert [part for part in said if part not in line] == [], line


# a file that is no config, and what the one line says
UNREADABLE = {
    "duplicate key": (
        b"run: [demo]\naudio:\n  x: {}\n  'x': {}\n",
        [":4: key 'x' is there twice", "line 3"],
    ),
    "duplicate key of a merge": (
        b"audio:\n  x: &x {channels: mix, channels: mix}\n",
        [":2: key 'channels'"],
    ),
    "alias that holds itself": (b"audio: &a\n  x: *a\n", [":1: an alias holds itself"]),
    "alias that holds itself in a list": (b"run: &a [*a]\n", [":1: an alias holds itself"]),
    "code": (b"__use_yte__: true\nrun: [demo]\n", ["__use_yte__ runs code from a config"]),
    "not UTF-8": ("run: [dém]".encode("latin-1"), ["byte 7 is not UTF-8"]),
    "UTF-16": ("run: [demo]".encode("utf-16"), ["byte 0 is not UTF-8"]),
    "tabs": (b"audio:\n\tx: {}\n", ["not YAML", "line 2, column 1", "indent with spaces"]),
    "half a mapping": (b"audio: {x: {}\n", ["not YAML", "line 2"]),
    "two documents": (b"run: [demo]\n---\nrun: [demo]\n", ["not YAML", "document"]),
    "list": (b"- run\n", ["holds list; expected keys and values"]),
    "text": (b"run", ["holds str; expected keys and values"]),
    "list as a key": (b"audio:\n  ? [x]\n  : {}\n", [":2: a sequence stands as a key"]),
    "Python object": (
        b"run: !!python/name:os.system\n",
        [":1: tag 'tag:yaml.org,2002:python/name:os.sys"],
    ),
    "tag of another type": (b"run: !!int three\n", [":1: tag 'tag:yaml.org,2002:int'"]),
    "endless nesting": (b"run: " + b"[" * 2000 + b"]" * 2000, ["nested too deeply"]),
    "huge": (b"run: [demo] #" + b" " * 2_000_000, ["more than 1000000 bytes"]),
    "control character": (b"run: [de\x01mo]", ["not YAML", "#x0001"]),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_file_that_is_no_config_is_refused_by_name(tmp_path, case):
    content, said = UNREADABLE[case]
    path = tmp_path / "overlay.yaml"
    path.write_bytes(content)
    line = refusal(composed, path)
    assert line.startswith(str(path))
    assert [part for part in said if part not in line] == [], line


def test_missing_file_and_folder_are_refused(tmp_path):
    assert "nowhere.yaml: No such file" in refusal(composed, tmp_path / "nowhere.yaml")
    assert "Is a directory" in refusal(composed, tmp_path)


@pytest.mark.parametrize("kind", ["{k0: *a%d, k1: *a%d}", "[*a%d, *a%d]"])
def test_alias_bomb_is_refused_at_once(overlay, kind):
    rows = [f"a{n}: &a{n} {kind % (n - 1, n - 1)}" for n in range(1, 200)]
    path = overlay("\n".join(["a0: &a0 [x, y]", *rows]))
    started = time.monotonic()
    assert "more than 10000 values once aliases are followed" in refusal(composed, path)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E+2", 100.0), ("2.22e-16", 2.22e-16), ("1.5", 1.5), ("70", 70),
        ("true", True), ("null", None), ("none", "none"), ("2018-05-01", "2018-05-01"),
        ("demo:east", "demo:east"), ("e3", "e3"),
    ],
)  # fmt: skip
def test_scalars_are_what_a_person_means(overlay, text, value):
    found = yaml_file.read(overlay(f"a: {text}\n"))["a"]
    assert found == value
    assert type(found) is type(value)
    assert yaml_file.resolved(text) == value


def test_quoted_number_stays_text(overlay):
    assert yaml_file.read(overlay("a: '1e-3'\n")) == {"a": "1e-3"}


def test_key_may_stand_beside_the_one_it_merges(overlay):
    text = "x: &x {<<: {a: 1, b: 2}, a: 3}\n<<: *x\ny: {<<: *x, b: 4}\n"
    read = yaml_file.read(overlay(text))
    assert read == {"x": {"a": 3, "b": 2}, "y": {"a": 3, "b": 4}, "a": 3, "b": 2}


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"{}\n", b"\xef\xbb\xbfrun: [demo]\r\n"])
def test_overlay_that_says_nothing_new_changes_nothing(tmp_path, content):
    path = tmp_path / "overlay.yaml"
    path.write_bytes(content)
    assert composed(path) == composed()


# overlay, and what comes out: a path of keys and the value there
ALLOWED = {
    "like a like": (
        "frontends: {x: {like: portable, fmax: 8000.0}, y: {like: x, n_mels: 64}}",
        {("frontends", "y", "fmax"): 8000.0, ("frontends", "y", "n_fft"): 2048},
    ),
    "like what comes later": (
        "audio: {x: {like: y}, y: {channels: first}}",
        {("audio", "x", "channels"): "first"},
    ),
    "one key of a stage": (
        stages("second: {targets: {low: 0.01}}"),
        {
            ("experiments", "mine", "stages", "second", "targets", "low"): 0.01,
            ("experiments", "mine", "stages", "second", "targets", "high"): 0.9,
            ("experiments", "mine", "stages", "second", "targets", "stage"): "first",
            ("experiments", "mine", "stages", "first", "targets"): {"from": "labels"},
        },
    ),
    "own stages replace the defaults": (
        "experiments: {x: {train: [demo-train], stages: {only: {targets: {from: labels}}},"
        " ensembles: {all: [only]}}}",
        {("experiments", "x", "ensembles"): {"all": ["only"]}},
    ),
    "null takes stages and ensembles away": (
        experiment(
            "stages: {second: null}, ensembles: {second: null, final: null}, "
            "evaluation: {compare: []}, submission: {ensemble: first}"
        ),
        {("experiments", "mine", "ensembles"): {"first": ["first"]}},
    ),
    "null takes names away": (
        "experiments: {demo: null, mine: {train: [demo-test]}}\nrun: [mine]",
        {("run",): ["mine"]},
    ),
    "null is a value": (
        experiment("training: {steps_per_epoch: 7}")
        + "\ndefaults: {experiments: {training: {steps_per_epoch: null}}}",
        {
            ("experiments", "mine", "training", "steps_per_epoch"): 7,
            ("experiments", "demo", "training", "steps_per_epoch"): None,
        },
    ),
    "model of another name": (
        "experiments: {x: {like: demo, model: {input_offset: 0.2}},"
        " y: {like: x, model: {name: sparrow}}, z: {like: x, model: {dropout: 0.3}}}",
        {
            ("experiments", "y", "model", "name"): "sparrow",
            ("experiments", "y", "model", "input_offset"): 0.0,
            ("experiments", "z", "model", "name"): "bulbul",
            ("experiments", "z", "model", "input_offset"): 0.2,
            ("experiments", "z", "model", "dropout"): 0.3,
        },
    ),
    "stage that differs from its experiment": (
        stages("second: {seeds: 2, training: {epochs: 3}}"),
        {
            ("experiments", "mine", "stages", "second", "seeds"): 2,
            ("experiments", "mine", "stages", "second", "training", "epochs"): 3,
            ("experiments", "mine", "stages", "second", "training", "schedule", "patience"): 5,
            ("experiments", "mine", "stages", "first", "training", "epochs"): 14,
        },
    ),
    "a length in steps over one in epochs, and back": (
        stages(
            "second: {training: {epochs: 3}}, "
            "third: {targets: {from: labels}, training: {batch_size: 8}}",
            "training: {steps: 900}",
        ),
        {
            ("experiments", "mine", "training", "steps"): 900,
            ("experiments", "mine", "training", "epochs"): None,
            ("experiments", "mine", "stages", "first", "training", "epochs"): None,
            ("experiments", "mine", "stages", "second", "training", "epochs"): 3,
            ("experiments", "mine", "stages", "second", "training", "steps"): None,
            ("experiments", "mine", "stages", "third", "training", "steps"): 900,
        },
    ),
    "defaults of an overlay": (
        "defaults: {audio: {channels: mix}, corpora: {max_excluded: 0.2}, "
        "experiments: {training: {l2: 0.1}, seeds: 2}}",
        {
            ("audio", "mono-44k", "channels"): "mix",
            ("corpora", "demo-test", "max_excluded"): 0.2,
            ("experiments", "demo", "training", "epochs"): 14,
            ("experiments", "demo", "stages", "second", "training", "l2"): 0.1,
            ("experiments", "demo", "stages", "second", "seeds"): 2,
        },
    ),
    "equal definition again": (
        "frontends: {portable: {n_fft: 2048, audio: mono-44k}}",
        {("frontends", "portable", "audio"): "mono-44k"},
    ),
    "splits of one corpus": (
        "corpora: {t: {adapter: table, table: t.csv}}\n"
        + "experiments: {x: {like: demo, train: ['t:a'], test: ['t:b'],"
        + " stages: {second: {targets: {unlabelled: ['t:b', 't:c']}}}}}",
        {("corpora", "t", "separator"): ";"},
    ),
    "folds for each data set": (
        f"corpora: {{t: {{adapter: bird_detection, data_sets: {TWO_SETS}}}}}\n"
        + experiment("train: [t, demo-train], folds: {kind: leave_one_data_set_out, count: 3}"),
        {("experiments", "mine", "folds", "count"): 3},
    ),
    "folds of a table": (
        "corpora: {t: {adapter: table, table: t.csv}}\n"
        + experiment("train: [t], folds: {kind: leave_one_data_set_out, count: 7}"),
        {("experiments", "mine", "folds", "count"): 7},
    ),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_valid_config_comes_out_whole(overlay, case):
    text, expected = ALLOWED[case]
    found = composed(overlay(text))
    for path, value in expected.items():
        at = found
        for key in path:
            at = at[key]
        assert at == value, path


def test_label_files_that_name_data_sets_are_asked_later(overlay, tmp_path):
    (tmp_path / "all.csv").write_text("itemid,datasetid,hasbird\n1,x,0\n")
    data_sets = f"{{all: {{audio: {tmp_path}, labels: {tmp_path / 'all.csv'}}}}}"
    text = f"corpora: {{t: {{adapter: bird_detection, data_sets: {data_sets}}}}}\n" + experiment(
        "train: [t], folds: {kind: leave_one_data_set_out, count: 3}"
    )
    assert composed(overlay(text))["experiments"]["mine"]["folds"]["count"] == 3


@pytest.mark.parametrize(
    ("corpus", "key"),
    [
        ("{adapter: table, table: gone.csv}", "table"),
        ("{adapter: table, table: config.yaml, root: gone}", "root"),
        (
            "{adapter: bird_detection, data_sets: {a: {audio: gone, labels: null}}}",
            "data_sets.a.audio",
        ),
        (
            "{adapter: bird_detection, groups: gone.csv, data_sets: {a: {audio: ., labels: null}}}",
            "groups",
        ),
    ],
)
def test_missing_path_is_named_with_its_key(overlay, monkeypatch, corpus, key):
    monkeypatch.chdir(ROOT)
    text = f"run: [mine]\ncorpora: {{c: {corpus}}}\n{experiment('train: [c]')}"
    line = refusal(load.load, BASE, [overlay(text)], {})
    assert line.startswith(f"corpora.c.{key}: 'gone")
    assert "does not exist; expected a path from" in line


def test_missing_data_of_another_experiment_name_the_setting_that_reads_them(overlay, monkeypatch):
    monkeypatch.chdir(ROOT)
    targets = "{from: predictions, stage: first, unlabelled: [gone]}"
    stages = f"stages: {{first: {{targets: {{from: labels}}}}, second: {{targets: {targets}}}}}"
    text = (
        "run: [mine]\n"
        "corpora: {gone: {adapter: folders, root: gone}, c: {adapter: folders, root: docs}}\n"
        f"experiments: {{other: {{train: [demo-train], {stages}}}, mine: {{like: other, train: [c]}}}}"
    )
    line = refusal(load.load, BASE, [overlay(text)], {})
    assert line.startswith("corpora.gone.root: 'gone' does not exist")
    assert line.endswith("; experiments.mine.stages.second.targets.unlabelled reads it")


def test_files_of_experiments_that_do_not_run_may_be_absent(overlay):
    text = "corpora: {c: {adapter: table, table: gone.csv}}\n" + experiment("train: [c]")
    assert load.load(BASE, [overlay(text)], {})["run"] == ["demo"]


def test_command_line_values_are_read_as_yaml(overlay):
    quick = {
        "like": "demo",
        "seed": "5",
        "training": {"learning_rate": "1e-3"},
        "classes": ["bird"],
    }
    found = composed(run=["quick"], experiments={"quick": quick})
    assert found["experiments"]["quick"]["seed"] == 5
    assert found["experiments"]["quick"]["training"]["learning_rate"] == 0.001
    assert composed(run="demo")["run"] == ["demo"]
    assert "--config: rnu: unknown key" in refusal(lambda: composed(rnu=["demo"]))


def test_corpora_of_a_run_are_those_its_experiments_read(overlay):
    found = composed(overlay("experiments: {x: {train: [demo-train]}}\nrun: [x]"))
    assert corpus_check.corpora_of_run(found) == ["demo-train"]
    assert corpus_check.corpora_of(found["experiments"]["demo"]) == ["demo-test", "demo-train"]


def turned(value, key=""):
    """Return a value with the keys of its mappings in reverse, but where their order counts."""
    if not isinstance(value, dict):
        return value
    names = value if key in ("stages", "ensembles") else reversed(value)
    return {name: turned(value[name], name) for name in names}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_order_of_keys_changes_nothing(tmp_path, path):
    known = {
        "esc50": ["esc10"], "sound-events": ["serizel2018"], "xc-dsr2019": ["xc-western"],
        "birdnet": ["xc-western", "esc10", "bird-presence", "serizel2018", "sound-events"],
    }  # fmt: skip
    below = known.get(path.stem, ["grill2017"])
    overlays = [*(ROOT / f"experiments/{name}.yaml" for name in below), path]
    written = []
    for name in (BASE, *overlays):
        written.append(tmp_path / name.name)
        written[-1].write_text(yaml.safe_dump(turned(yaml_file.read(name)), sort_keys=False))
    found = load.compose(written[0], written[1:], {})
    assert json.dumps(found) == json.dumps(composed(*overlays))


def test_order_of_stages_is_kept(overlay):
    text = stages("alpha: {targets: {from: labels}}")
    assert list(composed(overlay(text))["experiments"]["mine"]["stages"]) == [
        "first",
        "second",
        "alpha",
    ]


@pytest.mark.parametrize("n_fft", [256, 1024, 2048])
@pytest.mark.parametrize("fmin", [0.0, 50.0, 300.0])
def test_mel_bands_are_refused_where_the_filterbank_is(n_fft, fmin):
    for n_mels in (20, 39, 40, 41, 64, 80, 96, 128, 160, 200):
        scale = (natural_mel, natural_hz)
        refused = []
        for check in (
            lambda: check_mel_bands("x", n_mels, n_fft, (fmin, 11000.0), 22050, scale),  # noqa: B023
            lambda: mel_filterbank(22050, n_fft, n_mels, fmin, 11000.0),  # noqa: B023
        ):
            try:
                check()
                refused.append(False)
            except ValueError:
                refused.append(True)
        assert refused[0] == refused[1], n_mels


def dry_run(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-n",
        "--cores",
        "1",
        "-s",
        str(ROOT / "Snakefile"),
    ]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--directory", str(folder), *map(str, arguments)],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    return done, time.monotonic() - started


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("frontends: {x: {nmels: 3}}", [], "error: frontends.x.nmels: unknown key; expected "),
        ("run: [demo]", ["run=[dmo]"], "error: run: 'dmo'; expected demo; did you mean 'demo'?"),
    ],
)
def test_command_line_says_one_line_and_starts_nothing(overlay, tmp_path, text, given, said):
    folder = tmp_path / "work"
    folder.mkdir()
    done, seconds = dry_run(
        folder, "--configfile", overlay(text), "--config", "config_version=2", *given
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Using ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(said)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not (folder / "results").exists()
    assert seconds < 15  # about 2 on a machine with nothing else to do


CHUNKS = {
    "kind": "chunks",
    "min_score": 0.0,
    "noise_share": 0.1,
    "max_per_class": None,
    "rescale": True,
}


@pytest.mark.parametrize(
    ("changed", "alike"),
    [
        ({"window": 5}, True),  # chunks are as long as the frontend has them
        ({"segments": CHUNKS | {"min_score": 0.5, "noise_share": 0.0, "max_per_class": 9}}, True),
        ({"segments": CHUNKS | {"rescale": False}}, False),
        ({"frontend": "other"}, False),
    ],
)
def test_stages_see_alike_whatever_windows_they_train_on(changed, alike):
    stage = {"frontend": "one", "window": 310, "segments": CHUNKS}
    assert see_alike(stage, stage | changed) is alike
    other = {"segments": {"kind": "cells"}}
    assert not see_alike(stage | other, stage | other | {"window": 5})


def models():
    """Yield every settings model with its path."""
    for path, title, model in documentation.all_sections():
        yield f"{path} {title}".strip(), model


@pytest.mark.parametrize(("path", "model"), list(models()), ids=lambda value: str(value)[:60])
def test_every_key_has_a_sentence_and_every_number_a_unit(path, model):
    for key in structure.keys(model):
        assert key.sentence.endswith("."), f"{path}.{key.name}"
        assert key.sentence[0].isupper() or ":" in key.sentence, f"{path}.{key.name}"
        is_number = {"number", "whole number"} & set(key.type.replace("list of ", "").split(" or "))
        if is_number and key.content is None and key.name != "config_version":
            assert has_unit(model, key.name), f"{path}.{key.name}"


def has_unit(model, name):
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    field = fields[name]
    return any(isinstance(m, Unit) for m in structure._marks(field.annotation, field.metadata))


@pytest.mark.parametrize(("path", "model"), list(models()), ids=lambda value: str(value)[:60])
def test_defaults_are_values_that_a_person_may_write(path, model):
    for key in structure.keys(model):
        # these are filled in: by a choice, or from the card of a network
        if key.default is ... or key.name in ("methods", "schedule", "model", "network", "about"):
            continue
        required = {k.name: None for k in structure.keys(model) if k.default is ...}
        if required:
            continue
        given = model.model_validate({key.name: key.default}).complete().get(key.name)
        assert given == key.default, f"{path}.{key.name}"
        assert type(given) is type(key.default), f"{path}.{key.name}"


def test_schema_takes_what_is_shipped():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(config_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in [BASE, *SHIPPED]:
        validator.validate(yaml_file.read(path))


def test_schema_refuses_what_is_misspelt():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(config_schema()))
    for text in ("experiments: {x: {training: {epochs: many}}}", "experimnets: {}",
                 "frontends: {x: {kind: psd, n_mels: 3}}",
                 "corpora: {x: {adapter: table, tabel: t.csv}}"):  # fmt: skip
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "training.schedule.patience",
            ["schedule.patience (kind: plateau)", "default 3, in epochs"],
        ),
        ("training.schedule", ["(kind: cosine): Half a cosine", "warmup_epochs"]),
        ("n_mels", ["frontends.n_mels (kind: log_mel)", "Mel bands."]),
        ("", ["experiments", "corpora"]),
    ],
)
def test_a_key_is_explained(key, said):
    text = documentation.explanation(key)
    assert [part for part in said if part not in text] == [], text


def test_an_unknown_key_is_explained_by_the_nearest():
    assert "did you mean 'training.epochs'?" in refusal(documentation.explanation, "training.epoch")
