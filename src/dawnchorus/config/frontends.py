"""Frontends of a config: frequencies and lengths that cannot be, before any job finds out.

* `check_frontend`: by its kind.
* `layout`: how a frontend's spectrograms are stored.
"""

import math
from collections.abc import Mapping

from dawnchorus.config.merging import check_known


def layout(frontend: Mapping) -> str:
    """Return ``frames`` (rows in time) or ``chunks`` (a picture for each chunk)."""
    return "chunks" if frontend["kind"].endswith("_chunks") else "frames"


def frame_s(frontend: Mapping, sample_rate: int) -> float:
    """Return the seconds from one frame to the next, of a frontend that stores frames."""
    if frontend["kind"] == "log_mel":
        return int(sample_rate / frontend["frames_per_second"]) / sample_rate
    return frontend["hop"] / sample_rate


def check_frontend(path: str, frontend: Mapping, config: Mapping) -> None:
    """Raise a ValueError where a frontend cannot be computed from its audio recipe."""
    check_known(f"{path}.audio: {frontend['audio']!r}", frontend["audio"], config["audio"])
    rate = config["audio"][frontend["audio"]]["sample_rate"]
    if "fmax" in frontend:
        _check_band(path, frontend, rate)
    if frontend["kind"] == "log_mel":
        _check_log_mel(path, frontend, rate)
    elif frontend["kind"] == "psd":
        _check_psd(path, frontend)
    elif frontend["kind"] == "slaney_mel":
        _check_slaney_mel(path, frontend, rate)
    else:
        _check_chunks(path, frontend, rate)


def _check_band(path: str, frontend: Mapping, rate: int) -> None:
    fmin, fmax = frontend["fmin"], frontend["fmax"]
    if fmax > rate / 2:
        raise ValueError(
            f"{path}.fmax: {fmax!r}; expected at most {rate / 2:g} Hz, half the sample rate of "
            f"audio.{frontend['audio']}"
        )
    if fmin >= fmax:
        raise ValueError(f"{path}.fmin: {fmin!r}; expected less than fmax {fmax!r}")


def _check_psd(path: str, frontend: Mapping) -> None:
    bins = frontend["n_fft"] // 2 + 1
    if frontend["n_bands"] > bins:
        raise ValueError(
            f"{path}.n_bands: {frontend['n_bands']}; expected at most {bins}, the bins of n_fft "
            f"{frontend['n_fft']}"
        )
    if frontend["hop"] > frontend["n_fft"]:
        raise ValueError(
            f"{path}.hop: {frontend['hop']}; expected at most n_fft {frontend['n_fft']}, or there "
            "are gaps between windows"
        )
    if frontend["cell_borders"] > frontend["n_bands"]:
        raise ValueError(
            f"{path}.cell_borders: {frontend['cell_borders']}; expected at most n_bands "
            f"{frontend['n_bands']}"
        )


def _check_slaney_mel(path: str, frontend: Mapping, rate: int) -> None:
    n_fft, length = frontend["n_fft"], frontend["window_length"]
    if length > n_fft:
        raise ValueError(f"{path}.window_length: {length}; expected at most n_fft {n_fft}")
    if frontend["hop"] > length:
        raise ValueError(
            f"{path}.hop: {frontend['hop']}; expected at most window_length {length}, or there are "
            "gaps between windows"
        )
    _check_mel_bands(path, frontend, rate, "n_bands", _SLANEY)


def _check_chunks(path: str, frontend: Mapping, rate: int) -> None:
    length, overlap = frontend["length_s"], frontend["overlap_s"]
    if overlap >= length:
        raise ValueError(f"{path}.overlap_s: {overlap!r}; expected less than length_s {length!r}")
    if frontend["min_length_s"] > length:
        raise ValueError(
            f"{path}.min_length_s: {frontend['min_length_s']!r}; expected at most length_s {length!r}"
        )
    if int(length * rate) < frontend["n_frames"]:
        raise ValueError(
            f"{path}.n_frames: {frontend['n_frames']}; expected at most {int(length * rate)}, the "
            "samples of a chunk"
        )


def _check_log_mel(path: str, frontend: Mapping, rate: int) -> None:
    n_fft = frontend["n_fft"]
    if not rate / n_fft <= frontend["frames_per_second"] <= rate:
        raise ValueError(
            f"{path}.frames_per_second: {frontend['frames_per_second']!r}; expected at least "
            f"{rate / n_fft:.4g}, or there are gaps between windows of n_fft {n_fft}, and at most "
            f"the sample rate {rate}"
        )
    if frontend["band_attenuation"] == "shallow" and frontend["n_mels"] != 80:
        raise ValueError(
            f"{path}.n_mels: {frontend['n_mels']!r}; expected 80, which the table of "
            "band_attenuation shallow is for"
        )
    _check_mel_bands(path, frontend, rate)


def _slaney_mel(frequency: float) -> float:
    return 3 * min(frequency, 1000) / 200 + 27 * math.log(max(frequency, 1000) / 1000, 6.4)


def _slaney_hz(mel: float) -> float:
    return min(mel, 15) * 200 / 3 * 6.4 ** (max(mel - 15, 0) / 27)


# mel of a frequency and back; not those of the filterbanks, since a dry run is to load no NumPy
_NATURAL = (lambda f: 1127 * math.log1p(f / 700), lambda mel: 700 * math.expm1(mel / 1127))
_SLANEY = (_slaney_mel, _slaney_hz)


def _check_mel_bands(
    path: str, frontend: Mapping, rate: int, key: str = "n_mels", scale: tuple = _NATURAL
) -> None:
    """Refuse mel bands so narrow that no bin of the spectrum lies in one of them.

    What `dawnchorus.frontends.filterbanks.mel_filterbank` would refuse in a job, hours later.
    ``key`` is that of the number of bands.
    """
    to_mel, to_hz = scale
    n_bands, bin_hz = frontend[key], rate / frontend["n_fft"]
    low, high = (to_mel(frontend[edge]) for edge in ("fmin", "fmax"))
    for band in range(n_bands):
        left, right = (
            to_hz(low + (high - low) * point / (n_bands + 1)) for point in (band, band + 2)
        )
        if right - left > bin_hz:
            return  # bands only grow wider
        if (left // bin_hz + 1) * bin_hz >= right:
            raise ValueError(
                f"{path}.{key}: {n_bands}; band {band + 1} of them lies between two bins of n_fft "
                f"{frontend['n_fft']}; expected fewer bands, a higher fmin or a larger n_fft"
            )
