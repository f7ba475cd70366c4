"""From recordings and labels to trained ensembles, scores and submissions.

Results of an experiment: results/{experiment}/. Settings: config.yaml and overlays named with
--configfile; see README.md.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, str(Path(workflow.basedir) / "src"))


include: "rules/common.smk"


wildcard_constraints:
    audio=either(config["audio"]),
    frontend=either(config["frontends"]),
    corpus=either(config["corpora"]),
    experiment=either(config["experiments"]),
    stage=either(stage_names()),
    ensemble=either(ensemble_names()),
    decoding=either(decoding_names()),
    member=r"f\d+p\d+s\d+",
    shard=r"\d+",


include: "rules/common_inputs.smk"
include: "rules/corpora.smk"
include: "rules/audio.smk"
include: "rules/spectrograms.smk"
include: "rules/targets.smk"
include: "rules/training.smk"
include: "rules/predictions.smk"
include: "rules/evaluation.smk"
include: "rules/events.smk"


rule all:
    default_target: True
    input:
        results_of_run(),


onsuccess:
    show_summaries()
