from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.landing.importing import describe_formats, import_named


def test_describe_formats_says_where_the_columns_are():
    last = describe_formats().splitlines()[-1]
    assert "docs/how-to/bring-your-own-community.md" in last
    assert (PROJECT_ROOT / "docs/how-to/bring-your-own-community.md").exists()


def test_import_named_shows_the_first_rejected_rows(tmp_path):
    path = tmp_path / "graph.txt"
    path.write_text("1 2\nx 3\n")
    settings = Settings(home=tmp_path, lake_uri=str(tmp_path / "lake"))
    text = import_named(settings, "edge_list", path, "here", [])
    assert text.splitlines()[-2:] == [
        "  first rejected rows of each reason:",
        "    edges not_an_integer: graph.txt, row 2, column follower_id: found x, expected a whole number",
    ]
    path.write_text("1 2\n")
    assert "rejected rows" not in import_named(settings, "edge_list", path, "here", [])
