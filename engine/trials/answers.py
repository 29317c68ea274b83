"""What answers calls in a trial: what the caller gave, or what the stored execution got. Nothing is ever sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from engine.model.action import Effect
from engine.model.base import Json
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.nodes.base import Attempt

UNANSWERED: Final = "no recorded answer"
"""Why a visit waits for ever in a trial."""
NEVER: Final = timedelta(days=3650)


class AnsweredBy(StrEnum):
    """Where the answer to a call came from."""

    GIVEN = "given"
    RECORDED = "recorded"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """An answer that the caller of a trial wants: an output, or a failure."""

    output: Json = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """A call that a trial would have made. ``now`` is what its expressions saw under that name."""

    path: str
    attempt: int
    inputs: Json
    now: str
    answered_by: AnsweredBy = AnsweredBy.NOBODY


class Answers:
    """Answers by the path of a visit and the number of the attempt; what is given counts before what is recorded.

    A recorded answer is that of the same attempt: a version that tries more often than the stored one did has no
    answer for what was never tried.
    """

    def __init__(self, records: Iterable[StepRecord] = (), given: Mapping[str, GivenAnswer] | None = None) -> None:
        self._recorded = {(record.path, record.attempt): record for record in records}
        self.given = given or {}

    def find(self, path: str, node: str, attempt: int) -> tuple[AnsweredBy, Outcome | None]:
        """Return the outcome of an attempt; ``None`` if nobody answers. Given ones are named by path or by node."""
        given = self.given.get(path) or self.given.get(node)
        if given is not None:
            if given.failure is not None:
                return AnsweredBy.GIVEN, Failed(failure=given.failure)
            return AnsweredBy.GIVEN, Succeeded(output=given.output)
        record = self._recorded.get((path, attempt))
        outcome = None if record is None else _outcome(record)
        return (AnsweredBy.NOBODY, None) if outcome is None else (AnsweredBy.RECORDED, outcome)

    def last_attempt(self, path: str) -> int:
        """The number of the last recorded attempt of a visit; 1 if there is none."""
        return max((attempt for each, attempt in self._recorded if each == path), default=1)


@dataclass(frozen=True, slots=True)
class AnswerHandler:
    """Stands for every kind of effect: renders what would be sent, notes it in ``seen``, and answers."""

    answers: Answers
    seen: dict[tuple[str, int], SeenCall] = field(default_factory=dict)

    def prepare(self, attempt: Attempt) -> "AnsweredCall":
        """Render the inputs. Raises ExpressionError."""
        visit = attempt.visit
        inputs = rendered_inputs(attempt)
        answered_by, outcome = self.answers.find(visit.path, visit.node.place, visit.attempt)
        self.seen[visit.path, visit.attempt] = SeenCall(
            path=visit.path,
            attempt=visit.attempt,
            inputs=inputs,
            now=str(attempt.scope["now"]),
            answered_by=answered_by,
        )
        return AnsweredCall(outcome, attempt.now)


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A call whose outcome is known before it is made; without one the visit waits for ever."""

    outcome: Outcome | None
    now: datetime
    effect: Effect = Effect.KEYED

    async def perform(self) -> Outcome:
        return self.outcome or Suspended(due_at=self.now + NEVER, reason=UNANSWERED)


def rendered_inputs(attempt: Attempt) -> Json:
    """What a node sends: the fields of its kind with every hole filled, or just ``with`` where it has no other.

    Raises:
        ExpressionError: A template fails.
    """
    node = attempt.node
    fields = {name: each.render(attempt.scope, strict=node.node.strict) for name, each in node.templates.items()}
    return fields["inputs"] if list(fields) == ["inputs"] else fields


def _outcome(record: StepRecord) -> Outcome | None:
    match record.status:
        case StepStatus.SUCCEEDED:
            return Succeeded(output=record.output, ports=record.ports)
        case StepStatus.FAILED | StepStatus.RETRYING if record.error is not None:
            return Failed(failure=record.error)
        case StepStatus.UNKNOWN if record.error is not None:
            return Unknown(failure=record.error)
        case _:
            return None
