import numpy as np
import pytest
import torch
from safetensors.torch import save

from models.training_state import FileStateStore, RunState


def run(seed: int) -> RunState:
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5))
    optimizer = torch.optim.AdamW(network.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    return RunState(network, optimizer, schedule, np.random.default_rng(seed))


def step(state: RunState) -> list[float]:
    """One step on drawn inputs; what it leaves behind."""
    inputs = torch.from_numpy(state.generator.random((8, 4), np.float32))
    state.optimizer.zero_grad()
    state.network(inputs).square().sum().backward()
    state.optimizer.step()
    state.schedule.step()
    return [
        *torch.cat([p.detach().flatten() for p in state.network.parameters()]).tolist(),
        *state.schedule.get_last_lr(),
    ]


def test_restore_brings_back_every_part_of_a_run():
    first = run(0)
    step(first)
    kept = first.dump("a", [{"epoch": 1}])
    expected = [step(first), step(first)]
    second = run(1)
    assert second.restore(kept, "a") == [{"epoch": 1}]
    assert [step(second), step(second)] == expected
    assert torch.equal(second.network[1].running_mean, first.network[1].running_mean)


def test_dump_gives_the_same_bytes_for_the_same_state():
    first = run(0)
    step(first)
    kept = first.dump("a", [])
    second = run(1)
    second.restore(kept, "a")
    assert second.dump("a", []) == kept


def test_restore_of_nothing_changes_nothing():
    first, second = run(0), run(0)
    assert second.restore(None, "a") == []
    torch.manual_seed(4)
    expected = step(first)
    torch.manual_seed(4)
    assert step(second) == expected


def test_restore_refuses_other_runs_and_other_files():
    first = run(0)
    with pytest.raises(ValueError, match="belongs to another run: other photos, settings, network or workers"):
        first.restore(first.dump("a", []), "b")
    with pytest.raises(ValueError, match="not a training state"):
        first.restore(save({"a": torch.zeros(1)}), "a")
    with pytest.raises(ValueError, match="not a training state"):
        first.restore(b"\x80\x02N.", "a")


def test_file_state_store_replaces_the_state_whole(tmp_path):
    store = FileStateStore(tmp_path / "runs" / "state")
    assert store.load() is None
    for content in (b"first", b"second"):
        store.save(content)
        assert store.load() == content
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["state"]
