"""Published weights: the manifest ``checkpoints.toml``, explicit downloads, and what is made of them.

A head with its tower becomes a weights file like any other (see ``weights.py``), which ``Scorer`` takes. A tower is
what fine-tuning starts from (see ``transfer.py``). Nothing runs unless a person asks for it: ``python -m models``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from models.backbones import load_tower, require_transformers
from models.downloading import Progress, fetch
from models.foreign_weights import read_tensors, refuse_unsafe
from models.laion import LaionPredictor, load_head
from models.preprocessing import Preprocessing
from models.weights import ModelConfig, dump_weights

MANIFEST = Path(__file__).with_name("checkpoints.toml")
CARDS = Path(__file__).with_name("cards")


class CheckpointError(ValueError):
    """A checkpoint that cannot be had as asked; the message says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """One published weights file; the fields are explained in ``checkpoints.toml``.

    Attributes:
        parameters: Parameters of the architecture that are not the default; the manifest has none of its own.
    """

    name: str
    url: str
    sha256: str
    licence: str
    architecture: str
    part: str
    score_scale: str
    preprocessing: Preprocessing
    tower: str = ""
    head: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.part not in ("tower", "head") or (self.part == "head") != bool(self.tower and self.head):
            raise CheckpointError(f"{self.name}: part is {self.part!r}; a head names its tower and head, a tower none")

    @property
    def file_name(self) -> str:
        """Name of the downloaded file."""
        return self.name + PurePosixPath(unquote(urlsplit(self.url).path)).suffix


def read_manifest(file: Path = MANIFEST) -> dict[str, Checkpoint]:
    """All checkpoints by name.

    Raises:
        CheckpointError: A field is missing or unknown; the message names file and entry.
    """
    checkpoints = {}
    for name, values in tomllib.loads(file.read_text()).items():
        try:
            preprocessing = Preprocessing.from_dict(values.pop("preprocessing"))
            checkpoints[name] = Checkpoint(name=name, preprocessing=preprocessing, **values)
        except (TypeError, KeyError) as error:
            raise CheckpointError(f"{file.name}, [{name}]: {error}") from error
    return checkpoints


def pull(
    name: str,
    folder: Path,
    sha256: str = "",
    *,
    manifest: Mapping[str, Checkpoint] | None = None,
    progress: Progress = lambda received, total: None,
) -> list[Path]:
    """Download a checkpoint, and for a head its tower too, and make a weights file of a head and its tower.

    Args:
        name: Entry of the manifest.
        folder: Where files go. What is there already is verified and not downloaded again.
        sha256: Hash of the file where the manifest has none; must agree with the manifest where it has one.
        manifest: Instead of ``checkpoints.toml``.
        progress: Called as bytes arrive.

    Returns:
        The files: what was downloaded, and last ``NAME.weights.safetensors`` if it is a head.

    Raises:
        CheckpointError: There is no such checkpoint, or its hash is not known or contradicted.
        DownloadError: It did not arrive as it should.
        UnsafeWeights: It holds more than tensors; it was deleted.
        MissingExtra: ``transformers`` is needed to put head and tower together.
    """
    known = read_manifest() if manifest is None else manifest
    checkpoint = _entry(known, name)
    if checkpoint.part == "head":
        require_transformers()
    file = fetch(
        checkpoint.url,
        folder / checkpoint.file_name,
        _expected_hash(checkpoint, sha256),
        inspect=refuse_unsafe,
        progress=progress,
    )
    if checkpoint.part == "tower":
        return [file]
    tower = pull(checkpoint.tower, folder, manifest=known, progress=progress)[-1]
    weights = folder / f"{name}.weights.safetensors"
    partial = weights.with_name(f".{weights.name}.part")
    partial.write_bytes(assembled(checkpoint, tower, file))
    return [tower, file, partial.replace(weights)]


def assembled(checkpoint: Checkpoint, tower: Path, head: Path) -> bytes:
    """A weights file of a published head on its published tower.

    Args:
        checkpoint: Entry of the head.
        tower: Verified file of the tower.
        head: Verified file of the head.

    Raises:
        ValueError: One of them does not fit the architecture; the message names layers.
    """
    config = ModelConfig(
        checkpoint.architecture, checkpoint.head, checkpoint.preprocessing, parameters=checkpoint.parameters
    )
    network = config.create_network()
    if not isinstance(network, LaionPredictor):
        raise CheckpointError(f"{checkpoint.name}: {checkpoint.architecture} is no head on a tower")
    load_tower(network.tower, read_tensors(tower.read_bytes(), tower.name))
    load_head(network.head, read_tensors(head.read_bytes(), head.name))
    return dump_weights(network, config)


def _entry(manifest: Mapping[str, Checkpoint], name: str) -> Checkpoint:
    if name not in manifest:
        raise CheckpointError(f"no checkpoint {name!r}; there are {sorted(manifest)}")
    return manifest[name]


def _expected_hash(checkpoint: Checkpoint, sha256: str) -> str:
    given = sha256.strip().lower()
    if given and (len(given) != 64 or set(given) - set("0123456789abcdef")):
        raise CheckpointError(f"--sha256 {sha256} is not 64 hexadecimal digits")
    if given and checkpoint.sha256 and given != checkpoint.sha256:
        raise CheckpointError(f"{checkpoint.name}: checkpoints.toml has sha256 {checkpoint.sha256}, not {given}")
    if not given and not checkpoint.sha256:
        raise CheckpointError(
            f"{checkpoint.name}: no sha256 of it is known; take it from where its authors publish it and give it "
            f"with --sha256: {checkpoint.url}"
        )
    return given or checkpoint.sha256


def card(name: str) -> str:
    """The model card of a registered architecture or a checkpoint, as Markdown.

    Raises:
        CheckpointError: There is no card of this name.
    """
    known = sorted(file.stem for file in CARDS.glob("*.md"))
    if name not in known:
        raise CheckpointError(f"no model card {name!r}; there are {known}")
    return (CARDS / f"{name}.md").read_text()
