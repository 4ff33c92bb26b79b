"""``python -m models``: list what there is, pull published weights, read model cards."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from models.checkpoints import CheckpointError, card, pull, read_manifest
from models.downloading import DownloadError
from models.foreign_weights import UnsafeWeights
from models.registry import list_models, model_entry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 where it could not, with the reason on standard error, and 1 where nobody read on."""
    parser = argparse.ArgumentParser(prog="python -m models", description="Beauty networks and published weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="networks of the registry and published checkpoints")
    puller = commands.add_parser("pull", help="download a checkpoint, verify it, make a weights file where possible")
    puller.add_argument("name", help="one of the checkpoints that `list` shows")
    puller.add_argument("--folder", type=Path, required=True, help="where files go")
    puller.add_argument("--sha256", default="", help="hash of the file, where the manifest has none")
    carder = commands.add_parser("card", help="print a model card")
    carder.add_argument("name", help="a network or a checkpoint")
    asked = parser.parse_args(arguments)
    try:
        answer = {"list": _list, "pull": _pull, "card": _card}[asked.command](asked)
    except (CheckpointError, DownloadError, UnsafeWeights, ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return _say(answer)


def _say(answer: str) -> int:
    try:
        print(answer, flush=True)
    except BrokenPipeError:
        # The reader, `head` perhaps, has seen enough. Python would try once more to write the rest when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _list(asked: argparse.Namespace) -> str:
    lines = [
        "Networks",
        *(f"  {e.name:<22}{e.parameters:>13,} parameters  {e.description}" for e in map(model_entry, list_models())),
        "Checkpoints (`pull NAME`)",
    ]
    for checkpoint in read_manifest().values():
        known = "" if checkpoint.sha256 else "; needs --sha256"
        lines.append(
            f"  {checkpoint.name:<38}{checkpoint.part} of {checkpoint.architecture}; {checkpoint.licence}{known}"
        )
    return "\n".join(lines)


def _pull(asked: argparse.Namespace) -> str:
    return "\n".join(map(str, pull(asked.name, asked.folder, asked.sha256, progress=_show)))


def _show(received: int, total: int | None) -> None:
    whole = f" of {total / 1e6:,.1f}" if total else ""
    end = "\n" if received == total else ""
    print(f"\r{received / 1e6:,.1f}{whole} MB", end=end, file=sys.stderr, flush=True)


def _card(asked: argparse.Namespace) -> str:
    return card(asked.name)


if __name__ == "__main__":
    raise SystemExit(main())
