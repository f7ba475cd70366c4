"""Decode frame scores to events, score them, and write them for the tools that people use.

Reads:   results/{experiment}/ensembles/{ensemble}.{corpus}.frames.h5, tables of events, verdicts
Writes:  results/{experiment}/decoders/{ensemble}.json,
         results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.csv and .tsv, and the folder
         of the same name, results/{experiment}/events.json and events.txt
"""


rule choose_decodings:
    """Choose the settings of each decoding, by recordings that are neither trained on nor tested."""
    input:
        folds="results/{experiment}/folds.csv",
        targets=events.first_targets,
        leaks="results/{experiment}/leaks.csv",
        scores=events.decoding_files,
    output:
        decoders="results/{experiment}/decoders/{ensemble}.json",
    log:
        "results/logs/choose_decodings/{experiment}/{ensemble}.log",
    benchmark:
        "results/benchmarks/choose_decodings/{experiment}/{ensemble}.tsv"
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        decoding=events.decoding_settings,
        library=run.library("choose_decodings"),
    script:
        "../workflow/scripts/choose_decodings.py"


rule detect:
    """Turn the frame scores of one corpus into events."""
    input:
        frames=events.frames,
        decoders="results/{experiment}/decoders/{ensemble}.json",
        verdicts=events.corpus_verdicts,
    output:
        events="results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.csv",
        challenge="results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.tsv",
    log:
        "results/logs/detect/{experiment}/{ensemble}/{decoding}/{corpus}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        detection=events.detection,
        library=run.library("detect"),
    script:
        "../workflow/scripts/detect.py"


rule export_detections:
    """Write the detections of one corpus for Raven and Audacity, with scores and pictures."""
    input:
        detections="results/{experiment}/detections/{ensemble}.{decoding}.{corpus}.csv",
        frames=events.frames,
        decoders="results/{experiment}/decoders/{ensemble}.json",
        spectrograms=events.drawn_shards,
    output:
        folder=directory(
            "results/{experiment}/detections/{ensemble}.{decoding}.{corpus}"
        ),
    log:
        "results/logs/export_detections/{experiment}/{ensemble}/{decoding}/{corpus}.log",
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        exports=events.exports,
        library=run.library("export_detections"),
    script:
        "../workflow/scripts/export_detections.py"


rule evaluate_events:
    """Score the events of every ensemble and decoding, with the rows that frame the figures."""
    input:
        frames=events.all_frames,
        decoders=events.all_decoders,
        verdicts=events.all_verdicts,
        energy=events.energy,
        leaks="results/{experiment}/leaks.csv",
    output:
        figures="results/{experiment}/events.json",
        summary="results/{experiment}/events.txt",
    log:
        "results/logs/evaluate_events/{experiment}.log",
    benchmark:
        "results/benchmarks/evaluate_events/{experiment}.tsv"
    group:
        "scores"
    conda:
        "../envs/dawnchorus.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        evaluation=events.evaluation,
        library=run.library("evaluate_events"),
    script:
        "../workflow/scripts/evaluate_events.py"
