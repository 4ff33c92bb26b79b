from assets.contracts.wording import counted


def test_counted_agrees_in_number():
    assert [counted(n, "file") for n in (0, 1, 2, 1200)] == ["0 files", "1 file", "2 files", "1,200 files"]
