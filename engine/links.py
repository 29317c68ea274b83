"""The links of an execution that others may call: expressions see them before the step that waits has begun.

A link belongs to one visit. It is worked out from the execution and the visit's path alone, so whoever asks again,
also after a crash, gets the same one.
"""

from typing import Protocol

from engine.errors import ExpressionError
from engine.expressions import Template
from engine.model.base import ExecutionId, JsonObject
from engine.state import Frame, State


class Links(Protocol):
    """Makes links. Implemented by ``gateway.links``."""

    def callback(self, execution_id: ExecutionId, path: str) -> str:
        """The address whose caller resumes the step at ``path``."""

    def approval(self, execution_id: ExecutionId, path: str, assignee: str) -> str:
        """The address of the page where an assignee answers what the step at ``path`` asks."""


class NoLinks:
    """For those who have no address."""

    def callback(self, execution_id: ExecutionId, path: str) -> str:  # noqa: ARG002  the protocol's
        return ""

    def approval(self, execution_id: ExecutionId, path: str, assignee: str) -> str:  # noqa: ARG002  the protocol's
        return ""


def link_scope(links: Links, execution_id: ExecutionId, state: State, frame: Frame) -> JsonObject:
    """What ``execution`` holds besides the facts: ``callbacks`` by the key of the node that waits.

    Of nodes inside loops and branches it holds those that an expression of ``frame`` can name.
    """
    callbacks: JsonObject = {}
    around: Frame | None = frame
    while around is not None:
        paths = {key: coming_path(state, around, key) for key in around.flow.callbacks}
        callbacks = {**{key: links.callback(execution_id, path) for key, path in paths.items()}, **callbacks}
        around = around.owner.frame if around.owner else None
    return {"callbacks": callbacks}


def approval_scope(
    links: Links, execution_id: ExecutionId, state: State, *, frame: Frame, scope: JsonObject
) -> JsonObject:
    """What ``execution.approvals`` holds: by the key of the node that asks, a link for each assignee.

    The assignees are rendered with what is known now; where that fails, or names nobody, there is no link yet.
    """
    approvals: JsonObject = {}
    around: Frame | None = frame
    while around is not None:
        found = {}
        for key in around.flow.approvals:
            path = coming_path(state, around, key)
            people = _people(around.flow.nodes[key].templates["assignees"], scope)
            found[key] = {each: links.approval(execution_id, path, each) for each in people}
        approvals = {**found, **approvals}
        around = around.owner.frame if around.owner else None
    return approvals


def _people(template: Template, scope: JsonObject) -> list[str]:
    try:
        value = template.render(scope)
    except ExpressionError:
        return []
    listed = value if isinstance(value, list) else [value]
    return [each.strip() for each in listed if isinstance(each, str) and each.strip()]


def coming_path(state: State, frame: Frame, key: str) -> str:
    """The path of a node's visit that is under way, else of its next one."""
    number = frame.visits.get(key, 0)
    path = frame.prefix + _path(key, max(number, 1))
    return path if number == 0 or path in state.pending else frame.prefix + _path(key, number + 1)


def _path(key: str, number: int) -> str:
    return key if number == 1 else f"{key}#{number}"
