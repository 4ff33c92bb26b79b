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
    with pytest.raises(ValueError, match="no head 'ranker'; there are \\['classifier', 'regressor'\\]"):
        create_head("ranker")
