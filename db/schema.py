"""Which schema this release needs, and whether the database has it."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.transaction import Transaction
from engine.errors import Unavailable

REVISIONS = ("0001", "0002", "0003")
"""Every migration of this release, oldest first; a test holds it equal to ``db/migrations/versions``."""


async def require_current_schema(transaction: Transaction) -> None:
    """Raises Unavailable: the schema is missing, older or newer; the message names the command that helps."""
    try:
        found = await transaction.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if "alembic_version" not in str(error.orig):
            raise
        raise Unavailable("the database has no tables yet; run `patchbay migrate`") from error
    if found == REVISIONS[-1]:
        return
    if found is None or found in REVISIONS:
        raise Unavailable(
            f'the database schema is "{found}", older than "{REVISIONS[-1]}" that this release needs; '
            "run `patchbay migrate`"
        )
    raise Unavailable(
        f'the database schema is "{found}", which this release does not know; a newer release made it: '
        "start that release instead (`patchbay migrate` of this one cannot go back)"
    )
