"""Dead letters: executions that wait for a person."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from engine.model.execution import DeadLetter


class LetterState(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """An execution that failed for good. Letters with the same ``fingerprint`` probably have the same cause.

    ``notice`` says what became of telling the workflow that ``settings.on_failure`` names.
    """

    id: str
    workflow_id: str
    execution_id: str
    step: str | None
    code: str
    message: str
    fingerprint: str
    state: LetterState
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    notice: str | None


class DeadLetterPage(Struct, frozen=True, kw_only=True):
    """Dead letters, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[DeadLetterView]
    next: str | None


def dead_letter_view(letter: DeadLetter) -> DeadLetterView:
    shared = {name: getattr(letter, name) for name in DeadLetterView.__struct_fields__}
    return DeadLetterView(**{**shared, "state": LetterState(letter.state)})
