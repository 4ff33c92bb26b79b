from assets.beauty.explanations import (
    describe_photos,
    estimate_in_words,
    read_explanations,
    read_faithfulness,
    strongest_attributes,
)
from assets.contracts.explanations import overlay_name
from assets.contracts.lake import Lake
from tests.unit.assets.beauty.explained import LOWERS, RAISES, store_explanations


def test_read_explanations_gives_those_of_a_network_most_beautiful_first(lake: Lake) -> None:
    store_explanations(lake, "m-1", [1, 9, 4])
    store_explanations(lake, "m-2", [7])
    assert [row["photo_id"] for row in read_explanations(lake, "m-1")] == [9, 4, 1]
    assert set(read_faithfulness(lake, "m-2")) == {"deletion_gain", "insertion_gain", "attribute_agreement"}
    assert read_faithfulness(lake, "m-3") == {}


def test_strongest_attributes_are_those_that_add_or_take_away_most(lake: Lake) -> None:
    store_explanations(lake, "m-1", [1])
    assert [row["attribute"] for row in strongest_attributes(lake, "m-1")[1]] == ["noise", "sharpness"]


def test_describe_photos_says_scores_sentences_gains_and_where_the_overlay_lies(lake: Lake) -> None:
    store_explanations(lake, "m-1", [7])
    text, is_complete = describe_photos(lake, [7, 7], "m-1")
    assert is_complete
    assert text.splitlines() == [
        "Photo 7: beauty 0.70 by m-1, 0.50 by its attributes",
        f"  {RAISES}",
        f"  {LOWERS}",
        "  saliency by integrated_gradients: deletion gain +0.050, insertion gain +0.040",
        f"  {lake.location(overlay_name('m-1', 7))}",
        "",
        "Saliency against random order, in beauty: deletion +0.050 (95 %: +0.030 to +0.070, 1 photos), "
        "insertion +0.040 (95 %: +0.020 to +0.060, 1 photos)",
        "The sentences are of a model of attributes; Spearman's correlation with the network: "
        "+0.60 (95 %: +0.58 to +0.62, 1 photos)",
    ]


def test_describe_photos_says_how_to_explain_others(lake: Lake) -> None:
    text, is_complete = describe_photos(lake, [3, 4], "m-1")
    assert not is_complete
    assert text.splitlines() == [
        "not explained by m-1: 3, 4",
        "to explain them: `beautyflow explain --make 3 4`",
    ]


def test_estimate_in_words_of_too_few_owners_says_so() -> None:
    assert estimate_in_words({"value": None, "lower": None, "upper": None, "photos": 3}) == (
        "unknown (3 photos are too few to tell)"
    )
