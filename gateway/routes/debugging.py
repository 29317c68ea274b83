"""Debugging executions: start one with breakpoints, look at it while it stands, change values, step, go on."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from engine.debugging.editing import Edits
from engine.errors import InvalidRequest
from engine.model.access import Scope
from engine.model.base import ExecutionId
from engine.model.debugging import Breakpoint, DebugPlan, When
from engine.model.event import NewEvent
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Query
from gateway.routes.executing import check_input, manual_route
from gateway.views.debugging import DebugView, debug_view
from gateway.views.executions import ExecutionRef

MOST_BREAKPOINTS = 100


class BreakpointBody(Body, frozen=True, kw_only=True, rename={"condition": "if"}):
    """Stop before or after every visit of a node, or where `if`, an expression, holds."""

    node: Annotated[str, Meta(min_length=1, max_length=200)]
    when: When = When.BEFORE
    condition: Annotated[str, Meta(min_length=1)] | None = None


Breakpoints = tuple[BreakpointBody, ...]


class DebugStart(Body, frozen=True, kw_only=True):
    """An execution to debug from its first node on. ``step`` stops before every node.

    ``trigger`` is the key of a manual trigger, where there are several.
    """

    input: Any = None
    trigger: Annotated[str, Meta(max_length=63)] | None = None
    breakpoints: Breakpoints = ()
    step: bool = False


class DebugAttach(Body, frozen=True, kw_only=True):
    """How an execution is debugged; ``version`` counts where it has ended and runs again."""

    breakpoints: Breakpoints = ()
    step: bool = False
    version: Literal["same", "published"] = "same"


class DebugEdit(Body, frozen=True, kw_only=True):
    """What the rest of an execution is to see.

    ``input`` is for the visit at the path ``at``, by default the one that runs next; ``vars`` are variables by name,
    ``steps`` outputs by node.
    """

    input: Any = UNSET
    at: Annotated[str, Meta(max_length=300)] = ""
    vars: dict[str, Any] | None = None
    steps: dict[str, Any] | None = None


class BreakpointsBody(Body, frozen=True, kw_only=True):
    """All breakpoints of an execution."""

    breakpoints: Breakpoints


async def start_debugging(call: Call[Query, DebugStart]) -> ExecutionRef:
    """Start an execution of the published version that stops at breakpoints.

    Its calls are real. It may take 24 hours from the last thing that was done to it. With neither breakpoints nor
    ``step`` it stops before its first node.
    """
    body = call.body
    route = await manual_route(call, body.trigger)
    check_input(call, route, body.input)
    event = NewEvent(trigger_id=route.trigger.id, dedupe_key=None, occurred_at=call.hub.clock.now(), data=body.input)
    plan = _plan(body.breakpoints, step=body.step)
    graph = await call.hub.graphs.get(route.trigger.version_id)
    receipt = await call.hub.debugging.start(event, plan, graph=graph, act=call.caller.act)
    call.headers["location"] = f"/api/v1/executions/{receipt.execution_id}"
    return ExecutionRef(execution_id=str(receipt.execution_id))


async def debug_execution(call: Call[Query, DebugAttach]) -> ExecutionRef:
    """Debug an execution from where it rests.

    One that has ended runs again for the same event, as a new execution (`rerun_of`), on its version or the published
    one. One that is running has to be paused first.
    """
    body = call.body
    running = await call.hub.debugging.attach(
        ExecutionId(call.id("execution")),
        _plan(body.breakpoints, step=body.step),
        published=body.version == "published",
        act=call.caller.act,
    )
    call.headers["location"] = f"/api/v1/executions/{running}"
    return ExecutionRef(execution_id=running)


async def get_debugging(call: Call[Query, None]) -> DebugView:
    """Show a debugged execution as it stands: where, what runs next with which input, variables and outputs."""
    return await _view(call)


async def edit_debugged(call: Call[Query, DebugEdit]) -> DebugView:
    """Change values of an execution that stands.

    The input of the node that runs next, variables, or the output of an earlier step as it is seen from here on. Each
    change is a record of the execution, shown with who made it, and kept whoever goes on with it.
    """
    body = call.body
    edits = Edits(
        has_input=body.input is not UNSET,
        input=None if body.input is UNSET else body.input,
        at=body.at,
        variables=body.vars or {},
        steps=body.steps or {},
    )
    await call.hub.debugging.edit(ExecutionId(call.id("execution")), edits, act=call.caller.act)
    return await _view(call)


async def put_breakpoints(call: Call[Query, BreakpointsBody]) -> DebugView:
    """Replace the breakpoints of a debugged execution that rests."""
    points = _points(call.body.breakpoints)
    await call.hub.debugging.set_breakpoints(ExecutionId(call.id("execution")), points, act=call.caller.act)
    return await _view(call)


async def continue_debugged(call: Call[Query, None]) -> ExecutionRef:
    """Let an execution that stands run to the next breakpoint."""
    return await _go_on(call, stepping=False)


async def step_debugged(call: Call[Query, None]) -> ExecutionRef:
    """Let an execution that stands run by one node."""
    return await _go_on(call, stepping=True)


async def _go_on(call: Call[Query, None], *, stepping: bool) -> ExecutionRef:
    execution_id = ExecutionId(call.id("execution"))
    await call.hub.debugging.go_on(execution_id, stepping=stepping, act=call.caller.act)
    return ExecutionRef(execution_id=execution_id)


async def _view(call: Call[Any, Any]) -> DebugView:
    return debug_view(await call.hub.debugging.look(ExecutionId(call.id("execution")), act=call.caller.act))


def _plan(points: Breakpoints, *, step: bool) -> DebugPlan:
    return DebugPlan(breakpoints=_points(points), stepping=step or not points)


def _points(points: Breakpoints) -> tuple[Breakpoint, ...]:
    if len(points) > MOST_BREAKPOINTS:
        raise InvalidRequest(f"there are {len(points)} breakpoints; at most {MOST_BREAKPOINTS} are possible")
    return tuple(Breakpoint(node=each.node, when=each.when, condition=each.condition) for each in points)


_ONE = "/executions/{execution}/debug"

endpoints = [
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/debug",
        handler=start_debugging,
        scope=Scope.EXECUTE,
        status=202,
        refusals=(409, 422),
    ),
    Endpoint(method="POST", path=_ONE, handler=debug_execution, scope=Scope.EXECUTE, status=202, refusals=(409, 422)),
    Endpoint(method="GET", path=_ONE, handler=get_debugging, scope=Scope.READ, refusals=(409, 422)),
    Endpoint(
        method="PUT", path=f"{_ONE}/breakpoints", handler=put_breakpoints, scope=Scope.EXECUTE, refusals=(409, 422)
    ),
    Endpoint(method="POST", path=f"{_ONE}/edit", handler=edit_debugged, scope=Scope.EXECUTE, refusals=(409, 422)),
    Endpoint(
        method="POST",
        path=f"{_ONE}/continue",
        handler=continue_debugged,
        scope=Scope.EXECUTE,
        status=202,
        refusals=(409,),
    ),
    Endpoint(
        method="POST", path=f"{_ONE}/step", handler=step_debugged, scope=Scope.EXECUTE, status=202, refusals=(409,)
    ),
]
