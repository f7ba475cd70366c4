"""Energy that the machine counted while a job ran, where it counts and lets one read.

* `counting`: count while a block runs; nothing where there is no counter.
* `Counters`: what there is to read: RAPL of processors, NVML of the GPUs of the job.

A counter is that of a whole processor or card: what other work used of it at that time is in it. Linux
lets root alone read RAPL since 5.10 (CVE-2020-8694), and virtual machines seldom have it. NVML counts
on cards since Volta. Nothing is estimated: where nothing was counted, records say nothing.
"""

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dawnchorus.runtime import devices

KEY = "energy_j"  # of a record
POWERCAP = "/sys/class/powercap"  # of Linux
# a processor of 200 W fills its counter of 262 kJ in 22 minutes, and begins again
_READ_EVERY_S = 60.0

Reader = Callable[[], float]  # a counter [J]


class Counters(Mapping[str, float]):
    """Energy since the start [J], by ``processors`` and ``gpus``, as far as they can be read.

    Parameters
    ----------
    readers : sequence of (kind, reader, range_j)
        ``range_j``: where the counter begins again at 0; infinity where it does not.
    """

    def __init__(self, readers: Sequence[tuple[str, Reader, float]]):
        self._lock = threading.Lock()
        self._readers = [(kind, read, span, [read(), 0.0]) for kind, read, span in readers]

    def _counted(self) -> dict[str, float]:
        found: dict[str, float] = {}
        with self._lock:
            for kind, read, span, state in self._readers:
                with contextlib.suppress(OSError, ValueError):  # a card that was lost
                    now = read()
                    # one that is lower has begun again
                    state[1] += now - state[0] + (span if now < state[0] else 0.0)
                    state[0] = now
                found[kind] = round(found.get(kind, 0.0) + state[1], 3)
        return found

    def __getitem__(self, kind: str) -> float:
        return self._counted()[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counted())

    def __len__(self) -> int:
        return len(self._counted())


@contextlib.contextmanager
def counting(about: dict[str, Any], powercap: str | Path = POWERCAP) -> Iterator[None]:
    """Count while a block runs; what a record says of the job gets what was counted when it is written.

    Parameters
    ----------
    about : dict
        What every record of the job says; it gets `KEY` where there is a counter.
    powercap : path, optional
        Folder of RAPL.
    """
    counters = Counters([*processors(powercap), *gpus(leased_gpus())])
    if not counters:
        yield
        return
    about[KEY] = counters
    ended = threading.Event()

    def read_on() -> None:
        while not ended.wait(_READ_EVERY_S):
            len(counters)  # reads, so that no counter begins again unseen

    threading.Thread(target=read_on, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def processors(powercap: str | Path = POWERCAP) -> list[tuple[str, Reader, float]]:
    """Return the counters of whole processors that can be read."""
    found: list[tuple[str, Reader, float]] = []
    # intel-rapl:0 is a processor, intel-rapl:0:0 a part of it; AMD's are called so too
    for folder in sorted(Path(powercap).glob("intel-rapl:[0-9]*")):
        if folder.name.count(":") > 1:
            continue

        def read(path: Path = folder / "energy_uj") -> float:
            return int(path.read_text()) / 1e6

        with contextlib.suppress(OSError, ValueError):
            if not (folder / "name").read_text().startswith("package"):
                continue  # psys counts the processors again
            read()
            span_j = int((folder / "max_energy_range_uj").read_text()) / 1e6
            found.append(("processors", read, span_j))
    return found


def leased_gpus() -> list[str]:
    """Return the GPUs of this job; none where it asked for none."""
    return devices.visible_gpus() if os.environ.get(devices.VARIABLE) else []


def gpus(names: Sequence[str]) -> list[tuple[str, Reader, float]]:
    """Return the counters of some GPUs, by UUID or number, that can be read."""
    if not names:
        return []
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        if library.nvmlInit_v2():
            return []
    except (OSError, AttributeError):
        return []
    found: list[tuple[str, Reader, float]] = []
    for name in names:
        handle = ctypes.c_void_p()
        if name.isdigit():
            failed = library.nvmlDeviceGetHandleByIndex_v2(int(name), ctypes.byref(handle))
        else:
            failed = library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle))
        if failed:
            continue

        def read(handle: ctypes.c_void_p = handle) -> float:
            counted = ctypes.c_ulonglong()
            if library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(counted)):
                raise OSError("no energy is counted")
            return counted.value / 1e3  # mJ

        with contextlib.suppress(OSError):
            read()
            found.append(("gpus", read, float("inf")))
    return found
