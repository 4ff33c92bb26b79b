"""What changed since the last successful build, so that only that is replayed, or nothing at all.

The state of the last build lies beside the warehouse (``built.json``): the hash of every partition that
it read, and of the project. It is written after dbt and the publication succeeded, so whatever a killed
or failed run did counts as not done, and is done again.

Tables that are computed from marts come after them, and so does what dbt makes of these tables. Both parts have a
state of their own (``built_results.json``), or each build of the marts would make the next one necessary.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.contracts.registry import result_tables
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.dbt.arguments import build_invocations, is_month, results_invocations, results_selectors
from assets.dbt.catalog import write_json

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

_SOURCES = {".sql", ".yml"}
_MADE_BY_DBT = {"target", "logs", "dbt_packages"}


@dataclass(frozen=True)
class BuildPlan:
    """What the next build has to do.

    Attributes:
        reason: Why, for a person.
        up_to_date: Nothing is to be done.
        full_refresh: Incremental models are made from nothing.
        months: Months to replay, sorted.
        of_results: It is a plan for models that read results, not for marts.
    """

    reason: str
    up_to_date: bool = False
    full_refresh: bool = False
    months: tuple[str, ...] = ()
    of_results: bool = False

    @property
    def invocations(self) -> list[list[str]]:
        """Arguments of the dbt invocations, in order; none if the warehouse is up to date."""
        if self.up_to_date:
            return []
        if self.of_results:
            return results_invocations()
        return build_invocations(self.months, full_refresh=self.full_refresh)

    @property
    def selection(self) -> list[str]:
        """Which models the last invocation makes: those that read results, or all others."""
        return ["--select" if self.of_results else "--exclude", *results_selectors(result_tables())]


def plan_build(settings: Settings, catalog: Mapping[str, Any]) -> BuildPlan:
    """Compare the lake and the project with what the warehouse was last built from."""
    built = _remembered(_memory(settings))
    state = _state(catalog)
    everything = dated_months(catalog)
    if not settings.warehouse.exists() or built is None:
        return BuildPlan("nothing was completely built yet", full_refresh=True, months=everything)
    if built["project"] != state["project"]:
        return BuildPlan("models or contracts changed", full_refresh=True, months=everything)
    changed = changed_partitions(built["partitions"], state["partitions"])
    if changed or built["files"] != state["files"]:
        months = tuple(sorted({m for name in changed if is_month(m := _partition(name))}))
        return BuildPlan(f"{len(changed)} lake partitions changed", months=months or everything[-1:])
    if not settings.published_warehouse.exists():
        return BuildPlan("there is no published copy", months=everything[-1:])
    return BuildPlan("lake and models are those of the last build", up_to_date=True)


def plan_results(settings: Settings, catalog: Mapping[str, Any]) -> BuildPlan:
    """Compare results, and the marts beside them, with what models of results were last built from."""
    if _remembered(_results_memory(settings)) == _results_state(catalog) and settings.published_warehouse.exists():
        return BuildPlan("results and marts are those of the last build", up_to_date=True, of_results=True)
    return BuildPlan("results or marts changed", of_results=True)


def dated_months(catalog: Mapping[str, Any]) -> tuple[str, ...]:
    """All months of which the lake holds a partition, sorted: what a full refresh replays.

    >>> dated_months({"partitions": {"photos/2016-02": "a", "users/2016-01": "b", "photos/undated": "c"}})
    ('2016-01', '2016-02')
    """
    dated = (_partition(name) for name in catalog["partitions"] if not _is_result(name))
    return tuple(sorted({month for month in dated if is_month(month)}))


def changed_partitions(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Names ``table/partition`` that are new, gone or different.

    >>> changed_partitions({"photos/2016-01": "a", "photos/2016-02": "b"}, {"photos/2016-01": "c"})
    ['photos/2016-01', 'photos/2016-02']
    """
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def remember_build(settings: Settings, catalog: Mapping[str, Any]) -> None:
    """Note that marts were built and published from this catalog; models of results come after them in any case.

    The warehouse may be a new file, which holds none, whatever is remembered of the old one.
    """
    write_json(_state(catalog), _memory(settings))
    _results_memory(settings).unlink(missing_ok=True)


def remember_results(settings: Settings, catalog: Mapping[str, Any]) -> None:
    """Note that models of results were built and published from this catalog."""
    write_json(_results_state(catalog), _results_memory(settings))


def forget_build(settings: Settings) -> None:
    """Make the next build a full one, of models of results, too."""
    _memory(settings).unlink(missing_ok=True)
    _results_memory(settings).unlink(missing_ok=True)


def project_fingerprint(project: Path = DBT_PROJECT) -> str:
    """Sixteen hexadecimal digits over all that dbt parses."""
    digest = hashlib.sha256()
    for path in sorted(project.rglob("*")):
        relative = path.relative_to(project)
        if path.suffix in _SOURCES and relative.parts[0] not in _MADE_BY_DBT:
            digest.update(f"{relative.as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _state(catalog: Mapping[str, Any]) -> dict[str, Any]:
    tables = {name: table for name, table in catalog["tables"].items() if name not in result_tables()}
    columns = {name: table["columns"] for name, table in catalog["tables"].items()}
    return {
        "partitions": {name: sha for name, sha in catalog["partitions"].items() if not _is_result(name)},
        "files": _digest({name: table["files"] for name, table in tables.items()}),
        "project": f"{project_fingerprint()}-{_digest(columns)}",
    }


def _results_state(catalog: Mapping[str, Any]) -> dict[str, Any]:
    results = {name: sha for name, sha in catalog["partitions"].items() if _is_result(name)}
    return {"partitions": results, "marts": _digest(_state(catalog))}


def _is_result(partition: str) -> bool:
    return partition.rpartition("/")[0] in result_tables()


def _remembered(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.exists() else None


def _memory(settings: Settings) -> Path:
    return settings.warehouse.with_name("built.json")


def _results_memory(settings: Settings) -> Path:
    return settings.warehouse.with_name("built_results.json")


def _partition(name: str) -> str:
    return name.rpartition("/")[2]


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
