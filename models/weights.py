"""Weights files: safetensors that say themselves which network they belong to. Nothing is ever unpickled."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor, nn

from models.heads import Head, create_head
from models.preprocessing import Preprocessing
from models.registry import create_model

_METADATA_KEY = "beautyflow"


class WeightsError(ValueError):
    """A weights file that is not what it should be; the message says what was expected."""


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed, besides the numbers, to score with a network.

    Attributes:
        architecture: Name in the registry.
        head: What ``heads.create_head`` takes.
        preprocessing: How photos are prepared.
        parameters: Further parameters of the architecture.
    """

    architecture: str
    head: str
    preprocessing: Preprocessing
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def create_network(self) -> nn.Module:
        """The network with random weights."""
        return create_model(
            self.architecture,
            outputs=self.create_head().outputs,
            input_size=self.preprocessing.input_size,
            **self.parameters,
        )

    def create_head(self) -> Head:
        """The head."""
        return create_head(self.head)


def sha256_of(content: bytes) -> str:
    """Hexadecimal sha256."""
    return hashlib.sha256(content).hexdigest()


def dump_weights(network: nn.Module, config: ModelConfig) -> bytes:
    """Weights and configuration as a safetensors file; the same weights give the same bytes."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    # One entry only: safetensors writes several in random order, and then bytes would differ from run to run.
    return save(tensors, metadata={_METADATA_KEY: json.dumps(asdict(config), sort_keys=True)})


def load_weights(content: bytes, *, sha256: str | None = None) -> tuple[nn.Module, ModelConfig]:
    """The network of a weights file, in evaluation mode, and its configuration.

    Args:
        content: Bytes of the file.
        sha256: Hash that the bytes must have; None trusts them.

    Raises:
        WeightsError: The hash differs, the file is no safetensors file of ours, or it does not fit the network.
    """
    if sha256 is not None and sha256_of(content) != sha256:
        raise WeightsError(f"weights have sha256 {sha256_of(content)}, expected {sha256}; the file was changed")
    tensors = _tensors(content)
    config = read_config(content)
    network = config.create_network()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"weights do not fit {config.architecture}: {error}") from error
    return network.eval(), config


def read_config(content: bytes) -> ModelConfig:
    """The configuration that a weights file carries.

    Raises:
        WeightsError: The file carries none.
    """
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        values = json.loads(header["__metadata__"][_METADATA_KEY])
    except (ValueError, KeyError) as error:
        raise WeightsError(f"not a weights file of this platform: no {_METADATA_KEY!r} entry in its header") from error
    return ModelConfig(**{**values, "preprocessing": Preprocessing.from_dict(values["preprocessing"])})


def _tensors(content: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except SafetensorError as error:
        raise WeightsError(f"not a safetensors file: {error}") from error
