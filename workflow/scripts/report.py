"""Write the report of an experiment (rule ``report``)."""

from dawnchorus.runtime import job

with job.running(snakemake):
    from dawnchorus.report import report_page

    report_page.write_report(snakemake.params.report, snakemake.output.page)
