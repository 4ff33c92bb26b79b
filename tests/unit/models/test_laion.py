import pytest
import torch

from models.laion import LaionPredictor, LinearHead, MlpHead, load_head
from models.registry import create_model, model_entry


class Embedding(torch.nn.Module):
    """Stands for a tower: gives the embedding that it is given."""

    def forward(self, embeddings):
        return embeddings


def test_heads_have_the_layers_and_numbers_of_the_published_files():
    published = {
        "layers.0.weight": (1024, 768), "layers.0.bias": (1024,),
        "layers.2.weight": (128, 1024), "layers.2.bias": (128,),
        "layers.4.weight": (64, 128), "layers.4.bias": (64,),
        "layers.6.weight": (16, 64), "layers.6.bias": (16,),
        "layers.7.weight": (1, 16), "layers.7.bias": (1,),
    }  # fmt: skip
    assert {name: tuple(tensor.shape) for name, tensor in MlpHead().state_dict().items()} == published
    assert sum(p.numel() for p in MlpHead().parameters()) == 927_969
    assert {name: tuple(t.shape) for name, t in LinearHead().state_dict().items()} == {"weight": (1, 768), "bias": (1,)}


@pytest.mark.parametrize("head", [LinearHead, MlpHead])
@torch.inference_mode()
def test_laion_predictor_sees_only_the_direction_of_the_embedding(head):
    torch.manual_seed(0)
    predictor = LaionPredictor(Embedding(), head(8)).eval()
    embeddings = torch.randn(4, 8)
    ratings = predictor(embeddings)
    assert ratings.std() > 1e-4
    torch.testing.assert_close(predictor(7 * embeddings), ratings)
    torch.testing.assert_close(ratings, predictor.head(embeddings / embeddings.norm(dim=1, keepdim=True)))


@pytest.mark.parametrize(("head", "other"), [(LinearHead, MlpHead), (MlpHead, LinearHead)])
def test_load_head_takes_its_own_file_and_refuses_the_other(head, other):
    ours, published = head(), head()
    load_head(ours, published.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), published.parameters(), strict=True))
    with pytest.raises(ValueError, match=f"the checkpoint is not a {head.__name__}: .*Missing key"):
        load_head(ours, other().state_dict())


def test_create_model_refuses_laion_predictors_with_several_outputs():
    with pytest.raises(ValueError, match="have one output, a rating; 3 were asked for"):
        create_model("laion_mlp", outputs=3, input_size=32, **model_entry("laion_mlp").trial)
