"""Files that hold rows of one table of the contract: CSV or Parquet, with a column per field."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from assets.contracts.table import TableContract
from assets.landing.importers.casting import Field, field_of
from assets.landing.importers.checking import Rule, Source
from assets.landing.importers.column_names import likely_column
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Intake
from assets.landing.importers.text_files import delimited_rows

TEXT_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".tsv.bz2", ".csv.zst", ".tsv.zst")
SUFFIXES = (".parquet", *TEXT_SUFFIXES)

RULES: Mapping[str, Sequence[Rule]] = {
    "edges": (
        Rule(
            "follower_id = followee_id",
            "self_follow",
            "followee_id",
            "'found ' || follower_id || ' following themselves, expected two different users'",
        ),
    ),
    "blocks": (
        Rule(
            "user_id = blocked_user_id",
            "self_block",
            "blocked_user_id",
            "'found ' || user_id || ' blocking themselves, expected two different users'",
        ),
    ),
}
"""Rules that hold for a table whatever its format, beside types, nulls, ranges and keys."""

_DATED_ELSEWHERE = ("scores",)
"""Tables whose files need no time: the month of a score is that of its photo."""


def open_table_file(intake: Intake, path: Path, label: str) -> Source:
    """A CSV or Parquet file as a source.

    Raises:
        ImportFailure: It is neither, or it cannot be read.
    """
    name = path.name.lower()
    if name.endswith(".parquet"):
        return intake.workspace.parquet_source(path, label)
    if name.endswith(TEXT_SUFFIXES):
        return intake.workspace.text_source(delimited_rows(path), label)
    raise ImportFailure(
        "this is neither CSV nor Parquet", file=path, expected=f"a name that ends in {', '.join(SUFFIXES)}"
    )


def load_table_file(
    intake: Intake,
    contract: TableContract,
    path: Path,
    label: str,
    *,
    columns: Mapping[str, str] | None = None,
    defaults: Mapping[str, Field] | None = None,
    remedies: Mapping[str, str] | None = None,
) -> Source:
    """Load one file into a table.

    Args:
        intake: Where to.
        contract: The table.
        path: The file.
        label: What to call the file in the quarantine.
        columns: Column of the contract -> its name in the file, where the two differ.
        defaults: Column of the contract -> what it is where the file has no such column.
        remedies: Column of the contract -> what to do where it is missing, beside renaming one.

    Raises:
        ImportFailure: A column is missing that must be there.
    """
    source = open_table_file(intake, path, label)
    values = bind_columns(intake, contract, source, path, columns or {}, defaults or {}, remedies or {})
    used = {field.sql for field in values.values()}
    ignored = [name for name in source.fields if field_of(name).sql not in used]
    if ignored:
        intake.note(f"{label}: ignored the columns {', '.join(ignored)}")
    intake.workspace.load(contract, source, values, rules=RULES.get(contract.key, ()))
    return source


def bind_columns(
    intake: Intake,
    contract: TableContract,
    source: Source,
    path: Path,
    columns: Mapping[str, str],
    defaults: Mapping[str, Field],
    remedies: Mapping[str, str],
) -> dict[str, Field]:
    """What each column of the contract is read from; absent nullable columns are left out."""
    values: dict[str, Field] = {}
    for column in contract.columns:
        name = columns.get(column.name, column.name)
        if name in source.fields:
            values[column.name] = field_of(name, source.fields[name])
        elif column.name in defaults and column.name not in columns:
            values[column.name] = defaults[column.name]
        elif not column.nullable or column.name in columns:
            raise ImportFailure(
                f"there is no column {name!r} for {contract.key}.{column.name}; there are {', '.join(source.fields)}",
                file=path,
                line=1 if source.has_text else None,
                column=name,
                expected=_expected_columns(contract, defaults),
                remedy=_remedy(
                    name,
                    likely_column(column.name, _unknown_columns(contract, source)),
                    remedies.get(column.name, ""),
                    _renaming(intake.option_names),
                ),
            )
    return values


def warn_of_missing_time(intake: Intake, contract: TableContract, source: Source, label: str) -> None:
    """Say that a file has no column with the time of its rows, and which one was most likely meant for it.

    Args:
        intake: Where the file was loaded.
        contract: The table that it was loaded into.
        source: The file.
        label: What to call the file.
    """
    event = contract.event_time
    if event is None or event in source.fields or contract.key in _DATED_ELSEWHERE:
        return
    likely = likely_column(event, _unknown_columns(contract, source))
    intake.warn(f"{label} has no column {event!r}, so its rows have no month; {_dating(intake, event, likely)}")


def _dating(intake: Intake, event: str, likely: str | None) -> str:
    if event in intake.option_names:
        return f"did you mean {likely!r}? Say -o {event}={likely}" if likely else f"name it with the option {event}"
    if likely:
        return f"did you mean {likely!r}? Rename it to {event}, and import again"
    return f"if it has another name, rename it to {event}, and import again"


def _remedy(name: str, likely: str | None, stated: str, renaming: str) -> str:
    """What to do about a missing column: what is most likely first, then what the format says."""
    if likely is None:
        return stated or renaming
    if stated:
        return f"Did you mean {likely!r}? Then rename it to {name}. Otherwise {stated[0].lower()}{stated[1:]}"
    return f"Did you mean {likely!r}? {renaming}"


def _unknown_columns(contract: TableContract, source: Source) -> list[str]:
    """Columns that have no name of the contract: a name that is nearly another one is none of these."""
    return [name for name in source.fields if name not in contract.schema.names]


def _expected_columns(contract: TableContract, defaults: Mapping[str, Field]) -> str:
    optional = [c.name for c in contract.columns if c.nullable or c.name in defaults]
    required = [c.name for c in contract.columns if c.name not in optional]
    words = f"columns {', '.join(required)}"
    return f"{words}; optional ones are {', '.join(optional)}" if optional else words


def _renaming(option_names: Sequence[str]) -> str:
    remedy = "Rename the column in the file"
    return f"{remedy}, or name it with an option ({', '.join(option_names)})." if option_names else f"{remedy}."
