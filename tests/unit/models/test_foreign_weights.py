import builtins
import collections
import io
import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save

from models.foreign_weights import UnsafeWeights, read_tensors, refuse_unsafe

TENSORS = collections.OrderedDict(weight=torch.arange(6.0).reshape(2, 3), bias=torch.tensor([1, 2]))


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def with_member(content: bytes, replaced: dict[str, bytes], **options: int) -> bytes:
    """The zip with members exchanged or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", **options) as new:
        kept = {i.filename: old.read(i) for i in old.infolist()}
        folder = next(iter(kept)).partition("/")[0]
        for name, data in {**kept, **{f"{folder}/{n}": d for n, d in replaced.items()}}.items():
            new.writestr(name, data)
    return buffer.getvalue()


class Calls:
    """Pickles into a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "content", [saved(TENSORS), saved(dict(TENSORS)), save(dict(TENSORS))], ids=["od", "dict", "st"]
)
def test_read_tensors_gives_what_was_saved(content):
    found = read_tensors(content, "head.pth")
    assert set(found) == {"weight", "bias"}
    assert torch.equal(found["weight"], TENSORS["weight"])
    assert found["bias"].dtype == torch.int64


def test_read_tensors_reads_the_state_of_a_module():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    found = read_tensors(saved(network.state_dict()), "network.pth")
    assert set(found) == set(network.state_dict())


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("function", [os.system, builtins.eval, torch.hub.load], ids=["os", "eval", "torch"])
def test_read_tensors_refuses_pickles_that_call_anything_else(function, protocol):
    evil = pickle.dumps({"weight": Calls(function, "1+1")}, protocol=protocol)
    with pytest.raises(UnsafeWeights, match=r"its pickle would call|opcode"):
        read_tensors(with_member(saved(TENSORS), {"data.pkl": evil}), "head.pth")


def test_read_tensors_never_runs_a_refused_pickle(tmp_path):
    evil = pickle.dumps(Calls(os.mkdir, str(tmp_path / "was_here")), protocol=2)
    content = with_member(saved(TENSORS), {"data.pkl": evil})
    with pytest.raises(UnsafeWeights, match="head.pth: its pickle would call posix.mkdir; it was not run"):
        read_tensors(content, "head.pth")
    (tmp_path / "head.pth").write_bytes(content)
    with pytest.raises(UnsafeWeights, match="posix.mkdir"):
        refuse_unsafe(tmp_path / "head.pth")
    assert not (tmp_path / "was_here").exists()


def test_read_tensors_refuses_whole_modules():
    with pytest.raises(UnsafeWeights, match="torch.nn.modules.linear.Linear"):
        read_tensors(saved(torch.nn.Linear(2, 1)), "network.pth")


def test_read_tensors_refuses_members_that_tensors_do_not_have():
    with pytest.raises(UnsafeWeights, match="code/run.py"):
        read_tensors(with_member(saved(TENSORS), {"code/run.py": b"x"}), "head.pth")
    with pytest.raises(UnsafeWeights, match="compressed; torch.save compresses nothing"):
        read_tensors(with_member(saved(TENSORS), {}, compression=zipfile.ZIP_DEFLATED), "head.pth")
    with pytest.raises(UnsafeWeights, match="without data.pkl"):
        read_tensors(zip_of({"a/version": b"3"}), "head.pth")
    with pytest.raises(UnsafeWeights, match="'data.pkl' twice"):
        read_tensors(zip_of({"a/data.pkl": b"N.", "b/data.pkl": b"N."}), "head.pth")


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_read_tensors_refuses_pickles_from_before_zip():
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer, _use_new_zipfile_serialization=False)
    with pytest.raises(UnsafeWeights, match="older pickles are not read"):
        read_tensors(buffer.getvalue(), "old.pth")


@pytest.mark.parametrize("content", [saved(TENSORS), save(dict(TENSORS))], ids=["pth", "safetensors"])
def test_refuse_unsafe_lets_tensors_pass_and_nothing_else(content, tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(content)
    refuse_unsafe(file)
    file.write_bytes(b"#!/bin/sh\n" + content)
    with pytest.raises(UnsafeWeights, match="neither a safetensors file nor a zip of torch.save"):
        refuse_unsafe(file)


def test_read_tensors_refuses_what_is_no_dictionary_of_tensors():
    with pytest.raises(ValueError, match="something else than named tensors"):
        read_tensors(saved({"epoch": 3}), "head.pth")
    with pytest.raises(ValueError, match="no readable zip"):
        read_tensors(saved(TENSORS)[:200], "cut.pth")
    with pytest.raises(UnsafeWeights, match="cannot be taken apart"):
        read_tensors(with_member(saved(TENSORS), {"data.pkl": b"\x80\x02}q"}), "head.pth")
