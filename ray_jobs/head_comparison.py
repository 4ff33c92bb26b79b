"""Classifier against regressor, as the paper compares them: same photos, same split by user and by time.

The winner is the head whose beauty ranks the validation users' photos more like the quality they are labelled by
(Spearman correlation); where that is equal, or there is nothing to validate on, the classifier, which gives
probabilities as well. What it is worth is then measured on test users, on whom nothing was chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

HEADS = ("classifier", "regressor")
RULE = "higher Spearman correlation with the labels' quality on validation users; the classifier if equal or unknown"


@dataclass(frozen=True)
class HeldOut:
    """What a network says of photos of test users.

    Attributes:
        beauty: Scores (n,).
        targets: Labels (n,): 0, 0.5 or 1.
        metric: Quality by which the photos were labelled (n,).
        owner: User of each photo, or a number of its own (n,).
        validation_spearman: Agreement with quality on validation users; None if there are none.
    """

    beauty: np.ndarray
    targets: np.ndarray
    metric: np.ndarray
    owner: np.ndarray
    validation_spearman: float | None

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """Name, value, n, lower and upper of each metric; intervals draw whole users."""
        return self._estimates(self.beauty)

    def minus(self, other: "HeldOut") -> list[dict[str, Any]]:
        """Differences of the metrics on the same photos, with paired intervals.

        Raises:
            ValueError: They are not of the same photos.
        """
        if not (np.array_equal(self.owner, other.owner) and np.array_equal(self.metric, other.metric)):
            raise ValueError("the two networks were not tested on the same photos")
        return self._estimates(self.beauty, other.beauty)

    def _estimates(self, *beauty: np.ndarray) -> list[dict[str, Any]]:
        """Metrics of one network, or their differences between two."""
        from models.evaluation import bootstrapped, low_high_accuracy, spearman

        extreme = self.targets != 0.5
        asked = {
            "accuracy_low_high": (low_high_accuracy, self.targets == 1.0, extreme),
            "spearman_with_metric": (spearman, self.metric, np.ones(len(self.metric), bool)),
        }
        found = []
        for name, (statistic, truth, rows) in asked.items():
            scores = [each[rows] for each in beauty]
            estimate = bootstrapped(_first_minus_second(statistic), truth[rows], *scores, groups=self.owner[rows])
            found.append({"name": name, **estimate.to_dict()})
        return found


def _first_minus_second(statistic: Callable[[np.ndarray, np.ndarray], float]) -> Callable[..., float]:
    """The statistic of the truth and one network's beauty, or its difference between two networks."""

    def value(truth: np.ndarray, first: np.ndarray, second: np.ndarray | None = None) -> float:
        return statistic(first, truth) - (0.0 if second is None else statistic(second, truth))

    return value


def choose_head(validation_spearman: Mapping[str, float | None]) -> str:
    """The head that scores, by ``RULE``.

    >>> choose_head({"classifier": 0.41, "regressor": 0.45}), choose_head({"classifier": 0.41, "regressor": None})
    ('regressor', 'classifier')
    """
    classifier, regressor = (validation_spearman[head] for head in HEADS)
    is_better = classifier is not None and regressor is not None and regressor > classifier
    return "regressor" if is_better else "classifier"


def compare_heads(held_out: Mapping[str, HeldOut], versions: Mapping[str, str]) -> dict[str, Any]:
    """The comparison as JSON values.

    Args:
        held_out: Head -> what its network says of test users.
        versions: Head -> model version.

    Returns:
        ``rule``, ``winner`` (head), ``model_version`` (its version), ``heads`` (one row per head and metric),
        ``difference`` (classifier minus regressor, one row per metric).
    """
    validation = {head: held_out[head].validation_spearman for head in HEADS}
    winner = choose_head(validation)
    rows = [
        {"head": head, "model_version": versions[head], "validation_spearman": validation[head], **metric}
        for head in HEADS
        for metric in held_out[head].metrics
    ]
    return {
        "rule": RULE,
        "winner": winner,
        "model_version": versions[winner],
        "heads": rows,
        "difference": held_out["classifier"].minus(held_out["regressor"]),
    }
