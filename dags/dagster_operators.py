"""Operators that hand work to Dagster and wait for it.

Who retries what: Dagster retries its own runs (``run_retries`` of the instance), so a run that failed
for good fails the task at once. Airflow retries what Dagster cannot see: a webserver that does not
answer, a month that has not landed yet, a worker that died. Each launch carries a tag with the Airflow
task's identity, so a retry takes up the run that is under way instead of launching a second one.
"""

import base64
import re
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from dagster_client import PARTITION_TAG, Backfill, DagsterClient, DagsterRefused, DagsterUnreachable, Job, Run
from dagster_waiting import (
    Patience,
    describe_backfill_failure,
    describe_run_failure,
    is_under_way,
    wait_for_backfill,
    wait_for_run,
)

IDENTITY_TAG = "airflow/task"
RUN_KEY = "dagster_run"


class _DagsterOperator(BaseOperator):
    """What both operators share: the connection, the tags, stopping."""

    def __init__(
        self, *, job_name: str, conn_id: str = "dagster_default", poll_interval_s: float = 10.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.job_name = job_name
        self.conn_id = conn_id
        self.poll_interval_s = poll_interval_s
        self._client: DagsterClient | None = None
        self._under_way: str | None = None

    def _connect(self) -> tuple[DagsterClient, Job]:
        connection = BaseHook.get_connection(self.conn_id)
        extra = connection.extra_dejson
        headers = dict(extra.get("headers", {}))
        if connection.login:
            pair = f"{connection.login}:{connection.password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        address = f"{connection.schema or 'http'}://{connection.host}:{connection.port or 3000}"
        self._client = DagsterClient(f"{address}{extra.get('path_prefix', '')}", headers)
        names = {key: extra[key] for key in ("location", "repository") if key in extra}
        return self._client, Job(self.job_name, **names)

    def _identity(self, context: Context) -> dict[str, str]:
        instance = context["ti"]
        parts = [instance.dag_id, instance.run_id, instance.task_id, str(instance.map_index)]
        return {IDENTITY_TAG: "/".join(parts)}

    def _stop(self, client: DagsterClient, under_way: str) -> None:
        raise NotImplementedError

    def on_kill(self) -> None:
        """Stop in Dagster what this task has started: nobody would be waiting for it."""
        if self._client is None or self._under_way is None:
            return
        self.log.info("Stopping %s in Dagster", self._under_way)
        try:
            self._stop(self._client, self._under_way)
        except (DagsterRefused, DagsterUnreachable) as error:
            self.log.warning("Could not stop %s in Dagster: %s", self._under_way, error)


class DagsterRunOperator(_DagsterOperator):
    """Run a Dagster job, for one partition if it is partitioned, and wait until it has ended.

    The task returns the id of the run that succeeded; the id of one that failed is in its XCom ``dagster_run``.
    ``execution_timeout`` and a kill stop the run.

    Args:
        job_name: Job in Dagster.
        partition_key: Partition to run; a template. Empty for a job without partitions.
        conn_id: Airflow connection of type ``http``. Its extra may hold ``location``, ``repository``,
            ``path_prefix`` and ``headers``.
        poll_interval_s: Seconds between two looks.
        **kwargs: As for every operator.
    """

    template_fields: Sequence[str] = ("partition_key",)

    def __init__(self, *, partition_key: str = "", **kwargs: Any):
        super().__init__(**kwargs)
        self.partition_key = partition_key

    def execute(self, context: Context) -> str:
        """Launch or take up the run, and wait.

        Raises:
            AirflowFailException: Dagster refused, or the run failed; the message is Dagster's.
            AirflowException: Dagster cannot be reached or the partition is not there yet; worth a retry.
        """
        client, job = self._connect()
        identity = self._identity(context)
        try:
            self._under_way = self._take_up(client, job, identity) or self._launch(client, job, identity)
            run = wait_for_run(client, self._under_way, Patience(poll_s=self.poll_interval_s), self._changed)
            # Returned only by a task that succeeds, and a landing that failed may have changed months all the same.
            context["ti"].xcom_push(key=RUN_KEY, value=run.run_id)
            if run.status != "SUCCESS":
                raise AirflowFailException(describe_run_failure(client, run, self._what()))
        except DagsterRefused as error:
            raise AirflowFailException(str(error)) from error
        except DagsterUnreachable as error:
            raise AirflowException(str(error)) from error
        return run.run_id

    def _take_up(self, client: DagsterClient, job: Job, identity: dict[str, str]) -> str | None:
        run = client.latest_run(job, identity)
        if run is None or not is_under_way(run):
            return None
        self.log.info("Taking up Dagster run %s, launched by an earlier try", run.run_id)
        return run.run_id

    def _launch(self, client: DagsterClient, job: Job, identity: dict[str, str]) -> str:
        tags = identity
        if self.partition_key:
            known = client.partition_keys(job)
            if self.partition_key not in known:
                raise AirflowException(_not_there(job, self.partition_key, known))
            tags = {**identity, PARTITION_TAG: self.partition_key}
        run_id = client.launch_run(job, tags)
        self.log.info("Launched Dagster run %s of %s: %s/runs/%s", run_id, self._what(), client.url, run_id)
        return run_id

    def _changed(self, run: Run) -> None:
        self._under_way = run.run_id
        self.log.info("Dagster run %s is %s", run.run_id, run.status)

    def _what(self) -> str:
        return f"{self.job_name} for {self.partition_key}" if self.partition_key else self.job_name

    def _stop(self, client: DagsterClient, under_way: str) -> None:
        client.terminate_run(under_way)


class DagsterBackfillOperator(_DagsterOperator):
    """Backfill all assets of a Dagster job over a range of months, and wait until it has ended.

    The task returns the id of the backfill. Months of the range that never landed are left out.
    Needs a running ``dagster-daemon``. ``execution_timeout`` and a kill cancel the backfill.

    Args:
        job_name: Job in Dagster whose assets are materialized.
        first_month: First month, ``YYYY-MM``; a template.
        last_month: Last month, included; a template.
        conn_id: As for ``DagsterRunOperator``.
        poll_interval_s: Seconds between two looks.
        **kwargs: As for every operator.
    """

    template_fields: Sequence[str] = ("first_month", "last_month")

    def __init__(self, *, first_month: str, last_month: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.first_month = first_month
        self.last_month = last_month

    def execute(self, context: Context) -> str:
        """Launch or take up the backfill, and wait.

        Raises:
            AirflowFailException: Dagster refused, or the backfill failed; the message is Dagster's.
            AirflowException: Dagster cannot be reached or no month of the range is there; worth a retry.
        """
        client, job = self._connect()
        identity = self._identity(context)
        try:
            self._under_way = self._take_up(client, identity) or self._launch(client, job, identity)
            patience = Patience(poll_s=self.poll_interval_s)
            backfill = wait_for_backfill(client, self._under_way, patience, self._changed)
            if backfill.status != "COMPLETED_SUCCESS":
                raise AirflowFailException(describe_backfill_failure(client, backfill, self._what()))
        except DagsterRefused as error:
            raise AirflowFailException(str(error)) from error
        except DagsterUnreachable as error:
            raise AirflowException(str(error)) from error
        return backfill.backfill_id

    def _take_up(self, client: DagsterClient, identity: dict[str, str]) -> str | None:
        backfill = client.unfinished_backfill(identity)
        if backfill is None:
            return None
        self.log.info("Taking up Dagster backfill %s, launched by an earlier try", backfill.backfill_id)
        return backfill.backfill_id

    def _launch(self, client: DagsterClient, job: Job, identity: dict[str, str]) -> str:
        chosen = self._chosen(job, client.partition_keys(job))
        backfill_id = client.launch_backfill(job, chosen, identity, f"{self.dag_id}: {self._what()}")
        self.log.info("Launched Dagster backfill %s of %d months: %s", backfill_id, len(chosen), self._what())
        return backfill_id

    def _chosen(self, job: Job, known: list[str]) -> list[str]:
        chosen = [key for key in known if _is_month(key) and self.first_month <= key <= self.last_month]
        if not chosen:
            raise AirflowException(_not_there(job, f"{self.first_month} to {self.last_month}", known))
        return chosen

    def _changed(self, backfill: Backfill) -> None:
        self.log.info("Dagster backfill %s is %s", backfill.backfill_id, backfill.status)

    def _what(self) -> str:
        return f"{self.job_name} for {self.first_month} to {self.last_month}"

    def _stop(self, client: DagsterClient, under_way: str) -> None:
        client.cancel_backfill(under_way)


class DagsterChangedMonthsOperator(DagsterBackfillOperator):
    """Backfill the months that a landing run reported as changed, and wait until it has ended.

    Late rows, deletions and withdrawn consent reach older months this way. Skipped where nothing changed.

    Args:
        job_name: Job in Dagster whose assets are materialized.
        landing_task_id: Task of the same DAG that ran the landing, whether it failed or not.
        **kwargs: As for ``DagsterBackfillOperator``, without its months.
    """

    def __init__(self, *, landing_task_id: str, **kwargs: Any):
        super().__init__(first_month="", last_month="", **kwargs)
        self.landing_task_id = landing_task_id
        self._months: list[str] = []

    def execute(self, context: Context) -> str:
        """Ask what changed, then launch or take up the backfill, and wait.

        Raises:
            AirflowSkipException: The landing run changed nothing.
            AirflowFailException: As for ``DagsterBackfillOperator``.
            AirflowException: As for ``DagsterBackfillOperator``.
        """
        client, _ = self._connect()
        landing_run = context["ti"].xcom_pull(task_ids=self.landing_task_id, key=RUN_KEY)
        if not landing_run:
            raise AirflowFailException(f"{self.landing_task_id} did not run in Dagster, so nobody knows what changed")
        try:
            self._months = client.changed_months(landing_run)
        except DagsterRefused as error:
            raise AirflowFailException(str(error)) from error
        except DagsterUnreachable as error:
            raise AirflowException(str(error)) from error
        if not self._months:
            raise AirflowSkipException(f"Dagster run {landing_run} changed no month")
        return super().execute(context)

    def _chosen(self, job: Job, known: list[str]) -> list[str]:
        return [key for key in known if key in self._months]

    def _what(self) -> str:
        return f"{self.job_name} for {', '.join(self._months)}"


def _is_month(key: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}", key) is not None


def _not_there(job: Job, wanted: str, known: Sequence[str]) -> str:
    span = f"it has {len(known)}, from {min(known)} to {max(known)}" if known else "it has none"
    return f"no partition of job {job.name!r} in Dagster for {wanted}; {span}. Has the data landed?"
