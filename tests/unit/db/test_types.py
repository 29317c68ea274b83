"""Statements for lists of values can use an index on both databases."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite

from db.tables import executions
from db.types import one_of


def said(statement: Select[Any], database: Any) -> str:
    return str(statement.compile(dialect=database.dialect()))


def test_a_list_of_values_is_compared_in_a_form_that_can_use_an_index() -> None:
    """SQLite has no booleans: ``(id IN (…)) = 1`` would read the whole table."""
    statement = select(executions.c.id).where(one_of(executions.c.id, ["a"]), executions.c.epoch == 1)

    assert "WHERE executions.id IN (SELECT value FROM json_each(?)) AND executions.epoch = ?" in said(statement, sqlite)
    assert "WHERE executions.id = ANY (" in said(statement, postgresql)


def test_its_negation_is_still_the_negation() -> None:
    statement = select(executions.c.id).where(~one_of(executions.c.id, ["a"]))

    assert "(SELECT value FROM json_each(?)) = 0" in said(statement, sqlite)
