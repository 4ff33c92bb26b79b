"""Stops at the first Ctrl-C, whatever is under way.

Dagster hears an interrupt only where it expects one, and takes one in a step with a retry policy for a failure to
be repeated. Everything that the steps write is staged and committed whole, so a run may be left at any point.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_POLL_SECONDS = 0.2


def run_until_stopped(work: Callable[[], bool]) -> bool:
    """Run in a thread of its own, so that the main thread is free to hear Ctrl-C and SIGTERM.

    Args:
        work: What to do; it goes on in its thread when this is stopped, so the caller must `leave`.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came.
        BaseException: What ``work`` raised.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    returned: list[bool] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(work())
        except BaseException as error:  # raised again below, in the thread of the caller
            raised.append(error)

    thread = threading.Thread(target=run, name="run", daemon=True)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
    finally:
        signal.signal(signal.SIGTERM, before)
    if raised:
        raise raised[0]
    return returned[0]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def leave(exit_code: int) -> NoReturn:
    """End the processes that this one started, and theirs, and this one at once.

    Not through Python's own end, and without waiting for anybody: the thread that was stopped would take the end of
    its child for news and go on meanwhile.
    """
    import psutil

    sys.stdout.flush()
    sys.stderr.flush()
    for pid in [child.pid for child in psutil.Process().children(recursive=True)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    os._exit(exit_code)
