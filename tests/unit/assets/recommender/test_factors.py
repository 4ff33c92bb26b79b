import numpy as np
import pytest

from assets.recommender import factors as module
from assets.recommender.candidates import candidate_arcs
from assets.recommender.factors import Factors, factorised


def test_products_are_of_the_two_ends_of_each_arc(draw, monkeypatch):
    graph, rng = draw(51), np.random.default_rng(0)
    arcs = candidate_arcs(graph)
    places = Factors(rng.random((30, 4)), rng.random((30, 4)))
    expected = (places.of_users @ places.of_candidates.T)[arcs.source, arcs.target]
    assert places.products(arcs) == pytest.approx(expected)
    monkeypatch.setattr(module, "_ARCS_AT_ONCE", 7)
    assert places.products(arcs) == pytest.approx(expected)


def test_factorised_gives_links_products_near_one_and_others_near_none(draw):
    graph = draw(52, n=60, links=400)
    places = factorised(graph, seed=1, factors=16)
    assert places.of_users.shape == places.of_candidates.shape == (60, 16)
    products = places.of_users @ places.of_candidates.T
    is_link = graph.matrix.toarray() > 0
    assert np.abs(1 - products[is_link]).mean() < 0.1
    assert np.abs(products[~is_link]).mean() < 0.25
    again, other = factorised(graph, seed=1, factors=16), factorised(graph, seed=2, factors=16)
    assert np.array_equal(again.of_users, places.of_users)
    assert not np.array_equal(other.of_users, places.of_users)


def test_factorised_weighs_links_as_told(draw):
    graph = draw(53, n=60, links=400)
    is_link = graph.matrix.toarray() > 0

    def misses(**told):
        places = factorised(graph, factors=8, **told)
        return np.abs(1 - (places.of_users @ places.of_candidates.T)[is_link]).mean()

    assert misses(confidence=100.0) < misses(confidence=1.0)
    assert misses(regularisation=0.01) < misses(regularisation=10.0)


def test_factorised_does_without_links(draw):
    graph = draw(54, n=10, links=0)
    places = factorised(graph)
    assert np.isfinite(places.of_users).all()
    assert np.isfinite(places.of_candidates).all()
