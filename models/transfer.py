"""What a network starts from instead of random weights: all but the last layer of another, or a published image tower.

The paper pretrains on objects and then replaces ``fc8`` by three buckets or one unit; so does this.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from models.backbones import TowerWithHead, load_tower
from models.foreign_weights import read_tensors
from models.weights import WeightsError, read_config

LAST_LAYER = "fc8"
"""Name of the layer that is replaced, in every network that is trained by steps."""

_SHOWN = 5


def last_layer(network: nn.Module) -> nn.Module:
    """The layer that gives the outputs.

    Raises:
        WeightsError: The network has none of that name.
    """
    layer = getattr(network, LAST_LAYER, None)
    if not isinstance(layer, nn.Module):
        raise WeightsError(f"{type(network).__name__} has no layer {LAST_LAYER} that could be replaced")
    return layer


def copy_backbone(network: nn.Module, content: bytes) -> None:
    """Copy all weights but those of the last layer, which stays as it is.

    Args:
        network: Changed in place.
        content: A weights file of the same architecture with any head, or, for an image tower, a published checkpoint.

    Raises:
        WeightsError: The weights do not fit; the message names layers that are missing, left over or of another shape.
    """
    last_layer(network)
    tensors = read_tensors(content, "the initial weights")
    if isinstance(network, TowerWithHead) and not _is_ours(content):
        try:
            load_tower(network.tower, tensors)
        except ValueError as error:
            raise WeightsError(str(error)) from error
        return
    wanted, found = (_without_last_layer(state) for state in (network.state_dict(), tensors))
    _refuse_mismatch(wanted, found)
    network.load_state_dict(found, strict=False)


def _is_ours(content: bytes) -> bool:
    try:
        read_config(content)
    except WeightsError:
        return False
    return True


def _without_last_layer(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith(f"{LAST_LAYER}.")}


def _refuse_mismatch(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    shapes = [
        f"{name} is {tuple(found[name].shape)}, not {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    differences = {
        "missing": [name for name in wanted if name not in found],
        "left over": sorted(name for name in found if name not in wanted),
        "of another shape": shapes,
    }
    told = [
        f"{what}: {', '.join(names[:_SHOWN])}" + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        for what, names in differences.items()
        if names
    ]
    if told:
        raise WeightsError(f"initial weights are those of another network; {'; '.join(told)}")
