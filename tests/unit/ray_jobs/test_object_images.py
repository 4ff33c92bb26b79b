import io
import tarfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from assets.contracts.community import PHOTOS
from assets.contracts.requests import PretrainObjects
from models.labelled_images import LabelledImagesError
from ray_jobs.object_images import categorised_photos, open_images


def request(lake, media, *images: str) -> PretrainObjects:
    return PretrainObjects(lake_uri=lake.uri, media_root=str(media), images=list(images), validation_share=0.25)


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photos(lake, media):
    """Forty photos of ten owners; a category for all but the last, and one that only three have."""
    count = 40
    categories = ["cat" if i % 2 else "dog" for i in range(36)] + ["emu"] * 3 + ["uncategorised"]
    columns = {
        "photo_id": list(range(count)),
        "user_id": [i // 4 for i in range(count)],
        "is_public": [i != 0 for i in range(count)],
        "category": categories,
        "uri": [f"{i}.png" if i != 1 else "" for i in range(count)],
    }
    for i in range(count):
        (media / f"{i}.png").write_bytes(png("red" if i % 2 else "blue"))
    lake.write(PHOTOS, "undated", PHOTOS.conform(pa.table(columns)))


def test_categorised_photos_leaves_out_private_bare_rare_and_uncategorised_ones(lake, photos):
    found = categorised_photos(lake)
    assert found["photo_id"].to_pylist() == list(range(2, 36))
    assert set(found["category"].to_pylist()) == {"cat", "dog"}


def test_open_images_holds_out_whole_owners_of_the_community(lake, media, photos):
    images = open_images(request(lake, media), categorised_photos(lake))
    assert images.train.classes == ("cat", "dog")
    held_out = {int(image.name.partition(".")[0]) // 4 for image in images.held_out.images}
    learned = {int(image.name.partition(".")[0]) // 4 for image in images.train.images}
    assert len(held_out) == 2
    assert held_out.isdisjoint(learned)
    assert set(images.owner.tolist()) == held_out
    assert len(images.train) + len(images.held_out) == 34
    first = images.train.images[0]
    assert first.read() == png("blue" if images.train.labels[0] else "red")
    again = open_images(request(lake, media), categorised_photos(lake))
    assert again.train.fingerprint == images.train.fingerprint


def test_open_images_takes_a_folder_or_shards_from_the_media_root(lake, media):
    for name in ("cat", "dog"):
        (media / "set" / name).mkdir(parents=True)
        for number in range(4):
            (media / "set" / name / f"{number}.png").write_bytes(png("red"))
    nothing = categorised_photos(lake)
    folder = open_images(request(lake, media, "set"), nothing)
    assert (len(folder.train), len(folder.held_out), folder.train.classes) == (6, 2, ("cat", "dog"))
    assert np.unique(folder.owner).tolist() == [0, 1]
    with tarfile.open(media / "a.tar", "w") as archive:
        for number in range(8):
            for name, content in ((f"{number}.png", png("red")), (f"{number}.cls", str(number % 2).encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    shard = open_images(request(lake, media, str(media / "a.tar")), nothing)
    assert (len(shard.train), len(shard.held_out), shard.train.classes) == (6, 2, ("0", "1"))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([], "no images are named, .* 0 categories have 10 or more; two are needed. Name a folder"),
        (["nowhere"], "nowhere is not there on this machine"),
        (["one", "one"], "one is a folder beside others; name one folder, or shards alone"),
    ],
)
def test_open_images_says_what_to_name(lake, media, images, said):
    (media / "one").mkdir()
    with pytest.raises(LabelledImagesError, match=said):
        open_images(request(lake, media, *images), categorised_photos(lake))
