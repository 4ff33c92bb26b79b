"""How contracts and results are shown in Dagster: column schemas, row counts and pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.contracts.lake import Commit
from assets.contracts.table import Column, TableContract

OWNERS = ["team:beautyflow"]


def contract_metadata(contract: TableContract) -> dict[str, Any]:
    """What the catalog page of a table shows before anything is materialized."""
    return {
        "dagster/column_schema": dg.TableSchema(
            columns=[_table_column(column, contract) for column in contract.columns],
        ),
        "dagster/table_name": f"lake.{contract.key}",
        "grain": contract.grain,
        "primary_key": ", ".join(contract.primary_key),
        "partitioned_by": f"month of {contract.event_time}" if contract.event_time else "not partitioned",
    }


def contract_description(contract: TableContract) -> str:
    """Description and grain as one paragraph of Markdown."""
    return f"{contract.description}\n\nGrain: {contract.grain}. Key: {', '.join(contract.primary_key)}."


def tell_partition_rows(
    context: dg.AssetExecutionContext, key: str, commits: Iterable[Commit], wanted: Iterable[str]
) -> None:
    """Let the page of each partition of a run show its own rows; what a run says else stands on all of them."""
    rows = {commit.partition: commit.rows for commit in commits}
    for partition in wanted:
        metadata = {"dagster/partition_row_count": rows.get(partition, 0)}
        context.add_asset_metadata(metadata, asset_key=key, partition_key=partition)


def not_made(asset: str, reason: str, *checks: str) -> "dg.MaterializeResult[Any]":
    """What an asset answers that cannot be made yet: the reason, and its checks as warnings with it."""
    return dg.MaterializeResult(
        asset_key=asset,
        metadata={"not_made": reason},
        check_results=[
            dg.AssetCheckResult(
                asset_key=asset,
                check_name=check,
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                description=reason,
                metadata={"reason": reason},
            )
            for check in checks
        ],
    )


def table_spec(
    contract: TableContract, group: str, deps: Iterable[str], kinds: set[str], code_version: str
) -> dg.AssetSpec:
    """A table that a step makes together with others."""
    return dg.AssetSpec(
        contract.key,
        deps=list(deps),
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        description=contract_description(contract),
        metadata=contract_metadata(contract),
        code_version=code_version,
    )


def table_result(
    contract: TableContract, rows: int, found: Mapping[str, tuple[bool, str]], **metadata: Any
) -> "dg.MaterializeResult[Any]":
    """What a table holds, with its checks, all of them errors: check -> whether it passed, and in words."""
    return dg.MaterializeResult(
        asset_key=contract.key,
        metadata={"dagster/row_count": rows, **metadata},
        check_results=[
            check_result(contract, name, passed, said, is_error=True) for name, (passed, said) in found.items()
        ],
    )


def check_result(
    contract: TableContract, check: str, passed: bool, said: str, *, is_error: bool = False
) -> dg.AssetCheckResult:
    """What a check of a table found, in words; a warning unless it is an error."""
    return dg.AssetCheckResult(
        asset_key=contract.key,
        check_name=check,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=said,
    )


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A figure that Dagster shows in the metadata of a materialization."""
    return dg.MetadataValue.md(f"![figure](data:image/png;base64,{base64.b64encode(png).decode()})")


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table; column names come from the first row."""
    if not rows:
        return dg.MetadataValue.md("no rows")
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _table_column(column: Column, contract: TableContract) -> dg.TableColumn:
    notes = [column.description]
    if column.unit:
        notes.append(f"Unit: {column.unit}.")
    if column.minimum is not None or column.maximum is not None:
        notes.append(f"Range: {_bound(column.minimum)} to {_bound(column.maximum)}.")
    return dg.TableColumn(
        name=column.name,
        type=str(column.type),
        description=" ".join(notes),
        constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=contract.primary_key == (column.name,)),
    )


def _bound(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:g}"
