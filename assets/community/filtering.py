"""Which landed rows may be published: SQL over what landed, one reason per excluded row.

A row is excluded, by the first reason that holds, when

1. ``not_opted_in``: it is, or names, a user whom any source refuses (``opted_in`` is false);
2. ``not_public``: it is, or names, a photo that any source calls private;
3. ``owner_not_opted_in``: it names a photo whose owner is refused;
4. ``owner_unknown``: it is, or names, a photo without owner from a source in which every user consents for
   themselves (where the whole source consents, such photos stay);
5. ``superseded``: the row of the same key in another source counts instead. A dated row supersedes an undated
   one, then the source that comes last by name supersedes those before it: deliveries named by their month bring news
   of old rows, such as when a photo was deleted. The row that counts does so whole, but for an image: where it names
   none, the one that was named before stays. Links with and without a time have different keys, and both stay.

Refusals are no matter of order: 1 to 4 hold whatever a later source says.

A row that names a user or photo which exists nowhere stays: the audit has to find it, because it says that
something is wrong with the data. Consent and visibility are looked up in everything that landed, so the
filter does not depend on what was published before.
"""

# ruff: noqa: S608 (names in SQL come from contracts, never from data)

from typing import TYPE_CHECKING

import duckdb

from assets.community.landed import Landed
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.table import TableContract

if TYPE_CHECKING:
    import pyarrow.dataset as ds  # loads pandas, which costs seconds

EXCLUSIONS = ("not_opted_in", "not_public", "owner_not_opted_in", "owner_unknown", "superseded")
"""Reasons in the order in which they are tried."""

_DATED_RANK = 1_000_000
"""More than there are sources: a dated row ranks before every undated one."""
_KEPT_IF_EMPTY = {PHOTOS.key: "uri"}
"""Column that a later row does not empty: a delivery without images repeats photos without saying where theirs are."""


def deciding_tables(contract: TableContract) -> list[TableContract]:
    """Landed tables that decide what of a table is published: users, and photos where it is or names photos."""
    named = {reference.to_table for reference in contract.references} | {contract.key}
    if PHOTOS.key in named:
        return [USERS, PHOTOS]
    return [USERS] if USERS.key in named else []


def prepare_lookups(connection: duckdb.DuckDBPyConnection, landed: Landed, contract: TableContract) -> None:
    """Make the tables ``refusers``, ``hidden_photos`` and ``repeated`` in which the filter looks rows up.

    They hold exceptions only (refused users, hidden photos, keys that two sources share).
    """
    deciding = deciding_tables(contract)
    refusers, photos, repeated = "select null::bigint as user_id limit 0", None, None
    if USERS in deciding and (users := _union(connection, landed, USERS, ("user_id", "opted_in"))):
        refusers = f"select distinct user_id from ({users}) where not opted_in"
    connection.execute(f"create temp table refusers as {refusers}")
    if PHOTOS in deciding:
        photos = _union(connection, landed, PHOTOS, ("photo_id", "user_id", "is_public"))
    connection.execute(f"create temp table hidden_photos as {_hidden_photos(photos)}")
    if len(landed.holding(contract.key)) > 1:
        repeated = _union(connection, landed, contract, _identity(contract))
    connection.execute(f"create temp table repeated as {_repeated(contract, repeated)}")


def judge_month(connection: duckdb.DuckDBPyConnection, landed: Landed, contract: TableContract, month: str) -> None:
    """Make the table ``judged``: the landed rows of a month with ``exclusion``, a reason or null."""
    _judge(connection, contract, _union(connection, landed, contract, tuple(contract.schema.names), month))


def judge_published(connection: duckdb.DuckDBPyConnection, contract: TableContract, published: "ds.Dataset") -> None:
    """Make the table ``judged`` of rows that were published earlier, as consent and visibility are now.

    Which source they came from is not known any more, so none of them is ``superseded``.
    """
    connection.register("published_rows", published)
    _judge(connection, contract, "select *, null::bigint as _position from published_rows")


def _judge(connection: duckdb.DuckDBPyConnection, contract: TableContract, rows: str) -> None:
    same_photo = "hidden_photos.photo_id = landed_rows.photo_id" if _names_photo(contract) else "false"
    same_key = " and ".join(
        f'repeated."{key}" is not distinct from landed_rows."{key}"' for key in contract.primary_key
    )
    refused = [f'landed_rows."{column}" in (select user_id from refusers)' for column in _user_columns(contract)]
    connection.execute(
        f"""
        create or replace temp table judged as
        select
            landed_rows.*{_kept_column(contract)},
            case
                when {" or ".join(refused) or "false"} then 'not_opted_in'
                when hidden_photos.reason is not null then hidden_photos.reason
                when repeated.best <> {_rank(contract, "landed_rows")} then 'superseded'
            end as exclusion
        from ({rows}) as landed_rows
        left join hidden_photos on {same_photo}
        left join repeated on {same_key}
        """
    )


def _union(
    connection: duckdb.DuckDBPyConnection,
    landed: Landed,
    contract: TableContract,
    columns: tuple[str, ...],
    month: str | None = None,
) -> str:
    """Select of the columns, ``_position`` and ``_consent_of_all`` over all sources; empty text without rows."""
    selects = []
    for position, source, rows in landed.datasets(contract, month):
        name = f"landed_{contract.key}_{month or 'all'}_{position}"
        connection.register(name, rows)
        listed = ", ".join(f'"{column}"' for column in columns)
        flags = f"{position} as _position, {str(source.consent_of_all).lower()} as _consent_of_all"
        selects.append(f'select {listed}, {flags} from "{name}"')
    return " union all ".join(selects)


def _hidden_photos(photos: str | None) -> str:
    if not photos:
        return "select null::bigint as photo_id, null::varchar as reason limit 0"
    return f"""
        select photo_id, ['not_public', 'owner_not_opted_in', 'owner_unknown'][min(rank)] as reason
        from (
            select
                photo_id,
                case
                    when not is_public then 1
                    when user_id in (select user_id from refusers) then 2
                    when user_id is null and not _consent_of_all then 3
                end as rank
            from ({photos})
        )
        where rank is not null
        group by photo_id
    """


def _repeated(contract: TableContract, rows: str | None) -> str:
    keys = ", ".join(f'"{key}"' for key in contract.primary_key)
    if not rows:
        typed = [f'null::{_sql_type(contract, key)} as "{key}"' for key in contract.primary_key]
        return f"select {', '.join(typed)}, null::bigint as best, null::varchar as kept limit 0"
    rank = _rank(contract, "keyed")
    best = f"max({rank}) as best"
    if kept := _KEPT_IF_EMPTY.get(contract.key):
        best += f", max_by({kept}, {rank}) filter (where {kept} <> '') as kept"
    return f"select {keys}, {best} from ({rows}) as keyed group by {keys} having count(*) > 1"


def _kept_column(contract: TableContract) -> str:
    kept = _KEPT_IF_EMPTY.get(contract.key)
    return f" replace (coalesce(nullif(landed_rows.{kept}, ''), repeated.kept, '') as {kept})" if kept else ""


def _rank(contract: TableContract, relation: str) -> str:
    """The row of the highest rank counts; null where the source is not known."""
    if contract.event_time is None:
        return f"{relation}._position"
    return f'{relation}._position + {_DATED_RANK} * ({relation}."{contract.event_time}" is not null)::bigint'


def _identity(contract: TableContract) -> tuple[str, ...]:
    """Columns that say which rows are the same and which of them counts."""
    more = (contract.event_time, _KEPT_IF_EMPTY.get(contract.key))
    return (*contract.primary_key, *(name for name in more if name and name not in contract.primary_key))


def _sql_type(contract: TableContract, name: str) -> str:
    kind = str(contract.column(name).type)
    return {"int64": "bigint", "string": "varchar"}.get(kind, "timestamptz")


def _user_columns(contract: TableContract) -> list[str]:
    own = [USERS.primary_key[0]] if contract.key == USERS.key else []
    return own + [r.column for r in contract.references if r.to_table == USERS.key]


def _names_photo(contract: TableContract) -> bool:
    return PHOTOS in deciding_tables(contract)
