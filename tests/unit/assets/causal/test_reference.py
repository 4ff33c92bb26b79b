"""What R's MatchIt, Matching and rbounds give, from declared experiments and designs."""

import numpy as np
import pyarrow as pa
import pytest

from assets.causal.analysis import analyse
from assets.causal.design import Design, Experiment
from assets.causal.effects import pair_effects
from assets.causal.sensitivity import p_values

MATCHIT = Experiment("lalonde", "treat", "re78", ("age", "educ", "race", "married", "nodegree", "re74", "re75"))
X = ("age", "educ", "black", "hisp", "married", "nodegr", "re74", "re75", "u74", "u75")
MATCHING = Experiment("lalonde", "treat", "re78", X, score_terms=(*X, "age2", "educ2", "re742", "re752"))
LIKE_MATCHING = {"replacement": True, "tie_tolerance": 1e-5, "variance_matches": 0}


@pytest.fixture(scope="module")
def matchit(reference) -> pa.Table:
    return reference("matchit_lalonde.csv")


@pytest.fixture(scope="module")
def matching(reference) -> pa.Table:
    table = reference("matching_lalonde.csv")
    for name in ("age", "educ", "re74", "re75"):
        table = table.append_column(f"{name}2", pa.array(np.asarray(table[name], dtype=np.float64) ** 2))
    return table


@pytest.mark.parametrize(
    ("design", "pairs", "effect", "file"),
    [
        (Design(metric="propensity"), 185, 894.3674802703, "lalonde_pairs_nearest_ps.csv"),
        (Design(caliper_sd=0.2), 117, 1770.6029064103, "lalonde_pairs_nearest_ps_caliper0.2_linear.csv"),
    ],
    ids=["nearest", "caliper"],
)
def test_nearest_without_replacement_gives_the_pairs_of_matchit(matchit, reference, design, pairs, effect, file):
    result = analyse(matchit, MATCHIT, design)
    ids, theirs = matchit["id"].to_pylist(), reference(file)
    found = result.matched.pairs
    ours = {(ids[a], ids[b]) for a, b in zip(found.focal, found.match, strict=True)}
    assert ours == set(zip(theirs["treated"].to_pylist(), theirs["control"].to_pylist(), strict=True))
    assert len(ours) == pairs
    assert result.effect.value == pytest.approx(effect, rel=0, abs=1e-8)
    assert result.naive.value == pytest.approx(-635.02621203742, rel=0, abs=1e-8)


def test_balance_is_that_of_matchit(matchit):
    balance = {row.covariate: row for row in analyse(matchit, MATCHIT, Design(metric="propensity")).balance}
    printed = {
        "distance": (1.79408604968, 0.97393770090),
        "age": (-0.30944526200, 0.07176968975),
        "educ": (0.05496466139, -0.12904256155),
        "race=black": (1.76154188982, 1.02585928270),
        "re74": (-0.72108380907, -0.05045079361),
        "re75": (-0.29026291119, -0.02568604149),
    }
    for name, (before, after) in printed.items():
        assert (balance[name].before.smd, balance[name].after.smd) == pytest.approx((before, after), rel=0, abs=1e-8)


def test_default_coarsening_gives_the_strata_of_matchit(matchit, reference):
    result = analyse(matchit, MATCHIT, Design(method="strata", coarsen_rest=True))
    assert (result.counts["matched_treated"], result.counts["matched_control"]) == (65, 75)
    assert result.effect.value == pytest.approx(1070.9073264274, rel=0, abs=1e-8)
    theirs = reference("lalonde_subclass_cem_default.csv")
    assert theirs["id"].to_pylist() == matchit["id"].to_pylist()
    subclass, stratum = [str(s) for s in theirs["subclass"].to_pylist()], result.matched.stratum.tolist()
    assert [s == -1 for s in stratum] == [s in ("NA", "None") for s in subclass]
    inside = {(a, b) for a, b in zip(stratum, subclass, strict=True) if a >= 0}
    assert len(inside) == len({a for a, _ in inside}) == len({b for _, b in inside}) == 25
    weights, control = np.asarray(theirs["weight"], dtype=np.float64), np.asarray(theirs["treat"]) == 0
    assert result.matched.weights[control] * 75 / 65 == pytest.approx(weights[control], abs=1e-8)


@pytest.mark.parametrize(
    ("design", "effect", "error", "pairs", "file"),
    [
        (Design(metric="propensity", **LIKE_MATCHING), 2153.3060196911, 825.3980679880, 346, "ATT_ps_M1_replace"),
        (Design(metric="mahalanobis", **LIKE_MATCHING), 1782.8423024324, 823.3596036052, 267, "ATT_X_maha_M1"),
        (
            Design(metric="inverse_variance", ratio=4, bias_adjusted=True, **LIKE_MATCHING),
            *(1692.3814297194, 770.0074426767, 859, "ATT_X_inversevar_bias_M4"),
        ),
    ],
    ids=["score", "mahalanobis", "inverse variance"],
)
def test_matching_with_replacement_gives_what_matching_gives(matching, reference, design, effect, error, pairs, file):
    result = analyse(matching, MATCHING, design)
    found, theirs = result.matched.pairs, reference(f"matching_pairs_{file}.csv")
    ours = {(a + 1, b + 1, round(w, 6)) for a, b, w in zip(found.focal, found.match, found.weight, strict=True)}
    columns = (theirs[name].to_pylist() for name in ("treated", "control"))
    assert ours == {(a, b, round(float(w), 6)) for a, b, w in zip(*columns, theirs["weight"].to_pylist(), strict=True)}
    assert len(found.focal) == pairs
    assert result.effect.value == pytest.approx(effect, rel=0, abs=1e-8)
    assert result.effect.standard_error == pytest.approx(error, rel=0, abs=1e-8)


@pytest.mark.parametrize("which", ["matching_att_ps", "matchit_nearest_ps"])
def test_bounds_are_those_of_rbounds_as_printed(matching, matchit, reference, which):
    if which == "matching_att_ps":
        matched = analyse(matching, MATCHING, Design(metric="propensity", **LIKE_MATCHING)).matched
    else:
        matched = analyse(matchit, MATCHIT, Design(metric="propensity")).matched
    differences = pair_effects(matched.pairs, matched.sample.treated, matched.sample.outcome)
    printed = reference(f"rbounds_psens_{which}.csv").to_pylist()
    assert len(printed) == 11
    for row in printed:
        bounds = [round(p, 4) for p in p_values(differences, row["Gamma"], "dropped")]
        assert bounds == pytest.approx([row["Lower bound"], row["Upper bound"]], abs=1e-12)
    ranked = [round(p, 4) for p in p_values(differences, 1.0, "ranked")]
    assert ranked != pytest.approx([printed[0]["Lower bound"]] * 2, abs=1e-3)
