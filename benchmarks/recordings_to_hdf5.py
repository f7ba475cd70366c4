"""From recordings to spectrograms in HDF5: how much audio a second of processor time carries.

Makes clips of ten seconds at 44.1 kHz, takes them through the library in fresh processes as a
workflow does (hashed and listed, decoded, judged, resampled, written, read back; spectrograms
computed, written, read back), and compares, within one run:

* ``librosa loop``: librosa.load and librosa.feature.melspectrogram, writing nothing.
* ``bare loop``: soundfile, soxr, rfft and a matrix product, writing nothing.
* ``process per file``: the library with one recording per shard, on six of the clips.
* one core against two, a shard on each.

The loops are timed without their imports, the library with them. The ratios are those at 4 hours of
audio: what a shorter run measures is scaled up, but for the start of the jobs, which does not grow.
Also measured: the peak memory of a job that has a recording of three hours among its clips.

    python benchmarks/recordings_to_hdf5.py             # 40 minutes of audio
    python benchmarks/recordings_to_hdf5.py --hours 4   # the figures of the documentation
"""

import argparse
import dataclasses
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dawnchorus.corpora.adapters import table as table_adapter
from dawnchorus.frontends.kinds import log_mel
from dawnchorus.settings.audio import AudioRecipe

CLIP_S = 10
SOURCE_RATE = 44100  # Hz
RECIPE = AudioRecipe().complete()
FRONTEND = log_mel.Settings().complete() | {"sample_rate": RECIPE["sample_rate"]}
AIMS = {
    "of the librosa loop": 0.95,
    "of the bare loop": 0.7,
    "times a process per file": 10.0,
    "times faster on two cores": 1.8,
}
MOST_PEAK_MB = 600.0
LOOPS = ("librosa", "bare")


@dataclasses.dataclass
class Cost:
    """What one or more jobs took."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0  # of a job and its child processes, added up
    jobs: dict[str, float] = dataclasses.field(default_factory=dict)  # name to processor seconds

    def __add__(self, other: "Cost") -> "Cost":
        names = {**self.jobs, **other.jobs}
        return Cost(
            self.cpu_s + other.cpu_s,
            self.wall_s + other.wall_s,
            max(self.peak_mb, other.peak_mb),
            {name: self.jobs.get(name, 0.0) + other.jobs.get(name, 0.0) for name in names},
        )


def main() -> None:
    """Measure, print a table, and write the figures as JSON where asked to."""
    options = parsed()
    if options.job:
        JOBS[options.job](Path(options.folder), options.shard)
        return
    seconds = options.hours * 3600 if options.hours else options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="recordings-", dir=options.folder) as name:
        if options.smoke:
            smoke(Path(name))
            return
        n_clips = round(seconds / CLIP_S)
        figures = measured(Path(name), n_clips, options.rounds, options.long_hours)
    print(table(figures))
    if options.json:
        print(json.dumps(figures, indent=1, sort_keys=True))


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=40.0, help="of audio in clips")
    parser.add_argument("--hours", type=float, help="of audio in clips, instead of --minutes")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are told")
    parser.add_argument("--long-hours", type=float, default=3.0, help="one long recording; 0: none")
    parser.add_argument("--folder", help="where to make the temporary folder")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, too")
    parser.add_argument("--smoke", action="store_true", help="every job once; measures nothing")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--shard", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def smoke(folder: Path) -> None:
    """Run every job on two clips, of which little can be told: the start of the jobs is most."""
    write_clips(folder, "0", 2)
    cost = chain(folder, "0")
    check(folder, ("0",), 2)
    rates = {
        "library": 2 * CLIP_S / cost.cpu_s,
        **{f"{name} loop": 2 * CLIP_S / loop_cpu_s(folder, name, "0") for name in LOOPS},
    }
    print(
        table(
            {
                "audio_s": 2 * CLIP_S,
                "audio_s_per_cpu_s": rates,
                "ratios": {
                    f"of the {n} loop": rates["library"] / rates[f"{n} loop"] for n in LOOPS
                },
                "job_cpu_s": cost.jobs,
                "peak_mb": {"clips": cost.peak_mb},
            }
        )
    )


def measured(folder: Path, n_clips: int, n_rounds: int, long_hours: float) -> dict:
    """Return all figures for ``n_clips`` clips, half of them in each of two shards."""
    write_clips(folder, "0", n_clips - n_clips // 2)
    write_clips(folder, "1", n_clips // 2)
    rounds = []
    for number in range(n_rounds):
        say(f"{n_clips} clips, round {number + 1} of {n_rounds}")
        rounds.append(one_round(folder))
    check(folder, ("0", "1"), n_clips)
    say("process per file")
    alone = one_by_one(folder, 6)
    told = [figures_of(*each, alone, n_clips) for each in rounds]
    rates, ratios = (
        {k: statistics.median(t[i][k] for t in told) for k in told[0][i]} for i in (0, 1)
    )
    ours = rounds[-1][0]
    peaks = {"clips": ours.peak_mb}
    if long_hours:
        say(f"a recording of {long_hours:g} h")
        peaks[f"with a recording of {long_hours:g} h"] = long_peak_mb(folder, long_hours)
    return {
        "audio_s": n_clips * CLIP_S,
        "audio_s_per_cpu_s": rates,
        "ratios": ratios,
        "ratios_by_round": [ratios for _, ratios in told],
        "job_cpu_s": ours.jobs,
        "peak_mb": peaks,
    }


def one_round(folder: Path) -> tuple[Cost, dict[str, float], float]:
    """Return the cost on one core, the processor seconds of the loops, the seconds on two cores."""
    ours, loops = Cost(), dict.fromkeys(LOOPS, 0.0)
    # on the same core and in turns: what else the machine does meanwhile is spread over all
    for shard in ("0", "1"):
        shutil.rmtree(folder / "corpora", ignore_errors=True)  # nothing is remembered
        loops = {name: cpu + loop_cpu_s(folder, name, shard) for name, cpu in loops.items()}
        ours = ours + chain(folder, shard, cores={first_core()})
    shutil.rmtree(folder / "corpora")
    return ours, loops, both_at_once(folder)


def figures_of(
    ours: Cost, loops: dict[str, float], two_cores_s: float, alone: Cost, n_clips: int
) -> tuple[dict, dict]:
    """Return seconds of audio per processor second, and the ratios, of one round."""
    audio_s = n_clips * CLIP_S
    rates = {
        "library": audio_s / ours.cpu_s,
        "library, 4 h": 4 * 3600 / at_4_hours(ours.cpu_s / n_clips, alone.cpu_s / 6, n_clips),
        "librosa loop": audio_s / loops["librosa"],
        "bare loop": audio_s / loops["bare"],
        "process per file": 6 * CLIP_S / alone.cpu_s,
    }
    ratios = {
        "of the librosa loop": rates["library, 4 h"] / rates["librosa loop"],
        "of the bare loop": rates["library, 4 h"] / rates["bare loop"],
        "times a process per file": rates["library, 4 h"] / rates["process per file"],
        "times faster on two cores": ours.wall_s / two_cores_s,
    }
    return rates, ratios


def at_4_hours(clip_s: float, lone_clip_s: float, n_clips: int) -> float:
    """Return the processor seconds of 4 hours in two shards, from those of fewer clips.

    ``lone_clip_s`` is what a clip takes that is a shard of its own: nearly all of it is the start
    of the jobs, which 4 hours pay no more often than a few minutes do.
    """
    n_wanted = 4 * 3600 / CLIP_S
    each_s = (clip_s * n_clips - 2 * lone_clip_s) / (n_clips - 2)
    return 2 * lone_clip_s + (n_wanted - 2) * each_s


def table(figures: dict) -> str:
    """Return the figures for a person to read."""
    lines = [f"{figures['audio_s'] / 3600:.2f} h of audio", "", "seconds of audio per CPU second"]
    for name, rate in figures["audio_s_per_cpu_s"].items():
        lines.append(f"  {name:30} {rate:8.0f}")
    lines.append("its CPU seconds by job")
    for name, seconds in figures["job_cpu_s"].items():
        lines.append(f"  {name:30} {seconds:8.1f}")
    lines.append("ratios")
    for name, ratio in figures["ratios"].items():
        lines.append(f"  {name:30} {ratio:8.2f}   {mark(ratio >= AIMS[name])} {AIMS[name]:g}")
    lines.append("peak memory of a job [MB]")
    for name, peak in figures["peak_mb"].items():
        lines.append(f"  {name:30} {peak:8.0f}   {mark(peak < MOST_PEAK_MB)} < {MOST_PEAK_MB:g}")
    return "\n".join(lines)


def mark(is_met: bool) -> str:
    """Return how a figure stands to its aim."""
    return "meets" if is_met else "MISSES"


def say(what: str) -> None:
    """Say what is being measured."""
    print(f"... {what}", file=sys.stderr, flush=True)


def chain(folder: Path, shard: str, cores: set[int] | None = None) -> Cost:
    """Take one shard from its recordings to HDF5 and return the cost."""
    return sum((run(name, folder, shard, cores) for name in CHAIN), Cost())


def run(name: str, folder: Path, shard: str, cores: set[int] | None = None) -> Cost:
    """Run one job and return its cost, that of its children included."""
    started, before = time.monotonic(), cpu_s(resource.RUSAGE_CHILDREN)
    peak_mb = float(finish(start(name, folder, shard, cores)))
    taken = cpu_s(resource.RUSAGE_CHILDREN) - before
    return Cost(taken, time.monotonic() - started, peak_mb, {name: taken})


def start(name: str, folder: Path, shard: str, cores: set[int] | None = None) -> subprocess.Popen:
    """Start one job; all of them compute on one thread."""
    command = [sys.executable, __file__, "--job", name, "--folder", str(folder), "--shard", shard]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # where Python may keep no bytecode, every job would compile the library anew
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, cores)
    return process


def finish(process: subprocess.Popen) -> str:
    """Wait for a job and return what it printed."""
    result, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} ended with status {process.returncode}")
    return result


def both_at_once(folder: Path) -> float:
    """Take both shards to HDF5 at once, a core for each, and return the seconds that took."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    started = time.monotonic()
    chains = {shard: list(CHAIN) for shard in ("0", "1")}
    running: dict[str, subprocess.Popen] = {}
    while chains or running:
        for shard in [shard for shard in chains if shard not in running]:
            own = {cores[int(shard) % len(cores)]} if cores else None
            running[shard] = start(chains[shard].pop(0), folder, shard, own)
        for shard in [shard for shard, process in running.items() if process.poll() is not None]:
            finish(running.pop(shard))
            if not chains[shard]:
                del chains[shard]
        time.sleep(0.005)
    return time.monotonic() - started


def loop_cpu_s(folder: Path, name: str, shard: str) -> float:
    """Return the processor seconds of a loop over the clips of a shard, without its imports."""
    return float(finish(start(name, folder, shard, {first_core()})))


def one_by_one(folder: Path, n_clips: int) -> Cost:
    """Return the cost of clips that are each a shard of their own."""
    cost = Cost()
    for index in range(n_clips):
        write_clips(folder, f"lone{index}", 1)
        cost = cost + chain(folder, f"lone{index}")
    return cost


def long_peak_mb(folder: Path, hours: float) -> float:
    """Return the peak memory of the jobs on a shard with one long recording among six clips."""
    write_clips(folder, "long", 6)
    write_recording(folder / "clips" / "long-whole.wav", round(hours * 3600))
    write_corpus(folder, "long")
    peak_mb = chain(folder, "long").peak_mb
    check(folder, ("long",), 6 + round(hours * 3600 / CLIP_S))
    return peak_mb


def cpu_s(who: int) -> float:
    """Return processor seconds, of the system too."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def first_core() -> int:
    """Return a core that this process may use."""
    return min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def check(folder: Path, shards: tuple[str, ...], n_clips: int) -> None:
    """Refuse figures of a run that did not do its work."""
    from dawnchorus.frontends import shard_reader

    paths = [folder / "spectrograms" / f"{shard}.h5" for shard in shards]
    spectrograms = shard_reader.open_shards(paths)
    n_frames = sum(map(spectrograms.rows, spectrograms.ids))
    if n_frames != n_clips * CLIP_S * 70:
        raise SystemExit(f"{n_frames} frames of {n_clips} clips; expected {n_clips * CLIP_S * 70}")


def job_list(folder: Path, shard: str) -> None:
    """Hash the recordings of a shard and list them, as a corpus of one shard."""
    from dawnchorus.corpora import catalog

    path = str(folder / "clips" / f"{shard}.csv")
    settings = table_adapter.Settings(table=path, shards=1).complete()
    catalog.list_corpus(shard, settings, folder)
    print_peak()


def job_resample(folder: Path, shard: str) -> None:
    """Make the audio of a shard."""
    from dawnchorus.audio import audio_shards

    wav_path, table_path = (folder / "audio" / f"{shard}.{end}" for end in ("wav", "csv"))
    (listing_path,) = (folder / "corpora" / shard / "listings").glob("*.parquet")
    audio_shards.resample_shard(listing_path, RECIPE, wav_path, table_path)
    print_peak()


def job_spectrograms(folder: Path, shard: str) -> None:
    """Make the spectrograms of a shard."""
    from dawnchorus.frontends import shards

    wav_path, table_path = (folder / "audio" / f"{shard}.{end}" for end in ("wav", "csv"))
    output_path = folder / "spectrograms" / f"{shard}.h5"
    shards.write_shard(wav_path, table_path, FRONTEND, output_path)
    print_peak()


def job_librosa(folder: Path, shard: str) -> None:
    """Loop over the clips with librosa."""
    import librosa

    def once(path: Path) -> None:
        waveform, sample_rate = librosa.load(path, sr=FRONTEND["sample_rate"])
        settings = {key: FRONTEND[key] for key in ("n_fft", "n_mels", "fmin", "fmax")}
        librosa.feature.melspectrogram(
            y=waveform, sr=sample_rate, hop_length=315, power=1.0, **settings
        )

    loop(clips(folder, shard), once)


def job_bare(folder: Path, shard: str) -> None:
    """Loop over the clips with as little as can be."""
    import numpy as np
    import scipy.fft
    import soundfile
    import soxr

    from dawnchorus.frontends import filterbanks

    of = [FRONTEND[key] for key in ("sample_rate", "n_fft", "n_mels", "fmin", "fmax")]
    bank = filterbanks.mel_filterbank(*of).astype(np.float32)
    window = np.hanning(1024).astype(np.float32)

    def once(path: Path) -> None:
        waveform, sample_rate = soundfile.read(path, dtype="float32")
        waveform = np.pad(soxr.resample(waveform, sample_rate, 22050, quality="HQ"), 512)
        frames = np.lib.stride_tricks.sliding_window_view(waveform, 1024)[:-1:315]
        # in parts that fit into the cache: three times faster than all at once
        for first in range(0, len(frames), 128):
            spectrum = scipy.fft.rfft(frames[first : first + 128] * window, axis=1)
            np.abs(spectrum) @ bank

    loop(clips(folder, shard), once)


def loop(paths: list[Path], once) -> None:
    """Do something with every path, and print the processor seconds that took."""
    once(paths[0])  # what is loaded at the first call is left out
    before = cpu_s(resource.RUSAGE_SELF)
    for path in paths:
        once(path)
    print(cpu_s(resource.RUSAGE_SELF) - before)


def print_peak() -> None:
    """Print the peak memory of this process plus that of its largest child, in MB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(sum(resource.getrusage(each).ru_maxrss for each in who) / unit)


CHAIN = ("list", "resample", "spectrograms")
JOBS = {
    "list": job_list,
    "resample": job_resample,
    "spectrograms": job_spectrograms,
    "librosa": job_librosa,
    "bare": job_bare,
}


def clips(folder: Path, shard: str) -> list[Path]:
    """Return the recordings of a shard, sorted."""
    return sorted((folder / "clips").glob(f"{shard}-*.wav"))


def write_clips(folder: Path, shard: str, n_clips: int) -> None:
    """Write the clips of a shard."""
    (folder / "clips").mkdir(exist_ok=True)
    for index in range(n_clips):
        write_recording(folder / "clips" / f"{shard}-{index:05d}.wav", CLIP_S, seed=index)
    write_corpus(folder, shard)


def write_corpus(folder: Path, shard: str) -> None:
    """Write the table that makes a corpus of the recordings of a shard."""
    names = [path.name for path in clips(folder, shard)]
    (folder / "clips" / f"{shard}.csv").write_text("\n".join(["path", *names, ""]))


def write_recording(path: Path, seconds: int, seed: int = 0) -> None:
    """Write a recording: noise and a few chirps, 16 bits, mono, 44.1 kHz."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(seed)
    time_s = np.arange(SOURCE_RATE) / SOURCE_RATE
    with soundfile.SoundFile(path, "w", SOURCE_RATE, 1, subtype="PCM_16") as file:
        for _ in range(seconds):
            low, high = np.sort(rng.uniform(1000, 9000, 2))
            chirp = np.sin(2 * np.pi * (low + (high - low) * time_s / 2) * time_s)
            noise = rng.standard_normal(SOURCE_RATE, dtype=np.float32)
            file.write(0.05 * noise + 0.3 * chirp * np.exp(-6 * time_s))


if __name__ == "__main__":
    main()
