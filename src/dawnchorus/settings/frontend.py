"""Settings that every frontend has; those of a kind stand in its module in `frontends.kinds`."""

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from dawnchorus.settings.section import ByName, Settings


class FrontendSettings(Settings):
    """A named recipe from waveform to spectrogram.

    ``LAYOUT`` says how spectrograms are stored: ``frames`` (rows in time) or ``chunks`` (one picture
    for each piece of a recording).
    """

    LAYOUT: ClassVar[str] = "frames"

    kind: str
    """The transform."""
    audio: str = "mono-22k"
    """Name of the audio recipe."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the frontend cannot be computed at a sample rate in Hz."""

    def frame_s(self, sample_rate: int) -> float:
        """Return the seconds from one frame to the next, of a frontend that stores frames."""
        raise NotImplementedError

    def shape(self, window: int) -> tuple[int, int]:
        """Return the frames and bands that a model sees at once.

        Parameters
        ----------
        window : int
            Frames of a window; a chunk has frames of its own.
        """
        bands: int = getattr(self, "n_mels", 0) or self.n_bands  # type: ignore[attr-defined]
        return (window if self.LAYOUT == "frames" else self.n_frames), bands  # type: ignore[attr-defined]


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):  # True counts as 1
        raise PydanticCustomError("flag", "1, 2")
    return value


Power = Annotated[Literal[1, 2], BeforeValidator(_no_flag)]
KINDS = ByName(
    "dawnchorus.frontends.kinds", "kind", "log_mel", FrontendSettings,
    ("Settings", "hop_length", "n_frames", "n_bands"),
)  # fmt: skip
Frontend = Annotated[dict[str, Any], KINDS]


def check_band(path: str, fmin: float, fmax: float, sample_rate: int, audio: str) -> None:
    """Raise a ValueError where a band of frequencies in Hz is empty or reaches over Nyquist."""
    if fmax > sample_rate / 2:
        raise ValueError(
            f"{path}.fmax: {fmax!r}; expected at most {sample_rate / 2:g} Hz, half the sample rate of "
            f"audio.{audio}"
        )
    if fmin >= fmax:
        raise ValueError(f"{path}.fmin: {fmin!r}; expected less than fmax {fmax!r}")


def slaney_mel(frequency: float) -> float:
    """Return the mel of a frequency in Hz on Slaney's scale: linear to 1 kHz, then logarithmic."""
    return 3 * min(frequency, 1000) / 200 + 27 * math.log(max(frequency, 1000) / 1000, 6.4)


def slaney_hz(mel: float) -> float:
    """Return the frequency in Hz of a mel on Slaney's scale."""
    # Slaney's Auditory Toolbox (1998): 200/3 Hz a mel to 1 kHz, then 27 mel for a factor of 6.4
    above: float = 6.4 ** (max(mel - 15, 0) / 27)
    return min(mel, 15) * 200 / 3 * above


def natural_mel(frequency: float) -> float:
    """Return the mel of a frequency in Hz as 1127 ln(1 + f / 700)."""
    return 1127 * math.log1p(frequency / 700)


def natural_hz(mel: float) -> float:
    """Return the frequency in Hz of a mel on the scale of `natural_mel`."""
    return 700 * math.expm1(mel / 1127)


def check_mel_bands(
    path: str,
    n_bands: int,
    n_fft: int,
    band_hz: tuple[float, float],
    sample_rate: int,
    scale: tuple[Callable[[float], float], Callable[[float], float]],
) -> None:
    """Raise a ValueError where a mel band is so narrow that no bin of the spectrum lies in it.

    The filter banks refuse such bands too, but in a job, which may be hours later.

    Parameters
    ----------
    path : str
        The key of the number of bands.
    n_bands, n_fft : int
        Bands, and samples of the Fourier transform.
    band_hz : (float, float)
        Lowest and highest frequency.
    sample_rate : int
        Hz.
    scale : (function, function)
        From Hz to mel and back.
    """
    to_mel, to_hz = scale
    bin_hz = sample_rate / n_fft
    low, high = (to_mel(edge) for edge in band_hz)
    for band in range(n_bands):
        left, right = (
            to_hz(low + (high - low) * point / (n_bands + 1)) for point in (band, band + 2)
        )
        if right - left > bin_hz:
            return  # bands only grow wider
        # the first bin above the left edge is at the right edge, where the weight is 0, or beyond it
        if (left // bin_hz + 1) * bin_hz >= right:
            raise ValueError(
                f"{path}: {n_bands}; band {band + 1} of them lies between two bins of n_fft "
                f"{n_fft}; expected fewer bands, a higher fmin or a larger n_fft"
            )


def frontend_model(frontend: Mapping[str, Any]) -> FrontendSettings:
    """Return the settings of a frontend as an instance of the model of its kind."""
    model = KINDS.model(frontend["kind"])
    # rules add the sample rate of the audio recipe to what a job gets
    found = model.model_validate({key: v for key, v in frontend.items() if key != "sample_rate"})
    assert isinstance(found, FrontendSettings)
    return found


def layout(frontend: Mapping[str, Any]) -> str:
    """Return ``frames`` (rows in time) or ``chunks`` (a picture for each chunk)."""
    return frontend_model(frontend).LAYOUT


def frame_s(frontend: Mapping[str, Any], sample_rate: int) -> float:
    """Return the seconds from one frame to the next, of a frontend that stores frames."""
    return frontend_model(frontend).frame_s(sample_rate)


def window_s(window: int, frontend: Mapping[str, Any], sample_rate: int) -> float:
    """Return how long a window of so many frames is, or a chunk of a frontend that stores chunks [s]."""
    # not checked again: the reference asks for one of values that no run would have
    values: dict[str, Any] = {
        # unchecked, a section of a section stays a mapping: what the kind asks it for are attributes
        key: SimpleNamespace(**value) if isinstance(value, Mapping) else value
        for key, value in frontend.items()
    }
    found = KINDS.model(frontend["kind"]).model_construct(**values)
    assert isinstance(found, FrontendSettings)
    if found.LAYOUT == "chunks":
        return float(frontend["length_s"])
    return window * found.frame_s(sample_rate)
