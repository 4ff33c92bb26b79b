"""How every job is started: by Dagster through Pipes, or by a person with a request in JSON."""

import argparse
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from assets.contracts.photo_files import MediaRootMissing
from assets.contracts.requests import RayRequest
from ray_jobs.parent_process import end_with_parent

Report = Callable[[str], None]
"""Takes one line of progress."""

_LASTING = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MediaRootMissing,
    NameError,
    TypeError,
    ValueError,
)
"""Errors that the same request on the same machine meets again."""

Request = TypeVar("Request", bound=RayRequest)
Run = Callable[[Request, Report], dict[str, Any]]


def silent(line: str) -> None:
    """Report nothing."""


def is_lasting(error: Exception) -> bool:
    """Whether the same request on the same machine meets an error again: so it is for input or code that is wrong."""
    return isinstance(error, _LASTING)


def failure_message(error: Exception) -> dict[str, Any]:
    """What a job that failed tells, in the words of the innermost error of its own.

    Returns:
        ``failure``: the error in a line or more; ``again``: whether the same request may succeed another time,
        which is so for what the machine, the network or Ray did, and not for input or code that is wrong.
    """
    from ray.exceptions import RayTaskError

    while isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause
    told = str(error).strip()
    named = told if isinstance(error, ValueError | MediaRootMissing) and told else f"{type(error).__name__}: {told}"
    return {"failure": named, "again": not is_lasting(error)}


def main(run: Run[Request], request_type: type[Request], arguments: list[str] | None = None) -> int:
    """Run a job and say what came of it.

    Under Dagster Pipes the request comes as ``extras["request"]``, progress goes to Dagster's log, and the result
    is the last custom message, or what went wrong (`failure_message`); the job ends with the process that started
    it. By hand the request is the argument ``--request``, progress goes to stderr, and the result is printed as one
    line of JSON.

    Returns:
        Exit code: 0, or 2 for a request that cannot be read. Under Pipes it is 0 as well for a job that failed and
        said why: Dagster forgets what was said if it is another one.
    """
    from dagster_pipes import PipesContext, PipesEnvVarParamsLoader, open_dagster_pipes

    if PipesEnvVarParamsLoader().is_dagster_pipes_process():  # type: ignore[no-untyped-call]
        end_with_parent()
        with open_dagster_pipes():
            context = PipesContext.get()
            try:
                request = request_type.from_dict(context.get_extra("request"))
                result = run(request, context.log.info)
            except Exception as error:  # told to whoever started the job, with its traceback on stderr
                traceback.print_exc()
                result = failure_message(error)
            context.report_custom_message(result)
        return 0
    parser = argparse.ArgumentParser(prog=f"python -m {request_type.job}", description=request_type.__doc__)
    parser.add_argument("--request", required=True, metavar="JSON", help=f"fields of {request_type.__name__} as JSON")
    text = parser.parse_args(arguments).request
    try:
        request = request_type.from_dict(json.loads(text))
    except ValueError as error:
        sys.stderr.write(f"cannot read the request: {error}\n")
        return 2
    result = run(request, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(result, sort_keys=True))
    return 0
