"""Users of networks that say how many there are, so that those without any link are users too."""

from assets.contracts.community import USERS
from assets.landing.importers.format import Intake


def derive_all_users(intake: Intake, count: int) -> None:
    """Let users 1 to ``count`` land, undated and, since consent is stated for all, opted in."""
    intake.workspace.derive(
        USERS,
        "SELECT CAST(n AS BIGINT) AS user_id, CAST(NULL AS TIMESTAMP) AS joined_at, true AS opted_in, "
        f"CAST(NULL AS BOOLEAN) AS is_pro FROM range(1, {count + 1}) AS numbers(n)",
    )
