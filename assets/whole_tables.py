"""Tables that are written whole, and computed only where their inputs, their configuration or the code have changed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED, TableContract


def made_whole(
    context: dg.AssetExecutionContext,
    lake: Lake,
    contract: TableContract,
    inputs: Mapping[str, str],
    config: Mapping[str, Any],
    compute: Callable[[], pa.Table],
) -> pa.Table:
    """Rows of a table, computed if they are not current; see ``made_together``."""
    return made_together(context, lake, (contract,), inputs, config, lambda: {contract.key: compute()})[contract.key]


def unmade(lake: Lake, *contracts: TableContract) -> None:
    """Forget tables that can no longer be made: what they said is true of nobody who is there now."""
    for contract in contracts:
        for partition in lake.partitions(contract.key):
            lake.drop(contract.key, partition)


def made_together(
    context: dg.AssetExecutionContext,
    lake: Lake,
    contracts: Sequence[TableContract],
    inputs: Mapping[str, str],
    config: Mapping[str, Any],
    compute: Callable[[], Mapping[str, pa.Table]],
) -> dict[str, pa.Table]:
    """Rows of tables that one computation gives, made if any of them is not current.

    Args:
        context: Of the step; its assets have code versions.
        lake: Where the tables are.
        contracts: Of the tables; the keys are those of assets of the step.
        inputs: Fingerprints of all that is read.
        config: All that the result depends on besides.
        compute: Returns key -> rows.

    Returns:
        Key -> rows as they stand in the lake.
    """
    recorded = {**inputs, "configuration": json.dumps(config, sort_keys=True)}
    versions = {c.key: context.assets_def.code_versions_by_key[dg.AssetKey(c.key)] or "" for c in contracts}
    if all(lake.is_current(c, UNDATED, code_version=versions[c.key], inputs=recorded) for c in contracts):
        context.log.info(f"{', '.join(versions)}: up to date")
    else:
        made = compute()
        for contract in contracts:
            rows = contract.conform(made[contract.key])
            lake.write(contract, UNDATED, rows, code_version=versions[contract.key], inputs=recorded)
    return {contract.key: lake.read(contract) for contract in contracts}
