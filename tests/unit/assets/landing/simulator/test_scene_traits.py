"""Skills lean on beauty as stated, and each keeps its own mind."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import spearmanr

from assets.landing.simulator.scene_traits import CATEGORIES, SKILLS, draw_traits


@pytest.mark.parametrize("category", CATEGORIES)
def test_draw_traits_leans_every_skill_on_beauty_and_none_wholly(category: str) -> None:
    rng = np.random.default_rng(3)
    beauty = np.clip(rng.normal(0.5, 0.18, 3000), 0.0, 1.0)
    skills = np.array([astuple(draw_traits(float(b), category, rng)) for b in beauty])
    assert skills.shape == (3000, len(SKILLS))
    assert skills.min() >= 0.0
    assert skills.max() <= 1.0
    leanings = [float(spearmanr(column, beauty).statistic) for column in skills.T]
    assert min(leanings) > 0.4
    assert max(leanings) < 0.96


def test_draw_traits_differs_between_categories_for_the_same_noise() -> None:
    drawn = {astuple(draw_traits(0.8, category, np.random.default_rng(1))) for category in CATEGORIES}
    assert len(drawn) == len(CATEGORIES)


def test_draw_traits_takes_the_same_draws_at_every_beauty() -> None:
    low, high = np.random.default_rng(8), np.random.default_rng(8)
    worse, better = draw_traits(0.2, "person", low), draw_traits(0.7, "person", high)
    assert low.random() == high.random()
    assert all(a < b for a, b in zip(astuple(worse), astuple(better), strict=True))
