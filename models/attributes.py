"""Why the hand-crafted model likes a photo: what each attribute adds to its beauty, in numbers and in words.

The model is linear in standardised features and their squares (``handcrafted.HandcraftedModel``). Contributions are
measured from the average photo of the training set. For the regressor they are exact: its terms. For the classifier
they are integrated gradients of the expected label along the straight line from the average photo (Sundararajan, Taly,
Yan 2017), which add up to the difference of the two scores.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.handcrafted import FEATURE_NAMES, HandcraftedModel
from models.heads import Head

WORDS: dict[str, tuple[str, str]] = {
    "brightness": ("darker", "brighter"),
    "contrast": ("less contrast", "more contrast"),
    "histogram_width": ("a narrower range of brightness", "a wider range of brightness"),
    "dark_share": ("fewer black areas", "more black areas"),
    "bright_share": ("fewer white areas", "more white areas"),
    "entropy": ("fewer different grey levels", "more different grey levels"),
    "colourfulness": ("less colourful", "more colourful"),
    "saturation": ("paler colours", "stronger colours"),
    "saturation_spread": ("more even strength of colour", "more varied strength of colour"),
    "hue_count": ("fewer hues", "more hues"),
    "hue_concentration": ("colours further apart", "colours closer together"),
    "red": ("less red", "more red"),
    "green": ("less green", "more green"),
    "blue": ("less blue", "more blue"),
    "sharpness": ("softer", "sharper"),
    "high_frequencies": ("less fine detail", "more fine detail"),
    "noise": ("less noise", "more noise"),
    "edge_energy": ("fewer edges", "more edges"),
    "edge_box": ("edges closer together", "edges spread wider"),
    "edge_centre_x": ("edges further left", "edges further right"),
    "edge_centre_y": ("edges further up", "edges further down"),
    "thirds_edges": ("fewer edges at the crossings of the thirds", "more edges at the crossings of the thirds"),
    "asymmetry_left_right": ("more alike left and right", "less alike left and right"),
    "asymmetry_top_bottom": ("more alike top and bottom", "less alike top and bottom"),
    "inner_brightness": ("a darker middle", "a brighter middle"),
    "inner_saturation": ("paler colours in the middle", "stronger colours in the middle"),
    "low_depth_of_field": ("less of the detail in the middle", "more of the detail in the middle"),
    "top_brightness": ("a darker top", "a brighter top"),
    "top_blue": ("a less blue top", "a bluer top"),
    "texture_fine": ("smoother in fine texture", "rougher in fine texture"),
    "texture_middle": ("smoother in middle texture", "rougher in middle texture"),
    "texture_coarse": ("smoother in coarse texture", "rougher in coarse texture"),
    "colour_texture": ("smoother changes of colour", "rougher changes of colour"),
    "aspect": ("narrower", "wider"),
}
"""What less and more of a feature is called."""

_POINTS = 32
_USUAL = 0.5
"""Within half a standard deviation of the average a photo is called usual in that respect."""


@dataclass(frozen=True)
class Contribution:
    """What one attribute does to the beauty of one photo.

    Attributes:
        attribute: Name of the feature.
        value: The feature.
        deviation: Its distance from the average of the training set, in standard deviations, not cut.
        contribution: What it adds to beauty (negative: takes away), from the average photo.
        words: The same as a sentence.
    """

    attribute: str
    value: float
    deviation: float
    contribution: float
    words: str


def attribute_contributions(network: HandcraftedModel, head: Head, features: np.ndarray) -> np.ndarray:
    """What each feature adds to beauty, before it is cut to [0, 1].

    Args:
        network: The fitted model.
        head: Its head.
        features: float32 (n, f).

    Returns:
        float64 (n, f); a row adds up to beauty(photo) - beauty(average photo), exactly for the regressor and within
        1e-6 for the classifier.
    """
    with torch.no_grad():
        terms = network.terms(torch.from_numpy(features)).double()
    linear = torch.nn.functional.linear
    weight, bias = (parameter.detach().double() for parameter in (network.linear.weight, network.linear.bias))

    def slope(at: Tensor) -> Tensor:
        at = at.requires_grad_()
        (gradient,) = torch.autograd.grad(head.unbounded_beauty(linear(at, weight, bias)).sum(), at)
        return gradient

    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    slopes = sum(float(w) / 2 * slope(terms * (float(p) + 1) / 2) for p, w in zip(points, weights, strict=True))
    parts: np.ndarray = (terms * slopes).detach().numpy()
    return parts[:, : len(FEATURE_NAMES)] + parts[:, len(FEATURE_NAMES) :]


def explain_attributes(
    network: HandcraftedModel, head: Head, features: np.ndarray, top: int = 3
) -> list[list[Contribution]]:
    """The attributes that raise and lower the beauty of each photo most.

    Args:
        network: The fitted model.
        head: Its head.
        features: float32 (n, f).
        top: How many that raise and how many that lower, at most; what does neither is left out.

    Returns:
        For each photo: what raises, largest first, then what lowers, largest first.
    """
    contributions = attribute_contributions(network, head, features)
    mean, scale = network.mean.numpy(), network.scale.numpy()
    deviations = (features - mean) / scale
    explained = []
    for photo, added, away in zip(features, contributions, deviations, strict=True):
        raising = [index for index in np.argsort(-added, kind="stable")[:top] if added[index] > 0]
        lowering = [index for index in np.argsort(added, kind="stable")[:top] if added[index] < 0]
        explained.append(
            [_contribution(index, photo[index], away[index], added[index]) for index in (*raising, *lowering)]
        )
    return explained


def _contribution(index: int, value: float, deviation: float, contribution: float) -> Contribution:
    name = FEATURE_NAMES[index]
    return Contribution(
        name, float(value), float(deviation), float(contribution), sentence(name, deviation, contribution)
    )


def sentence(attribute: str, deviation: float, contribution: float) -> str:
    """What an attribute does, in words.

    >>> sentence("saturation", 1.84, 0.0423)
    'stronger colours than usual (+1.8 sd): raises beauty by 0.042'
    >>> sentence("noise", 0.1, -0.01)
    'noise as usual (+0.1 sd): lowers beauty by 0.010'
    """
    less, more = WORDS[attribute]
    if abs(deviation) <= _USUAL:
        finding = f"{attribute.replace('_', ' ')} as usual"
    else:
        finding = f"{more if deviation > 0 else less} than usual"
    verb = "raises" if contribution > 0 else "lowers"
    return f"{finding} ({deviation:+.1f} sd): {verb} beauty by {abs(contribution):.3f}"
