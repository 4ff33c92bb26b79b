"""Score the photos of some months: only what this model has not scored, months published whole.

What is left to do and how rows are merged stands in ``scoring_plan.py``, what an actor does in ``photo_scorer.py``.
This module keeps actors busy: parts of all months flow through the same actors, and each month is published as
soon as its last part is there. Killed at any moment, the next run takes up the parts that are stored. Ray and torch
are imported only when there is something to score, so that a run without news costs a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import ScorePhotos
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import find_model
from ray_jobs.scoring_plan import Chunk, ModelIdentity, MonthPlan, PartLost

CODE = (
    "models.decoding",
    "models.pipeline",
    "models.preprocessing",
    "models.scorer",
    "ray_jobs.photo_scorer",
    "ray_jobs.parquet_images",
    "ray_jobs.photo_source",
    "ray_jobs.score_photos",
    "ray_jobs.scoring_plan",
)
"""Modules that decide what is written."""

_ATTEMPTS = 3
_RETRIES = 3


def run(request: ScorePhotos, report: Report = silent) -> dict[str, Any]:
    """Score what is missing and publish the months.

    Without anything to score, Ray is not started; without news, nothing is written.

    Returns:
        ``model_version``, ``scored`` and ``unscorable`` (photos looked at in this run), ``months`` (published now).

    Raises:
        LakeError: There is no such model, or its weights are gone or changed.
        ValueError: ``part_photos`` or ``batch_size`` is below 1.
    """
    if min(request.part_photos, request.batch_size) < 1:
        raise ValueError(f"part_photos is {request.part_photos}, batch_size {request.batch_size}; both must be >= 1")
    lake = Lake(request.lake_uri)
    row = find_model(lake, request.model_version)
    model = ModelIdentity(row["model_version"], row["preprocessing_hash"], row["weights_sha256"])
    code_version = code_version_of(*CODE)
    plans = [MonthPlan(lake, m, model, request.part_photos, code_version) for m in sorted(set(request.months))]
    due = [plan for plan in plans if not plan.is_current() or (request.retry_unscorable and plan.has_unscorable())]
    for plan in plans:
        if plan not in due:
            plan.forget_parts()
    done = _Done()
    for _ in range(_ATTEMPTS):
        due = _attempt(request, row, due, done, report)
        if not due:
            break
    else:
        raise PartLost(f"other jobs keep publishing {[plan.month for plan in due]}; run this one when they are done")
    report(f"{model.model_version}: {done.scored:,} photos scored, {done.unscorable:,} unscorable")
    return {
        "model_version": model.model_version,
        "scored": done.scored,
        "unscorable": done.unscorable,
        "months": sorted(done.months),
    }


@dataclass
class _Done:
    scored: int = 0
    unscorable: int = 0
    months: list[str] = field(default_factory=list)


def _attempt(
    request: ScorePhotos, row: dict[str, Any], plans: list[MonthPlan], done: _Done, report: Report
) -> list[MonthPlan]:
    """Score and publish; returns the months whose parts another job took away."""
    lacking = [plan for plan in plans if next(plan.pending_parts(), None) is not None]
    again = [plan for plan in plans if plan not in lacking and not _publish(plan, done, report)]
    if lacking:
        from ray_jobs.cluster import ray_cluster

        with ray_cluster(request.num_gpus_per_actor):
            again += [plan for plan in _score(request, row, lacking) if not _publish(plan, done, report)]
    return again


def _publish(plan: MonthPlan, done: _Done, report: Report) -> bool:
    try:
        scored, unscorable = plan.publish()
    except PartLost:
        return False
    done.scored += scored
    done.unscorable += unscorable
    done.months.append(plan.month)
    report(f"{plan.month}: {scored:,} photos scored, {unscorable:,} unscorable")
    return True


def _score(request: ScorePhotos, row: dict[str, Any], plans: list[MonthPlan]) -> Iterator[MonthPlan]:
    """Send the parts of all months through the actors; yields months as they become complete."""
    import ray

    actors = _start_actors(request, row)
    free = [actor for actor in actors for _ in range(_parts_at_once(request))]
    flying: dict[Any, tuple[Any, str]] = {}
    open_parts: dict[str, int] = {}
    by_month = {plan.month: plan for plan in plans}

    def landed() -> Iterator[MonthPlan]:
        (ready,), _ = ray.wait(list(flying), num_returns=1)
        ray.get(ready)
        actor, month = flying.pop(ready)
        free.append(actor)
        open_parts[month] -= 1
        if not open_parts[month]:
            yield by_month[month]

    for plan in plans:
        # One more than there are parts, until all are sent: a month is not complete while it is being walked.
        open_parts[plan.month] = 1
        for chunk in plan.pending_parts():
            while not free:
                yield from landed()
            open_parts[plan.month] += 1
            _send(free.pop(), chunk, plan.month, flying)
        open_parts[plan.month] -= 1
        if not open_parts[plan.month]:
            yield plan
    while flying:
        yield from landed()


def _send(actor: Any, chunk: Chunk, month: str, flying: dict[Any, tuple[Any, str]]) -> None:
    flying[actor.store_part.remote(chunk.part, chunk.pending)] = (actor, month)


def _parts_at_once(request: ScorePhotos) -> int:
    """Parts per actor: a second one fills the pause while the first ends; many cores need more scoring threads."""
    from ray_jobs.cluster import usable_cpus

    return max(2, usable_cpus() // 4)


def _start_actors(request: ScorePhotos, row: dict[str, Any]) -> list[Any]:
    import ray

    from models.scorer import ScorerConfig
    from ray_jobs.photo_scorer import PartScorer

    gpus = request.num_gpus_per_actor
    config = ScorerConfig(device="cuda" if gpus else "cpu")
    part_scorer = ray.remote(PartScorer).options(
        # One slot and spread out: an actor of a lost node finds room on any other.
        num_cpus=1,
        num_gpus=gpus,
        scheduling_strategy="SPREAD",
        max_concurrency=_parts_at_once(request),
        max_restarts=-1,
        max_task_retries=_RETRIES,
    )
    arguments = (request.lake_uri, row, request.media_root, config, request.batch_size)
    return [part_scorer.remote(*arguments) for _ in range(_number_of_actors(request))]


def _number_of_actors(request: ScorePhotos) -> int:
    import ray

    if request.actors:
        return request.actors
    if request.num_gpus_per_actor:
        return max(
            1,
            int(
                ray.cluster_resources().get("GPU", 0)  # type: ignore[no-untyped-call]
                / request.num_gpus_per_actor
            ),
        )
    return max(1, sum(bool(node["Alive"] and node["Resources"].get("CPU")) for node in ray.nodes()))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    raise SystemExit(main(run, ScorePhotos))
