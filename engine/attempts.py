"""Make attempts at nodes: build what their expressions see, run them, and turn whatever goes wrong into an outcome."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from engine.calls import CallGroup, Calls
from engine.errors import (
    InvalidInput,
    InvalidOutput,
    LimitExceeded,
    OutcomeUnknown,
    PatchbayError,
    StepTimeout,
    Unavailable,
)
from engine.expressions.bounds import MAX_WORK, Budget
from engine.expressions.values import weigh
from engine.graph import Graph
from engine.journal import Records
from engine.links import Links, NoLinks, approval_scope, link_scope
from engine.model.action import Effect
from engine.model.base import ExecutionId, ExecutorId, Json, JsonObject, format_duration
from engine.model.execution import Claimed, Failure, Note
from engine.model.node import NodeKind
from engine.model.outcome import Failed, Opened, Outcome, Succeeded, Suspended
from engine.nodes import PURE
from engine.nodes.base import Attempt, EffectHandler, PreparedCall, failed
from engine.nodes.connector import DATABASE_PAUSE
from engine.ports import Clock
from engine.results import KeepingCall, KnownResults, NoResults, wish_to_keep
from engine.scope import execution_scope, trigger_scope
from engine.state import Frame, State, Visit
from engine.variables import assigned_by

log = logging.getLogger(__name__)

DEEPEST = 200
"""How deep an output may be nested: what is deeper could be written, and not read again beside other values."""

MOST_WEIGHING = 10 * MAX_WORK
"""Units for looking at all items or results of a loop, a long list of what was weighed before: about 0.2 s."""

TIMEOUT_CODE = "execution_timeout"

Instead: TypeAlias = Outcome | KeepingCall
"""What takes the place of a call: what came of it, or a call that keeps its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all executions of one executor share.

    ``jitter`` gives random numbers from 0 up to 1. ``is_alive`` says whether no reaper can have taken our executions
    yet; where it says no, ownership is proved by a commit before the next call. ``largest_output_bytes`` bounds one
    output as JSON. ``pausing`` holds the executions that start no further node, because a person asked them to pause.
    """

    owner: ExecutorId
    effects: Mapping[NodeKind, EffectHandler]
    recorder: Records
    clock: Clock
    jitter: Callable[[], float]
    is_alive: Callable[[], bool]
    results: KnownResults = field(default_factory=NoResults)
    links: Links = field(default_factory=NoLinks)
    largest_output_bytes: int = 4 * 1024 * 1024
    pausing: set[ExecutionId] = field(default_factory=set)
    calls: Calls = field(default_factory=Calls)


class Attempts:
    """Makes the attempts of one owned execution.

    Raises:
        ExpressionError: While it is built, the trigger's ``map`` fails.
    """

    def __init__(self, claimed: Claimed, graph: Graph, tools: Tools) -> None:
        self._claimed = claimed
        self._graph = graph
        self._tools = tools
        trigger = trigger_scope(claimed.event_id, claimed.occurred_at, claimed.envelope, claimed.data)
        self._names = execution_scope(claimed, graph, trigger)
        shape = graph.maps.get(claimed.trigger_key)
        if shape is not None:
            trigger["data"] = shape.render({**self._names, "steps": {}, "input": claimed.data, "vars": {}})
        self.data = trigger["data"]
        self._part: JsonObject | None = None
        if graph.entry is not None and isinstance(claimed.data, dict):
            self._part, trigger["data"] = claimed.data["opening"], claimed.data["trigger"]
        self.deadline_at = claimed.deadline_at

    def run_pure(self, state: State, visit: Visit, now: datetime) -> Outcome:
        """Run a node that changes nothing outside, or stand in for one that is not to run."""
        try:
            if visit.node.bypass is not None:
                return self._bypassed(state, visit, now)
            attempt = self.attempt(state, visit, now)
            return self._accepted(attempt, self._weighed(PURE[visit.node.kind](attempt), attempt))
        except PatchbayError as exc:
            return failed(exc, step=visit.path)

    def prepare(self, state: State, visit: Visit, now: datetime) -> tuple[Attempt, PreparedCall] | Outcome:
        """Make an effect ready to begin; nothing is sent."""
        try:
            attempt = self.attempt(state, visit, now)
            return attempt, self._tools.effects[visit.node.kind].prepare(attempt)
        except PatchbayError as exc:
            return failed(exc, step=visit.path)

    async def recall(self, ready: Sequence[tuple[Attempt, PreparedCall]], now: datetime) -> dict[str, Instead]:
        """Say by path what takes the place of calls whose results are kept: a result, or a call that keeps its own.

        While the database cannot tell, they wait: a result that is there must not be called for again.
        """
        instead: dict[str, Instead] = {}
        keeping: list[tuple[Attempt, KeepingCall]] = []
        for attempt, call in ready:
            try:
                keep = wish_to_keep(self._claimed, attempt)
            except PatchbayError as exc:
                instead[attempt.visit.path] = failed(exc, step=attempt.visit.path)
            else:
                if keep is not None:
                    keeping.append((attempt, KeepingCall(call, keep)))
        known: Mapping[str, Json] | None = {}
        if keeping:
            try:
                known = await self._tools.results.find({call.keep.key.digest for _, call in keeping}, now=now)
            except Unavailable:
                known = None
        for attempt, call in keeping:
            instead[attempt.visit.path] = self._recalled(attempt, call, known, now)
        return instead

    def _recalled(
        self, attempt: Attempt, call: KeepingCall, known: Mapping[str, Json] | None, now: datetime
    ) -> Instead:
        if known is None:
            return Suspended(due_at=now + DATABASE_PAUSE, reason="database")
        if call.keep.key.digest not in known:
            return call
        try:
            return self._accepted(attempt, Succeeded(output=known[call.keep.key.digest], note=Note.CACHED))
        except PatchbayError as exc:
            return failed(exc, step=attempt.visit.path)

    def begin(self, group: CallGroup, attempt: Attempt, call: PreparedCall) -> asyncio.Future[Outcome]:
        """Start one call; its outcome comes in time, whatever the connector does."""
        now = self._tools.clock.now()
        limit = attempt.time_left
        work = self.perform(attempt, call)
        return group.begin(
            work, step=attempt.visit.path, now=now, limit=limit, late=lambda: self._late(attempt, call, limit)
        )

    def _late(self, attempt: Attempt, call: PreparedCall, limit: timedelta) -> Outcome:
        """What became of a call that did not end when its time was over, and that nobody waits for any more."""
        step = attempt.visit.path
        span = format_duration(max(limit, timedelta()))
        what = f'the call at "{step}" did not end within {span}, nor when it was told to'
        if call.effect is Effect.UNREPEATABLE:
            return failed(OutcomeUnknown(f"{what}; it may have happened, look before you replay"), step=step)
        if self._tools.clock.now() >= attempt.deadline_at:
            return Failed(failure=overtime(self._graph, step))
        return failed(StepTimeout(what), step=step)

    async def perform(self, attempt: Attempt, call: PreparedCall) -> Outcome:
        """Make one call. Whatever a connector raises ends here."""
        step = attempt.visit.path
        try:
            return self._accepted(attempt, self._plain(await call.perform(), step))
        except PatchbayError as exc:
            return failed(exc, step=step)
        except Exception as exc:
            log.exception("step crashed", extra={"execution_id": self._claimed.id, "step": step})
            message = f"the connector failed with {type(exc).__name__}: {exc}"[:2000]
            return Failed(failure=Failure(code="internal_error", message=message, step=step))

    def _bypassed(self, state: State, visit: Visit, now: datetime) -> Outcome:
        """Leave by ``main`` with what is pinned, or, where the node is disabled, with what arrived."""
        node = visit.node
        if node.bypass is Note.DISABLED:
            return Succeeded(note=Note.DISABLED)  # the planner passes the input on
        outcome = Succeeded(output=node.node.pin, note=Note.PINNED)
        if node.assign is None and node.output_schema is None:
            return outcome
        return self._accepted(self.attempt(state, visit, now), outcome)

    def attempt(self, state: State, visit: Visit, now: datetime) -> Attempt:
        """Make what a handler is given. Raises ExpressionError, InvalidInput."""
        node = visit.node
        arrived = state.input_of(visit)
        frame = visit.frame
        scope: JsonObject = {**self._names, **frame.names}
        scope.update(steps=frame.outputs, vars=state.variables, input=arrived)
        if self._graph.callbacks or self._graph.approvals:
            links, id = self._tools.links, self._claimed.id
            scope["execution"] = {**scope["execution"], **link_scope(links, id, state, frame)}
        if self._graph.approvals:
            people = approval_scope(links, id, state, frame=frame, scope=scope)
            scope["execution"] = {**scope["execution"], "approvals": people}
        if node.input is not None and visit.given is None:
            scope["input"] = node.input.render(scope, strict=node.node.strict)
        if node.input_schema is not None and node.bypass is None:
            problem = node.input_schema.problem(scope["input"], "input")
            if problem is not None:
                raise InvalidInput(f'"{visit.path}" did not run, its input_schema is not satisfied: {problem}')
        claimed = self._claimed
        return Attempt(
            visit,
            scope,
            scope["input"],
            now,
            self.deadline_at,
            claimed.id,
            claimed.project_id,
            arrivals=claimed.arrivals.get(visit.path, ()),
            max_iterations=self._graph.settings.max_iterations,
            epoch=claimed.epoch,
            part=self._part if frame.owner is None else None,
            spreads=node.kind in self._tools.effects,
        )

    def seen(self, state: State, frame: Frame, value: Json) -> JsonObject:
        """What expressions see in a frame at this moment, with ``value`` as the name ``input``."""
        return {**self._names, **frame.names, "steps": frame.outputs, "vars": state.variables, "input": value}

    def _accepted(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Refuse an output that does not satisfy the node's schema, and let one that does set variables."""
        node = attempt.node
        if not isinstance(outcome, Succeeded):
            return outcome
        if node.output_schema is not None:
            problem = node.output_schema.problem(outcome.output, "output")
            if problem is not None:
                raise InvalidOutput(f'"{attempt.visit.path}" ran, its output_schema is not satisfied: {problem}')
        if node.assign is None:
            return outcome
        return replace(outcome, assigned=assigned_by(node, self._graph, attempt.scope, outcome.output))

    def _weighed(self, outcome: Outcome, attempt: Attempt) -> Outcome:
        """Refuse a value that names the same large part again and again, before anybody writes it out."""
        work = (
            MOST_WEIGHING if attempt.node.bodies else MAX_WORK
        )  # a list of results is long, and made of weighed parts
        if isinstance(outcome, Opened):
            self._bound(weigh(Budget(work), outcome.opening), attempt.visit.path)
        elif isinstance(outcome, Succeeded) and not attempt.node.passes_input:
            self._bound(weigh(Budget(work), outcome.output), attempt.visit.path)
        return outcome

    def _bound(self, size: int, step: str) -> None:
        limit = self._tools.largest_output_bytes
        if size > limit:
            raise LimitExceeded(f'the output of "{step}" has {size} bytes; the limit is {limit}')

    def _plain(self, outcome: Outcome, step: str) -> Outcome:
        """Bring an output to plain JSON; a connector may have returned dates, sets or far too much."""
        if not isinstance(outcome, Succeeded):
            return outcome
        try:
            encoded = msgspec.json.encode(outcome.output)
        except RecursionError as exc:
            raise LimitExceeded(f'the output of "{step}" is nested more than {DEEPEST} deep') from exc
        self._bound(len(encoded), step)
        if encoded.count(b"[") + encoded.count(b"{") > DEEPEST and nesting(outcome.output) > DEEPEST:
            raise LimitExceeded(f'the output of "{step}" is nested more than {DEEPEST} deep, which is the limit')
        return replace(outcome, output=msgspec.json.decode(encoded))


def nesting(value: Json) -> int:
    """How deep a JSON value is nested; 0 for one that is no list or mapping."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        if depth > DEEPEST:
            break
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
    return depth


def overtime(graph: Graph, step: str | None) -> Failure:
    """The failure of an execution whose time is up."""
    limit = graph.settings.timeout
    return Failure(code=TIMEOUT_CODE, message=f"the execution took longer than settings.timeout, {limit}", step=step)
