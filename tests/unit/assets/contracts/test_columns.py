import pyarrow as pa

from assets.contracts.columns import count, number, share
from assets.contracts.table import Column


def test_columns_of_each_kind_have_their_type_and_bounds():
    assert count("links", "Links.") == Column("links", pa.int64(), "Links.", minimum=0)
    assert number("gap", "Gap.") == Column("gap", pa.float64(), "Gap.", nullable=True)
    assert number("p", "P.", nullable=False, minimum=0, maximum=1) == share("p", "P.")
    assert share("p", "P.", nullable=True) == Column("p", pa.float64(), "P.", nullable=True, minimum=0, maximum=1)
