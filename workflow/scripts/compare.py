"""Write experiments side by side on one page (rule ``compare``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.report import comparison_page, run_differences

    compared = run_differences.compare_runs(snakemake.params.comparison)
    comparison_page.write_comparison(compared, snakemake.output.page)
