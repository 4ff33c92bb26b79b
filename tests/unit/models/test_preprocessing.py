from dataclasses import asdict, replace

import numpy as np
import pytest

from models.preprocessing import Preprocessing


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
    import io

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
