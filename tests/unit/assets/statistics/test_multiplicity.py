import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.statistics.multiplicity import benjamini_hochberg, holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusted_p_values_are_those_of_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1], abs=1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_is_no_test_counts_as_none(adjust):
    found = adjust([0.01, np.nan, 0.2])
    assert np.isnan(found[1])
    assert found[[0, 2]].tolist() == adjust([0.01, 0.2]).tolist()
    assert adjust([]).size == 0
    with pytest.raises(ValueError, match=r"lie in \[0, 1\], found \[1.2\]"):
        adjust([1.2, 0.1])
