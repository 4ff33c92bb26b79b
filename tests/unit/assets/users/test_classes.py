import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from assets.contracts.users_results import K_MEANS, MIXTURE
from assets.users.classes import (
    ClassesConfig,
    broken_evidence,
    choose,
    classify,
    evidence,
    evidence_curves,
    said_of_evidence,
    silhouette,
    standardised,
    still_features,
)

CONFIG = ClassesConfig(most_classes=5, refits=6, clouds=8)


@pytest.fixture(scope="module")
def planted():
    """Three classes, far apart, of 60, 100 and 140 users."""
    generator = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], [60, 100, 140])
    centres = 3 * np.eye(3, 5)
    return centres[truth] + 0.5 * generator.standard_normal((300, 5)), truth


@pytest.fixture(scope="module")
def found(planted):
    return evidence(planted[0], CONFIG)


def _users(**columns):
    names = ("beauty", "followers", "favorites_received", "photos", "groups")
    return pa.table({name: columns.get(name, [1, 2, 4]) for name in names})


def test_standardised_features_are_logarithms_with_mean_0_and_deviation_1():
    points = standardised(_users(followers=[0, 3, 15], groups=[2, 2, 2], photos=pa.array([None] * 3, pa.int64())))
    assert points[:, 1] == pytest.approx(np.array([-1, 0, 1]) * np.sqrt(1.5))
    assert points[:, 3].tolist() == points[:, 4].tolist() == [0, 0, 0]
    assert still_features(_users(groups=[2, 2, 2])) == ["groups"]


def test_silhouette_is_that_of_scikit_learn_and_counts_lonely_users_as_0(planted):
    points, truth = planted
    distances = np.linalg.norm(points[:, None] - points, axis=2).astype(np.float32)
    lonely = truth.copy()
    lonely[0] = 9
    for classes in (truth, lonely):
        assert silhouette(distances, classes) == pytest.approx(silhouette_score(points, classes), abs=1e-5)
    assert silhouette(distances, np.zeros(300, int)) is None


def test_classify_finds_planted_classes_and_numbers_the_largest_1(planted):
    points, truth = planted
    classes = classify(points, 3, CONFIG)
    assert adjusted_rand_score(classes, truth) > 0.98
    assert np.bincount(classes)[1:].tolist() == sorted(np.bincount(classes)[1:], reverse=True)
    assert np.array_equal(classes, classify(points, 3, CONFIG))


def test_classify_of_a_sample_assigns_everybody(planted):
    points, truth = planted
    classes = classify(points, 3, dataclasses.replace(CONFIG, fit_users=120))
    assert adjusted_rand_score(classes, truth) > 0.95


def test_classify_refuses_more_classes_than_users_differ():
    with pytest.raises(ValueError, match="4 users are too much alike to be put into 3 classes"):
        classify(np.array([[0.0], [0.0], [1.0], [1.0]]), 3, CONFIG)


def test_evidence_finds_three_planted_classes_stable_and_beyond_one_cloud(found):
    assert choose(found) == 3
    row = next(row for row in found if row["is_chosen"])
    assert (row["method"], row["classes"], row["is_beyond_one_cloud"]) == (K_MEANS, 3, True)
    assert row["stability"] > 0.95
    assert min((row for row in found if row["method"] == MIXTURE), key=lambda row: row["bic"])["classes"] == 3
    assert said_of_evidence(found).startswith("3 classes, further apart than one cloud would be cut: silhouette ")


def test_evidence_repeats_itself(planted, found):
    assert evidence(planted[0], CONFIG) == found


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_is_not_taken_for_several_classes(seed):
    """A long cloud is cut in two as stably as any classes are; what it is not, is further apart than a cloud."""
    generator = np.random.default_rng(seed)
    cloud = generator.standard_normal((400, 5)) * [2, 1, 1, 1, 1]
    found = evidence(cloud, CONFIG)
    assert not any(row["is_beyond_one_cloud"] for row in found)
    assert choose(found) == 2
    assert said_of_evidence(found).startswith("No number of classes is stable and beyond one cloud; two are a cut")


def test_evidence_on_users_who_are_all_alike_is_none():
    assert evidence(np.zeros((60, 5)), CONFIG) == []
    assert said_of_evidence([]) == "nobody could be classified"


def _row(classes, silhouette, stability=0.9, beyond=True):
    return {
        "method": K_MEANS,
        "classes": classes,
        "silhouette": silhouette,
        "stability": stability,
        "is_beyond_one_cloud": beyond,
        "one_cloud_silhouette": 0.2,
        "one_cloud_sd": 0.01,
        "is_chosen": False,
    }


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([_row(2, 0.30), _row(3, 0.32), _row(4, 0.25)], 3),
        ([_row(2, 0.30), _row(3, 0.305), _row(4, 0.40)], 2),  # the next one is no clear gain: the way ends
        ([_row(2, 0.30), _row(3, 0.50, stability=0.59), _row(4, 0.305)], 2),
        ([_row(2, 0.30, beyond=False), _row(3, 0.28), _row(4, 0.2)], 3),
        ([_row(2, 0.30, beyond=False), _row(3, 0.4, beyond=False)], 2),
        ([_row(2, 0.3), {**_row(3, 0.9), "method": MIXTURE}], 2),
    ],
)
def test_choose_follows_the_rule(rows, chosen):
    assert choose(rows) == chosen


def test_broken_evidence_sees_another_choice(found):
    assert broken_evidence(found, 3) == ""
    assert broken_evidence(found, 4) == "3 classes are chosen, users fall into 4"
    assert broken_evidence([], 3) == "0 numbers of classes are chosen for k-means, 0 in all"
    other = [{**row, "is_chosen": row["method"] == K_MEANS and row["classes"] == 4} for row in found]
    assert broken_evidence(other, 4) == "4 classes are chosen, the rule says 3"
    twice = [{**row, "is_chosen": row["classes"] == 3} for row in found]
    assert broken_evidence(twice, 3) == "1 numbers of classes are chosen for k-means, 2 in all"


def test_evidence_curves_shade_what_one_cloud_gives(found):
    curves = evidence_curves(found)
    assert curves["silhouette"]["x"] == [2, 3, 4, 5]
    assert all(
        low < high for low, high in zip(curves["silhouette"]["lower"], curves["silhouette"]["upper"], strict=True)
    )
    assert curves["silhouette"]["y"][1] > curves["silhouette"]["upper"][1]
    assert curves["BIC, mixture"]["y"][1] == min(curves["BIC, mixture"]["y"])
