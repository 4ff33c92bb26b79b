"""On demand: materialize a range of months again, after late data or a new version of the code.

Dagster decides how many runs that takes; tables skip what is current already. Trigger it with
``first_month`` and ``last_month``; months of that range that never landed are left out.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from dagster_operators import DagsterBackfillOperator

with DAG(
    dag_id="backfill_months",
    description="Materialize a range of months in Dagster.",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2004, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "first_month": Param(type="string", pattern=r"^\d{4}-\d{2}$", description="First month, YYYY-MM."),
        "last_month": Param(type="string", pattern=r"^\d{4}-\d{2}$", description="Last month, included."),
    },
    tags=["beautyflow"],
):
    DagsterBackfillOperator(
        task_id="backfill_nightly_increment",
        job_name="nightly_increment",
        first_month="{{ params.first_month }}",
        last_month="{{ params.last_month }}",
        retries=2,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(days=3),
    )
