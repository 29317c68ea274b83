"""What answers calls in a trial: what the caller gave, or what the stored execution got. Nothing is ever sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from engine.flow import CompiledNode
from engine.model.action import Effect
from engine.model.base import Json
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.node import ConnectorSpec, LoopSpec
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.nodes import PURE
from engine.nodes.base import Attempt

UNANSWERED: Final = "no recorded answer"
"""Why a visit waits for ever in a trial."""
NEVER: Final = timedelta(days=3650)


class AnsweredBy(StrEnum):
    """Where the answer to a call came from; ``alike``: from the same call of a node that the version has no more."""

    GIVEN = "given"
    RECORDED = "recorded"
    ALIKE = "alike"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """An answer that the caller of a trial wants: an output, or a failure."""

    output: Json = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """A call that a trial would have made. ``now`` is what its expressions saw under that name.

    ``what`` is the same for calls of the same action with the same inputs.
    """

    path: str
    attempt: int
    inputs: Json
    now: str
    what: str
    answered_by: AnsweredBy = AnsweredBy.NOBODY


class Answers:
    """Answers by the path of a visit and the number of the attempt; what is given counts before what is recorded.

    A recorded answer is that of the same attempt: a version that tries more often than the stored one did has no
    answer for what was never tried. ``moved`` are calls of nodes that the version has no more, because they were
    renamed or stand elsewhere: each answers one visit that makes the same call and was never recorded.
    """

    def __init__(
        self,
        records: Iterable[StepRecord] = (),
        given: Mapping[str, GivenAnswer] | None = None,
        *,
        moved: Iterable[SeenCall] = (),
    ) -> None:
        self._recorded = {(record.path, record.attempt): record for record in records}
        self._paths = {path for path, _ in self._recorded}
        self._moved = list({call.path: call for call in moved}.values())
        self._stands_for: dict[str, str] = {}
        self.given = given or {}

    def find(self, path: str, node: str, attempt: int, *, what: str = "") -> tuple[AnsweredBy, Outcome | None]:
        """Return the outcome of an attempt; ``None`` if nobody answers. Given ones are named by path or by node."""
        given = self.given.get(path) or self.given.get(node)
        if given is not None:
            if given.failure is not None:
                return AnsweredBy.GIVEN, Failed(failure=given.failure)
            return AnsweredBy.GIVEN, Succeeded(output=given.output)
        source = path if path in self._paths else self._source(path, what)
        record = self._recorded.get((source, attempt))
        outcome = None if record is None else _outcome(record)
        if outcome is None:
            return AnsweredBy.NOBODY, None
        return (AnsweredBy.RECORDED if source == path else AnsweredBy.ALIKE), outcome

    def _source(self, path: str, what: str) -> str:
        """The recorded visit that stands for one that was never recorded, or the path itself if there is none."""
        if path not in self._stands_for:
            found = next((call for call in self._moved if call.what == what), None)
            if found is None:
                return path
            self._moved.remove(found)
            self._stands_for[path] = found.path
        return self._stands_for[path]

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
        what = what_is_called(visit.node, inputs)
        answered_by, outcome = self.answers.find(visit.path, visit.node.place, visit.attempt, what=what)
        self.seen[visit.path, visit.attempt] = SeenCall(
            path=visit.path,
            attempt=visit.attempt,
            inputs=inputs,
            now=str(attempt.scope["now"]),
            what=what,
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


def is_answered(node: CompiledNode) -> bool:
    """Whether a trial answers a node instead of running it: a call, a wait, or a loop that may run elsewhere."""
    spec = node.node.spec
    return node.kind not in PURE or (isinstance(spec, LoopSpec) and spec.spread_over is not None)


def what_is_called(node: CompiledNode, inputs: Json) -> str:
    """Name a call by its action, its connection and its inputs."""
    spec = node.node.spec
    use = [spec.use, spec.connection] if isinstance(spec, ConnectorSpec) else [node.kind.value]
    return msgspec.json.encode([use, inputs], order="sorted").decode()


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
