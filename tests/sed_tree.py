"""A synthetic corpus in the layout of DCASE 2018 task 4: 16-bit WAV files and TSVs.

Each class is a tone of its own that starts and stops over noise. The tree holds what trips a careless
reader: a weak list with a header, extensions and both separators in turn; an unlabelled list with
neither header nor extensions; strong lists in which one clip has two events of one class, one has no
event, and one has no file. A table of sources deals the training clips to two folds.

    tree = sed_tree.make(tmp_path, rng, duration_s=2.0)
    settings = {**sed_tree.settings(tree), "missing_files": "exclude", ...}
"""

import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

CLASSES = ("Bell", "Frying", "Speech")
TONES_HZ = (600.0, 1400.0, 2600.0)
_RAMP_S = 0.005
_FOLDERS = {
    "weak": "train/weak",
    "unlabelled": "train/unlabel_in_domain",
    "validation": "validation",
    "test": "test",
}


class Written(NamedTuple):
    """One clip as it was written: ``events`` are (onset_s, offset_s, class), in order."""

    id: str
    part: str  # weak, unlabelled, validation or test
    path: Path  # where there is a file, unless the clip is missing
    events: tuple[tuple[float, float, str], ...]
    is_missing: bool
    fold: str

    @property
    def classes(self):
        return tuple(sorted({label for _, _, label in self.events}))


class Tree(NamedTuple):
    """Folders of audio and label files by part; sources; clips in the order of the lists."""

    folder: Path
    audio: dict[str, Path]
    labels: dict[str, Path]
    sources: Path
    clips: tuple[Written, ...]

    def of(self, part):
        return [clip for clip in self.clips if clip.part == part]


def make(
    folder,
    rng,
    *,
    n_weak=12,
    n_unlabelled=20,
    n_validation=6,
    n_test=6,
    duration_s=2.0,
    sample_rate=16000,
    missing=("test",),
    noise=0.01,
):
    """Write a tree below ``folder`` and return what it holds.

    Of each strong part (at least 4 clips) the first clip has two events of one class, the second none;
    of each part in ``missing`` the last has no file. Weak clips have one or two classes, and each
    class is in one at least. Times are whole milliseconds.
    """
    root = Path(folder)
    counts = dict(zip(_FOLDERS, (n_weak, n_unlabelled, n_validation, n_test), strict=True))
    clips = []
    for part, count in counts.items():
        (root / "audio" / _FOLDERS[part]).mkdir(parents=True, exist_ok=True)
        for nth in range(count):
            is_missing = part in missing and nth == count - 1
            name = f"Y{rng.integers(16**11):011x}_{nth}.000_{nth + 10}.000"
            path = root / "audio" / _FOLDERS[part] / f"{name}.wav"
            events = _events(part, nth, duration_s, rng)
            fold = str(nth % 2) if part in ("weak", "unlabelled") else "0"
            clips.append(Written(name, part, path, events, is_missing, fold))
            if not is_missing:
                _write_wav(path, _sound(events, duration_s, sample_rate, noise, rng), sample_rate)
    audio = {part: root / "audio" / below for part, below in _FOLDERS.items()}
    labels = {part: root / "metadata" / f"{below}.tsv" for part, below in _FOLDERS.items()}
    tree = Tree(root, audio, labels, root / "sources.csv", tuple(clips))
    _write_labels(tree)
    return tree


def settings(tree):
    """Return the settings of adapter ``dcase_sed`` that this tree needs, one corpus for all parts."""
    strong = {part: str(tree.labels[part]) for part in ("validation", "test")}
    return {
        "adapter": "dcase_sed",
        "audio": [str(path) for path in tree.audio.values()],
        "weak": str(tree.labels["weak"]),
        "unlabelled": str(tree.labels["unlabelled"]),
        "strong": strong,
        "strong_format": "dcase",
        "label_column": "Annotation",
        "sample_rate": 32000,
        "merge_gap_s": None,
        "min_length_s": None,
        "sources": {
            "table": str(tree.sources), "clip": "clip", "fold": "part",
            "fold_pattern": r"fold(\d+)$", "group": None, "group_separator": None,
        },
    }  # fmt: skip


def _events(part, nth, duration_s, rng):
    """Return events that do not overlap, a quarter of the clip apart from onset to onset."""
    label = CLASSES[nth % len(CLASSES)]
    other = CLASSES[(nth + 1) % len(CLASSES)]
    if part in ("validation", "test") and nth < 2:
        labels = [label, label] if nth == 0 else []
    else:
        labels = [label, other][: 1 + nth // len(CLASSES) % 2]
    events = []
    for slot, name in zip((0, 2), labels, strict=False):
        onset_s = duration_s * (slot / 4 + rng.uniform(0.02, 0.1))
        offset_s = onset_s + duration_s * rng.uniform(0.2, 0.35)
        events.append((round(onset_s, 3), round(offset_s, 3), name))
    return tuple(events)


def _sound(events, duration_s, sample_rate, noise, rng):
    """Return (S,) samples, full scale 1."""
    samples = rng.normal(0.0, noise, round(duration_s * sample_rate))
    for onset_s, offset_s, label in events:
        first, last = (round(time * sample_rate) for time in (onset_s, offset_s))
        seconds = np.arange(last - first) / sample_rate
        ramp = np.minimum(seconds, seconds[::-1]) / _RAMP_S
        tone = np.sin(2 * np.pi * TONES_HZ[CLASSES.index(label)] * seconds)
        samples[first:last] += 0.3 * np.minimum(ramp, 1.0) * tone
    return samples


def _write_wav(path, samples, sample_rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def _write_labels(tree):
    weak = [
        f"{clip.id}.wav\t{',;'[nth % 2].join(clip.classes)}"
        for nth, clip in enumerate(tree.of("weak"))
    ]
    _write(tree.labels["weak"], ["filename\tevent_labels", *weak])
    _write(tree.labels["unlabelled"], [clip.id for clip in tree.of("unlabelled")])
    for part in ("validation", "test"):
        rows = ["filename\tonset\toffset\tevent_label"]
        for clip in tree.of(part):
            rows += [f"{clip.id}.wav\t{a:.3f}\t{b:.3f}\t{label}" for a, b, label in clip.events]
            rows += [f"{clip.id}.wav\t\t\t"] * (not clip.events)
        _write(tree.labels[part], rows)
    table = [f"{_FOLDERS[clip.part]}/fold{clip.fold},{clip.id}.wav" for clip in tree.clips]
    _write(tree.sources, ["part,clip", *table])


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
