"""Patterns of all paths of a run, in wildcards.

The rules write the same patterns out, so that a reader sees them there; a test holds both equal.
Plan and commands build paths from these constants and from nothing else.

* Constants: one pattern per kind of file.
* `log`, `benchmark`: what a rule writes beside its outputs.
* `wildcards_of`: names of the wildcards of a pattern.
"""

import re
from collections.abc import Iterable

RESULTS = "results"  # below the working directory

# tables of a listed corpus, named by the digest of their content (`dawnchorus.corpora`)
LISTING = "results/corpora/{corpus}/listings/{shard}-{digest}.parquet"
LABELS = "results/corpora/{corpus}/labels-{digest}.parquet"
EXCLUDED = "results/corpora/{corpus}/excluded-{digest}.parquet"
EVENTS = "results/corpora/{corpus}/events-{digest}.parquet"
NAMES = "results/corpora/{corpus}/names-{digest}.parquet"
SOURCES = "results/corpora/{corpus}/sources-{digest}.parquet"
LABEL_ROWS = "results/corpora/{corpus}/label-rows-{digest}.parquet"

# copies of models from outside the results, by the first 16 digits of their SHA-256
PRETRAINED = "results/pretrained/{digest}.keras"
# copies of pretrained networks that frontends use, likewise
NETWORK = "results/pretrained/{digest}.{format}"
# copies of exported models, likewise
APPLIED_MODEL = "results/pretrained/{digest}.dawnchorus"
# copies of models' and frontends' code from outside the package, by the digest of their syntax tree
OWN_CODE = "results/code/{digest}.py"

# copies of what stands beside downloaded recordings, by the digest of their content
LOCK = "results/corpora/{corpus}/lock-{digest}.csv"
DOWNLOADED = "results/corpora/{corpus}/downloaded-{digest}.parquet"

# per corpus that is downloaded
METADATA = "results/acquired/{corpus}/metadata.parquet"
CHOSEN = "results/acquired/{corpus}/chosen.parquet"
DOWNLOADS = "results/acquired/{corpus}/downloads.parquet"

# per corpus
ARCHIVE = "results/corpora/{corpus}/made/{shard}.zip"
SHARD_WAV = "results/audio/{audio}/{corpus}/{shard}.wav"
SHARD_TABLE = "results/audio/{audio}/{corpus}/{shard}.csv"
VERDICTS = "results/audio/{audio}/{corpus}/verdicts.csv"
SPECTROGRAMS = "results/spectrograms/{frontend}/{corpus}/{shard}.h5"

# per experiment
CONFIG = "results/{experiment}/config.yaml"
FOLDS = "results/{experiment}/folds.csv"
LEAKS = "results/{experiment}/leaks.csv"
BASELINES = "results/{experiment}/baselines.h5"
ENERGY = "results/{experiment}/energy.h5"
ENERGY_DECODER = "results/{experiment}/energy.json"
METRICS = "results/{experiment}/metrics.json"
SUMMARY = "results/{experiment}/summary.txt"
DATABASE = "results/{experiment}/database.sqlite"
ATTRIBUTION = "results/{experiment}/ATTRIBUTION.csv"
REPORT = "results/{experiment}/report.html"
SUBMISSION = "results/{experiment}/submission.{corpus}.csv"
EVENT_METRICS = "results/{experiment}/events.json"
EVENT_SUMMARY = "results/{experiment}/events.txt"

# several experiments side by side
COMPARISON = "results/compare/{comparison}.html"

# per stage
THRESHOLDS = "results/{experiment}/stages/{stage}/thresholds.csv"
TARGETS = "results/{experiment}/stages/{stage}/targets.parquet"
AUDIT = "results/{experiment}/stages/{stage}/audit.json"
NORMALISER = "results/{experiment}/stages/{stage}/normaliser.csv"
SEGMENTS = "results/{experiment}/stages/{stage}/segments.parquet"
SEGMENTS_PICTURE = "results/{experiment}/stages/{stage}/segments.png"
SCORES = "results/{experiment}/stages/{stage}/scores.{corpus}.{shards}.h5"
FRAME_SCORES = "results/{experiment}/stages/{stage}/frames.{corpus}.{shards}.h5"

# per member of a stage
MODEL = "results/{experiment}/stages/{stage}/{member}.keras"
KEPT_WEIGHTS = "results/{experiment}/stages/{stage}/{member}.kept.h5"
HISTORY = "results/{experiment}/stages/{stage}/{member}.history.csv"

# per ensemble
EXPORTED_MODEL = "results/{experiment}/{ensemble}.dawnchorus"
ENSEMBLE_SCORES = "results/{experiment}/ensembles/{ensemble}.{corpus}.h5"
ENSEMBLE_FRAMES = "results/{experiment}/ensembles/{ensemble}.{corpus}.frames.h5"
CALIBRATION = "results/{experiment}/ensembles/{ensemble}.calibration.json"
DECODERS = "results/{experiment}/decoders/{ensemble}.json"
DETECTIONS = "results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.csv"
CHALLENGE_EVENTS = "results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.tsv"
EXPORT_FOLDER = "results/{experiment}/detections/{ensemble}.{decoding}.{corpus}"

# per application of an exported model
SHARD_DETECTIONS = "results/apply/{application}/{corpus}/{shard}.parquet"
SHARD_RECORDINGS = "results/apply/{application}/{corpus}/{shard}.csv"
APPLIED_DETECTIONS = "results/apply/{application}/detections.parquet"
APPLIED_RECORDINGS = "results/apply/{application}/recordings.csv"
APPLIED_ATTRIBUTION = "results/apply/{application}/ATTRIBUTION.csv"

MEMBER = "f{fold}p{part}s{seed}"  # the wildcard {member}: fold, part of the pseudo-labels, seed


def log(rule: str, wildcards: Iterable[str]) -> str:
    """Return the pattern of a rule's log, for the wildcards of its outputs in their order."""
    return _beside("logs", rule, wildcards, "log")


def benchmark(rule: str, wildcards: Iterable[str]) -> str:
    """Return the pattern of a rule's benchmark, for the wildcards of its outputs."""
    return _beside("benchmarks", rule, wildcards, "tsv")


def wildcards_of(pattern: str) -> tuple[str, ...]:
    """Return the names of the wildcards of a pattern, in order and once each."""
    return tuple(dict.fromkeys(re.findall(r"\{(\w+)\}", pattern)))


def _beside(folder: str, rule: str, wildcards: Iterable[str], ending: str) -> str:
    return "/".join([RESULTS, folder, rule, *(f"{{{name}}}" for name in wildcards)]) + f".{ending}"
