"""Dagster over HTTP: the few GraphQL questions that a scheduler outside Dagster asks.

Standard library only, so that it can be tested and used without Airflow. Waiting and the wording of
failures live in ``dagster_waiting.py``, Airflow's side in ``dagster_operators.py``.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PARTITION_TAG = "dagster/partition"
_CHANGED_LABEL = "changed_months"

_ERRORS = """
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidStepError { invalidStepKey }
    ... on InvalidOutputError { stepKey invalidOutputName }
"""
_PARTITION_KEYS = """
query PartitionKeys($job: PipelineSelector!) {
  pipelineOrError(params: $job) {
    __typename
    ... on Pipeline { isAssetJob partitionKeysOrError { partitionKeys } }
    ... on Error { message }
  }
}"""
_ASSET_KEYS = """
query AssetKeys($job: PipelineSelector!) {
  assetNodes(pipeline: $job) { assetKey { path } isMaterializable }
}"""
_LAUNCH_RUN = f"""
mutation LaunchRun($params: ExecutionParams!) {{
  launchRun(executionParams: $params) {{
    __typename
    ... on LaunchRunSuccess {{ run {{ runId }} }}
    {_ERRORS}
  }}
}}"""
_LATEST_RUN = """
query LatestRun($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 1) {
    __typename
    ... on Runs { results { runId status tags { key value } } }
    ... on Error { message }
  }
}"""
_RUN = """
query Run($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { runId status tags { key value } }
    ... on Error { message }
  }
}"""
_CHANGED_MONTHS = """
query ChangedMonths($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run {
      assetMaterializations { metadataEntries { __typename label ... on JsonMetadataEntry { jsonString } } }
    }
    ... on Error { message }
  }
}"""
_FAILURES = """
query Failures($runId: ID!, $cursor: String) {
  logsForRun(runId: $runId, afterCursor: $cursor, limit: 1000) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on ExecutionStepFailureEvent { stepKey error { className message causes { className message } } }
        ... on RunFailureEvent { message error { className message causes { className message } } }
      }
    }
    ... on Error { message }
  }
}"""
_TERMINATE_RUN = """
mutation TerminateRun($runId: String!) {
  terminateRun(runId: $runId, terminatePolicy: SAFE_TERMINATE) {
    __typename
    ... on TerminateRunFailure { message }
    ... on Error { message }
  }
}"""
_LAUNCH_BACKFILL = f"""
mutation LaunchBackfill($params: LaunchBackfillParams!) {{
  launchPartitionBackfill(backfillParams: $params) {{
    __typename
    ... on LaunchBackfillSuccess {{ backfillId }}
    {_ERRORS}
  }}
}}"""
_BACKFILL_FIELDS = """
    id
    status
    tags { key value }
    error { className message causes { className message } }
    runs { runId status }
"""
_BACKFILL = f"""
query Backfill($backfillId: String!) {{
  partitionBackfillOrError(backfillId: $backfillId) {{
    __typename
    ... on PartitionBackfill {{ {_BACKFILL_FIELDS} }}
    ... on Error {{ message }}
  }}
}}"""
_UNFINISHED_BACKFILLS = f"""
query UnfinishedBackfills {{
  partitionBackfillsOrError(filters: {{statuses: [REQUESTED]}}, limit: 500) {{
    __typename
    ... on PartitionBackfills {{ results {{ {_BACKFILL_FIELDS} }} }}
    ... on Error {{ message }}
  }}
}}"""
_CANCEL_BACKFILL = """
mutation CancelBackfill($backfillId: String!) {
  cancelPartitionBackfill(backfillId: $backfillId) {
    __typename
    ... on Error { message }
  }
}"""


class DagsterRefused(Exception):
    """Dagster answered, and said no; asking again gives the same answer."""


class DagsterUnreachable(Exception):
    """No usable answer came; the same question may succeed later."""


@dataclass(frozen=True)
class Job:
    """A job, with the exact names by which Dagster's GraphQL finds it."""

    name: str
    location: str = "beautyflow"
    repository: str = "__repository__"

    def selector(self) -> dict[str, str]:
        """The job as a GraphQL ``PipelineSelector``."""
        return {
            "pipelineName": self.name,
            "repositoryName": self.repository,
            "repositoryLocationName": self.location,
        }


@dataclass(frozen=True)
class Run:
    """State of a run when asked."""

    run_id: str
    status: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Backfill:
    """State of a backfill when asked; ``runs`` maps the ids of its runs to their status."""

    backfill_id: str
    status: str
    tags: Mapping[str, str]
    runs: Mapping[str, str]
    error: str


@dataclass(frozen=True)
class DagsterClient:
    """Questions to one Dagster webserver.

    Every method raises ``DagsterUnreachable`` when no usable answer comes and ``DagsterRefused`` with
    Dagster's own message when Dagster says no.

    Attributes:
        url: Address of the webserver without ``/graphql``, for example ``http://dagster:3000``.
        headers: Added to every request, for example for a proxy that asks for a token.
        timeout_s: Limit for one question.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"the address of Dagster must start with http:// or https://, got {self.url!r}")

    def partition_keys(self, job: Job) -> list[str]:
        """Partitions that the job can be run for now, in Dagster's order; empty without partitions."""
        answer = self._ask(_PARTITION_KEYS, "pipelineOrError", "Pipeline", job=job.selector())
        return list(answer["partitionKeysOrError"]["partitionKeys"])

    def launch_run(self, job: Job, tags: Mapping[str, str]) -> str:
        """Start the job with an empty run config.

        Returns:
            Id of the new run.
        """
        params = {
            "selector": {
                "jobName": job.name,
                "repositoryName": job.repository,
                "repositoryLocationName": job.location,
            },
            "runConfigData": {},
            "executionMetadata": {"tags": _as_list(tags)},
        }
        answer = self._ask(_LAUNCH_RUN, "launchRun", "LaunchRunSuccess", params=params)
        return str(answer["run"]["runId"])

    def latest_run(self, job: Job, tags: Mapping[str, str]) -> Run | None:
        """The newest run of the job that carries all these tags."""
        wanted = {"pipelineName": job.name, "tags": _as_list(tags)}
        runs = self._ask(_LATEST_RUN, "runsOrError", "Runs", filter=wanted)["results"]
        return _as_run(runs[0]) if runs else None

    def run(self, run_id: str) -> Run:
        """State of a run."""
        return _as_run(self._ask(_RUN, "runOrError", "Run", runId=run_id))

    def changed_months(self, run_id: str) -> list[str]:
        """Months that a landing run reported as changed, sorted; Dagster makes them again when it is asked to."""
        run = self._ask(_CHANGED_MONTHS, "runOrError", "Run", runId=run_id)
        entries = [entry for event in run["assetMaterializations"] for entry in event["metadataEntries"]]
        reported = [json.loads(entry["jsonString"]) for entry in entries if entry["label"] == _CHANGED_LABEL]
        return sorted({month for months in reported for month in months})

    def failures(self, run_id: str) -> list[str]:
        """What went wrong in a run: one line per failed step, else the run's own failure message."""
        steps: list[str] = []
        run: list[str] = []
        cursor, more = None, True
        while more:
            page = self._ask(_FAILURES, "logsForRun", "EventConnection", runId=run_id, cursor=cursor)
            for event in page["events"]:
                if event["__typename"] == "ExecutionStepFailureEvent":
                    steps.append(f"step {event['stepKey']}: {innermost(event['error'])}")
                elif event["__typename"] == "RunFailureEvent":
                    run.append(innermost(event["error"]) or event["message"])
            cursor, more = page["cursor"], page["hasMore"]
        return steps or run

    def terminate_run(self, run_id: str) -> None:
        """Ask a run to stop; its processes get the chance to clean up."""
        self._ask(_TERMINATE_RUN, "terminateRun", "TerminateRunSuccess", runId=run_id)

    def launch_backfill(self, job: Job, partitions: Sequence[str], tags: Mapping[str, str], title: str) -> str:
        """Start an asset backfill of all assets of the job; each asset's own policy decides how many runs it takes.

        Returns:
            Id of the new backfill.
        """
        nodes = self._query(_ASSET_KEYS, job=job.selector())["assetNodes"]
        assets = [{"path": node["assetKey"]["path"]} for node in nodes if node["isMaterializable"]]
        if not assets:
            raise DagsterRefused(f"job {job.name!r} of code location {job.location!r} has no assets, or is not there")
        params = {
            "assetSelection": assets,
            "partitionNames": list(partitions),
            "tags": _as_list(tags),
            "title": title,
        }
        answer = self._ask(_LAUNCH_BACKFILL, "launchPartitionBackfill", "LaunchBackfillSuccess", params=params)
        return str(answer["backfillId"])

    def unfinished_backfill(self, tags: Mapping[str, str]) -> Backfill | None:
        """A backfill under way that carries all these tags."""
        answer = self._ask(_UNFINISHED_BACKFILLS, "partitionBackfillsOrError", "PartitionBackfills")
        under_way = (_as_backfill(result) for result in answer["results"])
        return next((backfill for backfill in under_way if tags.items() <= backfill.tags.items()), None)

    def backfill(self, backfill_id: str) -> Backfill:
        """State of a backfill."""
        return _as_backfill(
            self._ask(_BACKFILL, "partitionBackfillOrError", "PartitionBackfill", backfillId=backfill_id)
        )

    def cancel_backfill(self, backfill_id: str) -> None:
        """Ask a backfill and its runs to stop."""
        self._ask(_CANCEL_BACKFILL, "cancelPartitionBackfill", "CancelBackfillSuccess", backfillId=backfill_id)

    def _ask(self, query: str, question: str, success: str, **variables: Any) -> dict[str, Any]:
        """Ask a question whose answer is a union, and refuse every member but the one that means success."""
        answer: dict[str, Any] = self._query(query, **variables)[question]
        if answer["__typename"] != success:
            raise DagsterRefused(_refusal(answer))
        return answer

    def _query(self, query: str, **variables: Any) -> dict[str, Any]:
        body = self._post({"query": query, "variables": variables})
        try:
            reply = json.loads(body)
            errors, data = reply.get("errors"), reply.get("data")
        except (ValueError, AttributeError):
            raise DagsterUnreachable(
                f"{self.url}/graphql does not answer as Dagster does: {_shortened(body)}"
            ) from None
        if errors:
            raise DagsterRefused("; ".join(str(error.get("message", error)) for error in errors))
        return dict(data)

    def _post(self, payload: Mapping[str, Any]) -> bytes:
        request = urllib.request.Request(  # noqa: S310 -- __post_init__ allows http and https only
            f"{self.url.rstrip('/')}/graphql",
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", **self.headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as reply:  # noqa: S310 -- as above
                return bytes(reply.read())
        except urllib.error.HTTPError as error:
            return _body_of(error, self.url)
        except OSError as error:
            raise DagsterUnreachable(f"no answer from {self.url}: {error}") from error


def innermost(error: Mapping[str, Any] | None) -> str:
    """The cause at the bottom of a GraphQL ``PythonError``; Dagster's wrappers around it only say "step failed".

    >>> innermost({"className": "Outer", "message": "step failed", "causes": [{"className": "E", "message": "E: bad"}]})
    'E: bad'
    >>> innermost({"className": "ValueError", "message": "no photos", "causes": []})
    'ValueError: no photos'
    """
    if error is None:
        return ""
    cause = [error, *(error.get("causes") or [])][-1]
    name, message = cause.get("className") or "error", str(cause["message"]).strip()
    return message if name in message.partition(":")[0] else f"{name}: {message}"


def _body_of(error: urllib.error.HTTPError, url: str) -> bytes:
    """GraphQL errors come as 400 with a JSON body; a gateway's troubles pass, a closed door does not."""
    with error:
        body = bytes(error.read())
    if body.lstrip().startswith(b"{"):
        return body
    text = f"{url}/graphql answered {error.code} {error.reason}: {_shortened(body)}"
    if error.code == 429 or error.code >= 500:
        raise DagsterUnreachable(text) from error
    raise DagsterRefused(text) from error


def _refusal(answer: Mapping[str, Any]) -> str:
    said = [answer.get("message"), answer.get("invalidStepKey"), answer.get("invalidOutputName")]
    said += [error["message"] for error in answer.get("errors", [])]
    return f"{answer['__typename']}: " + "; ".join(str(part) for part in said if part)


def _shortened(body: bytes) -> str:
    return repr(body[:200].decode(errors="replace"))


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _as_dict(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in tags}


def _as_run(answer: Mapping[str, Any]) -> Run:
    return Run(run_id=answer["runId"], status=answer["status"], tags=_as_dict(answer["tags"]))


def _as_backfill(answer: Mapping[str, Any]) -> Backfill:
    return Backfill(
        backfill_id=answer["id"],
        status=answer["status"],
        tags=_as_dict(answer["tags"]),
        runs={run["runId"]: run["status"] for run in answer["runs"]},
        error=innermost(answer["error"]),
    )
