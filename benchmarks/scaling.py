"""What large runs take, worked out from the rates of `dawnchorus.plan.cost_estimate`: docs/scaling.md.

Nothing is run: corpora are listings of made-up shards, planned as every run is, and costed as
``dawnchorus doctor CONFIG.yaml`` costs one.

    python benchmarks/scaling.py
"""

import tempfile
from pathlib import Path

import yaml

from dawnchorus.plan.cost_estimate import MEASURED_ON
from dawnchorus.plan.run_costs import run_costs
from dawnchorus.plan.workflow_run import Run
from dawnchorus.settings.load import compose

ROOT = Path(__file__).parents[1]
MP3_BYTES_PER_S, WAV_BYTES_PER_S = 16_000, 96_000  # 128 kbit/s; 48 kHz, 16 bits, one channel
# name: recordings, hours, shards, bytes of a second
CORPORA = {
    "xeno-canto": (1_000_000, 20_000, 1000, MP3_BYTES_PER_S),
    "network": (1_000_000, 1_000_000, 10_000, WAV_BYTES_PER_S),
}
TABLE = {"adapter": "table", "table": "recordings.csv"}
SETTINGS = {
    "corpora": {name: {**TABLE, "shards": about[2]} for name, about in CORPORA.items()},
    "experiments": {
        "species": {
            "frontend": "bulbul", "window": 1000, "train": ["xeno-canto"], "test": [],
            "folds": {"kind": "grouped", "count": 5}, "model": {"name": "compact"},
            "training": {"steps": 320_000, "steps_per_epoch": 6400, "batch_size": 32},
        }
    },
}  # fmt: skip


def main() -> None:
    """Print a table for each run."""
    digests = {"labels": "1", "excluded": "2", "names": "3"}
    index = {}
    for name, (recordings, hours, shards, bytes_per_s) in CORPORA.items():
        each = {
            "digest": "0",
            "recordings": recordings // shards,
            "bytes": hours * 3600 * bytes_per_s // shards,
        }
        index[name] = {"shards": {f"{i:03d}": each for i in range(shards)}, **digests}
    seconds = {name: about[1] * 3600.0 for name, about in CORPORA.items()}
    with tempfile.TemporaryDirectory() as folder:
        model, path = Path(folder, "first.dawnchorus"), Path(folder, "large.yaml")
        model.touch()  # only its digest is asked for
        applied = {"apply": {"all": {"model": str(model), "corpora": ["network"]}}}
        for name, chosen in (
            ("xeno-canto", {"run": ["species"]}),
            ("network", {"run": [], **applied}),
        ):
            path.write_text(yaml.safe_dump({**SETTINGS, **chosen}, sort_keys=False))
            config = compose(ROOT / "config.yaml", [path], {})
            print(f"{name}: {CORPORA[name]}")
            for one in run_costs(Run(config, {name: index[name]}, ROOT), seconds):
                print(
                    f"{one.step:<14}{one.jobs:>8}{one.files:>9}{one.bytes / 1e12:>10.3f} TB"
                    f"{one.core_h:>12.1f} core h{one.gpu_h:>12.1f} GPU h at most"
                )
    print(f"hours: {MEASURED_ON}")


if __name__ == "__main__":
    main()
