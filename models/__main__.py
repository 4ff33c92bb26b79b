"""``python -m models``: list what there is, pull published weights, read model cards."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.checkpoints import CheckpointError, card, pull, read_manifest
from models.downloading import DownloadError
from models.foreign_weights import UnsafeWeights
from models.registry import list_models, model_entry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 where it could not, with the reason on standard error."""
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
        return {"list": _list, "pull": _pull, "card": _card}[asked.command](asked)
    except (CheckpointError, DownloadError, UnsafeWeights, ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _list(asked: argparse.Namespace) -> int:
    print("Networks")
    for entry in map(model_entry, list_models()):
        print(f"  {entry.name:<22}{entry.parameters:>13,} parameters  {entry.description}")
    print("Checkpoints (`pull NAME`)")
    for checkpoint in read_manifest().values():
        known = "" if checkpoint.sha256 else "; needs --sha256"
        print(f"  {checkpoint.name:<38}{checkpoint.part} of {checkpoint.architecture}; {checkpoint.licence}{known}")
    return 0


def _pull(asked: argparse.Namespace) -> int:
    for file in pull(asked.name, asked.folder, asked.sha256, progress=_show):
        print(file)
    return 0


def _show(received: int, total: int | None) -> None:
    whole = f" of {total / 1e6:,.1f}" if total else ""
    end = "\n" if received == total else ""
    print(f"\r{received / 1e6:,.1f}{whole} MB", end=end, file=sys.stderr, flush=True)


def _card(asked: argparse.Namespace) -> int:
    print(card(asked.name))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
