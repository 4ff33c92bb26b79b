import pyarrow as pa
import pytest

from assets.contracts.lake import LakeError
from assets.contracts.objects import OBJECT_MODELS
from models.weights import sha256_of
from ray_jobs.initial_weights import initial_sha256, read_initial


@pytest.fixture
def object_model(lake):
    """An object model whose weights are five bytes."""
    lake.put_bytes("object_model/weights/m.safetensors", b"trunk")
    row = dict.fromkeys(OBJECT_MODELS.schema.names, "x") | {
        "model_version": "m",
        "classes": ["cat", "dog"],
        "weights_uri": "object_model/weights/m.safetensors",
        "weights_sha256": sha256_of(b"trunk"),
        **dict.fromkeys(("parameters", "training_images", "held_out_images"), 9),
        **dict.fromkeys(("accuracy", "lower", "upper", "chance_accuracy"), 0.5),
    }
    lake.write(OBJECT_MODELS, "undated", pa.Table.from_pylist([row], schema=OBJECT_MODELS.schema))


@pytest.fixture
def pulled(tmp_path, monkeypatch):
    """A community with one pulled checkpoint, and a download that is under way."""
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "tower.safetensors").write_bytes(b"tower")
    (tmp_path / "checkpoints" / ".other.part").touch()


@pytest.mark.usefixtures("object_model", "pulled")
@pytest.mark.parametrize(("name", "content"), [("m", b"trunk"), ("tower.safetensors", b"tower")])
def test_read_initial_finds_object_models_and_pulled_files(lake, name, content):
    assert read_initial(lake, name) == content
    assert initial_sha256(lake, name) == sha256_of(content)


@pytest.mark.usefixtures("pulled")
def test_read_initial_without_a_name_is_nothing(lake):
    assert read_initial(lake, "") is None
    assert initial_sha256(lake, "") == ""


@pytest.mark.usefixtures("object_model", "pulled")
@pytest.mark.parametrize("name", ["n", ".other.part", "../lake"])
def test_read_initial_names_the_weights_there_are(lake, name):
    for ask in (read_initial, initial_sha256):
        with pytest.raises(ValueError, match=r"object_model has \['m'\], .*/checkpoints has \['tower.safetensors'\]$"):
            ask(lake, name)


def test_read_initial_of_a_community_without_any_says_none(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="no weights 'm' to start from; object_model has none, .*checkpoints has none"):
        read_initial(lake, "m")


@pytest.mark.usefixtures("object_model", "pulled")
def test_read_initial_refuses_changed_weights(lake):
    lake.put_bytes("object_model/weights/m.safetensors", b"other")
    with pytest.raises(LakeError, match="has sha256"):
        read_initial(lake, "m")
