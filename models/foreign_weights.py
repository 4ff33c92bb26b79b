"""Weights files that others published, read without running what they may hold.

safetensors files are read as they are. A ``.pth`` file is a zip with a pickle inside, and a pickle is a program:
``torch.load(weights_only=True)`` alone has been bypassed (CVE-2025-32434). So the pickle is first taken apart, opcode
by opcode, without being run; it may name nothing but what a dictionary of tensors needs. What passed is packed anew,
so that torch reads the very bytes that were looked at, and only then loaded, with ``weights_only``.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
ALLOWED_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {kind}Storage" for kind in _STORAGES),
}
"""All that the pickle of a dictionary of tensors names."""

ALLOWED_OPCODES = {
    *("PROTO", "FRAME", "STOP", "MARK", "POP", "GLOBAL", "BINPERSID", "REDUCE", "BUILD"),
    *("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
    *("EMPTY_DICT", "EMPTY_TUPLE", "EMPTY_LIST", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("SETITEM", "SETITEMS", "APPEND", "APPENDS"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "NEWTRUE", "NEWFALSE", "NONE"),
}
"""Opcodes that ``torch.save`` writes for such a dictionary; names put together on the stack are not among them."""

_MEMBER = re.compile(
    r"(?:data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)"
)
_NO_KNOWN_FORMAT = "{name} is neither a safetensors file nor a zip of torch.save; older pickles are not read: {error}"
_LARGEST_PICKLE = 16 * 2**20


class UnsafeWeights(ValueError):
    """A file that may do more than hold numbers; it is refused and nothing of it was run."""


def read_tensors(content: bytes, name: str) -> dict[str, Tensor]:
    """Tensors of a published weights file.

    Args:
        content: A safetensors file, or a dictionary of tensors as ``torch.save`` writes it since torch 1.6.
        name: Name of the file, for messages.

    Raises:
        UnsafeWeights: A pickle that names anything but tensors, or a format that cannot be looked through.
        ValueError: The file is broken, or holds something else than named tensors.
    """
    if not content.startswith(b"PK"):
        return _safetensors(content, name)
    import torch

    repacked = _repacked(content, name)
    try:
        tensors = torch.load(io.BytesIO(repacked), map_location="cpu", weights_only=True)
    except Exception as error:  # Broken records raise RuntimeError, KeyError, EOFError, UnpicklingError ...
        raise ValueError(f"{name} cannot be read: {error}") from error
    if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise ValueError(f"{name} holds something else than named tensors")
    return {str(key): tensor.contiguous() for key, tensor in tensors.items()}


def refuse_unsafe(file: Path) -> None:
    """Look a weights file through without loading its numbers.

    Raises:
        UnsafeWeights: See ``read_tensors``.
        ValueError: The file is broken.
    """
    from safetensors import SafetensorError, safe_open

    with file.open("rb") as stream:
        is_zip = stream.read(2) == b"PK"
    if is_zip:
        _repacked(file.read_bytes(), file.name)
        return
    try:
        with safe_open(file, "numpy"):
            pass
    except SafetensorError as error:
        raise UnsafeWeights(_NO_KNOWN_FORMAT.format(name=file.name, error=error)) from error


def _safetensors(content: bytes, name: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except SafetensorError as error:
        raise UnsafeWeights(_NO_KNOWN_FORMAT.format(name=name, error=error)) from error


def _repacked(content: bytes, name: str) -> bytes:
    """The members that a dictionary of tensors has, checked, in a zip of our own."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _checked_members(archive, name)
            contents = {inner: archive.read(info) for inner, info in members.items()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"{name} is no readable zip of torch.save: {error}") from error
    refuse_unsafe_pickle(contents["data.pkl"], name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        for inner, bytes_ in contents.items():
            packed.writestr(f"weights/{inner}", bytes_)
    return buffer.getvalue()


def _checked_members(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        inner = info.filename.partition("/")[2]
        if not _MEMBER.fullmatch(inner):
            raise UnsafeWeights(f"{name} holds {info.filename!r}, which a dictionary of tensors does not have")
        if inner in members:
            raise UnsafeWeights(f"{name} holds {inner!r} twice")
        if info.compress_type != zipfile.ZIP_STORED:
            raise UnsafeWeights(f"{name} holds {inner!r} compressed; torch.save compresses nothing")
        members[inner] = info
    if "data.pkl" not in members:
        raise UnsafeWeights(f"{name} is a zip without data.pkl; it was not written by torch.save")
    if members["data.pkl"].file_size > _LARGEST_PICKLE:
        raise UnsafeWeights(f"{name}: its pickle has {members['data.pkl'].file_size:,} bytes; tensors need far fewer")
    return members


def refuse_unsafe_pickle(pickle: bytes, name: str) -> None:
    """Take a pickle apart without running it.

    Raises:
        UnsafeWeights: It holds an opcode or names a global that no dictionary of tensors needs, or it is broken.
    """
    for opcode, argument, position in _taken_apart(pickle, name):
        if opcode not in ALLOWED_OPCODES:
            raise UnsafeWeights(f"{name}: opcode {opcode} at byte {position} of its pickle; tensors need none")
        if opcode == "GLOBAL" and argument not in ALLOWED_GLOBALS:
            raise UnsafeWeights(f"{name}: its pickle would call {str(argument).replace(' ', '.')}; it was not run")


def _taken_apart(pickle: bytes, name: str) -> list[tuple[str, object, int | None]]:
    try:
        return [(opcode.name, argument, position) for opcode, argument, position in pickletools.genops(pickle)]
    except Exception as error:  # genops raises ValueError, and what int() and decode() raise on broken arguments
        raise UnsafeWeights(f"{name}: its pickle cannot be taken apart: {error}") from error
