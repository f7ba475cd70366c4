"""Keras and the backend that computes: chosen by the experiment before either is imported.

* `start`: choose, limit to threads, make deterministic.
* `fused_normalisation`: an operation that Keras has only in pieces.
* `hold_stderr`: keep what a library says while it loads.

The bits of a training follow the number of intra-op threads and the kernels in use, so both belong
to the experiment's settings, not to the machine.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

NAMES = ("tensorflow", "jax", "torch")
# Keras imports these where it finds them: to draw galleries, to wrap estimators, to fit on data frames
_EXTRAS = ("matplotlib", "pandas", "sklearn")


def start(settings: dict) -> None:
    """Import Keras on the backend of an experiment.

    Parameters
    ----------
    settings : dict
        ``name`` (tensorflow, jax or torch), ``threads`` (intra-op threads of one job on the CPU, at
        least 1) and ``deterministic`` (refuse operations whose result may differ between runs).
    """
    name, threads = settings["name"], settings["threads"]
    os.environ["KERAS_BACKEND"] = name
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if name == "jax":
        # Eigen's threads of a convolution add in an order of their own; one thread has one order
        flags = [f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"]
        if settings["deterministic"]:
            flags.append("--xla_gpu_deterministic_ops=true")
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *flags]).strip()
    elif name == "torch":
        import torch

        torch.set_num_threads(threads)
        # PyTorch has no deterministic kernel for some operations: it warns of them
        torch.use_deterministic_algorithms(settings["deterministic"], warn_only=True)
    else:
        # TensorFlow turns oneDNN on by itself only where the CPU has AVX-512 VNNI: left to it, equal
        # settings would give other bits, and on older CPUs convolutions four times slower.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with hold_stderr(), _without_extras():
            import tensorflow

        tensorflow.get_logger().setLevel("ERROR")  # it warns of each model after the fifth
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        for device in tensorflow.config.list_physical_devices("GPU"):
            # else the first job takes all memory of a card that others may share
            tensorflow.config.experimental.set_memory_growth(device, True)
        if settings["deterministic"]:
            tensorflow.config.experimental.enable_op_determinism()


def fused_normalisation(inputs, gain, bias, epsilon: float) -> tuple:
    """Return TensorFlow's fused batch normalisation: values, mean, variance over n - 1.

    Parameters
    ----------
    inputs : tensor, shape (B, T, F, channels), float32
    gain, bias : tensors, shape (channels,)
    epsilon : float
    """
    import tensorflow

    fused = tensorflow.raw_ops.FusedBatchNormV3(
        x=inputs, scale=gain, offset=bias, mean=[], variance=[], epsilon=epsilon
    )
    return fused.y, fused.batch_mean, fused.batch_variance


@contextlib.contextmanager
def _without_extras() -> Iterator[None]:
    """Let Keras load as it does where its optional packages are not installed.

    Nothing here uses what it does with them, and they are a third of the start of a job.
    """
    absent = [name for name in _EXTRAS if name not in sys.modules]
    # None: an import of it raises ModuleNotFoundError (Python reference, 5.3.1)
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def hold_stderr() -> Iterator[None]:
    """Keep what a library writes to the terminal while it loads, unless it fails.

    TensorFlow's remarks on oneDNN and on absent GPU drivers heed no log level.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
