"""The links of an execution that others may call: expressions see them before the step that waits has begun.

A link belongs to one visit. It is worked out from the execution and the visit's path alone, so whoever asks again,
also after a crash, gets the same one.
"""

from typing import Protocol

from engine.model.base import ExecutionId, JsonObject
from engine.state import Frame, State


class Links(Protocol):
    """Makes links. Implemented by ``gateway.links``."""

    def callback(self, execution_id: ExecutionId, path: str) -> str:
        """The address whose caller resumes the step at ``path``."""


class NoLinks:
    """For those who have no address."""

    def callback(self, execution_id: ExecutionId, path: str) -> str:  # noqa: ARG002  the protocol's
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


def coming_path(state: State, frame: Frame, key: str) -> str:
    """The path of a node's visit that is under way, else of its next one."""
    number = frame.visits.get(key, 0)
    path = frame.prefix + _path(key, max(number, 1))
    return path if number == 0 or path in state.pending else frame.prefix + _path(key, number + 1)


def _path(key: str, number: int) -> str:
    return key if number == 1 else f"{key}#{number}"
