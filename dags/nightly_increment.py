"""Every night: take in what has landed, make the month that the night's data belong to, then what else has changed.

The work is Dagster's jobs ``land_community`` and ``nightly_increment``; this file says when, and for which months.
Run it instead of Dagster's own nightly schedule and sensors, not beside them.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param
from dagster_operators import DagsterChangedMonthsOperator, DagsterRunOperator

with DAG(
    dag_id="nightly_increment",
    description="Take in what has landed; make the month of last night's data, and months that changed, in Dagster.",
    doc_md=__doc__,
    # Plain cron strings have no data interval since Airflow 3; the month is the month of the interval's start.
    schedule=CronDataIntervalTimetable("30 2 * * *", timezone="UTC"),
    start_date=datetime(2004, 2, 1, tzinfo=UTC),
    catchup=False,
    # Two nights of one month replace the same partitions.
    max_active_runs=1,
    params={
        "month": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d{4}-\d{2}$",
            description="Month to run, YYYY-MM, instead of the month of the data interval.",
        )
    },
    tags=["beautyflow"],
):
    # Retries wait for data that land late and for a Dagster that restarts; failed runs are Dagster's to retry.
    patience = {"retries": 6, "retry_delay": timedelta(minutes=10), "execution_timeout": timedelta(hours=12)}
    land = DagsterRunOperator(task_id="land", job_name="land_community", **patience)
    # One source that cannot be read keeps no other one out, nor anybody's consent: what follows goes on, and the last
    # task tells that something failed.
    night = DagsterRunOperator(
        task_id="run_nightly_increment",
        trigger_rule="all_done",
        job_name="nightly_increment",
        partition_key="{{ params.month or data_interval_start.strftime('%Y-%m') }}",
        **patience,
    )
    changed = DagsterChangedMonthsOperator(
        task_id="remake_changed_months",
        trigger_rule="all_done",
        job_name="nightly_increment",
        landing_task_id="land",
        **patience,
    )
    nothing_failed = EmptyOperator(task_id="nothing_failed", trigger_rule="none_failed")
    land >> night >> changed
    [land, night, changed] >> nothing_failed
