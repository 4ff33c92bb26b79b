"""What an asset may ask of a Ray job. Plain values that travel as JSON through Dagster Pipes."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class RayRequest:
    """Base of all requests.

    Attributes:
        lake_uri: Lake to read from and to write to.
        media_root: Folder or URI that relative photo URIs start from.
    """

    job: ClassVar[str]
    """Module that runs the request, for example ``ray_jobs.score_photos``."""

    lake_uri: str
    media_root: str

    def to_dict(self) -> dict[str, Any]:
        """The request as a dictionary of JSON values."""
        return asdict(self)

    def settings(self) -> dict[str, Any]:
        """The request without locations: the same community may live elsewhere tomorrow."""
        return {name: value for name, value in self.to_dict().items() if name not in ("lake_uri", "media_root")}

    def to_json(self) -> str:
        """The request as one JSON object."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The request from a decoded JSON object.

        Raises:
            ValueError: A field is unknown or missing.
        """
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"{cls.__name__} has no fields {sorted(unknown)}; it has {sorted(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"{cls.__name__}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class TrainBeautyModel(RayRequest):
    """Train a beauty network on ``training_set`` and add a row to ``beauty_model``.

    Attributes:
        architecture: Name in the model registry of ``models``.
        head: ``classifier`` (three buckets), ``regressor`` (squared loss on 0, 0.5, 1), or ``auto``: both are trained
            and the better one on validation users scores.
        input_size: Side of the square input, in pixels.
        epochs: Passes over the training photos.
        maximum_photos: Photos to train on at most, drawn by ``seed``: together with ``epochs`` it bounds the time.
        batch_size: Photos per step.
        learning_rate: Peak learning rate.
        seed: Everything random derives from it; the same request gives the same weights.
        initial: Weights to start from, all but the last layer: a version in ``object_model``, or a file in
            ``checkpoints/`` of the community; empty starts from random ones.
        backbone_rate: Factor on the learning rate of all layers but the last; 0 trains the last layer alone.
        decoder: Empty decodes photos on the CPU, now and whenever the model scores; ``nvjpeg`` on the GPU.
        baseline: Whether to fit the hand-crafted model to the same labels too; it is compared, and never scores.
        workers: Training workers, which share each batch; another number gives other weights.
        num_gpus_per_worker: Share of a GPU per worker; 0 trains on CPU.
    """

    job: ClassVar[str] = "ray_jobs.train_beauty_model"

    architecture: str = "alexnet_small"
    head: str = "auto"
    input_size: int = 64
    epochs: int = 6
    maximum_photos: int = 10_000
    batch_size: int = 64
    learning_rate: float = 2e-3
    seed: int = 0
    initial: str = ""
    backbone_rate: float = 1.0
    decoder: str = ""
    baseline: bool = True
    workers: int = 1
    num_gpus_per_worker: float = 0.0

    def settings(self) -> dict[str, Any]:
        """What decides the weights: the baseline is a model of its own."""
        return {name: value for name, value in super().settings().items() if name != "baseline"}


@dataclass(frozen=True, kw_only=True)
class PretrainObjects(RayRequest):
    """Train a network to name objects and add a row to ``object_model``; fine-tuning starts from it.

    Attributes:
        images: A folder with one sub-folder per class, or WebDataset tar shards; relative paths start at
            ``media_root``. Empty takes the community's published photos with their categories.
        architecture: Name in the model registry of ``models``.
        input_size: Side of the square input, in pixels.
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Peak learning rate.
        validation_share: Share of each class, or of the owners of the community's photos, that is held out.
        seed: Everything random derives from it; the same request gives the same weights.
        workers: Training workers, which share each batch; another number gives other weights.
        num_gpus_per_worker: Share of a GPU per worker; 0 trains on CPU.
    """

    job: ClassVar[str] = "ray_jobs.pretrain_objects"

    images: list[str] = field(default_factory=list)
    architecture: str = "alexnet_small"
    input_size: int = 64
    epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 2e-3
    validation_share: float = 0.2
    seed: int = 0
    workers: int = 1
    num_gpus_per_worker: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ScorePhotos(RayRequest):
    """Score the photos of some months that this model version has not scored.

    Attributes:
        months: Partitions of ``photos``; each partition of ``scores`` is replaced whole.
        model_version: Which model scores; empty means the newest of ``beauty_model``.
        part_photos: Photos per resumable part: what a killed job loses at most.
        batch_size: Photos per forward pass.
        actors: Scoring actors; 0 means one per GPU, or one for all CPUs.
        num_gpus_per_actor: Share of a GPU per actor; 0 scores on CPU.
        retry_unscorable: Look again at photos that could not be scored, even in months without news.
    """

    job: ClassVar[str] = "ray_jobs.score_photos"

    months: list[str]
    model_version: str = ""
    part_photos: int = 20_000
    batch_size: int = 128
    actors: int = 0
    num_gpus_per_actor: float = 0.0
    retry_unscorable: bool = False


@dataclass(frozen=True, kw_only=True)
class CrossValidateBeauty(RayRequest):
    """Train on all folds but one, score that one, for each fold: an honest score for every rated photo.

    Adds rows to ``scores`` under a model version ``<architecture>-cv<folds>-<hash>``. Folds are made of whole
    users where the owner is known, and of photos otherwise.

    Attributes:
        architecture: Name in the model registry of ``models``.
        head: ``regressor`` (squared loss on the percentile of the mean rating) or ``classifier``.
        folds: Number of folds.
        minimum_ratings: Photos with fewer ratings take no part.
        input_size: Side of the input in pixels; 0 takes the architecture's own.
        epochs: Passes over the training photos of a fold, where the architecture trains by steps.
        batch_size: Photos per step.
        learning_rate: Peak learning rate.
        seed: Everything random derives from it.
        num_gpus_per_fold: Share of a GPU per fold; 0 trains on CPU.
    """

    job: ClassVar[str] = "ray_jobs.cross_validate"

    architecture: str = "handcrafted"
    head: str = "regressor"
    folds: int = 5
    minimum_ratings: int = 5
    input_size: int = 0
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0
    num_gpus_per_fold: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ScoreSample(RayRequest):
    """Score a few photos beside the months, in the job's own process: starting Ray would take longer than they do.

    The rows are written as ``scores`` and ``unscorable_photos`` of a zone of the lake, in a partition named by the
    model version; photos that are not published or have no image have neither.

    Attributes:
        photo_ids: Photos to score.
        zone: Zone of the lake that takes the rows; what the zone held of this model version is replaced.
        model_version: Which model scores; empty means the newest of ``beauty_model``.
        batch_size: Photos per forward pass.
        is_fresh: Score every photo; False keeps scores that the zone holds already.
        num_gpus: Above 0 the network runs on the GPU, at 0 on CPUs.
    """

    job: ClassVar[str] = "ray_jobs.score_sample"

    photo_ids: list[int]
    zone: str
    model_version: str = ""
    batch_size: int = 128
    is_fresh: bool = True
    num_gpus: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ExplainPhotos(RayRequest):
    """Say why photos have their scores, in the job's own process: they are dozens.

    Adds rows to the network's partition of ``photo_explanations`` and ``photo_attributes``, and overlays beside them.
    Photos that are explained already by the same network, labels, code and method are not looked at again.

    Attributes:
        photo_ids: Photos to explain.
        compared_ids: Photos on which the network and the model of attributes are compared; those of owners that the
            latter learns from are left out.
        model_version: Whose scores; empty means the newest of ``beauty_model``.
        method: Saliency: ``integrated_gradients`` or ``occlusion``.
        learning_photos: Labelled photos that the model of attributes learns from at most, drawn by ``seed``.
        seed: Everything random derives from it.
        num_gpus: Above 0 the network runs on the GPU, at 0 on CPUs.
    """

    job: ClassVar[str] = "ray_jobs.explain_photos"

    photo_ids: list[int]
    compared_ids: list[int]
    model_version: str = ""
    method: str = "integrated_gradients"
    learning_photos: int = 1_500
    seed: int = 0
    num_gpus: float = 0.0
