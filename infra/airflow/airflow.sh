#!/usr/bin/env bash
# Airflow with Beautyflow's settings and DAGs: infra/airflow/airflow.sh standalone | dags test nightly_increment 2016-03-05 | ...
# AIRFLOW_HOME (default var/airflow) holds its SQLite file, generated secrets and logs. The connection
# to Dagster is `dagster_default`: set AIRFLOW_CONN_DAGSTER_DEFAULT or make it in the UI (infra/airflow/README.md).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

export AIRFLOW_HOME="${AIRFLOW_HOME:-$root/var/airflow}"
export AIRFLOW__CORE__DAGS_FOLDER="$root/dags"
set -a
source "$root/infra/airflow/airflow.env"
set +a

if [[ ! -x "$root/.venv-airflow/bin/airflow" ]]; then
  echo "no Airflow in $root/.venv-airflow; install it as infra/airflow/README.md says" >&2
  exit 1
fi
mkdir -p "$AIRFLOW_HOME"
PATH="$root/.venv-airflow/bin:$PATH" exec "$root/.venv-airflow/bin/airflow" "$@"
