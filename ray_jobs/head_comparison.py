"""Classifier against regressor, as the paper compares them: same photos, same split by user and by time.

The winner is the head whose beauty ranks the validation users' photos more like the quality they are labelled by
(Spearman correlation); where that is equal, or there is nothing to validate on, the classifier, which gives
probabilities as well. What it is worth is then measured on test users, on whom nothing was chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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

    def metrics(self) -> list[dict[str, Any]]:
        """Name, value, n, lower and upper of each metric; intervals draw whole users."""
        from models.evaluation import bootstrapped, low_high_accuracy, spearman

        extreme = self._extreme()
        accuracy = bootstrapped(
            low_high_accuracy, self.beauty[extreme], self.targets[extreme] == 1.0, groups=self.owner[extreme]
        )
        correlation = bootstrapped(spearman, self.beauty, self.metric, groups=self.owner)
        return [
            {"name": "accuracy_low_high", **accuracy.to_dict()},
            {"name": "spearman_with_metric", **correlation.to_dict()},
        ]

    def minus(self, other: "HeldOut") -> list[dict[str, Any]]:
        """Differences of the metrics on the same photos, with paired intervals.

        Raises:
            ValueError: They are not of the same photos.
        """
        from models.evaluation import bootstrapped, low_high_accuracy, spearman

        if not (np.array_equal(self.owner, other.owner) and np.array_equal(self.metric, other.metric)):
            raise ValueError("the two networks were not tested on the same photos")
        extreme = self._extreme()
        accuracy = bootstrapped(
            lambda a, b, is_high: low_high_accuracy(a, is_high) - low_high_accuracy(b, is_high),
            self.beauty[extreme],
            other.beauty[extreme],
            self.targets[extreme] == 1.0,
            groups=self.owner[extreme],
        )
        correlation = bootstrapped(
            lambda a, b, metric: spearman(a, metric) - spearman(b, metric),
            self.beauty,
            other.beauty,
            self.metric,
            groups=self.owner,
        )
        return [
            {"name": "accuracy_low_high", **accuracy.to_dict()},
            {"name": "spearman_with_metric", **correlation.to_dict()},
        ]

    def _extreme(self) -> np.ndarray:
        return self.targets != 0.5


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
        for metric in held_out[head].metrics()
    ]
    return {
        "rule": RULE,
        "winner": winner,
        "model_version": versions[winner],
        "heads": rows,
        "difference": held_out["classifier"].minus(held_out["regressor"]),
    }
