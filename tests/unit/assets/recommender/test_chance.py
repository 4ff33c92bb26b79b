import numpy as np

from assets.recommender.chance import pair_chances, stream


def test_pair_chances_are_even_and_ordered():
    one, other = np.divmod(np.arange(10_000), 100)
    drawn = pair_chances("ties", 0, one, other)
    assert np.abs(np.histogram(drawn, 10, (0, 1))[0] - 1000).max() < 5 * 30
    assert abs(np.corrcoef(drawn, pair_chances("ties", 0, other, one))[0, 1]) < 0.05 + 0.01  # the diagonal is the same
    assert abs(np.corrcoef(drawn, pair_chances("ties", 1, one, other))[0, 1]) < 0.05


def test_streams_of_seeds_and_purposes_are_apart():
    found = {stream(seed, purpose) for seed in range(50) for purpose in ("ties", "links that are hidden", "ties ")}
    assert len(found) == 150
    assert all(0 <= each < 2**63 for each in found)
