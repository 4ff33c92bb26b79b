"""Ending with the process that started this one: a job that nobody waits for must not go on writing.

``kill -9`` of a Dagster step reaches only the step. Its job would go on, and race with the job of the next run.
"""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
"""``prctl(2)``, from ``linux/prctl.h``."""

_LOOKS_EVERY_S = 0.5


def end_with_parent() -> None:
    """From now on, kill this process when its parent ends.

    The signal is SIGKILL, as for the parent: what a job writes survives that, and a handler would let a write end
    that began before. Linux sends it by itself; elsewhere a thread looks twice a second whether the parent is still
    the same. On Linux the parent is the *thread* that started this process: it has to wait for it, as Dagster's
    Pipes client does.

    Processes that Ray started on this machine end with the driver: Ray's own reaper sees to that. A cluster ends
    the actors of a driver that is gone.

    A parent that ended before this call goes unseen; that leaves the time in which the interpreter starts.
    """
    parent = os.getppid()
    if not _asks_the_kernel():
        threading.Thread(target=_watch, args=(parent,), name="parent-process", daemon=True).start()
    elif os.getppid() != parent:  # it ended before the kernel knew
        _end()


def _asks_the_kernel() -> bool:
    """Whether the kernel will send the signal."""
    if sys.platform != "linux":
        return False
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    return prctl is not None and prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_EVERY_S)
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
