"""Put all that scoring a new recording needs into one file.

Reads:   models of an ensemble's stages, metrics and decodings of the experiment
Writes:  results/{experiment}/{ensemble}.dawnchorus
"""


rule export:
    """Write an ensemble as one file, which is used without the workflow."""
    input:
        models=exports.models,
        metrics="results/{experiment}/metrics.json",
        decoders=exports.decoders,
        calibrations=exports.calibrations,
    output:
        model="results/{experiment}/{ensemble}.dawnchorus",
    log:
        "results/logs/export/{experiment}/{ensemble}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        export=exports.settings,
        library=exports.library,
    script:
        "../workflow/scripts/export.py"
