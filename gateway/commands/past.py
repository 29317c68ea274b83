"""Executions of a hub in this process, read from its database as the trace that people see."""

import asyncio
from datetime import timedelta

from engine.errors import NotFound, Unavailable
from engine.graph import Graph
from engine.history import history
from engine.model.base import DEFAULT_PROJECT, ExecutionId
from engine.model.execution import Execution, StepRecord, StepStatus
from engine.model.node import ConnectorSpec
from gateway.bootstrap import Hub
from gateway.trace import Trace, TraceStep

LOOK_EVERY_SECONDS = 0.03


async def wait_for_end(hub: Hub, execution_id: ExecutionId, *, within: timedelta) -> Execution:
    """Return an execution when it has ended.

    Raises:
        Unavailable: It has not, within the time; the message says how it stands.
    """
    status = "unknown"
    try:
        async with asyncio.timeout(within.total_seconds()):
            while True:
                async with hub.database.read() as uow:
                    execution = await uow.executions.outcome(execution_id)
                if execution is None:
                    raise NotFound(f'there is no execution "{execution_id}"')
                if execution.status.is_final:
                    return execution
                status = execution.status.value
                await asyncio.sleep(LOOK_EVERY_SECONDS)
    except TimeoutError as error:
        raise Unavailable(f"the execution {execution_id} is still {status} after {within}") from error


async def read_trace(hub: Hub, execution_id: ExecutionId) -> Trace:
    """Return the trace of an execution as it stands. Raises NotFound."""
    async with hub.database.read() as uow:
        execution = await uow.executions.find(DEFAULT_PROJECT, execution_id)
        if execution is None:
            raise NotFound(f'there is no execution "{execution_id}"')
        event = await uow.events.find(DEFAULT_PROJECT, execution.event_id)
        records = await uow.executions.steps(execution_id)
    graph = await hub.graphs.get(execution.version_id)
    past = history(graph, execution.trigger_key, event.data if event else None, records)
    return Trace(
        id=execution.id,
        workflow=graph.name,
        trigger=execution.trigger_key,
        status=execution.status.value,
        steps=[_step(record, graph) for record in past.steps],
        created_at=execution.created_at,
        finished_at=execution.finished_at,
        due_at=execution.due_at,
        wait_reason=execution.wait_reason,
        output=execution.output,
        error=_failure(execution),
        skipped=past.skipped,
        ahead=past.ahead,
    )


def _step(record: StepRecord, graph: Graph) -> TraceStep:
    compiled = graph.nodes.get(record.node)
    spec = compiled.node.spec if compiled else None
    kind = spec.use if isinstance(spec, ConnectorSpec) else compiled.kind.value if compiled else ""
    failure = record.error
    shows_output = record.status is StepStatus.SUCCEEDED
    return TraceStep(
        path=record.path,
        kind=kind,
        status=record.status.value,
        attempt=record.attempt,
        started_at=record.started_at,
        finished_at=record.finished_at,
        ports=record.ports,
        output=record.output if shows_output else None,
        error=f"{failure.code}: {failure.message}" if failure else "",
        due_at=record.due_at,
        wait_reason=record.wait_reason,
    )


def _failure(execution: Execution) -> str:
    error = execution.error
    if not error:
        return ""
    where = f"{error['step']}: " if error.get("step") else ""
    return f"{where}{error.get('message') or error.get('code', '')}"
