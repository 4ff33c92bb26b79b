"""`beautyflow explain`: why photos have their scores."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.contracts.settings import PROJECT_ROOT, Settings, child_environment, gpus_per_worker

if TYPE_CHECKING:
    from assets.contracts.lake import Lake


def explain_command(
    photo_ids: Annotated[list[int], typer.Argument(metavar="PHOTO_ID...", min=0, help="Photos to explain.")],
    make: Annotated[
        bool, typer.Option("--make", help="Explain those that have no explanation yet; half a minute.")
    ] = False,
    model_version: Annotated[str, typer.Option(help="Whose scores; the newest network by default.")] = "",
) -> None:
    """Say why photos have their scores: attributes that raise and lower them, and where the overlay lies.

    `beautyflow materialize` explains a few photos from the top, the middle and the bottom of the scores; `--make`
    explains others.

    Exit code 1 if a photo has no explanation, 2 if there is no network.
    """
    from assets.beauty.explanation_choice import newest_model
    from assets.beauty.explanations import describe_photos
    from assets.contracts.lake import Lake

    settings = Settings.from_environment()
    lake = Lake(settings.lake_uri)
    try:
        if make:
            typer.echo(make_explanations(settings, lake, photo_ids, model_version), err=True)
        text, is_complete = describe_photos(lake, photo_ids, newest_model(lake, model_version)["model_version"])
    except ValueError as error:
        typer.echo(f"beautyflow: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(text)
    raise typer.Exit(0 if is_complete else 1)


def make_explanations(settings: Settings, lake: "Lake", photo_ids: list[int], model_version: str = "") -> str:
    """Explain photos in a process of its own, as the asset does, and say what came of it.

    Args:
        settings: Which community.
        lake: Its lake.
        photo_ids: Photos to explain.
        model_version: Whose scores; empty means the newest network.

    Raises:
        ValueError: There is no network, or the job failed; its own words are on stderr.
    """
    from assets.beauty.contact_sheet import store_sheet
    from assets.beauty.explanation_choice import explain_request, newest_model
    from assets.beauty.explanations import read_explanations
    from assets.contracts.requests import ExplainPhotos

    version = newest_model(lake, model_version)["model_version"]
    # One network has one method: another one would take away what is explained.
    method = next((row["method"] for row in read_explanations(lake, version)), ExplainPhotos.method)
    request = explain_request(
        lake, str(settings.landing), version, photo_ids, method=method, num_gpus=gpus_per_worker()
    )
    done = subprocess.run(
        [sys.executable, "-m", request.job, "--request", request.to_json()],
        cwd=PROJECT_ROOT,
        env=child_environment(settings),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise ValueError(f"{request.job} ended with exit code {done.returncode}; nothing was written")
    report = json.loads(done.stdout.splitlines()[-1])
    if report["explained"]:
        store_sheet(lake, version)
    return outcome_in_words(report)


def outcome_in_words(report: dict[str, Any]) -> str:
    """What a job did, and what it could not do.

    >>> outcome_in_words({"reason": "", "explained": 2, "kept": 1, "unreadable": 0, "absent": 1})
    'explained now: 2, before: 1; not published or without an image: 1'
    """
    if report["reason"]:
        return f"nothing can be explained: {report['reason']}"
    lost = {"image cannot be read": report["unreadable"], "not published or without an image": report["absent"]}
    said = [f"{what}: {number}" for what, number in lost.items() if number]
    return "; ".join([f"explained now: {report['explained']}, before: {report['kept']}", *said])
