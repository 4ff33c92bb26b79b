"""What can be known about infrastructure files without the infrastructure."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

INFRA = Path(__file__).resolve().parents[3] / "infra"


def _load(name: str) -> Any:
    return yaml.safe_load((INFRA / name).read_text())


@pytest.mark.parametrize("name", ["ray/cluster.yaml", "ray/cluster-on-premises.yaml"])
def test_cluster_file_passes_the_validation_of_ray_up(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = prepare_config(_load(name))
    validate_config(cluster)
    commands = cluster["head_start_ray_commands"] + cluster["worker_start_ray_commands"]
    starts = [command for command in commands if " start " in command]
    assert len(starts) == 2
    assert all("--disable-usage-stats" in start for start in starts)


def test_dagster_yaml_gives_the_instance_that_its_readme_describes(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes((INFRA / "dagster" / "dagster.yaml").read_bytes())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert not instance.telemetry_enabled
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "op")
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 2
        assert instance.run_monitoring_enabled


def test_dagster_yaml_variants_differ_only_in_storage_and_number_of_runs() -> None:
    one_machine, server = _load("dagster/dagster.yaml"), _load("dagster/dagster-postgres.yaml")
    assert set(server.pop("storage")) == {"postgres"}
    assert one_machine["concurrency"].pop("runs") != server["concurrency"].pop("runs")
    assert one_machine == server


def test_dagster_postgres_yaml_is_a_valid_instance_configuration(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes((INFRA / "dagster" / "dagster-postgres.yaml").read_bytes())
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["storage"]["postgres"]["postgres_db"]["hostname"] == {"env": "DAGSTER_POSTGRES_HOST"}


@pytest.mark.parametrize("name", ["dagster/workspace.yaml", "compose/workspace.yaml"])
def test_workspace_names_the_location_that_airflow_asks_for(name: str) -> None:
    from dagster_client import Job

    (entry,) = _load(name)["load_from"]
    (location,) = entry.values()
    assert location["location_name"] == Job("any").location


def test_compose_starts_every_part_of_dagster_from_one_image() -> None:
    services = _load("compose/compose.yaml")["services"]
    assert {name for name, service in services.items() if service["image"].startswith("beautyflow:")} == {
        "code",
        "webserver",
        "daemon",
    }
    for name in ("webserver", "daemon"):
        assert services[name]["depends_on"]["code"] == {"condition": "service_healthy"}
        assert services[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
