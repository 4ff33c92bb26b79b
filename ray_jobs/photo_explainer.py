"""Explains photos: saliency of a network with its faithfulness, and the attributes that a second model goes by.

The second model is the hand-crafted one of the registry, fitted here to the labels that the network learns from: a
network has no attributes of its own, so how far the two agree belongs to what is said.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from models.attributes import Contribution, explain_attributes
from models.decoding import UnscorablePhoto, decode_rgb
from models.evaluation import Estimate, bootstrapped, owners, spearman
from models.explanations import beauty_function, blurred, deletion_insertion, saliency
from models.handcrafted import FEATURE_NAMES, HandcraftedModel
from models.heads import BUCKET_VALUES, BUCKETS
from models.overlays import LONGER_SIDE, beauty_per_cell, overlay_png
from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.training import predict_beauty
from models.weights import ModelConfig, load_weights
from ray_jobs.cluster import usable_cpus
from ray_jobs.photo_source import PhotoSource
from ray_jobs.prepared_photos import prepare_photos

FEWEST_LABELLED = 20
_WORDS = 3
"""Attributes that a photo's sentences name, of those that raise and of those that lower."""


class CannotExplain(ValueError):
    """This network, or these labels, cannot be explained; the message says why."""


@dataclass
class Explained:
    """What was found of some photos.

    Attributes:
        photos: For each photo ``photo_id``, ``user_id``, ``beauty``, ``attribute_beauty``, ``deletion_gain``,
            ``insertion_gain`` and ``sentences``.
        attributes: For each photo and attribute ``photo_id`` and the columns of ``photo_attributes``.
        overlays: Photo -> PNG.
        unreadable: Photos that could not be read -> reason.
    """

    photos: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    overlays: dict[int, bytes] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)


class AttributeModel:
    """The hand-crafted model, fitted to labelled photos.

    Args:
        source: Where photos come from.
        labelled: Columns ``uri`` and ``bucket``.

    Raises:
        CannotExplain: Fewer than ``FEWEST_LABELLED`` photos could be read.
    """

    def __init__(self, source: PhotoSource, labelled: pa.Table) -> None:
        self._source = source
        preprocessing = model_entry("handcrafted").preprocessing
        self.config = ModelConfig("handcrafted", "regressor", preprocessing)
        features, usable = self.features(labelled["uri"].to_pylist())
        if usable.sum() < FEWEST_LABELLED:
            raise CannotExplain(
                f"{usable.sum()} labelled photos can be read; {FEWEST_LABELLED} are needed to learn what attributes do"
            )
        values = dict(zip(BUCKETS, BUCKET_VALUES, strict=True))
        targets = np.array([values[bucket] for bucket in labelled["bucket"].to_pylist()], np.float32)
        self.network = HandcraftedModel(self.config.create_head().outputs)
        self.network.fit(features[usable], targets[usable], self.config.create_head())
        self.network.eval()

    def features(self, uris: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Features (n, f) of photos, and bool (n,): which could be read; rows of the others are zero."""
        return _prepared(self._source, uris, self.config.preprocessing)

    def beauty(self, features: np.ndarray) -> np.ndarray:
        """Beauty (n,) of features (n, f), not cut to [0, 1]: contributions add up to it."""
        with torch.inference_mode():
            outputs = self.network(torch.from_numpy(features))
            beauty: np.ndarray = self.config.create_head().unbounded_beauty(outputs).numpy()
        return beauty

    def contributions(self, features: np.ndarray) -> list[list[Contribution]]:
        """For each photo: what raises beauty, most first, then what lowers it, most first."""
        return explain_attributes(self.network, self.config.create_head(), features, top=len(FEATURE_NAMES))


class PhotoExplainer:
    """Explains photos of one network.

    Args:
        weights: Weights of the network.
        media_root: Where relative photo URIs start.
        labelled: Labelled photos to learn attributes from: columns ``user_id``, ``photo_id``, ``uri`` and ``bucket``.
        method: Method of the saliency.
        seed: Everything random derives from it.
        device: Where the network runs.

    Raises:
        CannotExplain: The network takes no pixels, or there are too few labelled photos.
    """

    def __init__(
        self, weights: bytes, media_root: str, labelled: pa.Table, method: str, *, seed: int = 0, device: str = "cpu"
    ) -> None:
        torch.set_num_threads(usable_cpus())
        self._network, self._config = load_weights(weights)
        if self._config.preprocessing.features:
            raise CannotExplain(f"{self._config.architecture} sees attributes, not pixels; it has no saliency")
        self._source = PhotoSource(media_root)
        self._method, self._seed, self._device = method, seed, device
        self._learnt_from = set(_owners_of(labelled))
        self._attributes = AttributeModel(self._source, labelled)

    def __call__(self, photos: pa.Table) -> Explained:
        """Explain photos.

        Args:
            photos: Columns ``photo_id``, ``user_id`` and ``uri``.
        """
        found = Explained()
        rows, contents = [], []
        for row in photos.to_pylist():
            try:
                content = self._source.read(row["uri"])
                pixels = decode_rgb(content, at_least=LONGER_SIDE)
                inputs = self._config.preprocessing.prepare(content)
                features = self._attributes.config.preprocessing.prepare(content)
            except UnscorablePhoto as error:
                found.unreadable[row["photo_id"]] = error.reason
                continue
            rows.append(row)
            contents.append((pixels, inputs, features))
        if rows:
            self._add_saliency(found, rows, [c[0] for c in contents], np.stack([c[1] for c in contents]))
            self._add_attributes(found, np.stack([c[2] for c in contents]))
        return found

    def _add_saliency(
        self, found: Explained, rows: list[dict[str, Any]], shown: list[np.ndarray], inputs: np.ndarray
    ) -> None:
        nothing = blurred(inputs)
        where = saliency(self._network, self._config, inputs, nothing, self._method, device=self._device)
        predict = beauty_function(self._network, self._config, self._device)
        measured = deletion_insertion(predict, inputs, where, nothing, seed=self._seed)
        beauty = np.clip(predict(inputs), 0, 1)
        gains = zip(beauty, measured.deletion_gain, measured.insertion_gain, strict=True)
        for row, pixels, values, (seen, deletion, insertion) in zip(rows, shown, where, gains, strict=True):
            photo_id = row["photo_id"]
            found.photos.append(
                {
                    "photo_id": photo_id,
                    "user_id": row["user_id"],
                    "beauty": float(seen),
                    "deletion_gain": float(deletion),
                    "insertion_gain": float(insertion),
                }
            )
            per_cell = beauty_per_cell(values, self._method)
            found.overlays[photo_id] = overlay_png(pixels, per_cell, self._config.preprocessing)

    def _add_attributes(self, found: Explained, features: np.ndarray) -> None:
        explained = self._attributes.contributions(features)
        for row, beauty, entries in zip(found.photos, self._attributes.beauty(features), explained, strict=True):
            raising = [entry.words for entry in entries if entry.contribution > 0]
            lowering = [entry.words for entry in entries if entry.contribution < 0]
            row["attribute_beauty"] = float(beauty)
            row["sentences"] = [*raising[:_WORDS], *lowering[:_WORDS]]
            found.attributes += [_attribute_row(row["photo_id"], entry) for entry in entries]

    def agreement(self, photos: pa.Table) -> Estimate:
        """Spearman's correlation between network and model of attributes on photos of owners it has not learnt from.

        Args:
            photos: Columns ``photo_id``, ``user_id`` and ``uri``.
        """
        unknown = [owner not in self._learnt_from for owner in _owners_of(photos)]
        photos = photos.filter(pa.array(unknown, pa.bool_()))
        uris = photos["uri"].to_pylist()
        features, usable = self._attributes.features(uris)
        inputs, readable = _prepared(self._source, uris, self._config.preprocessing)
        both = usable & readable
        of_network = predict_beauty(self._network, self._config, inputs[both], self._device)
        of_attributes = self._attributes.beauty(features[both])
        groups = np.array(_owners_of(photos), np.int64)[both]
        return bootstrapped(spearman, of_network, of_attributes, groups=groups, seed=self._seed)


def _attribute_row(photo_id: int, entry: Contribution) -> dict[str, Any]:
    return {
        "photo_id": photo_id,
        "attribute": entry.attribute,
        "value": entry.value,
        "deviation_sd": entry.deviation,
        "contribution": entry.contribution,
        "sentence": entry.words,
    }


def _owners_of(photos: pa.Table) -> list[int]:
    found: list[int] = owners(photos["user_id"].to_pylist(), photos["photo_id"].to_pylist()).tolist()
    return found


def _prepared(source: PhotoSource, uris: list[str], preprocessing: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Prepared photos in memory, and bool (n,): which could be read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photos.npy"
        prepared, usable = prepare_photos(source, uris, preprocessing, file, usable_cpus())
        return np.array(prepared), usable
