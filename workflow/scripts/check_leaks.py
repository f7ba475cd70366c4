"""Make sure that nothing tested is trained on (rule ``check_leaks``)."""

from dawnchorus import job

with job.running(snakemake):
    from dawnchorus import targets

    checked = snakemake.params.leaks
    targets.check_test_leaks(
        checked["train"],
        checked["unlabelled"],
        checked["test"],
        checked["labels"],
        checked["listings"],
        snakemake.output.leaks,
        checked["validation"],
    )
