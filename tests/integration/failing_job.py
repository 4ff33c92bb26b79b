"""A job that fails as it is asked to; started by `test_ray_job_failures.py` in a process of its own."""

import os
import sys
from dataclasses import dataclass
from typing import ClassVar

from ray.exceptions import RayTaskError

from assets.contracts.requests import RayRequest
from ray_jobs.entry import Report, main


@dataclass(frozen=True, kw_only=True)
class FailingRequest(RayRequest):
    """Asks for a way to fail."""

    job: ClassVar[str] = "tests.integration.failing_job"
    way: str


def run(request: FailingRequest, report: Report) -> dict[str, str]:
    report(f"about to fail by {request.way}")
    if request.way == "task":
        raise RayTaskError("score", "a long remote traceback", ValueError("photo.jpg: no such column"))
    if request.way == "disk":
        raise OSError(28, "No space left on device")
    if request.way == "silence":
        sys.stderr.write("the end\n")
        sys.stderr.flush()
        os._exit(3)
    return {"done": request.way}


if __name__ == "__main__":
    sys.exit(main(run, FailingRequest))
