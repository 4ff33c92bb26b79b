"""Hand-crafted compositional features and a regularised linear model on them: the baseline that explains itself.

Sources: Datta, Joshi, Li, Wang, "Studying aesthetics in photographic images using a computational approach" (ECCV
2006); Ke, Tang, Jing, "The design of high-level features for photo quality assessment" (CVPR 2006); Hasler and
Süsstrunk, "Measuring colourfulness in natural images" (2003). Where they leave a choice, the feature states it.
"""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from models.heads import Head
from models.preprocessing import Preprocessing
from models.registry import register

_PENALTIES = tuple(float(10.0**k) for k in np.arange(-2.0, 4.01, 0.5))
_CLIPPED_AT = 3.0
_EPSILON = 1e-6


class _Photo:
    """Colour planes that several features share.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        aspect: Width divided by height of the original.
    """

    def __init__(self, pixels: np.ndarray, aspect: float) -> None:
        cv2 = _cv2()
        self.rgb = pixels.astype(np.float32) / 255
        self.aspect = aspect
        hsv = cv2.cvtColor(self.rgb, cv2.COLOR_RGB2HSV)
        self.hue, self.saturation, self.value = hsv[..., 0] / 360, hsv[..., 1], hsv[..., 2]
        self.gray = cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY)
        self.laplacian = np.abs(cv2.Laplacian(self.gray, cv2.CV_32F))
        horizontal, vertical = (cv2.Sobel(self.gray, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
        self.gradient = np.hypot(horizontal, vertical)
        self.height, self.width = self.gray.shape


def _cv2() -> ModuleType:
    import cv2

    return cv2


def _inner(plane: np.ndarray) -> np.ndarray:
    """The middle third in both directions (Datta's f5..f7)."""
    height, width = plane.shape
    return plane[height // 3 : max(height // 3 + 1, 2 * height // 3), width // 3 : max(width // 3 + 1, 2 * width // 3)]


def _colourfulness(photo: _Photo) -> float:
    """Hasler and Süsstrunk's M3 on sRGB in 0..1."""
    red, green, blue = (photo.rgb[..., c] for c in range(3))
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def _histogram_width(photo: _Photo) -> float:
    """Ke's contrast: width of the middle 98 % of brightness."""
    low, high = np.quantile(photo.gray, [0.01, 0.99])
    return float(high - low)


def _hue_histogram(photo: _Photo) -> np.ndarray:
    """20 bins over pixels that have a hue: brightness in 0.15..0.95, saturation above 0.2 (Ke)."""
    coloured = (photo.saturation > 0.2) & (photo.value > 0.15) & (photo.value < 0.95)
    histogram, _ = np.histogram(photo.hue[coloured], bins=20, range=(0, 1))
    return histogram


def _hue_count(photo: _Photo) -> float:
    """Ke's hue count: bins that hold more than 5 % of the fullest one."""
    histogram = _hue_histogram(photo)
    return float((histogram > 0.05 * histogram.max()).sum()) if histogram.max() else 0.0


def _hue_concentration(photo: _Photo) -> float:
    """Length of the mean hue vector weighted by saturation: 1 where all colours agree."""
    angle = 2 * np.pi * photo.hue
    weight = photo.saturation * photo.value
    vector = np.hypot((weight * np.cos(angle)).sum(), (weight * np.sin(angle)).sum())
    return float(vector / (weight.sum() + _EPSILON))


def _high_frequencies(photo: _Photo) -> float:
    """Ke's blur measure: share of Fourier coefficients above a threshold (here 5 grey levels per pixel root)."""
    spectrum = np.abs(np.fft.rfft2(photo.gray))
    return float((spectrum > 5 / 255 * np.sqrt(photo.gray.size)).mean())


def _edge_box(photo: _Photo) -> float:
    """Ke's edge distribution: area of the box that holds the middle 96 % of edge energy per axis."""
    sides = []
    for axis in (0, 1):
        cumulative = np.cumsum(photo.laplacian.sum(axis=axis))
        share = cumulative / (cumulative[-1] + _EPSILON)
        sides.append((np.searchsorted(share, 0.98) - np.searchsorted(share, 0.02) + 1) / len(share))
    return float(sides[0] * sides[1])


def _edge_centre(photo: _Photo, axis: int) -> float:
    """Centre of edge energy along an axis, 0..1."""
    energy = photo.gradient.sum(axis=axis)
    return float((energy * np.linspace(0, 1, len(energy))).sum() / (energy.sum() + _EPSILON))


def _thirds_edges(photo: _Photo) -> float:
    """Edge energy near the four crossing points of the thirds, relative to the whole photo."""
    rows = np.abs(np.linspace(0, 1, photo.height)[:, None] - np.array([1 / 3, 2 / 3])).min(axis=1)
    columns = np.abs(np.linspace(0, 1, photo.width)[:, None] - np.array([1 / 3, 2 / 3])).min(axis=1)
    near = (rows[:, None] < 0.08) & (columns[None, :] < 0.08)
    return float(photo.gradient[near].mean() / (photo.gradient.mean() + _EPSILON)) if near.any() else 1.0


def _asymmetry(plane: np.ndarray, axis: int) -> float:
    return float(np.abs(plane - np.flip(plane, axis)).mean())


def _low_depth_of_field(plane: np.ndarray) -> float:
    """Datta's low-depth-of-field indicator: detail in the centre relative to the whole photo."""
    return float(_inner(plane).sum() / (plane.sum() + _EPSILON))


def _detail(plane: np.ndarray, level: int) -> float:
    """Mean absolute Haar detail at a scale of 2**level pixels (Datta's texture, Haar for Daubechies)."""
    for _ in range(level - 1):
        plane = _halved(plane)
    height, width = (plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2)
    a, b, c, d = (plane[i:height:2, j:width:2] for i in (0, 1) for j in (0, 1))
    return float((np.abs(a + b - c - d) + np.abs(a - b + c - d) + np.abs(a - b - c + d)).mean() / 4)


def _halved(plane: np.ndarray) -> np.ndarray:
    height, width = (plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2)
    halved: np.ndarray = (
        plane[0:height:2, 0:width:2] + plane[1:height:2, 0:width:2]
        + plane[0:height:2, 1:width:2] + plane[1:height:2, 1:width:2]
    ) / 4  # fmt: skip
    return halved


def _noise(photo: _Photo) -> float:
    """Immerkær's noise estimate (1996), on the flatter half of the photo, so that texture is not noise."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(_cv2().filter2D(photo.gray, _cv2().CV_32F, kernel))
    flat = photo.gradient <= np.median(photo.gradient)
    return float(np.sqrt(np.pi / 2) / 6 * response[flat].mean())


def _entropy(photo: _Photo) -> float:
    """Entropy of 64 grey levels in bits."""
    share = np.histogram(photo.gray, bins=64, range=(0, 1))[0] / photo.gray.size
    return float(-(share[share > 0] * np.log2(share[share > 0])).sum())


def _log(value: float) -> float:
    return float(np.log(value + 1e-4))


_FEATURES: dict[str, Callable[[_Photo], float]] = {
    "brightness": lambda p: float(p.gray.mean()),
    "contrast": lambda p: float(p.gray.std()),
    "histogram_width": _histogram_width,
    "dark_share": lambda p: float((p.gray < 0.05).mean()),
    "bright_share": lambda p: float((p.gray > 0.95).mean()),
    "entropy": _entropy,
    "colourfulness": _colourfulness,
    "saturation": lambda p: float(p.saturation.mean()),
    "saturation_spread": lambda p: float(p.saturation.std()),
    "hue_count": _hue_count,
    "hue_concentration": _hue_concentration,
    "red": lambda p: float((p.rgb[..., 0] - p.gray).mean()),
    "green": lambda p: float((p.rgb[..., 1] - p.gray).mean()),
    "blue": lambda p: float((p.rgb[..., 2] - p.gray).mean()),
    "sharpness": lambda p: _log(float(p.laplacian.var())),
    "high_frequencies": _high_frequencies,
    "noise": lambda p: _log(_noise(p)),
    "edge_energy": lambda p: _log(float(p.gradient.mean())),
    "edge_box": _edge_box,
    "edge_centre_x": lambda p: _edge_centre(p, 0),
    "edge_centre_y": lambda p: _edge_centre(p, 1),
    "thirds_edges": _thirds_edges,
    "asymmetry_left_right": lambda p: _asymmetry(p.gray, 1),
    "asymmetry_top_bottom": lambda p: _asymmetry(p.gray, 0),
    "inner_brightness": lambda p: float(_inner(p.value).mean() - p.value.mean()),
    "inner_saturation": lambda p: float(_inner(p.saturation).mean() - p.saturation.mean()),
    "low_depth_of_field": lambda p: _low_depth_of_field(p.laplacian),
    "top_brightness": lambda p: float(p.gray[: max(1, p.height // 3)].mean() - p.gray.mean()),
    "top_blue": lambda p: float((p.rgb[..., 2] - p.rgb[..., 0])[: max(1, p.height // 3)].mean()),
    "texture_fine": lambda p: _log(_detail(p.gray, 1)),
    "texture_middle": lambda p: _log(_detail(p.gray, 2)),
    "texture_coarse": lambda p: _log(_detail(p.gray, 3)),
    "colour_texture": lambda p: _log(_detail(p.saturation, 2)),
    "aspect": lambda p: float(np.log(p.aspect)),
}

FEATURE_NAMES = tuple(_FEATURES)
"""Names of the features, in the order of ``handcrafted_features``."""


def handcrafted_features(pixels: np.ndarray, aspect: float | None = None) -> np.ndarray:
    """Features of one photo.

    Args:
        pixels: uint8 (h, w, 3) RGB, at least 8 pixels on each side.
        aspect: Width divided by height of the original; that of ``pixels`` if absent.

    Returns:
        float32 (len(FEATURE_NAMES),), all finite.
    """
    photo = _Photo(pixels, aspect or pixels.shape[1] / pixels.shape[0])
    return np.array([feature(photo) for feature in _FEATURES.values()], np.float32)


class HandcraftedModel(nn.Module):
    """Linear model on standardised features and their squares, since most have a best value in the middle.

    Args:
        outputs: Units.
        input_size: Longer side of the photo that features are computed from; has no weights.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, outputs: int = 1, input_size: int = 256) -> None:
        super().__init__()
        self.input_size = input_size
        self.register_buffer("mean", torch.zeros(len(FEATURE_NAMES)))
        self.register_buffer("scale", torch.ones(len(FEATURE_NAMES)))
        self.linear = nn.Linear(2 * len(FEATURE_NAMES), outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (n, outputs) of features (n, f)."""
        outputs: Tensor = self.linear(self.terms(features))
        return outputs

    def terms(self, features: Tensor) -> Tensor:
        """Standardised features and their centred squares (n, 2 f); outliers are cut at three deviations."""
        standard = ((features - self.mean) / self.scale).clamp(-_CLIPPED_AT, _CLIPPED_AT)
        return torch.cat([standard, standard * standard - 1], dim=1)

    def fit(self, inputs: np.ndarray, targets: np.ndarray, head: Head) -> None:
        """Fit to features (n, f) and beauty (n,) in [0, 1].

        Least squares is solved with the ridge penalty that has the smallest leave-one-out error; the
        classifier then starts from zero under the same penalty (L-BFGS on a convex loss). Neither is random.
        """
        self.mean.copy_(torch.from_numpy(inputs.mean(axis=0)))
        self.scale.copy_(torch.from_numpy(inputs.std(axis=0)).clamp(min=_EPSILON))
        with torch.no_grad():
            terms = self.terms(torch.from_numpy(inputs)).double()
        y = torch.from_numpy(targets).double()
        penalty, weights, bias = _ridge(terms, y)
        if head.name == "regressor":
            with torch.no_grad():
                self.linear.weight.copy_(weights[None])
                self.linear.bias.fill_(bias)
            return
        self._fit_by_lbfgs(terms.float(), y.float(), head, penalty)

    def _fit_by_lbfgs(self, terms: Tensor, targets: Tensor, head: Head, penalty: float) -> None:
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        optimizer = torch.optim.LBFGS(self.linear.parameters(), max_iter=200, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = head.loss(self.linear(terms), targets)
            loss = loss + penalty / len(terms) * self.linear.weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]


def _ridge(terms: Tensor, targets: Tensor) -> tuple[float, Tensor, float]:
    """Ridge regression with the penalty of the smallest leave-one-out error (Hastie et al., ESL 7.10).

    Args:
        terms: float64 (n, k).
        targets: float64 (n,).

    Returns:
        Penalty, weights (k,), intercept.
    """
    centre, level = terms.mean(dim=0), targets.mean()
    left, values, right = torch.linalg.svd(terms - centre, full_matrices=False)
    projected = left.T @ (targets - level)
    best = (float("inf"), _PENALTIES[0])
    for penalty in _PENALTIES:
        shrink = values.square() / (values.square() + penalty)
        leverage = (left.square() @ shrink) + 1 / len(targets)
        residuals = (targets - level - left @ (shrink * projected)) / (1 - leverage).clamp(min=1e-3)
        best = min(best, (float(residuals.square().mean()), penalty))
    weights = right.T @ (values / (values.square() + best[1]) * projected)
    return best[1], weights, float(level - centre @ weights)


@register(
    "handcrafted",
    Preprocessing(input_size=256, features="handcrafted"),
    "Compositional features of Datta, Ke and Hasler with a ridge or logistic model; explains itself.",
    parameters=69,
)
def handcrafted(outputs: int = 1, input_size: int = 256) -> nn.Module:
    """The hand-crafted baseline."""
    return HandcraftedModel(outputs, input_size)
