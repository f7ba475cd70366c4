"""Turn resampled audio into spectrograms.

Reads:   results/audio/{audio}/{corpus}/{shard}.wav and .csv
Writes:  results/spectrograms/{frontend}/{corpus}/{shard}.h5
"""


rule make_spectrograms:
    """Compute the spectrograms of one shard of audio."""
    input:
        unpack(spectrograms.audio),
    output:
        spectrograms="results/spectrograms/{frontend}/{corpus}/{shard}.h5",
    log:
        "results/logs/make_spectrograms/{frontend}/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/make_spectrograms/{frontend}/{corpus}/{shard}.tsv"
    group:
        "shard"
    conda:
        "../envs/dawnchorus.yaml"
    threads: spectrograms.threads
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        frontend=spectrograms.frontend,
        library=spectrograms.library,
    script:
        "../workflow/scripts/make_spectrograms.py"
