"""Twenty owners of four photos each; the score of a photo grows with its id, favorites fall with it."""

from collections.abc import Callable

import pytest

from assets.beauty.explanation_choice import choose_photos, draw_compared, explain_request, newest_model
from assets.contracts.lake import Lake
from tests.unit.assets.beauty.explained import model, store_explanations

OWNERS, EACH = 20, 4
PHOTOS = range(OWNERS * EACH)


def photo(photo_id: int, **values) -> dict:
    return {"photo_id": photo_id, "user_id": photo_id // EACH, "is_public": True, "uri": f"{photo_id}.jpg", **values}


def score(photo_id: int, beauty: float) -> dict:
    return {"photo_id": photo_id, "model_version": "m-1", "preprocessing_hash": "x", "beauty": beauty}


@pytest.fixture
def community(put: Callable[..., None], at) -> None:
    put(
        photos=[photo(i) for i in PHOTOS],
        beauty_model=[model()],
        scores=[score(i, i / len(PHOTOS)) for i in PHOTOS],
        favorites=[
            {"user_id": 100 + n, "photo_id": i, "created_at": at("2013-04-01")}
            for i in PHOTOS
            for n in range(3 if i // EACH in (19, 18) else 1 if i // EACH > 9 else 2)
        ],
    )


@pytest.mark.usefixtures("community")
def test_choose_photos_takes_each_quarter_in_turn_and_one_photo_of_an_owner_in_it(lake: Lake) -> None:
    top, middle, bottom = [79, 75], [39, 40], [0, 4]
    # Owners 18 and 19 score higher, but their photos get more favorites than half of the owners' do.
    unseen = [71, 67]
    expected = [photo for turn in zip(top, middle, bottom, unseen, strict=True) for photo in turn]
    assert choose_photos(lake, "m-1", 8) == expected
    assert choose_photos(lake, "m-1", 5) == expected[:5]


@pytest.mark.usefixtures("community")
def test_choose_photos_never_takes_a_photo_twice_and_takes_all_there_are(lake: Lake) -> None:
    chosen = choose_photos(lake, "m-1", 1000)
    assert len(chosen) == len(set(chosen)) >= OWNERS
    assert {i // EACH for i in chosen} == set(range(OWNERS))
    assert choose_photos(lake, "m-2", 8) == []


def test_choose_photos_passes_over_deleted_photos_and_those_without_image(lake: Lake, put, at) -> None:
    put(
        photos=[photo(0), photo(1, user_id=1, uri=""), photo(2, user_id=2, deleted_at=at("2013-05-01"))],
        scores=[score(i, 0.5) for i in range(4)],
    )
    assert choose_photos(lake, "m-1", 8) == [0]


@pytest.mark.usefixtures("community")
def test_draw_compared_leaves_out_owners_of_whom_a_photo_is_learnt_from(lake: Lake, put) -> None:
    same = {"uri": "a.jpg", "metric": 0.5, "metric_source": "social_metric", "bucket": "low"}
    rows = [{"photo_id": 0, "user_id": 0, "split": "train"}, {"photo_id": 4, "user_id": 1, "split": "test"}]
    put(training_set=[{**row, **same} for row in rows])
    drawn = draw_compared(lake, "m-1")
    assert sorted(drawn) == list(PHOTOS)[EACH:]
    assert drawn != sorted(drawn)
    assert draw_compared(lake, "m-1", 10) == drawn[:10]


@pytest.mark.usefixtures("community")
def test_explain_request_asks_for_named_photos_or_chosen_ones(lake: Lake) -> None:
    named = explain_request(lake, "landing", "m-1", [5, 3], photos=2, method="occlusion", num_gpus=0.5)
    assert (named.photo_ids, named.method, named.num_gpus) == ([5, 3], "occlusion", 0.5)
    store_explanations(lake, "m-1", [7, 3])
    assert explain_request(lake, "landing", "m-1", [5, 3]).photo_ids == [5, 3, 7]
    assert explain_request(lake, "landing", "m-1", [], photos=2).photo_ids == choose_photos(lake, "m-1", 2)
    with pytest.raises(ValueError, match="m-2 has scored no photo with an image"):
        explain_request(lake, "landing", "m-2", [])


@pytest.mark.usefixtures("community")
def test_newest_model_is_that_of_the_highest_sequence_or_the_named_one(lake: Lake, put) -> None:
    put(beauty_model=[model("m-1", 2), model("m-2", 1)])
    assert newest_model(lake)["model_version"] == "m-1"
    assert newest_model(lake, "m-2")["model_version"] == "m-2"
    with pytest.raises(ValueError, match="there is no trained model m-9, so"):
        newest_model(lake, "m-9")
