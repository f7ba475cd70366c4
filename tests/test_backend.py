"""Choosing the backend."""

import subprocess
import sys

from target_rows import write_targets

from dawnchorus.corpora import tables

START = "from dawnchorus.runtime import backend; backend.start({settings}); {then}"


def run(settings, then):
    code = START.format(settings=settings, then=then)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_tensorflow_is_limited_to_its_threads_and_loads_in_silence_and_alone(tmp_path):
    targets = write_targets(tmp_path / "targets.parquet", ["bird"], [("tiny", "a", 1, 0, 1)])
    tables.write_rows(tmp_path / "labels", tables.LABELS, [("a", "x", *[""] * 4, "1", *[""] * 3)])
    settings = {"name": "tensorflow", "threads": 1, "deterministic": True}
    # a job reads tables; others may draw and fit afterwards
    then = (
        "import keras, sys, tensorflow as tf; print(keras.backend.backend(), "
        "tf.config.threading.get_intra_op_parallelism_threads());"
        "from dawnchorus.corpora import tables; from dawnchorus.targets import targets_table;"
        f"print(targets_table.read({str(targets)!r}).fold[0], "
        f"tables.read_labels({str(tmp_path / 'labels')!r})[0].data_set);"
        "print({'matplotlib', 'pandas', 'sklearn'} & set(sys.modules));"
        "import matplotlib.pyplot, pandas, sklearn; print(pandas.Series([7]).sum())"
    )
    ran = run(settings, then)
    assert ran.stdout.split() == ["tensorflow", "1", "1", "x", "set()", "7"], ran.stderr
    assert ran.stderr == ""


def test_what_a_failing_import_says_is_shown():
    code = (
        "import os\nfrom dawnchorus.runtime import backend\n"
        "with backend.hold_stderr():\n    os.write(2, b'missing library')\n    raise ImportError('x')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "missing library" in ran.stderr
    assert ran.returncode == 1
