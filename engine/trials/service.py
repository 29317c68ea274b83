"""Trials as people ask for them: what is stored is read, the work is done in its turn, and real calls are audited."""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from engine.attempts import Tools
from engine.audit import Act, audit
from engine.errors import Conflict, DefinitionError, InvalidRequest, NotFound
from engine.graph import Graph
from engine.graphs import Graphs
from engine.model.base import EventId, ExecutionId, JsonObject, ProjectId, WorkflowId, new_id
from engine.model.execution import Execution
from engine.model.node import NodeKind
from engine.nodes import PURE
from engine.nodes.base import EffectHandler
from engine.nodes.code import CodeHandler, Runs
from engine.ports import Clock, Database
from engine.state import State
from engine.trials.answers import AnswerHandler, Answers, GivenAnswer
from engine.trials.order import NodeOrder, Place, occasion_for
from engine.trials.places import Placed, nodes_by_place
from engine.trials.reading import of_event, of_execution
from engine.trials.recomputing import state_at
from engine.trials.recording import Occasion, Recording, occasion_of
from engine.trials.run import OWNER, Stage
from engine.trials.single import Effects, NodeRun, bench_of
from engine.trials.trial import Candidate, Trial, tried
from engine.trials.turns import Lent, Turns, in_thread
from engine.trials.virtual import MemoryRecords, VirtualClock

LIMIT: Final = timedelta(seconds=20)
"""How long a trial may take."""
MOST_RECORDS: Final = 20_000
"""How many steps of a stored execution a trial is compared with."""
NODE_LIMIT: Final = timedelta(seconds=60)
"""How long one node that runs alone may take, where its own time limit is longer."""


_INDEXES: Final = re.compile(r"\[[^\]]*\]|#\d+")
"""What a path has and the place of its node has not: which iteration, and which visit."""


class Trials:
    """Runs trials; needs no executor and writes nothing but the audit rows of real calls."""

    def __init__(
        self,
        *,
        database: Database,
        graphs: Graphs,
        clock: Clock,
        effects: Mapping[NodeKind, EffectHandler],
        workers: Runs,
        turns: Turns | None = None,
    ) -> None:
        self._database = database
        self._graphs = graphs
        self._clock = clock
        self._effects = effects
        self._workers = workers
        self._turns = turns or Turns()

    async def recording(
        self, project: ProjectId, *, event_id: EventId | None = None, execution_id: ExecutionId | None = None
    ) -> Recording:
        """Read what is stored of an execution, or of an event with the execution that it started.

        Raises:
            NotFound; Conflict: The execution's event was removed.
        """
        async with self._database.read() as uow:
            if execution_id is not None:
                found = await of_execution(uow, project, execution_id)
            else:
                found = await of_event(uow, project, event_id or EventId(""))
        return found if found.execution is None else replace(found, graph=await self._readable(found.execution))

    async def try_on(
        self, candidate: Candidate, recording: Recording, *, given: Mapping[str, GivenAnswer], trigger_key: str = ""
    ) -> Trial:
        """Run a candidate in memory on a stored event and compare.

        Args:
            given: Answers by the node or the path of a call.
            trigger_key: As if this trigger had had the event; empty leaves it to the one that had it.

        Raises:
            InvalidRequest: An answer is given for what is no node.
            Conflict: The stored execution is too long to be compared.
            Unavailable: Too many trials are running.
        """
        _check_answers(candidate.graph, given)
        if len(recording.records) > MOST_RECORDS:
            steps = len(recording.records)
            raise Conflict(f"the stored execution has {steps} steps; a trial is compared with at most {MOST_RECORDS}")
        key = trigger_key or recording.trigger_key
        occasion = occasion_of(recording, trigger_key=key, execution_id=ExecutionId(new_id()))
        loop = asyncio.get_running_loop()

        async def work() -> Trial:
            stage = _stage(occasion, Lent(self._workers, loop), Answers((), given))
            return await tried(candidate, recording, occasion, stage)

        async with self._turns.take():
            return await in_thread(work)

    async def run_node(
        self, graph: Graph, order: NodeOrder, recording: Recording | None, *, workflow: WorkflowId, act: Act
    ) -> NodeRun:
        """Run one node alone. A real call is in the audit log before it is made.

        Raises:
            NotFound: The version has no such node.
            InvalidRequest: It is given something that it does not have.
            Unavailable: Too many trials are running, or the audit row could not be written; nothing was called.
        """
        placed = _placed(graph, order.node)
        kind = placed.node.kind
        if order.effects is Effects.REAL and kind not in PURE and kind not in self._effects:
            raise InvalidRequest(
                f'"{order.node}" is a {kind.value} node: it has no call to make, only executions run it'
            )
        now = self._clock.now()
        place = Place(project=act.project, workflow=workflow, now=now, fresh=ExecutionId(new_id()))
        occasion = occasion_for(order, recording, place)
        async with self._turns.take():
            if order.effects is Effects.REAL:
                await self._audit(order, recording, workflow=workflow, act=act)
            given = {} if order.answer is None else {order.path: order.answer}
            answers = Answers(() if recording is None else recording.records, given)
            stage = _stage(occasion, self._workers, answers)
            stored = _stored_state(recording, occasion, order.path, stage)
            woken_at = now if recording is None or recording.execution is None else recording.execution.woken_at
            claimed = occasion.claimed(graph, woken_at=woken_at, deadline_at=now + NODE_LIMIT)
            tools = self._tools(stage, order.effects)
            bench = bench_of(graph, placed, claimed=claimed, scene=order.scene, tools=tools, stored=stored)
            if order.effects is not Effects.RECORDED:
                return await bench.run(order.effects)
            bench.visit.attempt = answers.last_attempt(order.path)
            answered_by, _ = answers.find(order.path, order.node, bench.visit.attempt)
            return await bench.run(order.effects, answered_by=answered_by)

    async def _readable(self, execution: Execution) -> Graph | None:
        try:
            return await self._graphs.get(execution.version_id)
        except DefinitionError:
            return None

    async def _audit(self, order: NodeOrder, recording: Recording | None, *, workflow: WorkflowId, act: Act) -> None:
        execution = recording.execution if recording is not None else None
        details: JsonObject = {"node": order.node, "execution_id": None if execution is None else execution.id}
        async with self._database.write() as uow:
            await audit(uow, self._clock, act, "node.run", target=workflow, details=details)
            await uow.commit()

    def _tools(self, stage: Stage, effects: Effects) -> Tools:
        return Tools(
            owner=OWNER,
            effects=self._effects if effects is Effects.REAL else stage.tools(MemoryRecords()).effects,
            recorder=MemoryRecords(),
            clock=self._clock,
            jitter=random.random,
            is_alive=lambda: True,
        )


def _placed(graph: Graph, place: str) -> Placed:
    places = nodes_by_place(graph)
    if place not in places:
        raise NotFound(f'the version has no node "{place[:100]}"; it has {", ".join(places)[:1000]}')
    return places[place]


def _check_answers(graph: Graph, given: Mapping[str, GivenAnswer]) -> None:
    """Raises InvalidRequest: an answer is given for what the version does not have."""
    places = nodes_by_place(graph) if given else {}
    for name in given:
        if _INDEXES.sub("", name) not in places:
            known = ", ".join(places)[:500]
            raise InvalidRequest(f'an answer is given for "{name[:100]}", which is no node; there are {known}')


def _stage(occasion: Occasion, workers: Runs, answers: Answers) -> Stage:
    clock = VirtualClock(occasion.created_at, limit=LIMIT)
    return Stage(handler=AnswerHandler(answers), code=CodeHandler(workers), clock=clock)


def _stored_state(recording: Recording | None, occasion: Occasion, path: str, stage: Stage) -> State | None:
    """The state of the stored execution when the visit was to begin; ``None`` where there is none to be read."""
    if recording is None or recording.execution is None or recording.graph is None:
        return None
    try:
        return state_at(recording.graph, occasion, recording.records, path=path, stage=stage)
    except (DefinitionError, ValueError):
        return None
