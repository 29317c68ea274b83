"""Whether a visit of a debugged execution may begin, and where the execution stands when it may not.

Once it stops, nothing more begins: what is under way ends, and the execution comes to rest. Where it stopped is written
down as a record, so that nobody stops there twice, whoever goes on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.edits import frame_at
from engine.errors import ExpressionError, PatchbayError
from engine.expressions import Expression, compile_expression, truthy
from engine.model.base import Json, JsonObject
from engine.model.debugging import Breakpoint, DebugPlan, When, mark_path, marked_path
from engine.model.execution import Claimed, Note, StepRecord, StepStatus
from engine.nodes.base import Attempt
from engine.ports import Clock
from engine.state import Frame, Stage, State, Visit

SeenBefore = Callable[[State, Visit], JsonObject]
"""What the expressions of a visit would see. Raises PatchbayError."""
SeenAfter = Callable[[State, Frame, Json], JsonObject]
"""What expressions see in a frame when a step has ended, with this ``input``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where an execution stands: before or after a visit."""

    when: When
    path: str
    node: str

    def record(self, seq: int, now: datetime) -> StepRecord:
        """The mark that says so."""
        return StepRecord(
            path=mark_path(self.path, seq),
            node=self.node,
            attempt=1,
            seq=seq,
            status=StepStatus.SUCCEEDED,
            started_at=now,
            finished_at=now,
            wait_reason=self.when.value,
            note=Note.STOPPED,
        )


class Scopes(Protocol):
    """What expressions see. Implemented by ``engine.attempts.Attempts``."""

    def attempt(self, state: State, visit: Visit, now: datetime) -> Attempt:
        """What a visit would be given. Raises PatchbayError."""

    def seen(self, state: State, frame: Frame, value: Json) -> JsonObject:
        """What is seen in a frame, with ``value`` as the name ``input``."""


def open_stops(claimed: Claimed, scopes: Scopes, clock: Clock) -> "Stops | None":
    """Return the stops of a debugged execution; ``None`` for any other."""
    if claimed.debug is None:
        return None

    def before(state: State, visit: Visit) -> JsonObject:
        return scopes.attempt(state, visit, clock.now()).scope

    return Stops(claimed.debug, claimed.steps, before=before, after=scopes.seen)


class Stops:
    """Keeps the plan of one claimed execution.

    ``before`` and ``after`` give what conditions see. A condition that fails stops: a debugger that runs past a
    mistake in it would be of no use.
    """

    def __init__(self, plan: DebugPlan, records: Sequence[StepRecord], *, before: SeenBefore, after: SeenAfter) -> None:
        self._plan = plan
        self._before = before
        self._after = after
        self._conditions = {point: _compiled(point) for point in plan.breakpoints if point.condition is not None}
        marks = [record for record in records if record.is_mark]
        self._begun = {record.path for record in records if not record.is_mark}
        stops = [record for record in marks if record.note is Note.STOPPED]
        self._begun.update(marked_path(one.path) for one in stops if one.wait_reason == When.BEFORE.value)
        # After a stop behind a step, the next step of a person who steps is a whole one.
        self._free = bool(stops) and stops[-1].wait_reason == When.AFTER.value and plan.stepping
        seen = max((mark.seq for mark in marks), default=plan.since)
        self._unseen = [record for record in records if record.seq > max(seen, plan.since) and not record.is_mark]
        self.stop: Stop | None = None

    def may_begin(self, state: State, visit: Visit) -> bool:
        """Say whether a visit may begin; one that may not stays ready, for the next owner."""
        self._look_back(state)
        allowed = self._allows(state, visit)
        if not allowed:
            visit.stage = Stage.READY
        return allowed

    def _allows(self, state: State, visit: Visit) -> bool:
        if self.stop is not None:
            return False
        if visit.path in self._begun:
            return True
        if self._free:
            self._free = False
        elif self._plan.stepping or self._stops_at(When.BEFORE, visit.node.place, lambda: self._before(state, visit)):
            self.stop = Stop(when=When.BEFORE, path=visit.path, node=visit.node.place)
            return False
        self._begun.add(visit.path)
        return True

    def ended(self, state: State, record: StepRecord, frame: Frame) -> None:
        """Take note of a record that was applied: it may be one to stop behind. ``frame`` is the one it belongs to."""
        if self.stop is not None or record.is_mark or not _is_end(record) or state.stopping:
            return
        if self._stops_at(When.AFTER, record.node, lambda: self._after(state, frame, record.output)):
            self.stop = Stop(when=When.AFTER, path=record.path, node=record.node)

    def _look_back(self, state: State) -> None:
        """Stop behind a step whose executor died before it could come to rest."""
        unseen, self._unseen = self._unseen, []
        for record in unseen:
            self.ended(state, record, frame_at(state, record.path))

    def _stops_at(self, when: When, node: str, see: Callable[[], JsonObject]) -> bool:
        for point in self._plan.breakpoints:
            if point.node != node or point.when is not when:
                continue
            condition = self._conditions.get(point)
            try:
                if condition is None or truthy(condition.evaluate(see())):
                    return True
            except PatchbayError:
                return True
        return False


def _compiled(point: Breakpoint) -> Expression | None:
    """The condition; ``None`` for one that this release cannot read, so that it stops always."""
    try:
        return compile_expression(point.condition or "")
    except ExpressionError:
        return None


def _is_end(record: StepRecord) -> bool:
    if record.status is StepStatus.SUCCEEDED:
        return True
    return record.status in (StepStatus.FAILED, StepStatus.UNKNOWN) and bool(record.ports)
