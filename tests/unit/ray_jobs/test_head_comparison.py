import numpy as np
import pytest

from ray_jobs.head_comparison import HeldOut, choose_head, compare_heads


def held_out(noise: float, validation: float | None, seed: int = 0) -> HeldOut:
    """Scores of 300 photos of 60 users that agree with quality but for noise."""
    quality = np.linspace(0, 1, 300)
    beauty = np.clip(quality + np.random.default_rng(seed).normal(0, noise, 300), 0, 1)
    targets = np.where(quality < 0.33, 0.0, np.where(quality < 0.66, 0.5, 1.0))
    return HeldOut(beauty, targets, quality, np.arange(300) % 60, validation)


@pytest.mark.parametrize(
    ("classifier", "regressor", "winner"),
    [(0.4, 0.5, "regressor"), (0.5, 0.4, "classifier"), (0.4, 0.4, "classifier"), (None, 0.9, "classifier")],
)
def test_choose_head_takes_the_better_on_validation_users(classifier, regressor, winner):
    assert choose_head({"classifier": classifier, "regressor": regressor}) == winner


def test_compare_heads_finds_the_difference_that_is_there_and_none_where_there_is_none():
    versions = {"classifier": "c", "regressor": "r"}
    found = compare_heads({"classifier": held_out(1.0, 0.3), "regressor": held_out(0.1, 0.9)}, versions)
    assert (found["winner"], found["model_version"]) == ("regressor", "r")
    difference = {row["name"]: row for row in found["difference"]}
    assert all(row["upper"] < 0 for row in difference.values())
    values = {(row["head"], row["name"]): row["value"] for row in found["heads"]}
    for name, row in difference.items():
        assert row["value"] == pytest.approx(values["classifier", name] - values["regressor", name])
    same = compare_heads({"classifier": held_out(0.5, 0.5), "regressor": held_out(0.5, 0.5)}, versions)
    assert [(row["value"], row["lower"], row["upper"]) for row in same["difference"]] == [(0.0, 0.0, 0.0)] * 2


def test_heads_that_were_tested_on_other_photos_cannot_be_compared():
    other = held_out(0.1, None)
    moved = HeldOut(other.beauty, other.targets, other.metric[::-1], other.owner, None)
    with pytest.raises(ValueError, match="same photos"):
        other.minus(moved)
