"""Audio recipes and frontends that every config knows; an overlay may add others."""

from typing import Any

AUDIO: dict[str, dict[str, Any]] = {
    "mono-22k": {},
    "mono-44k": {"sample_rate": 44100},
}

FRONTENDS: dict[str, dict[str, Any]] = {
    "bulbul": {},  # the winner of the Bird Audio Detection challenge 2017
    "portable": {"audio": "mono-44k", "n_fft": 2048},
}

PRESETS: dict[str, Any] = {"audio": AUDIO, "frontends": FRONTENDS}
