import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from models.__main__ import main
from models.backbones import ImageTower
from models.checkpoints import CARDS, Checkpoint, CheckpointError, card, pull, read_manifest
from models.foreign_weights import UnsafeWeights
from models.laion import LinearHead, MlpHead
from models.registry import list_models, model_entry
from models.scorer import Scorer
from models.weights import read_config

MANIFEST = read_manifest()


@pytest.mark.parametrize("name", MANIFEST)
def test_every_checkpoint_fits_the_registry(name):
    checkpoint = MANIFEST[name]
    entry = model_entry(checkpoint.architecture)
    assert checkpoint.preprocessing == entry.preprocessing
    assert checkpoint.url.startswith("https://")
    assert checkpoint.file_name.endswith((".safetensors", ".pth"))
    assert len(checkpoint.sha256) in (0, 64)
    assert checkpoint.licence
    if checkpoint.part == "head":
        assert checkpoint.head in entry.heads
        assert checkpoint.score_scale == entry.score_scale
        assert MANIFEST[checkpoint.tower].part == "tower"


@pytest.mark.parametrize("name", [*list_models(), *MANIFEST])
def test_every_model_and_checkpoint_has_a_card(name):
    text = card(name)
    assert text.startswith(f"# {name}\n")
    for section in ("What it is", "Input", "Output", "Licence", "Limits"):
        assert f"\n## {section}\n" in text, section
    if name in MANIFEST:
        assert MANIFEST[name].sha256 in text
    else:
        assert f"{model_entry(name).parameters:,}" in text


def test_card_names_the_cards_there_are():
    assert {file.stem for file in CARDS.glob("*.md")} == {*list_models(), *MANIFEST}
    with pytest.raises(CheckpointError, match="no model card 'resnet'; there are .*'alexnet_quarter'"):
        card("resnet")


def published(folder: Path, name: str, content: bytes, suffix: str, **fields) -> Checkpoint:
    """A checkpoint on disk, as an entry of a manifest."""
    file = folder / f"{name}{suffix}"
    file.write_bytes(content)
    entry = model_entry(fields["architecture"])
    return Checkpoint(
        name=name,
        url=file.as_uri(),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0-1.0",
        score_scale=entry.score_scale,
        preprocessing=entry.preprocessing.resized(32),
        **fields,
    )


def torch_saved(tensors: object) -> bytes:
    import io

    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


@pytest.fixture
def tiny(tmp_path):
    """A tower and both heads as their authors publish them, 32 px and 12 numbers wide."""
    torch.manual_seed(0)
    parameters = model_entry("laion_mlp").trial
    tower = ImageTower("clip", 32, parameters["tower"])
    source = tmp_path / "source"
    source.mkdir()
    linear, mlp = LinearHead(12), MlpHead(12)
    for head in (linear, mlp):
        for layer in head.modules():
            if isinstance(layer, torch.nn.Linear) and layer.out_features == 1:
                torch.nn.init.constant_(layer.bias, 5.0)
    content = save(dict(tower.network.state_dict()))
    entries = [
        published(source, "tower", content, ".safetensors", architecture="clip_vit_l14", part="tower"),
        *(
            published(
                source, name, torch_saved(head.state_dict()), ".pth", architecture=architecture, part="head",
                tower="tower", head="rating_1_10", parameters=parameters,
            )
            for name, head, architecture in (("linear", linear, "laion_linear"), ("mlp", mlp, "laion_mlp"))
        ),
    ]  # fmt: skip
    return {entry.name: entry for entry in entries}, tower.eval(), {"linear": linear.eval(), "mlp": mlp.eval()}


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_pull_makes_a_scorer_of_a_head_and_its_tower(tiny, tmp_path, name):
    manifest, tower, heads = tiny
    files = pull(name, tmp_path / "models", manifest=manifest)
    assert [file.name for file in files] == ["tower.safetensors", f"{name}.pth", f"{name}.weights.safetensors"]
    assert sorted((tmp_path / "models").iterdir()) == sorted(files)
    scorer = Scorer(files[-1])
    batch = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (scorer.preprocessing.mean, scorer.preprocessing.std))
    with torch.inference_mode():
        embeddings = tower((torch.from_numpy(batch).permute(0, 3, 1, 2).float() - mean) / std)
        ratings = heads[name](embeddings / embeddings.norm(dim=1, keepdim=True))[:, 0]
    assert ratings.std() > 1e-5
    np.testing.assert_allclose(scorer(batch).beauty, (ratings - 1) / 9, atol=1e-5)


def test_pull_again_gives_the_same_bytes_and_needs_no_source(tiny, tmp_path):
    manifest, *_ = tiny
    first = [file.read_bytes() for file in pull("mlp", tmp_path / "models", manifest=manifest)]
    for source in (tmp_path / "source").iterdir():
        source.unlink()
    assert [file.read_bytes() for file in pull("mlp", tmp_path / "models", manifest=manifest)] == first
    assert read_config(first[-1]).head == "rating_1_10"


def test_pull_wants_a_hash_that_the_manifest_does_not_know(tiny, tmp_path):
    manifest, *_ = tiny
    unknown = {"tower": replace(manifest["tower"], sha256="")}
    with pytest.raises(CheckpointError, match="no sha256 of it is known; .* give it with --sha256"):
        pull("tower", tmp_path / "models", manifest=unknown)
    assert pull("tower", tmp_path / "models", manifest["tower"].sha256.upper(), manifest=unknown)[0].exists()


def test_pull_refuses_hashes_that_are_none_or_contradict(tiny, tmp_path):
    manifest, *_ = tiny
    with pytest.raises(CheckpointError, match="--sha256 abc is not 64 hexadecimal digits"):
        pull("tower", tmp_path / "models", "abc", manifest=manifest)
    with pytest.raises(CheckpointError, match="tower: checkpoints.toml has sha256"):
        pull("tower", tmp_path / "models", "0" * 64, manifest=manifest)
    with pytest.raises(CheckpointError, match=r"no checkpoint 'resnet'; there are \['linear', 'mlp', 'tower'\]"):
        pull("resnet", tmp_path / "models", manifest=manifest)


def test_pull_keeps_nothing_of_an_unsafe_pickle(tmp_path):
    evil = torch_saved(torch.nn.Linear(2, 1))
    entry = published(tmp_path, "evil", evil, ".pth", architecture="clip_vit_l14", part="tower")
    with pytest.raises(UnsafeWeights, match="would call torch.nn.modules.linear.Linear; it was not run"):
        pull("evil", tmp_path / "models", manifest={"evil": entry})
    assert list((tmp_path / "models").iterdir()) == []


def test_pull_says_that_a_head_is_not_the_one_it_should_be(tiny, tmp_path):
    manifest, *_ = tiny
    swapped = {**manifest, "mlp": replace(manifest["mlp"], architecture="laion_linear")}
    with pytest.raises(ValueError, match="the checkpoint is not a LinearHead"):
        pull("mlp", tmp_path / "models", manifest=swapped)


def test_read_manifest_names_the_entry_that_is_wrong(tmp_path):
    file = tmp_path / "checkpoints.toml"
    file.write_text('[a]\nurl = "https://example.org/a"\npreprocessing = { input_size = 32 }\n')
    with pytest.raises(CheckpointError, match=r"checkpoints.toml, \[a\]: .*missing"):
        read_manifest(file)


def test_main_lists_everything_and_prints_cards(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in [*list_models(), *MANIFEST])
    assert main(["card", "handcrafted"]) == 0
    assert capsys.readouterr().out.startswith("# handcrafted\n")


def test_main_says_on_standard_error_what_could_not_be_done(tmp_path, capsys):
    assert main(["pull", "google_vit_b16_in21k", "--folder", str(tmp_path)]) == 2
    assert "give it with --sha256" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
