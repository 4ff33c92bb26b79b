import io
from dataclasses import asdict, replace

import numpy as np
import pytest

from models.preprocessing import Preprocessing
from models.registry import model_entry


@pytest.mark.parametrize(
    "change",
    [
        {"input_size": 97},
        {"dct_scaling": False},
        {"mean": (0.0, 0.0, 0.0)},
        {"std": (1.0, 1.0, 1.0)},
        {"features": "handcrafted"},
    ],
)
def test_hash_changes_with_every_field(change):
    base = Preprocessing(input_size=96)
    assert replace(base, **change).hash != base.hash


def test_hash_is_the_same_after_a_round_trip_through_json():
    import json

    base = Preprocessing(input_size=96)
    assert Preprocessing.from_dict(json.loads(json.dumps(asdict(base)))).hash == base.hash


def test_hash_is_recorded():
    # Scores in existing lakes carry it: a change here makes every photo be scored again, so it must be meant.
    assert Preprocessing(input_size=96).hash == "0a0f170bd0759339"


def test_prepare_squeezes_the_whole_photo_into_a_square():
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 100, 50)).save(buffer, "PNG")
    prepared = Preprocessing(input_size=64).prepare(buffer.getvalue())
    assert prepared.shape == (64, 64, 3)
    assert prepared.dtype == np.uint8
    assert prepared.reshape(-1, 3).mean(axis=0).tolist() == [200, 100, 50]


def test_preprocessing_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="resize is 'lanczos'; only 'area'"):
        Preprocessing(input_size=96, resize="lanczos")
    with pytest.raises(ValueError, match="features is 'sift'"):
        Preprocessing(input_size=96, features="sift")


def test_resized_keeps_feature_sets_at_their_own_size():
    assert Preprocessing(input_size=96).resized(128).input_size == 128
    assert Preprocessing(input_size=96).resized(0).input_size == 96
    assert Preprocessing(input_size=256, features="handcrafted").resized(96).input_size == 256


def noisy_photo(width: int, height: int) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("change"), [{"fit": "crop"}, {"fit": "crop", "shorter_side": 110}, {"resize": "bicubic"}])
def test_hash_changes_with_fields_that_were_added_later(change):
    assert replace(Preprocessing(input_size=96), **change).hash != Preprocessing(input_size=96).hash


def test_hash_tells_the_shorter_side_of_a_crop():
    crop = Preprocessing(input_size=96, fit="crop")
    assert replace(crop, shorter_side=110).hash != crop.hash


@pytest.mark.parametrize(("width", "height"), [(301, 200), (200, 301), (224, 224), (90, 61)])
@pytest.mark.parametrize("architecture", ["clip_vit_l14", "dinov2_b14", "siglip_b16", "vit_b16"])
def test_prepare_gives_the_pixels_that_the_networks_own_processor_gives(architecture, width, height):
    """Up to rounding: both resample 8-bit pixels with Pillow."""
    import transformers
    from PIL import Image

    crop = {"crop_size": {"height": 224, "width": 224}, "resample": 3}
    square = {"size": {"height": 224, "width": 224}}
    processor = {
        "clip_vit_l14": transformers.CLIPImageProcessorPil(size={"shortest_edge": 224}, **crop),
        "dinov2_b14": transformers.BitImageProcessorPil(size={"shortest_edge": 256}, **crop),
        "siglip_b16": transformers.SiglipImageProcessorPil(resample=3, **square),
        "vit_b16": transformers.ViTImageProcessorPil(resample=2, **square),
    }[architecture]
    photo = noisy_photo(width, height)
    image = Image.open(io.BytesIO(photo))
    theirs = processor(image, do_normalize=False, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0) * 255
    np.testing.assert_allclose(model_entry(architecture).preprocessing.prepare(photo), theirs, atol=0.51)


def test_resized_keeps_the_share_that_a_crop_cuts():
    assert Preprocessing(input_size=224, fit="crop", shorter_side=256).resized(112).shorter_side == 128


def test_preprocessing_refuses_a_crop_that_is_larger_than_the_photo():
    with pytest.raises(ValueError, match="shorter_side is 64; it is for fit='crop', at least 96"):
        Preprocessing(input_size=96, fit="crop", shorter_side=64)
    with pytest.raises(ValueError, match="fit is 'pad'; choose 'squeeze' or 'crop'"):
        Preprocessing(input_size=96, fit="pad")
