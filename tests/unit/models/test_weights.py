import json

import pytest
import torch

from models.preprocessing import Preprocessing
from models.weights import ModelConfig, WeightsError, dump_weights, load_weights, read_config, sha256_of

CONFIG = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=32))


@pytest.fixture(scope="module")
def weights() -> bytes:
    torch.manual_seed(0)
    return dump_weights(CONFIG.create_network(), CONFIG)


def test_dump_weights_gives_the_same_bytes_again(weights):
    network, config = load_weights(weights)
    assert all(dump_weights(network, config) == weights for _ in range(5))


def test_load_weights_restores_network_and_configuration(weights):
    network, config = load_weights(weights, sha256=sha256_of(weights))
    assert config == CONFIG
    assert not network.training


def test_load_weights_refuses_changed_bytes(weights):
    changed = weights[:-1] + bytes([weights[-1] ^ 1])
    with pytest.raises(WeightsError, match=f"expected {sha256_of(weights)}; the file was changed"):
        load_weights(changed, sha256=sha256_of(weights))


def test_load_weights_refuses_a_pickle():
    import io

    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_weights(buffer.getvalue())


def test_load_weights_refuses_weights_of_another_network(weights):
    wrong = ModelConfig("alexnet_small", "regressor", CONFIG.preprocessing)
    network, _ = load_weights(weights)
    with pytest.raises(WeightsError, match="weights do not fit alexnet_small"):
        load_weights(dump_weights(network, wrong))


def test_read_config_refuses_foreign_safetensors():
    from safetensors.torch import save

    foreign = save({"a": torch.zeros(1)}, metadata={"format": json.dumps("pt")})
    with pytest.raises(WeightsError, match="not a weights file of this platform"):
        read_config(foreign)
