import dagster as dg
import pytest

from assets.beauty.pretraining_assets import _object_result, object_model
from assets.contracts.objects import examples_name
from assets.contracts.requests import PretrainObjects
from assets.resources import LakeResource, RayJobs


def report(**values: object) -> dict[str, object]:
    by_class = [{"class": "cat", "training_images": 8, "held_out_images": 3, "accuracy": 0.9}]
    return {
        "model_version": "m",
        "preprocessing_hash": "p",
        "parameters": 1,
        "training_images": 8,
        "held_out_images": 3,
        "unreadable_images": 0,
        "accuracy": 0.9,
        "lower": 0.8,
        "upper": 0.95,
        "chance_accuracy": 0.5,
        "curves": {"training loss": [1.0, 0.5]},
        "by_class": by_class,
        **values,
    }


@pytest.mark.parametrize(
    ("found", "passed", "severity", "said"),
    [
        ({}, True, dg.AssetCheckSeverity.ERROR, "0.90 (95 %: 0.80 to 0.95) on 3 images; naming the most frequent"),
        ({"lower": 0.4}, False, dg.AssetCheckSeverity.ERROR, "reaches 0.50: train on more images or epochs"),
        (
            {"accuracy": None, "lower": None, "upper": None, "chance_accuracy": None, "held_out_images": 0},
            False,
            dg.AssetCheckSeverity.WARN,
            "0 held-out images are too few to tell",
        ),
    ],
)
def test_object_result_says_what_was_found_and_warns_where_too_few_images_were_held_out(
    lake, found, passed, severity, said
):
    result = _object_result(lake, report(**found))
    (check,) = result.check_results
    assert (check.passed, check.severity) == (passed, severity)
    assert said in check.description
    assert "| cat |" in result.metadata["classes"].value
    assert "data:image/png" in result.metadata["learning_curves"].value


def test_object_result_shows_examples_where_there_are_some(lake):
    assert "examples_by_class" not in _object_result(lake, report()).metadata
    lake.put_bytes(examples_name("m"), b"png")
    assert "cG5n" in _object_result(lake, report()).metadata["examples_by_class"].value


def test_object_model_asks_for_what_is_configured(lake):
    asked = []

    class Recorded(RayJobs):
        def run(self, context, request):
            asked.append(request)
            return report()

    resources = {"lake": LakeResource(uri=lake.uri, landing="landing"), "ray_jobs": Recorded(num_gpus=0.5)}
    config = {"images": ["set"], "epochs": 2, "workers": 3}
    executed = dg.materialize(
        [object_model], resources=resources, run_config={"ops": {"object_model": {"config": config}}}
    )
    assert executed.success
    assert asked == [
        PretrainObjects(
            lake_uri=lake.uri,
            media_root="landing",
            images=["set"],
            epochs=2,
            workers=3,
            num_gpus_per_worker=0.5,
        )
    ]
