"""Make sure that nothing tested is trained on (rule ``check_leaks``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.targets import leaks

    checked = snakemake.params.leaks
    leaks.check_test_leaks(
        checked["train"],
        checked["unlabelled"],
        checked["test"],
        checked["labels"],
        checked["listings"],
        snakemake.output.leaks,
        checked["validation"],
        checked.get("pretraining"),
    )
