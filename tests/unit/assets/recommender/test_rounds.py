from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits, Recommender, best_of_each
from assets.recommender.recommenders.plain import AdamicAdar, Random
from assets.recommender.registry import recommenders
from assets.recommender.rounds import MEASURES, RoundsConfig, round_rows, simulated_rounds

EAGER = RoundsConfig(rounds=6, acceptance=1.0, patience=1.0, homophily=0.0)


@dataclass(frozen=True)
class _Spy(Recommender):
    """Recommends by chance, and keeps what it saw and gave."""

    learned: list = field(default_factory=list)
    seen: list = field(default_factory=list)

    def fitted(self, graph, seed=0):
        self.learned.append(graph)
        return Random().fitted(graph, seed)

    def filled(self, graph, arcs, scores, limits, seed=0):
        slots = best_of_each(graph, arcs, scores, limits.slots, seed)
        self.seen.append((graph, arcs, limits, slots))
        return slots


@pytest.fixture(scope="module")
def graph(draw):
    return draw(21, n=60, links=240)


@pytest.fixture(scope="module")
def unseen():
    return np.arange(60) % 5 == 0


def _course(runs, measure):
    return [run[measure] for run in runs]


def test_simulated_rounds_begin_with_the_graph_as_it_is(graph, unseen):
    first = next(simulated_rounds(graph, unseen, Random(), RoundsConfig(), 0))
    assert set(first) == set(MEASURES)
    assert first["balance"] == pytest.approx(1 - np.nanmean(np.abs(graph.mean_followed - graph.beauty)))
    assert first["beauty"] == pytest.approx(np.nanmean(graph.beauty))
    assert (first["active_users"], first["links"], first["inclusion"]) == (1, 0, 0)
    assert np.isnan(first["exposure_gini"])
    assert np.isnan(first["supply_and_demand"])


def test_simulated_rounds_without_acceptance_gain_nothing(graph, unseen):
    runs = list(simulated_rounds(graph, unseen, Random(), RoundsConfig(rounds=4, acceptance=0.0), 0))
    assert len(runs) == 5
    assert _course(runs, "links") == [0] * 5
    assert _course(runs, "inclusion") == [0] * 5
    assert np.isnan(_course(runs, "exposure_gini")).all()


def test_simulated_rounds_accept_all_that_is_recommended_where_nothing_speaks_against_it(graph, unseen):
    spy = _Spy()
    runs = list(simulated_rounds(graph, unseen, spy, EAGER, 1))
    given = np.array([len(slots) for *_, slots in spy.seen])
    assert (given > 0).all()
    assert _course(runs, "links") == pytest.approx([0, *np.cumsum(given) / 60])
    received = np.sum([slots.received(60) for *_, slots in spy.seen], axis=0)
    assert runs[-1]["inclusion"] == pytest.approx((received[unseen] > 0).mean())
    for (_, _, _, slots), (later, *_) in pairwise(spy.seen):
        assert later.has(slots.user, slots.target).all()
    assert [each.links for each, *_ in spy.seen] == [graph.links, *(graph.links + np.cumsum(given)[:-1])]


def test_simulated_rounds_accept_less_of_later_ranks_and_of_those_who_differ(graph, unseen):
    eager = list(simulated_rounds(graph, unseen, Random(), EAGER, 1))[-1]["links"]
    for other in (replace(EAGER, patience=0.3), replace(EAGER, homophily=10.0), replace(EAGER, acceptance=0.4)):
        assert list(simulated_rounds(graph, unseen, Random(), other, 1))[-1]["links"] < 0.8 * eager


def test_simulated_rounds_show_nobody_twice_and_nobody_who_left(graph, unseen):
    spy, config = _Spy(), RoundsConfig(rounds=12, base_churn=0.1, acceptance=0.5, slots=2)
    runs = list(simulated_rounds(graph, unseen, spy, config, 2))
    shown = np.concatenate([slots.user * 60 + slots.target for *_, slots in spy.seen])
    assert len(shown) > 100
    assert len(np.unique(shown)) == len(shown)
    before = np.arange(60)
    for run, (_, arcs, _, slots) in zip(runs, spy.seen, strict=False):
        active = arcs.users
        assert run["active_users"] == pytest.approx(len(active) / 60)
        assert np.isin(active, before).all()
        assert np.isin(slots.target, active).all()
        assert np.isin(arcs.target, active).all()
        before = active
    assert 0 < len(before) < 40


def test_simulated_rounds_keep_those_who_are_barred_apart(draw):
    graph = draw(22, n=20, links=80, barred=60)
    spy = _Spy()
    list(simulated_rounds(graph, np.zeros(20, bool), spy, EAGER, 0))
    shown = np.concatenate([slots.user * 20 + slots.target for *_, slots in spy.seen])
    assert len(shown) > 30
    assert not np.isin(shown, graph.barred).any()


def test_simulated_rounds_share_out_slots_among_those_who_are_there(graph, unseen):
    config = RoundsConfig(5, base_churn=0.1, slots=3, capacity_times=2.0, imbalance=0.3, demand_share=0.7)
    spy = _Spy()
    list(simulated_rounds(graph, unseen, spy, config, 2))
    for _, arcs, limits, _ in spy.seen:
        fair = 3 * np.count_nonzero(arcs.counts) / len(np.unique(arcs.target))
        assert limits == Limits(3, int(np.ceil(2.0 * fair)), 0.3, 0.7)


def test_simulated_rounds_without_churn_keep_everybody(graph, unseen):
    runs = list(simulated_rounds(graph, unseen, Random(), RoundsConfig(rounds=5, base_churn=0.0), 0))
    assert _course(runs, "active_users") == [1.0] * 6


def test_simulated_rounds_lose_more_the_more_imbalance_drives_away(graph, unseen):
    left = [
        list(simulated_rounds(graph, unseen, Random(), RoundsConfig(6, base_churn=0.05, imbalance_churn=d), 0))[-1]
        for d in (0.0, 2.0)
    ]
    assert left[1]["active_users"] < left[0]["active_users"] - 0.1


@pytest.mark.parametrize("form", ["linear", "threshold", "saturating", "lagged"])
@pytest.mark.parametrize("is_equal", [True, False])
def test_simulated_rounds_without_influence_or_without_a_gap_leave_beauty_as_it_is(graph, unseen, form, is_equal):
    beauty = np.where(np.isnan(graph.beauty), np.nan, 0.4) if is_equal else graph.beauty
    config = replace(EAGER, base_churn=0.0, influence=0.5 if is_equal else 0.0, influence_form=form)
    runs = list(simulated_rounds(replace(graph, beauty=beauty), unseen, Random(), config, 0))
    assert runs[-1]["links"] > 1
    assert _course(runs, "beauty") == pytest.approx([np.nanmean(beauty)] * 7)


@pytest.mark.parametrize("form", ["linear", "threshold", "saturating", "lagged"])
def test_simulated_rounds_leave_beauty_as_it_is_while_nobody_follows_anybody_new(graph, unseen, form):
    config = RoundsConfig(6, acceptance=0.0, base_churn=0.0, influence=0.6, influence_form=form)
    spy = _Spy()
    list(simulated_rounds(graph, unseen, spy, config, 0))
    for each, *_ in spy.seen:
        assert each.beauty == pytest.approx(graph.beauty, nan_ok=True)


def test_simulated_rounds_draw_beauty_toward_what_is_followed():
    """0 (0.3) follows 1 (0.3), who follows 2 (0.9); once 0 follows 2 too, new photos move by half the gap."""
    start = follow_graph(range(3), [0, 1], [1, 2], [0.3, 0.3, 0.9])
    config = replace(EAGER, rounds=2, influence=0.5, base_churn=0.0)
    spy = _Spy()
    list(simulated_rounds(start, np.zeros(3, bool), spy, config, 0))
    assert spy.seen[0][3].target.tolist() == [2]
    posted = 0.3 + 0.5 * (0.6 - 0.3)
    assert spy.seen[1][0].beauty[0] == pytest.approx((24 * 0.3 + 2 * posted) / 26)


def test_simulated_rounds_learn_anew_from_the_month_before(graph, unseen):
    spy = _Spy()
    list(simulated_rounds(graph, unseen, spy, replace(EAGER, rounds=7, refit=3), 0))
    assert len(spy.learned) == 3
    assert spy.learned[0].before is graph.before
    for later in spy.learned[1:]:
        assert later.before.links < later.links
        assert later.before.before is None


def test_simulated_rounds_lose_the_same_people_whoever_recommends(graph, unseen):
    """Where nothing that is recommended matters, what befalls people is the same."""
    config = RoundsConfig(rounds=6, acceptance=0.0, base_churn=0.1)
    courses = [
        [found["active_users"] for found in simulated_rounds(graph, unseen, recommender, config, 3)]
        for recommender in (_Spy(), recommenders()["random"](), recommenders()["preferential_attachment"]())
    ]
    assert courses[0] == courses[1] == courses[2]
    assert courses[0][-1] < courses[0][0]


def test_simulated_rounds_are_the_same_for_the_same_seed(graph, unseen):
    one, same, other = (list(simulated_rounds(graph, unseen, AdamicAdar(), EAGER, seed)) for seed in (3, 3, 4))
    assert repr(one) == repr(same)
    assert repr(one) != repr(other)


def test_simulated_rounds_begin_alike_for_all_recommenders(graph, unseen):
    config = RoundsConfig(rounds=2)
    starts = {repr(next(simulated_rounds(graph, unseen, cls(), config, 1))) for cls in recommenders().values()}
    assert len(starts) == 1


@pytest.mark.parametrize("name", list(recommenders()))
def test_simulated_rounds_go_on_when_everybody_has_left(draw, name):
    graph = draw(23, n=20, links=60)
    config = RoundsConfig(rounds=3, base_churn=0.999, refit=1)
    runs = list(simulated_rounds(graph, np.zeros(20, bool), recommenders()[name](), config, 0))
    assert runs[-1]["active_users"] == 0
    assert runs[-1]["links"] == runs[1]["links"]
    assert np.isnan(runs[-1]["balance"])
    assert np.isnan(runs[-1]["inclusion"])


def test_simulated_rounds_do_without_beauty(draw):
    graph = draw(24, n=20, links=60, known=0.0)
    runs = list(simulated_rounds(graph, np.zeros(20, bool), Random(), EAGER, 0))
    assert runs[-1]["links"] > 0
    assert np.isnan(runs[-1]["beauty"])


def test_round_rows_are_means_over_seeds_with_their_interval(graph, unseen):
    config = RoundsConfig(rounds=3)
    chosen = {"one": Random(), "other": AdamicAdar()}
    rows = list(round_rows(graph, unseen, chosen, config, (0, 1, 2)))
    assert [(row["recommender"], row["round"], row["measure"]) for row in rows] == [
        (name, number, measure) for name in chosen for number in range(4) for measure in MEASURES
    ]
    assert {row["seeds"] for row in rows} == {3}
    values = np.array([list(simulated_rounds(graph, unseen, Random(), config, s))[-1]["links"] for s in range(3)])
    row = next(each for each in rows if each["round"] == 3 and each["measure"] == "links")
    assert row["value"] == pytest.approx(values.mean())
    ends = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (row["lower"], row["upper"]) == pytest.approx(ends)


def test_round_rows_of_one_seed_have_no_interval_and_nothing_for_what_is_undefined(graph, unseen):
    rows = list(round_rows(graph, unseen, {"one": Random()}, RoundsConfig(rounds=1), (0,)))
    assert len(rows) == 2 * len(MEASURES)
    assert {(row["lower"], row["upper"]) for row in rows} == {(None, None)}
    missing = {row["measure"] for row in rows if row["value"] is None and row["round"] == 0}
    assert missing == {"supply_and_demand", "exposure_gini"}
