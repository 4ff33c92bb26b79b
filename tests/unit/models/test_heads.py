import pytest
import torch

from models.heads import create_head, soft_buckets


def test_classifier_beauty_is_half_the_median_plus_the_high_probability():
    outputs = torch.log(torch.tensor([[0.2, 0.3, 0.5]]))
    beauty, *probabilities = create_head("classifier").columns(outputs)[0].tolist()
    assert beauty == pytest.approx(0.5 * 0.3 + 0.5)
    assert probabilities == pytest.approx([0.2, 0.3, 0.5])


def test_regressor_beauty_is_cut_to_the_unit_interval():
    assert create_head("regressor").columns(torch.tensor([[-1.0], [0.4], [3.0]])).flatten().tolist() == pytest.approx(
        [0, 0.4, 1]
    )


def test_classifier_loss_is_zero_for_certain_right_answers():
    outputs = torch.tensor([[100.0, 0, 0], [0, 100, 0], [0, 0, 100]])
    assert create_head("classifier").loss(outputs, torch.tensor([0, 0.5, 1])).item() == pytest.approx(0)


def test_regressor_loss_is_the_mean_squared_error():
    assert create_head("regressor").loss(torch.tensor([[0.0], [1.0]]), torch.tensor([1.0, 1.0])).item() == 0.5


def test_soft_buckets_keep_the_expected_value():
    targets = torch.linspace(0, 1, 11)
    weights = soft_buckets(targets)
    assert torch.allclose(weights.sum(dim=1), torch.ones(11))
    assert torch.allclose(weights @ torch.tensor([0, 0.5, 1]), targets)


def test_create_head_names_the_heads_there_are():
    with pytest.raises(ValueError, match="no head 'ranker'; there are .*'classifier', 'rating_1_10', 'regressor'"):
        create_head("ranker")
    with pytest.raises(ValueError, match="no head 'objects_0'"):
        create_head("objects_0")


def test_rating_beauty_maps_one_to_ten_onto_the_unit_interval():
    ratings = torch.tensor([[1.0], [5.5], [10.0], [12.0]])
    assert create_head("rating_1_10").columns(ratings).flatten().tolist() == pytest.approx([0, 0.5, 1, 1])
    assert create_head("rating_1_10").unbounded_beauty(ratings)[3].item() == pytest.approx(11 / 9)


def test_rating_loss_is_zero_for_the_right_rating():
    assert create_head("rating_1_10").loss(torch.tensor([[5.5]]), torch.tensor([0.5])).item() == 0


@pytest.mark.parametrize("name", ["classifier", "regressor", "rating_1_10"])
def test_unbounded_beauty_cut_to_the_unit_interval_is_beauty(name):
    head = create_head(name)
    outputs = torch.linspace(-4, 14, 10 * head.outputs).reshape(10, head.outputs)
    columns = head.columns(outputs)
    assert columns.shape == (10, head.score_columns)
    assert torch.allclose(head.unbounded_beauty(outputs).clamp(0, 1), columns[:, 0])


def test_object_head_learns_classes_and_has_no_beauty():
    head = create_head("objects_5")
    outputs = torch.eye(5) * 100
    assert head.outputs == 5
    assert head.loss(outputs, torch.arange(5)).item() == pytest.approx(0)
    with pytest.raises(ValueError, match="head objects_5 knows objects, not beauty; fine-tune it"):
        head.columns(outputs)
