"""What benchmarks must know of the machine they run on: its cores, the cores it did not get, and a process's memory."""

import os
import resource
import time
from pathlib import Path

import psutil

_STAT = Path("/proc/stat")
_STATUS = Path("/proc/self/status")


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def stolen_seconds() -> float:
    """Core-seconds since boot that a hypervisor gave to others while a program here wanted them; 0 if nobody counts."""
    if not _STAT.exists():
        return 0.0
    return steal_ticks(_STAT.read_text()) / os.sysconf("SC_CLK_TCK")


def steal_ticks(stat: str) -> int:
    """The field ``steal`` of all cores together, see proc_stat(5).

    >>> steal_ticks("cpu  177491 11540 15224 612278 2559 0 338 16954 0 0")
    16954
    """
    return int(stat.split(maxsplit=9)[8])


def core_seconds() -> float:
    """CPU time of this process and its children, those included that ended and were waited for."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def peak_memory_mib() -> float:
    """Most memory that this process held at once.

    Linux hands ``ru_maxrss`` down to a new program: it starts with the peak of the process that started it. ``VmHWM``
    starts anew.
    """
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Interval:
    """Wall time, CPU time and stolen cores since it was made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._core = core_seconds()
        self._stolen = stolen_seconds()

    def wall_seconds(self) -> float:
        """Seconds on the clock."""
        return time.perf_counter() - self._wall

    def core_seconds(self) -> float:
        """CPU time of this process and its children."""
        return core_seconds() - self._core

    def stolen_cores(self) -> float:
        """Cores, on average, that the hypervisor gave to others."""
        return (stolen_seconds() - self._stolen) / self.wall_seconds()
