"""Nodes that wait for something from outside, as people write them: the fields of each kind."""

from dataclasses import dataclass
from datetime import timedelta

from engine.model.arrival import Awaited
from engine.model.base import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitSpec:
    """Wait for something from outside, at most for ``limit``; ``None``: as long as the execution may take.

    For an event: of the ``trigger`` of a ``workflow`` (``None``: this one), where ``match`` holds. For an execution:
    ``execution`` is its id, and may be a template.
    """

    awaited: Awaited
    limit: timedelta | None = None
    trigger: str | None = None
    workflow: str | None = None
    match: str | None = None
    execution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """Start an execution of another ``workflow`` with ``inputs`` (the field ``with``) as its trigger's data.

    ``workflow`` and ``version`` may be templates. ``awaited``: wait for its end, at most for ``limit``.
    """

    workflow: str
    version: Json = "published"
    inputs: Json = None
    awaited: bool = True
    limit: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSpec:
    """Ask people. ``needed`` is how many must approve (``None``: all); ``on_timeout``: what then.

    ``assignees``, ``title`` and ``message`` may hold templates. ``form`` is a JSON Schema, ``order`` its fields' order.
    """

    assignees: Json
    title: str = ""
    message: str = ""
    form: JsonObject | None = None
    order: tuple[str, ...] = ()
    needed: int | None = 1
    rejected_by_first: bool = True
    limit: timedelta | None = None
    on_timeout: str = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWish:
    """Which event a step waits for: of the trigger ``key`` of a ``workflow`` (id or name), where ``match`` holds.

    ``scope`` is what ``match`` sees besides ``trigger``.
    """

    workflow: str
    key: str
    match: str | None
    scope: JsonObject

    def as_json(self) -> JsonObject:
        """The form in the database."""
        return {"match": self.match, "scope": self.scope}
