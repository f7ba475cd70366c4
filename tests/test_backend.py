"""Choosing the backend."""

import subprocess
import sys

START = "from dawnchorus.runtime import backend; backend.start({settings}); {then}"


def run(settings, then):
    code = START.format(settings=settings, then=then)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_tensorflow_is_limited_to_its_threads_and_loads_in_silence():
    settings = {"name": "tensorflow", "threads": 1, "deterministic": True}
    then = (
        "import keras, tensorflow as tf; print(keras.backend.backend(), "
        "tf.config.threading.get_intra_op_parallelism_threads())"
    )
    ran = run(settings, then)
    assert ran.stdout.split() == ["tensorflow", "1"]
    assert ran.stderr == ""


def test_what_a_failing_import_says_is_shown():
    code = (
        "import os\nfrom dawnchorus.runtime import backend\n"
        "with backend._hushed():\n    os.write(2, b'missing library')\n    raise ImportError('x')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "missing library" in ran.stderr
    assert ran.returncode == 1
