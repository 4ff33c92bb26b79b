"""Who consents, over all rows of a source: one refusal decides, in whatever row it stands.

A source can hold several rows of one user or photo, of which the first lands: a users table that is split by month,
a withdrawal that was appended. Somebody who refuses in a row that did not land, because it is a duplicate or because
something else in it is wrong, has refused all the same.
"""

from assets.contracts.community import USERS
from assets.contracts.table import TableContract
from assets.contracts.wording import counted
from assets.landing.importers.casting import EARLIEST, identifier, range_condition
from assets.landing.importers.checking import CONSENT_FLAGS, REFUSES
from assets.landing.importers.format import Intake
from assets.landing.importers.workspace import Workspace


def honour_refusals(intake: Intake) -> None:
    """Let every user and photo that any row refuses land as refused.

    A row that lands is changed where another row of its key refuses. Where no row of the key lands, one is
    derived that holds the key, the event time if it can be read, and the refusal: other sources may know the same user
    or photo, and one refusal counts against all of them.
    """
    for key, flag in CONSENT_FLAGS.items():
        table = intake.workspace.tables.get(key)
        if table is not None and table.rows:
            refused = _collect_refused(intake.workspace, table.contract, flag)
            changed = _refuse_landing_rows(intake.workspace, table.contract, flag, refused)
            derived = _derive_refused(intake.workspace, table.contract, flag, refused)
            _tell(intake, key, flag, changed, derived)


def derive_users(workspace: Workspace) -> None:
    """Let every user that some accepted row names be a user, since consent is stated for all.

    Nobody is derived whom a row of ``users`` names, rejected or not: what that row says counts, once it is corrected.
    """
    seen = [
        f"SELECT {identifier(reference.column)} AS user_id FROM ({select})"
        for table in workspace.tables.values()
        for reference in table.contract.references
        if reference.to_table == USERS.key
        for select in table.selects
    ]
    if not seen:
        return
    missing = f"SELECT DISTINCT user_id FROM ({' UNION ALL '.join(seen)}) WHERE user_id IS NOT NULL"
    if known := _named_users(workspace):
        missing = f"{missing} EXCEPT ({known})"
    workspace.derive(
        USERS,
        "SELECT user_id, CAST(NULL AS TIMESTAMP) AS joined_at, true AS opted_in, CAST(NULL AS BOOLEAN) AS is_pro "
        f"FROM ({missing})",
    )


def _named_users(workspace: Workspace) -> str:
    """Select of every user that a row of ``users`` names or that a format has derived; empty without any."""
    listed = workspace.tables.get(USERS.key)
    if listed is None:
        return ""
    selects = [f"SELECT user_id FROM ({select})" for select in listed.selects]
    selects += [f"SELECT user_id FROM {identifier(listed.rows)}"] if listed.rows else []
    return " UNION ALL ".join(selects)


def _collect_refused(workspace: Workspace, contract: TableContract, flag: str) -> str:
    """Make a table of the keys that some row refuses and no landing row does: the key, ``_lands`` and ``_moment``."""
    rows, refused = identifier(workspace.tables[contract.key].rows), identifier(f"refused_{contract.key}")
    key = contract.column(contract.primary_key[0])
    outside = range_condition(key, identifier(key.name))
    allowed = f"{identifier(key.name)} IS NOT NULL" + (f" AND NOT {outside[0]}" if outside else "")
    workspace.execute(
        f"CREATE TABLE {refused} AS SELECT {identifier(key.name)}, bool_or(_reason IS NULL) AS _lands, "
        f"{_first_moment(workspace, contract)} AS _moment FROM {rows} WHERE {allowed} GROUP BY {identifier(key.name)} "
        f"HAVING bool_or({REFUSES}) AND bool_or({identifier(flag)}) FILTER (WHERE _reason IS NULL) IS NOT FALSE"
    )
    return refused


def _refuse_landing_rows(workspace: Workspace, contract: TableContract, flag: str, refused: str) -> int:
    """Turn the flag of landing rows whose key refuses elsewhere; the number of such rows."""
    key = identifier(contract.primary_key[0])
    same = f"{identifier(workspace.tables[contract.key].rows)}.{key} = {refused}.{key}"
    return workspace.change(contract.key, {flag: "false"}, "_reason IS NULL AND _lands", f"JOIN {refused} ON {same}")


def _derive_refused(workspace: Workspace, contract: TableContract, flag: str, refused: str) -> int:
    """Let one refused row land per key that only rejected rows name; the number of such keys."""
    found = int(workspace.execute(f"SELECT count(*) FROM {refused} WHERE NOT _lands")[0][0])
    if found:
        workspace.derive(contract, f"SELECT {_refused_columns(contract, flag)} FROM {refused} WHERE NOT _lands")
    return found


def _first_moment(workspace: Workspace, contract: TableContract) -> str:
    """SQL of the earliest event time that may land; null where no row has one."""
    if contract.event_time is None:
        return "CAST(NULL AS TIMESTAMP)"
    moment = identifier(contract.event_time)
    latest = f"{workspace.latest:%Y-%m-%d %H:%M:%S.%f}"
    return f"min({moment}) FILTER (WHERE {moment} BETWEEN TIMESTAMP '{EARLIEST}' AND TIMESTAMP '{latest}')"


def _refused_columns(contract: TableContract, flag: str) -> str:
    """Columns of the contract in its order; what is not known is null, or the empty text where null may not be."""
    known = {contract.primary_key[0]: identifier(contract.primary_key[0]), flag: "false"}
    if contract.event_time is not None:
        known[contract.event_time] = "_moment"
    unknown = {column.name: "NULL" if column.nullable else "''" for column in contract.columns}
    return ", ".join(f"{sql} AS {identifier(name)}" for name, sql in (unknown | known).items())


def _tell(intake: Intake, key: str, flag: str, changed: int, derived: int) -> None:
    if changed:
        intake.note(
            f"{key}: {counted(changed, 'row')} landed with {flag} false, because another row of the key refuses"
        )
    if derived:
        intake.note(f"{key}: {counted(derived, 'rejected key')} landed as refused, because {flag} is not true there")
