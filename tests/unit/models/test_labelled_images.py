import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.labelled_images import DecodedOnDemand, LabelledImagesError, open_folder, open_shards
from models.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(input_size=32)


def photo(level: int, image_format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 36), (level, level, level)).save(buffer, image_format)
    return buffer.getvalue()


def write_folder(root: Path, classes: dict[str, list[int]]) -> Path:
    for name, levels in classes.items():
        (root / name).mkdir(parents=True)
        for number, level in enumerate(levels):
            (root / name / f"{number}.png").write_bytes(photo(level))
    return root


def write_shard(file: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(file, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file


def test_open_folder_numbers_classes_by_name(tmp_path):
    images = open_folder(write_folder(tmp_path, {"dog": [10, 20], "cat": [30], ".hidden": [1]}))
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, 1]
    assert [image.name for image in images.images] == ["cat/0.png", "dog/0.png", "dog/1.png"]
    assert images.images[1].read() == photo(10)


def test_open_folder_says_what_is_missing(tmp_path):
    with pytest.raises(LabelledImagesError, match="has no sub-folders; one per class is needed"):
        open_folder(tmp_path)
    (write_folder(tmp_path, {"dog": [10]}) / "cat").mkdir()
    with pytest.raises(LabelledImagesError, match="cat has no images .*remove it or fill it"):
        open_folder(tmp_path)


def test_open_shards_reads_pairs_of_image_and_class(tmp_path):
    first = write_shard(
        tmp_path / "0.tar",
        {"a/1.jpg": photo(50, "JPEG"), "a/1.cls": b"2", "a/1.json": b"{}", "b/1.png": photo(60), "b/1.cls": b"0\n"},
    )
    second = write_shard(tmp_path / "1.tar", {"9.cls": b"1", "9.webp": photo(70, "WEBP")})
    images = open_shards([first, second])
    assert images.classes == ("0", "1", "2")
    assert images.labels.tolist() == [2, 0, 1]
    assert [image.name for image in images.images] == ["0.tar#a/1.jpg", "0.tar#b/1.png", "1.tar#9.webp"]
    inputs, labels, readable = DecodedOnDemand(images, PREPROCESSING).batch(np.array([0, 2]))
    assert inputs.shape == (2, 32, 32, 3)
    assert [int(i.mean().round()) for i in inputs] == [50, 70]
    assert labels.tolist() == [2, 1]
    assert readable.all()
    assert open_shards([first], ["x", "y", "z", "unseen"]).classes == ("x", "y", "z", "unseen")


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"1.jpg": b"x"}, r"0.tar: 1 has no .cls member \(1 such keys\)"),
        ({"1.cls": b"1"}, "0.tar: 1 has no image member"),
        ({"1.jpg": b"x", "1.cls": b"cat"}, "0.tar#1.cls holds 'cat'; a class number from 0 is needed"),
        ({"1.jpg": b"x", "1.cls": b"-1"}, "holds '-1'; a class number"),
        ({"1.jpg": b"x", "1.cls": b"2"}, "class 2 has no name; 2 names were given"),
        ({"1.txt": b"x"}, "no images in 1 shards"),
    ],
)
def test_open_shards_names_the_member_that_is_wrong(tmp_path, members, complaint):
    with pytest.raises(LabelledImagesError, match=complaint):
        open_shards([write_shard(tmp_path / "0.tar", members)], ["cat", "dog"])


def test_open_shards_refuses_compressed_shards(tmp_path):
    shard = write_shard(tmp_path / "0.tar", {"1.jpg": photo(1), "1.cls": b"0"}, "w:gz")
    with pytest.raises(LabelledImagesError, match="is no plain tar file"):
        open_shards([shard])


@pytest.mark.parametrize("threads", [1, 3])
def test_decoded_on_demand_leaves_out_what_cannot_be_decoded(tmp_path, threads):
    root = write_folder(tmp_path, {"cat": [10, 20, 30], "dog": [40]})
    (root / "cat" / "1.png").write_bytes(photo(20)[:60])
    photos = DecodedOnDemand(open_folder(root), PREPROCESSING, threads)
    inputs, labels, readable = photos.batch(np.array([0, 1, 3]))
    assert readable.tolist() == [True, False, True]
    assert [int(i.mean().round()) for i in inputs] == [10, 40]
    assert labels.tolist() == [0, 1]
    assert list(photos.failures) == ["cat/1.png"]


def test_fingerprint_changes_with_names_and_labels(tmp_path):
    images = open_folder(write_folder(tmp_path, {"cat": [10, 20], "dog": [30, 40]}))
    rows = np.array([0, 1, 2])
    prints = [
        DecodedOnDemand(part, PREPROCESSING).fingerprint for part in (images, images.take(rows), images.take(rows))
    ]
    assert prints[0] != prints[1] == prints[2]


def test_split_holds_out_a_share_of_every_class(tmp_path):
    images = open_folder(write_folder(tmp_path, {"cat": list(range(10)), "dog": list(range(20))}))
    kept, held_out = images.split(0.2, seed=3)
    assert np.bincount(held_out.labels).tolist() == [2, 4]
    names = [image.name for part in (kept, held_out) for image in part.images]
    assert sorted(names) == sorted(image.name for image in images.images)
    assert images.split(0.2, seed=3)[1].images == held_out.images
    assert images.split(0.2, seed=4)[1].images != held_out.images
