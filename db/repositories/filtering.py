"""What a filter of executions means in SQL."""

from typing import Any

from sqlalchemy import Select, Text, and_, exists, or_, select, text, type_coerce

from db.encoding import encode_json
from db.large_values import SIGN
from db.tables import dead_letters, events, executions
from db.types import one_of
from engine.model.execution import Status
from engine.repositories import ExecutionFilter


def filtered(statement: Select[Any], where: ExecutionFilter) -> Select[Any]:
    """Narrow a statement about executions."""
    columns = executions.c
    if where.workflow_id is not None:
        statement = statement.where(columns.workflow_id == where.workflow_id)
    if where.trigger_id is not None:
        statement = statement.where(columns.trigger_id == where.trigger_id)
    if where.event_id is not None:
        first = select(events.c.execution_id).where(events.c.id == where.event_id).scalar_subquery()
        rerun = and_(text("executions.rerun_of IS NOT NULL"), columns.event_id == where.event_id)
        statement = statement.where(or_(columns.id == first, rerun))
    if where.parent_id is not None:
        statement = statement.where(text("executions.parent_id IS NOT NULL"), columns.parent_id == where.parent_id)
    if where.statuses:
        statement = statement.where(one_of(columns.status, sorted(status.value for status in where.statuses)))
    if where.since is not None:
        statement = statement.where(columns.created_at >= where.since)
    if where.until is not None:
        statement = statement.where(columns.created_at < where.until)
    if where.text:
        # As it stands inside JSON: with quotes, backslashes and control characters escaped.
        needle = encode_json(where.text)[1:-1]
        output, error = (type_coerce(column, Text) for column in (columns.output, columns.error))
        in_output = and_(output.icontains(needle, autoescape=True), output.not_like(f"{SIGN}%"))
        statement = statement.where(or_(in_output, error.icontains(needle, autoescape=True)))
    return _by_trouble(statement, where)


def _by_trouble(statement: Select[Any], where: ExecutionFilter) -> Select[Any]:
    """Narrow it by what went wrong, and by what people did about it."""
    columns = executions.c
    letter = exists().where(dead_letters.c.execution_id == columns.id, dead_letters.c.state == "open")
    if where.code is not None:
        # As it stands inside the JSON text, whose form is always the same.
        part = f'"code":{encode_json(where.code)}'
        statement = statement.where(type_coerce(columns.error, Text).contains(part, autoescape=True))
    if where.fingerprint is not None:
        statement = statement.where(letter.where(dead_letters.c.fingerprint == where.fingerprint))
    if where.unresolved:
        statement = statement.where(or_(columns.status != Status.FAILED.value, letter))
    if where.roots:
        statement = statement.where(columns.parent_id.is_(None))
    return statement
