"""From recordings and labels to trained ensembles, scores and submissions (results/{experiment}/)."""

import sys

from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, f"{workflow.basedir}/src")

from dawnchorus.plan.job_resources import growing
from dawnchorus.plan.rules import all_rules, result_files, show_summaries
from dawnchorus.plan.startup import start
from dawnchorus.runtime.devices import limit_jobs

given, is_main = workflow.config_settings, workflow.is_main_process
run = start(workflow.basedir, given.configfiles, given.config, is_main, sys.argv[1:])
limit_jobs(workflow, run.config["gpu_share"])
# each is named as the rule file that it serves
acquisition, corpora, audio, spectrograms, targets, training, *others = all_rules(run)
predictions, baselines, evaluation, events, exports, reports, applications = others


wildcard_constraints:
    **run.constraints(),


include: "rules/acquisition.smk"
include: "rules/corpora.smk"
include: "rules/audio.smk"
include: "rules/spectrograms.smk"
include: "rules/targets.smk"
include: "rules/training.smk"
include: "rules/predictions.smk"
include: "rules/baselines.smk"
include: "rules/evaluation.smk"
include: "rules/events.smk"
include: "rules/exports.smk"
include: "rules/reports.smk"
include: "rules/applications.smk"


rule all:
    default_target: True
    input:
        result_files(run),


onsuccess:
    show_summaries(run)
