import numpy as np
import pytest
import torch

from models.attributes import WORDS, attribute_contributions, explain_attributes, sentence
from models.handcrafted import FEATURE_NAMES, HandcraftedModel
from models.heads import create_head

NUMBER = len(FEATURE_NAMES)


def features(n: int = 60) -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (n, NUMBER)).astype(np.float32)


def fitted(head_name: str) -> tuple[HandcraftedModel, object]:
    head = create_head(head_name)
    torch.manual_seed(0)
    network = HandcraftedModel(outputs=head.outputs)
    truth = features()[:, 0] - 0.5 * (features()[:, 5] - 3) ** 2
    network.fit(features(), (truth.argsort().argsort() / (len(truth) - 1)).astype(np.float32), head)
    return network, head


@torch.no_grad()
def beauty_of_terms(network, head, terms) -> np.ndarray:
    return head.unbounded_beauty(network.linear(terms)).numpy()


@pytest.mark.parametrize("head_name", ["classifier", "regressor"])
def test_contributions_add_up_to_the_distance_from_the_average_photo(head_name):
    network, head = fitted(head_name)
    terms = network.terms(torch.from_numpy(features())).detach()
    expected = beauty_of_terms(network, head, terms) - beauty_of_terms(network, head, torch.zeros_like(terms))
    found = attribute_contributions(network, head, features())
    assert expected.std() > 0.05
    np.testing.assert_allclose(found.sum(axis=1), expected, atol=1e-5)


def test_contributions_of_the_regressor_are_its_terms():
    network, head = fitted("regressor")
    weights = network.linear.weight.detach()[0]
    terms = network.terms(torch.from_numpy(features())).detach() * weights
    expected = terms[:, :NUMBER] + terms[:, NUMBER:]
    np.testing.assert_allclose(attribute_contributions(network, head, features()), expected, atol=1e-6)


@pytest.mark.parametrize("head_name", ["classifier", "regressor"])
def test_contributions_name_what_the_labels_were_made_of(head_name):
    network, head = fitted(head_name)
    importance = np.abs(attribute_contributions(network, head, features())).mean(axis=0)
    assert set(np.argsort(-importance)[:2]) == {0, 5}


def test_contributions_of_a_feature_without_weight_are_zero():
    network, head = fitted("regressor")
    with torch.no_grad():
        network.linear.weight[:, [7, 7 + NUMBER]] = 0
    assert (attribute_contributions(network, head, features())[:, 7] == 0).all()


def test_explain_attributes_gives_what_raises_then_what_lowers():
    network, head = fitted("regressor")
    found = attribute_contributions(network, head, features())
    explained = explain_attributes(network, head, features(), top=2)
    assert len(explained) == 60
    for photo, added in zip(explained, found, strict=True):
        order = np.argsort(added)
        assert [entry.attribute for entry in photo] == [FEATURE_NAMES[i] for i in (*order[::-1][:2], *order[:2])]
        assert [entry.contribution > 0 for entry in photo] == [True, True, False, False]
    first = explained[0][0]
    column = FEATURE_NAMES.index(first.attribute)
    assert first.value == features()[0, column]
    assert first.deviation == pytest.approx(
        (features()[0, column] - features()[:, column].mean()) / features()[:, column].std(), rel=1e-4
    )


def test_explain_attributes_leaves_out_what_does_nothing():
    network, head = fitted("regressor")
    with torch.no_grad():
        network.linear.weight.zero_()
    assert explain_attributes(network, head, features(2)) == [[], []]


@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_words_tell_less_and_more_of_every_feature(name):
    less, more = WORDS[name]
    assert less != more
    assert sentence(name, -2, 0.1).startswith(f"{less} than usual (-2.0 sd): raises")
    assert sentence(name, 2, -0.1).startswith(f"{more} than usual (+2.0 sd): lowers")
