"""What Ray Train makes of errors: a worker that dies is started again, an error that would come again ends the run.

This runs in Ray Train's controller.
"""

from collections.abc import Mapping
from typing import Any

from ray.train.v2.api.callback import UserCallback

from ray_jobs.entry import is_lasting


class EndAtLastingErrors(UserCallback):
    """Raises what a worker would meet again: Ray Train counts it as its own error and does not restart the workers."""

    def after_exception(self, run_context: Any, worker_exceptions: Mapping[int, Exception]) -> None:
        """Called with the errors of all workers that failed.

        Raises:
            Exception: One of them will not go away.
        """
        error = cause_of(worker_exceptions)
        if is_lasting(error):
            raise error


def cause_of(failures: Mapping[int, Exception]) -> Exception:
    """The error that brought the others down: one that lasts, before what a worker says whose peer is gone.

    Args:
        failures: Error by rank.
    """
    errors = [getattr(failures[rank], "_base_exc", failures[rank]) for rank in sorted(failures)]
    return min(errors, key=lambda error: not is_lasting(error))
