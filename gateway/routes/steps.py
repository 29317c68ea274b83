"""The steps of one execution, in pages and by their place: a loop may have 100,000 of them."""

import re
from typing import Annotated

from msgspec import Meta

from engine.errors import InvalidRequest, Problem
from engine.history import without_openings
from engine.model.access import Scope
from engine.model.execution import StepRecord, StepStatus
from engine.repositories import StepFilter
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Limit, Query
from gateway.retelling import BUDGET, count_parts
from gateway.routes.executions import find_execution
from gateway.views.steps import StepPage, step_view

_PATH = r"[a-z][a-z0-9_]*(#\d+)?(\[\d+\])?(\.[a-z][a-z0-9_]*(#\d+)?(\[\d+\])?)*"
StepPath = Annotated[str, Meta(max_length=1000, pattern=f"^{_PATH}$")]

_AFTER = re.compile(rf"(?P<path>{_PATH}(@\d+)?):(?P<attempt>\d{{1,9}})")


class StepQuery(Query, frozen=True, kw_only=True):
    """Which steps to read, in the order of their paths (as text: `orders[10]` comes before `orders[2]`)."""

    within: (
        Annotated[
            StepPath, Meta(description="a step, an iteration such as `orders[3]`, or a branch: it and all inside it")
        ]
        | None
    ) = None
    path: Annotated[StepPath, Meta(description="one step: its attempts, with their values whole")] | None = None
    status: Annotated[tuple[StepStatus, ...], Meta(description="any of these; repeat it, or divide by commas")] = ()
    limit: Limit = 50
    after: Annotated[str, Meta(max_length=1020, description="`next` of the page before")] | None = None


async def list_steps(call: Call[StepQuery, None]) -> StepPage:
    """List the steps of an execution, of one iteration of a loop, of a branch, or the attempts at one step.

    In place of large values stand `{"$large_value": {"bytes": …}}`, except with `path`. What a node passes on unchanged
    is not worked out here: it is what the step before it gave.
    """
    query = call.query
    where = StepFilter(
        within=query.within,
        path=query.path,
        statuses=frozenset(query.status),
        after=None if query.after is None else _read_after(query.after),
    )
    budget = BUDGET if query.path is not None else 0
    async with call.hub.database.read() as uow:
        execution = await find_execution(call, uow)
        found = await uow.executions.some_steps(execution.id, where, limit=query.limit, budget=budget)
    parts = await count_parts(call.hub, execution, found)
    return StepPage(
        items=[step_view(record, parts) for record in without_openings(found)],
        next=_after(found[-1]) if len(found) == query.limit else None,
    )


def _after(record: StepRecord) -> str:
    return f"{record.path}:{record.attempt}"


def _read_after(text: str) -> tuple[str, int]:
    match = _AFTER.fullmatch(text)
    if match is None:
        problem = Problem(place="after", message="is not the `next` of a page")
        raise InvalidRequest("the request is malformed", problems=(problem,))
    return match["path"], int(match["attempt"])


endpoints = [
    Endpoint(method="GET", path="/executions/{execution}/steps", handler=list_steps, scope=Scope.READ),
]
