import base64

from assets.contracts.community import PHOTOS
from assets.figures import curves_figure, histogram_figure, months_figure
from assets.metadata import contract_metadata, markdown_table, picture

PNG = b"\x89PNG\r\n\x1a\n"


def test_contract_metadata_shows_types_ranges_and_keys() -> None:
    metadata = contract_metadata(PHOTOS)
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    assert list(columns) == PHOTOS.schema.names
    assert columns["photo_id"].type == "int64"
    assert columns["photo_id"].constraints.unique
    assert columns["uploaded_at"].constraints.nullable
    assert columns["photo_id"].description == "Identifier of the photo. Range: 0 to unbounded."
    assert metadata["partitioned_by"] == "month of uploaded_at"


def test_markdown_table_escapes_and_rounds() -> None:
    table = markdown_table([{"name": "a|b", "value": 0.123456}, {"name": "line\nbreak", "value": 2}]).value
    assert table == "| name | value |\n| --- | --- |\n| a\\|b | 0.1235 |\n| line break | 2 |"
    assert markdown_table([]).value == "no rows"


def test_pictures_are_the_same_png_each_time() -> None:
    draw = [
        lambda: months_figure({"2016-01": 3, "2016-02": 5}, "Photos", "photos"),
        lambda: histogram_figure([0.0, 0.5, 1.0], [1, 2], "Beauty", "b(p)"),
        lambda: curves_figure({"train": [1.0, 0.5]}, "Loss", "epoch"),
    ]
    for figure in draw:
        assert figure() == figure()
        assert figure().startswith(PNG)
    assert base64.b64encode(PNG).decode()[:6] in picture(PNG).value


def test_months_figure_of_nothing_is_an_empty_figure() -> None:
    assert months_figure({}, "Photos", "photos").startswith(PNG)
