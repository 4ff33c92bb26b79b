"""Score the photos of some months: only what this model has not scored, months published whole.

What is left to do and how rows are merged stands in ``scoring_plan.py``, what an actor does in ``photo_scorer.py``.
This module keeps actors busy: parts of all months flow through the same actors, and each month is published as
soon as its last part is there. Killed at any moment, the next run takes up the parts that are stored. Ray and torch
are imported only when there is something to score, so that a run without news costs a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.contracts.beauty import SCORES
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import ScorePhotos
from ray_jobs.calibration import find_calibration
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import find_model
from ray_jobs.scoring_plan import Chunk, ModelIdentity, MonthPlan, PartLost

CODE = (
    "assets.contracts.parquet_images",
    "assets.contracts.photo_files",
    "models.decoding",
    "models.pipeline",
    "models.preprocessing",
    "models.scorer",
    "ray_jobs.actor_pool",
    "ray_jobs.calibration",
    "ray_jobs.photo_scorer",
    "ray_jobs.photo_source",
    "ray_jobs.score_photos",
    "ray_jobs.scoring_plan",
)
"""Modules that decide what is written."""

_ATTEMPTS = 3


def run(request: ScorePhotos, report: Report = silent) -> dict[str, Any]:
    """Score what is missing and publish the months.

    Without anything to score, Ray is not started; without news, nothing is written.

    A new calibration reaches all months, those not asked for too: half of the photos under it would be another scale.

    Returns:
        ``model_version``, ``scored`` and ``unscorable`` (photos looked at in this run), ``months`` (published now),
        ``recalibrated`` (months whose calibrated columns were made anew).

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
    calibration = find_calibration(lake, model.model_version)

    def plan_of(month: str) -> MonthPlan:
        return MonthPlan(lake, month, model, request.part_photos, code_version, calibration)

    # First, so that a month that lacks nothing but this is current then, and its broken photos are not tried again.
    recalibrated = [month for month in lake.partitions(SCORES.key) if plan_of(month).recalibrate()]
    plans = [plan_of(month) for month in sorted(set(request.months))]
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
        "recalibrated": recalibrated,
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


@dataclass(frozen=True, eq=False)
class _Part:
    """One part on its way through an actor."""

    month: str
    chunk: Chunk

    def __str__(self) -> str:
        return f"{self.month}, photos {self.chunk.first} to {self.chunk.last}"


def _score(request: ScorePhotos, row: dict[str, Any], plans: list[MonthPlan]) -> Iterator[MonthPlan]:
    """Send the parts of all months through the actors; yields months as they become complete."""
    from ray_jobs.actor_pool import ActorPool

    open_parts: dict[str, int] = {}
    walked: list[MonthPlan] = []

    def parts() -> Iterator[_Part]:
        for plan in plans:
            for chunk in plan.pending_parts():
                open_parts[plan.month] = open_parts.get(plan.month, 0) + 1
                yield _Part(plan.month, chunk)
            walked.append(plan)

    pool: ActorPool[_Part] = ActorPool(
        lambda: _start_actor(request, row),
        lambda actor, part: actor.store_part.remote(part.chunk.part, part.chunk.pending),
        actors=_number_of_actors(request),
        at_once=_parts_at_once(request),
    )
    for done in pool.run(parts()):
        open_parts[done.month] -= 1
        yield from _completed(walked, open_parts)
    yield from _completed(walked, open_parts)


def _completed(walked: list[MonthPlan], open_parts: dict[str, int]) -> Iterator[MonthPlan]:
    """Months all of whose parts were sent and are there, taken from ``walked``."""
    for plan in [plan for plan in walked if not open_parts.get(plan.month)]:
        walked.remove(plan)
        yield plan


def _parts_at_once(request: ScorePhotos) -> int:
    """Parts per actor: a second one fills the pause while the first ends; many cores need more scoring threads."""
    from ray_jobs.cluster import usable_cpus

    return max(2, usable_cpus() // 4)


def _start_actor(request: ScorePhotos, row: dict[str, Any]) -> Any:
    import ray

    from models.scorer import ScorerConfig
    from ray_jobs.photo_scorer import PartScorer

    gpus = request.num_gpus_per_actor
    config = ScorerConfig(device="cuda" if gpus else "cpu")
    # One slot and spread out; the pool replaces a lost actor wherever there is room.
    part_scorer = ray.remote(PartScorer).options(
        num_cpus=1, num_gpus=gpus, scheduling_strategy="SPREAD", max_concurrency=_parts_at_once(request)
    )
    return part_scorer.remote(request.lake_uri, row, request.media_root, config, request.batch_size)


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
