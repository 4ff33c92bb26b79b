"""Networks in MATLAB files, the way attributed-network papers publish them.

Huang et al. (SDM 2017, AANE) hold Flickr as ``Network`` (users x users, sparse), ``Label`` (one group per
user) and ``Attributes`` (users x tags, which do not land: users have no tags). Files of MATLAB 5 to 7.2
hold at most 2 GB per variable, so they are read whole.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.community import EDGES, GROUP_MEMBERSHIPS
from assets.contracts.wording import counted
from assets.landing.importers.casting import Field
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.nodes import derive_all_users
from assets.landing.importers.table_files import RULES
from assets.landing.importers.text_files import ROW


@dataclass(frozen=True)
class MatlabNetworkOptions:
    """Names of variables in the file."""

    network: str = option("Network", "Square matrix; an entry in row i, column j is a link from user i to user j.")
    groups: str = option("Label", "Group of each user (one column), or users x groups; absent is fine.")


def read(path: Path, options: MatlabNetworkOptions, intake: Intake) -> None:
    """Load links and groups; row and column i are user i, counted from 1.

    Raises:
        ImportFailure: The file is no MATLAB file of version 5 to 7.2, or a matrix has a wrong shape.
    """
    variables = _variables(path)
    if options.network not in variables:
        raise ImportFailure(
            f"there is no variable {options.network!r}; there are {', '.join(variables) or 'none'}",
            file=path,
            expected="a square matrix",
            remedy="Name it with the option network.",
        )
    network = _matrix(path, options.network, variables[options.network])
    users = network.shape[0]
    if network.shape != (users, users):
        raise ImportFailure(
            f"{options.network} is {network.shape[0]} x {network.shape[1]}", file=path, expected="a square matrix"
        )
    _load_pairs(intake, EDGES, path, options.network, ("follower_id", "followee_id"), network.row + 1, network.col + 1)
    intake.note(
        f"{options.network} has {network.nnz} entries; every entry is one directed link, so a link without direction "
        "is two"
    )
    if options.groups in variables:
        _load_groups(intake, path, options.groups, variables[options.groups], users)
    if unused := sorted(set(variables) - {options.network, options.groups}):
        intake.note(f"ignored the variables {', '.join(unused)}")
    derive_all_users(intake, users)


def _variables(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
    except (NotImplementedError, MatReadError, ValueError, TypeError, OSError) as error:
        raise ImportFailure(
            f"cannot be read as a MATLAB file: {error}",
            file=path,
            expected="a MATLAB file of version 5 to 7.2",
            remedy="Save it with `save -v7`.",
        ) from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _matrix(path: Path, name: str, value: Any) -> Any:
    from scipy.sparse import coo_array

    try:
        matrix = coo_array(value)
    except (TypeError, ValueError) as error:
        raise ImportFailure(f"{name} is no matrix: {error}", file=path, expected="a matrix of numbers") from error
    matrix.eliminate_zeros()
    return matrix


def _load_groups(intake: Intake, path: Path, name: str, value: Any, users: int) -> None:
    groups = _matrix(path, name, value)
    if groups.shape[0] != users:
        raise ImportFailure(
            f"{name} has {counted(groups.shape[0], 'row')}", file=path, expected=f"{users} rows, one per user"
        )
    numbers = groups.data if groups.shape[1] == 1 else groups.col + 1
    _load_pairs(intake, GROUP_MEMBERSHIPS, path, name, ("user_id", "group_id"), groups.row + 1, numbers)


def _load_pairs(
    intake: Intake, contract: Any, path: Path, variable: str, columns: tuple[str, str], first: Any, second: Any
) -> None:
    """Load pairs of numbers; the row in the quarantine is the position among the entries of the variable."""
    pairs = pa.table({ROW: np.arange(1, len(first) + 1), columns[0]: first, columns[1]: second})
    source = intake.workspace.arrow_source(pairs, f"{path.name}#{variable}")
    values = {name: Field(name, source.fields[name]) for name in columns}
    intake.workspace.load(contract, source, values, rules=RULES.get(contract.key, ()))
    intake.workspace.reject_duplicates(contract.key)


FORMAT = Format(
    name="matlab_network",
    help="A network, and groups of users, in a MATLAB file.",
    expects="a MATLAB file of version 5 to 7.2 with a square matrix; importing it states consent for all users",
    read=read,
    options=MatlabNetworkOptions,
)
