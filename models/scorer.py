"""Scoring: prepared photos in, beauty out. A plain class; knows nothing of files, threads or Ray."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from models import nvjpeg
from models.heads import Head
from models.nvjpeg import Decode
from models.preprocessing import Preprocessing
from models.weights import ModelConfig, load_weights

TOLERANCE = 1e-4
"""Largest difference between any two ways of computing the same score."""

_PROBE_PHOTOS = 3


@dataclass(frozen=True)
class ScorerConfig:
    """How a scorer runs; none of it changes scores by more than ``TOLERANCE``.

    Attributes:
        engine: ``torch``, ``onnxruntime``, or ``auto``: ONNX Runtime on CPU where it is installed and agrees.
        device: ``cpu``, or a CUDA device such as ``cuda`` or ``cuda:1``.
        threads: CPU threads within one forward pass; one is best where decoding keeps the other cores busy.
        compiles: Whether ``torch.compile`` makes the network; it takes a minute, and torch runs.
    """

    engine: str = "auto"
    device: str = "cpu"
    threads: int = 1
    compiles: bool = False

    def __post_init__(self) -> None:
        if self.engine not in ("auto", "torch", "onnxruntime"):
            raise ValueError(f"engine is {self.engine!r}; choose auto, torch or onnxruntime")
        if self.engine == "onnxruntime" and self.device != "cpu":
            raise ValueError("engine onnxruntime runs on the CPU only; choose torch or auto for a GPU")


@dataclass(frozen=True)
class Scores:
    """Scores of a batch.

    Attributes:
        beauty: float32 (n,), in [0, 1].
        probabilities: float32 (n, 3) of low, median and high; None where the head is a regressor.
    """

    beauty: np.ndarray
    probabilities: np.ndarray | None


class ScoringNetwork(nn.Module):
    """A network from prepared photos to scores: normalisation, network and head in one graph.

    Args:
        network: Maps normalised inputs to raw outputs.
        head: Meaning of the outputs.
        preprocessing: Mean and standard deviation of pixels; features come in as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, head: Head, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.takes_pixels = not preprocessing.features
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1))

    def forward(self, batch: Tensor) -> Tensor:
        """Columns (n, 1 or 4) of a batch: uint8 (n, h, w, 3) pixels, or float32 (n, f) features."""
        if self.takes_pixels:
            # A view, not a copy: NHWC memory under an NCHW shape is torch's channels_last format.
            batch = (batch.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return self.head.columns(self.network(batch))


Batch = np.ndarray | Tensor
"""Prepared photos (n, ...): an array, or a tensor on the GPU that decoded them."""


class Engine(Protocol):
    """Anything that maps a batch to score columns."""

    def __call__(self, batch: Batch) -> np.ndarray:
        """Columns (n, c) of prepared photos (n, ...)."""


class Scorer:
    """Scores batches of prepared photos.

    Args:
        weights: Weights file or its bytes; it carries architecture, head and preprocessing.
        config: How to run.
        sha256: Hash that the weights must have.

    Attributes:
        decode: Decodes JPEGs on the GPU, where the preprocessing asks for that; None otherwise.

    Raises:
        WeightsError: The weights are not what they should be.
        RuntimeError: Photos must be decoded on a GPU, and there is none.
    """

    def __init__(self, weights: bytes | Path, config: ScorerConfig | None = None, *, sha256: str | None = None) -> None:
        content = weights.read_bytes() if isinstance(weights, Path) else weights
        network, self.model = load_weights(content, sha256=sha256)
        self.config = config or ScorerConfig()
        self.decode: Decode | None = nvjpeg.nvjpeg(self.config.device) if self.preprocessing.decoder else None
        self.engine_name, self._engine = _choose_engine(network, self.model, self.config)

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos must be prepared for this scorer."""
        return self.model.preprocessing

    def __call__(self, batch: Batch) -> Scores:
        """Score one batch.

        Args:
            batch: (n, ...) stack of what ``preprocessing.prepare`` returns, or the same as a tensor; n may be 0.

        Raises:
            ValueError: The batch has another shape or type.
        """
        expected = self.preprocessing.shape
        kind = str(batch.dtype).removeprefix("torch.")
        if tuple(batch.shape[1:]) != expected or kind != np.dtype(self.preprocessing.dtype).name:
            raise ValueError(
                f"batch is {kind} {tuple(batch.shape)}; expected {np.dtype(self.preprocessing.dtype)} (n, {expected})"
            )
        if not len(batch):
            return _scores(np.zeros((0, self.model.create_head().score_columns), np.float32))
        return _scores(self._engine(batch))


def _scores(columns: np.ndarray) -> Scores:
    columns = np.clip(columns, 0.0, 1.0).astype(np.float32, copy=False)
    return Scores(columns[:, 0], columns[:, 1:] if columns.shape[1] > 1 else None)


def _choose_engine(network: nn.Module, model: ModelConfig, config: ScorerConfig) -> tuple[str, Engine]:
    scoring = ScoringNetwork(network, model.create_head(), model.preprocessing).eval()
    reference = TorchEngine(scoring, config)
    if config.engine == "torch" or config.device != "cpu" or config.compiles or model.preprocessing.decoder:
        return "torch", reference
    try:
        fast = OnnxRuntimeEngine(scoring, _probe(model.preprocessing), config.threads)
    except ImportError:
        if config.engine == "onnxruntime":
            raise
        return "torch", reference
    probe = _probe(model.preprocessing)
    difference = float(np.abs(fast(probe) - reference(probe)).max())
    if difference > TOLERANCE / 10 and config.engine == "auto":
        return "torch", reference
    return "onnxruntime", fast


def _probe(preprocessing: Preprocessing) -> np.ndarray:
    """A few noise photos, the same on every machine."""
    values = np.random.default_rng(0).random((_PROBE_PHOTOS, *preprocessing.shape))
    return (values * (1 if preprocessing.features else 255)).astype(preprocessing.dtype)


class TorchEngine:
    """Eager torch in full precision; on a GPU without TF32, so that scores agree with the CPU's."""

    def __init__(self, scoring: ScoringNetwork, config: ScorerConfig) -> None:
        self._device = torch.device(config.device)
        if self._device.type == "cpu":
            torch.set_num_threads(config.threads)
        else:
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        layout = torch.channels_last if scoring.takes_pixels else torch.contiguous_format
        self._scoring = scoring.to(self._device).to(memory_format=layout)  # type: ignore[call-overload]
        if config.compiles:
            self._scoring = torch.compile(self._scoring, dynamic=True)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> np.ndarray:
        """Columns (n, c)."""
        columns: np.ndarray = self._scoring(self._there(batch)).cpu().numpy()
        return columns

    def _there(self, batch: Batch) -> Tensor:
        if isinstance(batch, Tensor):
            return batch.to(self._device)
        tensor = torch.from_numpy(np.ascontiguousarray(batch))
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else tensor


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU: 1.4 to 1.9 times as fast as torch for networks of this family."""

    def __init__(self, scoring: ScoringNetwork, example: np.ndarray, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the cores that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            onnx_bytes(scoring, example), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: Batch) -> np.ndarray:
        """Columns (n, c)."""
        columns: np.ndarray = self._session.run(None, {"batch": batch})[0]
        return columns


def onnx_bytes(scoring: ScoringNetwork, example: np.ndarray) -> bytes:
    """The scoring graph as an ONNX model whose batch size is free.

    Args:
        scoring: Network in evaluation mode.
        example: A batch (n, ...) as the network takes it.
    """
    import io
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript and seconds per model; this one covers every layer we use.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            scoring,
            (torch.from_numpy(example),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=["batch"],
            output_names=["columns"],
            dynamic_axes={"batch": {0: "n"}, "columns": {0: "n"}},
        )
    return buffer.getvalue()
