"""Which schema this release needs, and whether the database has it."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.transaction import Transaction
from engine.errors import Unavailable

REVISIONS = tuple(f"{number:04}" for number in range(1, 20))
"""Every migration of this release, oldest first; a test holds it equal to ``db/migrations/versions``."""


async def require_current_schema(transaction: Transaction) -> None:
    """Accept the schema of this release or of a later one.

    Migrations only add, so that processes of two releases can run beside each other while a hub is upgraded.

    Raises:
        Unavailable: The schema is missing, older, or not ours; the message names the command that helps.
    """
    try:
        found = await transaction.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if "alembic_version" not in str(error.orig):
            raise
        raise Unavailable("the database has no tables yet; run `patchbay migrate`") from error
    if found == REVISIONS[-1] or is_later(found):
        return
    if found is None or found in REVISIONS:
        raise Unavailable(
            f'the database schema is "{found}", older than "{REVISIONS[-1]}" that this release needs; '
            "run `patchbay migrate`"
        )
    raise Unavailable(
        f'the database has tables of another application (schema "{found}"); give Patchbay a database of its own'
    )


def is_later(revision: object) -> bool:
    """Whether a revision has the form of ours and comes after this release's last one."""
    return (
        isinstance(revision, str)
        and len(revision) == len(REVISIONS[-1])
        and revision.isdecimal()
        and (revision > REVISIONS[-1])
    )
