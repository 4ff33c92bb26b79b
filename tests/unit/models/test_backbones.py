import sys

import pytest
import torch

from models.backbones import ImageTower, MissingExtra, load_tower
from models.registry import create_model, model_entry

TINY = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 50,
    "max_position_embeddings": 8,
}
PIXELS = torch.linspace(-2, 2, 3 * 3 * 32 * 32).reshape(3, 3, 32, 32).sin()


def whole_clip():
    """CLIP as it is published: both towers in one file."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(1)
    vision = {**TINY, "image_size": 32, "projection_dim": 12}
    text = {**TEXT, "projection_dim": 12, "eos_token_id": 2}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()


def whole_siglip():
    from transformers import SiglipConfig, SiglipModel

    torch.manual_seed(1)
    vision = {**TINY, "image_size": 32}
    return SiglipModel(SiglipConfig(text_config={**TEXT, "projection_size": 16}, vision_config=vision)).eval()


def embedding(found) -> torch.Tensor:
    return getattr(found, "pooler_output", found)


@pytest.mark.parametrize(
    ("family", "whole", "tower"), [("clip", whole_clip, {"projection_dim": 12}), ("siglip", whole_siglip, {})]
)
@torch.inference_mode()
def test_load_tower_takes_the_image_tower_out_of_a_published_file(family, whole, tower):
    published = whole()
    ours = ImageTower(family, 32, {**TINY, **tower}).eval()
    before = ours(PIXELS)
    load_tower(ours, published.state_dict())
    expected = embedding(published.get_image_features(pixel_values=PIXELS))
    assert not torch.allclose(before, expected, atol=1e-3)
    torch.testing.assert_close(ours(PIXELS), expected, atol=1e-6, rtol=0)


@torch.inference_mode()
def test_load_tower_interpolates_positions_as_dinov2_itself_does():
    from transformers import Dinov2Config, Dinov2Model

    tiny = {name: value for name, value in TINY.items() if name != "intermediate_size"}
    torch.manual_seed(1)
    published = Dinov2Model(Dinov2Config(**tiny, image_size=56)).eval()
    ours = ImageTower("dinov2", 32, tiny).eval()
    load_tower(ours, published.state_dict())
    torch.testing.assert_close(ours(PIXELS), published(PIXELS).pooler_output, atol=1e-6, rtol=0)


@torch.inference_mode()
def test_image_tower_gives_the_class_token_of_vit():
    tower = ImageTower("vit", 32, TINY).eval()
    torch.testing.assert_close(tower(PIXELS), tower.network(PIXELS).last_hidden_state[:, 0])


def test_load_tower_names_what_is_missing_and_what_has_another_shape():
    tensors = dict(ImageTower("clip", 32, {**TINY, "projection_dim": 12}).network.state_dict())
    del tensors["visual_projection.weight"]
    with pytest.raises(
        ValueError, match=r"does not fit CLIPVisionModelWithProjection: missing visual_projection.weight"
    ):
        load_tower(ImageTower("clip", 32, {**TINY, "projection_dim": 12}), tensors)
    with pytest.raises(ValueError, match="of another shape .*position_embedding"):
        load_tower(
            ImageTower("clip", 40, {**TINY, "projection_dim": 12}),
            {**tensors, "visual_projection.weight": torch.zeros(12, 16)},
        )


def test_load_tower_leaves_the_random_numbers_alone():
    tower = ImageTower("vit", 32, TINY)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_tower(tower, tower.network.state_dict())
    assert torch.equal(torch.rand(1), expected)


def test_create_model_tells_how_to_get_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"optional extra: pip install 'beautyflow\[transformers\]'"):
        create_model("siglip_b16", **model_entry("siglip_b16").trial, input_size=32)


def test_image_tower_refuses_families_and_fields_that_do_not_exist():
    with pytest.raises(ValueError, match=r"no family 'resnet' of image towers; there are \['clip'"):
        ImageTower("resnet", 32, {})
    with pytest.raises(ValueError, match="ViTConfig has no field widht"):
        ImageTower("vit", 32, {"widht": 8})
