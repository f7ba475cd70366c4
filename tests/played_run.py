"""A run of three jobs, played to the logger as Snakemake tells of one: its events, and real jobs.

``python played_run.py QUIET`` in a working directory; jobs end once a file ``go`` is there.
"""

import subprocess
import sys
import time
from pathlib import Path

from snakemake.logging import LoggerManager, logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

JOB = """
import os, signal, sys, time, types
from pathlib import Path
from dawnchorus.runtime import job, logs

how, rule, names = sys.argv[1], sys.argv[2], dict(one.split("=") for one in sys.argv[3:])
told = types.SimpleNamespace(
    rule=rule, wildcards=names, params={"library": {}}, input=[], resources={},
    output=[f"results/{'-'.join([rule, *names.values()])}.h5"],
    log=[f"results/logs/{'-'.join([rule, *names.values()])}.log"],
)
with job.running(told):
    os.write(2, f"{how}: a library in C says this\\n".encode())
    logs.LOG.info("a step")
    logs.LOG.info("warning: no weights are kept as best_loss")
    if how == "counts":
        progress = logs.progress("recordings", 40)
        progress.started -= 10
        time.sleep(1.0)
        progress.step(30, audio_s=5400)
    else:
        training = types.SimpleNamespace(
            epoch=12, step=20, loss_sum=8.2, history=[{"loss": 0.5, "val_map_macro": 0.934}])
        progress = logs.TrainingProgress(60, 40, training)
        progress.step(32)
        progress._started -= 8
        progress._epoch_started -= 2
        training.step, training.loss_sum = 30, 12.3
        time.sleep(1.0)
        progress.step(384)
    while not Path("go").exists():
        time.sleep(0.02)
    if how == "counts":
        progress.step(10, audio_s=1800)
    elif how == "fails":
        raise ValueError("the loss is NaN in epoch 13; lower training.rate")
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""
JOBS = {
    3: ("counts", "resample", {"audio": "mono", "corpus": "small", "shard": "000"}),
    5: ("fails", "train", {"experiment": "demo", "stage": "first", "member": "f1p0s1"}),
    7: ("is killed", "train", {"experiment": "demo", "stage": "first", "member": "f2p0s1"}),
}
STATS = {"resample": 2, "judge": 1, "train": 4, "predict": 2, "evaluate": 1, "all": 1, "total": 11}


def tell(event, message=None, level="info", **about):
    getattr(logger, level)(message, extra={"event": event, **about})


def log_of(number):
    _, rule, names = JOBS[number]
    return f"results/logs/{'-'.join([rule, *names.values()])}.log"


def main(quiet):
    settings = OutputSettings(
        log_handler_settings={"dawnchorus": LogHandlerSettingsBase()},
        quiet=Quietness.parse_choices_set(quiet.split()) if quiet else None,
    )
    manager = LoggerManager(logger, settings)
    print("corpus small: 3 recordings are new", file=sys.stderr)
    if quiet == "host":  # of those that leave the display as it is
        print("error: run: 'nosuch'; expected demo", file=sys.stderr)
        sys.exit(2)  # without a word to the logger
    tell(LogEvent.RUN_INFO, "Job stats: a table", stats=STATS)
    logger.info("Select jobs to execute...")
    tell(LogEvent.JOB_STARTED, "Execute 3 jobs...", jobs=list(JOBS))
    processes = {}
    for number, (how, rule, names) in JOBS.items():
        tell(
            LogEvent.JOB_INFO, "a job", jobid=number, rule_name=rule, wildcards=names, rule_msg=None,
            log=[log_of(number)], reason="Missing output files: x\ny", local=False, output=["x"],
        )  # fmt: skip
        command = [sys.executable, "-c", JOB, how, rule, *(f"{k}={v}" for k, v in names.items())]
        processes[number] = subprocess.Popen(command)
    for number, process in processes.items():
        if process.wait() == 0:
            tell(LogEvent.JOB_FINISHED, "Finished", job_id=number)
            tell(LogEvent.PROGRESS, done=1, total=11)
            continue
        how, rule, _ = JOBS[number]
        died = " died with <Signals.SIGKILL: 9>." if how == "is killed" else " returned status 1."
        said = f"RuleException:\nCalledProcessError in file x, line 3:\nCommand 'python'{died}"
        tell(LogEvent.ERROR, said, "error", exception="RuleException")
        tell(
            LogEvent.JOB_ERROR, "Error", "error", jobid=number, rule_name=rule, log=[log_of(number)],
        )  # fmt: skip
    tell(
        LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete", "error", exception="W"
    )
    logger.warning("a warning of Snakemake")
    time.sleep(0.1)
    manager.stop()
    print("after the run", file=sys.stderr)


if __name__ == "__main__":
    Path("results").mkdir(exist_ok=True)
    main(sys.argv[1])
