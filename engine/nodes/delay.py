"""Delay nodes: let time pass. The wait is a row in the database, so no restart shortens, loses or repeats it."""

from datetime import UTC, datetime, timedelta

from engine.errors import InvalidInput
from engine.model.base import Json, parse_duration
from engine.model.node import DelaySpec
from engine.model.outcome import Succeeded, Suspended
from engine.nodes.base import Attempt

REASON = "delay"
LONGEST = timedelta(days=366)


def run(attempt: Attempt) -> Succeeded | Suspended:
    """Suspend at the first call; succeed when woken at the due time, or when that has already passed.

    Raises:
        InvalidInput: The rendered value is no duration or time, or lies more than 366 days ahead.
    """
    visit = attempt.visit
    if visit.reason == REASON and visit.due_at is not None and visit.due_at <= attempt.now:
        return Succeeded(output=attempt.input)
    due_at = _due_at(attempt)
    if due_at <= attempt.now:
        return Succeeded(output=attempt.input)
    if due_at - attempt.now > LONGEST:
        raise InvalidInput(f"the delay ends at {due_at.isoformat()}, more than {LONGEST.days} days ahead")
    return Suspended(due_at=due_at, reason=REASON)


def _due_at(attempt: Attempt) -> datetime:
    node = attempt.node
    spec = node.node.spec
    assert isinstance(spec, DelaySpec)  # noqa: S101  the definition's kinds and specs go together
    if spec.until is not None:
        return _instant(node.tests[0].evaluate(attempt.scope, strict=node.node.strict))
    length = node.templates["duration"].render(attempt.scope, strict=node.node.strict)
    try:
        return attempt.now + _length(length)
    except OverflowError as exc:
        raise InvalidInput(f'the delay "{length}" is longer than {LONGEST.days} days') from exc


def _length(value: Json) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as exc:
            raise InvalidInput(str(exc)) from exc
    raise InvalidInput("a delay needs a duration such as 30s, or a number of seconds")


def _instant(value: Json) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f'"{value}" is not a time with a zone; write 2026-03-01T09:00:00+01:00 or Unix seconds')
    return moment.astimezone(UTC)
