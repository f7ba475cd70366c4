"""Networks of an exported model that are a few lines of NumPy, in the place of ONNX Runtime."""

import numpy as np
import tiny_model

from dawnchorus.events import decoding
from dawnchorus.exported import model_file
from dawnchorus.settings.experiment import SegmentSettings

CLASSES = ("robin", "wren", "blackbird")
VALUES = {"threshold": 0.55, "filter_s": 0.1, "gap_s": 0.2, "minimum_s": 0.05}


class Bands:
    """Two members that score a class by the level of its share of the bands, in pairs of frames."""

    scales = (4.0, 8.0)

    def frame_scores(self, stage, windows):
        """Return (M, B, T / 2, C)."""
        pairs = windows.reshape(len(windows), -1, 2, windows.shape[2]).mean(axis=2)
        shares = np.array_split(pairs, len(CLASSES), axis=2)
        levels = np.stack([share.mean(axis=2) for share in shares], axis=2)
        scores = [1 / (1 + np.exp(-scale * levels)) for scale in self.scales]
        return np.stack(scores).astype(np.float32)

    def clip_scores(self, stage, windows):
        """Return (M, B, C)."""
        return self.frame_scores(stage, windows).max(axis=2)


def model(audio, frontend, pooling=None, windows=(40,), kind="windows"):
    """Return a model for `Bands`, with a stage for each length of windows [frames]."""
    usual = {
        "pooling": "mean",
        "average": "mean",
        "average_unit": "recording",
        "ignored_classes": [],
    }
    segments = SegmentSettings(kind=kind).complete()
    networks = (model_file.Network("f1", "last", b"", has_frames=True),)
    return tiny_model.tiny_model(
        classes=CLASSES,
        frontends={"tiny": model_file.Frontend(frontend, audio)},
        stages=tuple(
            model_file.Stage(f"s{window}", "tiny", segments, window, "average", 2, networks)
            for window in windows
        ),
        pooling=pooling or usual,
        decodings={"usual": {name: [VALUES[name]] * 3 for name in decoding.SETTINGS}},
        thresholds={"robin": None, "wren": 0.7, "blackbird": None},
    )
