"""What is stored of explained photos, and how it is worded; ``explanation_choice.py`` says which photos these are."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.contracts.explanations import EXPLANATION_FAITHFULNESS, PHOTO_ATTRIBUTES, PHOTO_EXPLANATIONS
from assets.contracts.lake import Lake


def read_explanations(lake: Lake, model_version: str) -> list[dict[str, Any]]:
    """Rows of ``photo_explanations`` of a network, most beautiful first."""
    rows = lake.read(PHOTO_EXPLANATIONS, [model_version]).to_pylist()
    return sorted(rows, key=lambda row: (-row["beauty"], row["photo_id"]))


def read_faithfulness(lake: Lake, model_version: str) -> dict[str, dict[str, Any]]:
    """Rows of ``explanation_faithfulness`` of a network by measure; empty if there are none."""
    return {row["measure"]: row for row in lake.read(EXPLANATION_FAITHFULNESS, [model_version]).to_pylist()}


def strongest_attributes(lake: Lake, model_version: str, most: int = 2) -> dict[int, list[dict[str, Any]]]:
    """Photo -> its rows of ``photo_attributes`` with the largest contributions either way, largest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = lake.read(PHOTO_ATTRIBUTES, [model_version]).to_pylist()
    for row in sorted(rows, key=lambda row: -abs(row["contribution"])):
        of_photo = found.setdefault(row["photo_id"], [])
        if len(of_photo) < most:
            of_photo.append(row)
    return found


def estimate_in_words(estimate: Mapping[str, Any] | None, digits: int = 3) -> str:
    """A measure with its interval.

    >>> estimate_in_words({"value": 0.0512, "lower": 0.03, "upper": 0.07, "photos": 24})
    '+0.051 (95 %: +0.030 to +0.070, 24 photos)'
    >>> estimate_in_words(None)
    'unknown'
    """
    if estimate is None or estimate["value"] is None:
        return "unknown" if estimate is None else f"unknown ({estimate['photos']} photos are too few to tell)"
    ends = f"{estimate['lower']:+.{digits}f} to {estimate['upper']:+.{digits}f}"
    return f"{estimate['value']:+.{digits}f} (95 %: {ends}, {estimate['photos']} photos)"


def describe_photos(lake: Lake, photo_ids: Iterable[int], model_version: str) -> tuple[str, bool]:
    """What is stored of photos, as text for a terminal.

    Args:
        lake: The lake.
        photo_ids: Photos; those without an explanation are named with the command that makes one.
        model_version: Whose scores.

    Returns:
        The text, and whether all photos have an explanation.
    """
    stored = {row["photo_id"]: row for row in read_explanations(lake, model_version)}
    asked = list(dict.fromkeys(photo_ids))
    lines = [line for photo_id in asked if photo_id in stored for line in _photo_lines(lake, stored[photo_id])]
    if lines:
        lines += _trust_lines(read_faithfulness(lake, model_version))
    if missing := [str(photo_id) for photo_id in asked if photo_id not in stored]:
        lines.append(f"not explained by {model_version}: {', '.join(missing)}")
        lines.append(f"to explain them: `beautyflow explain --make {' '.join(missing)}`")
    return "\n".join(lines), not missing


def _photo_lines(lake: Lake, row: Mapping[str, Any]) -> list[str]:
    return [
        f"Photo {row['photo_id']}: beauty {row['beauty']:.2f} by {row['model_version']}, "
        f"{row['attribute_beauty']:.2f} by its attributes",
        *(f"  {sentence}" for sentence in row["sentences"]),
        f"  saliency by {row['method']}: deletion gain {row['deletion_gain']:+.3f}, "
        f"insertion gain {row['insertion_gain']:+.3f}",
        f"  {lake.location(row['overlay'])}",
        "",
    ]


def _trust_lines(faithfulness: Mapping[str, Mapping[str, Any]]) -> list[str]:
    gains = [f"{name} {estimate_in_words(faithfulness.get(f'{name}_gain'))}" for name in ("deletion", "insertion")]
    return [
        f"Saliency against random order, in beauty: {', '.join(gains)}",
        "The sentences are of a model of attributes; Spearman's correlation with the network: "
        f"{estimate_in_words(faithfulness.get('attribute_agreement'), 2)}",
    ]
