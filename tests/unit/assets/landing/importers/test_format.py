from dataclasses import fields
from pathlib import Path

import pytest

from assets.contracts.table import TableContract
from assets.landing.importers import ImportFailure, Option, format_called, list_formats
from assets.landing.importers.casting import cast, constant
from assets.landing.importers.format import landing_tables


def test_list_formats_finds_every_module_that_declares_one():
    import assets.landing.importers as package

    declaring = [p.stem for p in Path(package.__path__[0]).glob("*.py") if "FORMAT = Format(" in p.read_text()]
    assert sorted(declaring) == [found.name for found in list_formats()]
    assert len(declaring) >= 8


@pytest.mark.parametrize("found", list_formats(), ids=lambda found: found.name)
def test_formats_explain_themselves(found):
    assert found.help.endswith(".")
    assert found.expects
    assert [option.name for option in found.option_list()] == [f.name for f in fields(found.options)]
    assert all(option.help.endswith((".", ",")) for option in found.option_list())
    assert found.options() == found.parse_options({})


def test_parse_options_gives_typed_values():
    assert format_called("edge_list").parse_options({"undirected": "True"}).undirected is True
    assert format_called("yfcc100m").parse_options({"images": "a/b"}).images == Path("a/b")
    assert format_called("yfcc100m").option_list()[0] == Option(
        "images",
        Path,
        None,
        "Folder, tar file or Parquet file with images named by the photo's number; without it photos have none.",
    )


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "edge_list",
            {"direct": "1"},
            "format 'edge_list' has no option 'direct'; expected one of columns, undirected",
        ),
        ("oasis", {"a": "1"}, "format 'oasis' has no option 'a'; expected no option"),
        ("edge_list", {"undirected": "maybe"}, "option 'undirected' is 'maybe'; expected true or false"),
    ],
)
def test_parse_options_refuses_what_it_does_not_know(name, given, message):
    with pytest.raises(ImportFailure, match=message):
        format_called(name).parse_options(given)


def test_landing_tables_are_those_of_the_landing_contract():
    assert set(landing_tables()) == {
        "users",
        "photos",
        "edges",
        "favorites",
        "group_memberships",
        "blocks",
        "crowd_ratings",
        "raters",
        "labels",
        "user_quality",
        "scores",
    }


@pytest.mark.parametrize("contract", landing_tables().values(), ids=lambda contract: contract.key)
def test_every_column_of_every_landing_table_can_be_cast(contract: TableContract):
    import duckdb

    for column in contract.columns:
        made = cast(column, constant(None), is_key=column.name in contract.primary_key)
        assert duckdb.sql(f"SELECT {made.value}").fetchone() in [(None,), ("",)]
