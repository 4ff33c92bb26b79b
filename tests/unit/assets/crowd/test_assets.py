from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED
from assets.crowd.assets import _sample_result, crowd_sample, crowd_task
from assets.crowd.sampling import Cell, CrowdSampleConfig
from assets.resources import LakeResource

Put = Callable[..., None]


def make(asset: Any, lake: Lake, landing: Path, **config: Any) -> tuple[dict[str, Any], dg.AssetCheckEvaluation]:
    """Metadata and the check of one materialization."""
    resources = {"lake": LakeResource(uri=lake.uri, landing=str(landing))}
    run_config = {"ops": {asset.node_def.name: {"config": config}}}
    result = dg.materialize([asset], resources=resources, run_config=run_config)
    (materialization,) = result.asset_materializations_for_node(asset.node_def.name)
    (check,) = result.get_asset_check_evaluations()
    return {name: value.value for name, value in materialization.metadata.items()}, check


@pytest.mark.parametrize(
    ("cells", "passed", "severity"),
    [
        ([Cell("tail", "sea", 9, 4), Cell("head", "sea", 2, 2)], True, dg.AssetCheckSeverity.WARN),
        ([Cell("tail", "sea", 9, 4), Cell("head", "sea", 2, 0)], False, dg.AssetCheckSeverity.ERROR),
        ([Cell("tail", "sea", 9, 3)], False, dg.AssetCheckSeverity.ERROR),
        ([], False, dg.AssetCheckSeverity.WARN),
    ],
)
def test_every_cell_is_represented_sees_cells_that_fall_short(
    cells: list[Cell], passed: bool, severity: dg.AssetCheckSeverity
) -> None:
    (check,) = _sample_result(cells, CrowdSampleConfig(photos_per_cell=4)).check_results
    assert (check.passed, check.severity) == (passed, severity)


def test_crowd_sample_is_left_alone_without_news_and_drawn_again_with_another_configuration(
    lake: Lake, put: Put, tmp_path: Path
) -> None:
    put(photos=[{"photo_id": n, "is_public": True, "uri": "x", "category": "sea"} for n in range(9)])
    metadata, check = make(crowd_sample, lake, tmp_path, photos_per_cell=4)
    assert (metadata["dagster/row_count"], check.passed) == (4, True)
    assert "| tail | sea | 9 | 4 |" in metadata["cells"]
    assert metadata["population_and_sample"].startswith("![figure](data:image/png;base64,")
    first = lake.commit_of(CROWD_SAMPLE.key, UNDATED)

    assert first is not None
    fewer = lake.read(CROWD_SAMPLE).slice(0, 3)
    lake.write(CROWD_SAMPLE, UNDATED, fewer, code_version=first.code_version, inputs=first.inputs)
    metadata, check = make(crowd_sample, lake, tmp_path, photos_per_cell=4)
    assert (metadata["dagster/row_count"], check.passed) == (3, False)
    assert make(crowd_sample, lake, tmp_path, photos_per_cell=5)[0]["dagster/row_count"] == 5
    put(photos=[{"photo_id": n, "is_public": True, "uri": "x", "category": "sky"} for n in range(9)])
    assert make(crowd_sample, lake, tmp_path, photos_per_cell=5)[0]["cells"].count("sky") == 1


def test_crowd_sample_of_a_community_without_images_only_warns(lake: Lake, tmp_path: Path) -> None:
    metadata, check = make(crowd_sample, lake, tmp_path)
    assert (metadata["dagster/row_count"], check.passed, check.severity) == (0, False, dg.AssetCheckSeverity.WARN)


def test_crowd_task_shows_every_sampled_photo_or_warns(lake: Lake, sampled: Path) -> None:
    metadata, check = make(crowd_task, lake, sampled)
    assert (metadata["photos"], check.passed, check.severity) == (2, False, dg.AssetCheckSeverity.WARN)
    assert "| 2 | 2.png |" in metadata["left_out"]
    assert lake.location("crowd_task/page.html") in metadata["files"]
    Image.new("RGB", (40, 20), "blue").save(sampled / "2.png")
    assert make(crowd_task, lake, sampled)[1].passed


def test_crowd_task_without_a_sample_warns(lake: Lake, tmp_path: Path) -> None:
    metadata, check = make(crowd_task, lake, tmp_path)
    assert not check.passed
    assert metadata["reason"].startswith("there is no sample to ask about")
