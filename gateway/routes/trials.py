"""Trying things out: one node alone, and a version or a text on a stored event. Neither makes an execution."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from engine.errors import Category, InvalidRequest
from engine.model.access import Scope
from engine.model.base import EventId, ExecutionId
from engine.model.execution import Failure
from engine.trials.answers import GivenAnswer
from engine.trials.order import NodeOrder
from engine.trials.single import Effects, Scene
from engine.versions import LATEST
from gateway.candidates import find_candidate, trials_of
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, IdText, Query
from gateway.routes.versions import Which
from gateway.views.trials import NodeRunView, TrialView, node_run_view, trial_view

Text = str | dict[str, Any] | UnsetType


class AnswerFailure(Body, frozen=True, kw_only=True):
    """A failure that a call is to have."""

    code: Annotated[str, Meta(min_length=1, max_length=100)]
    message: Annotated[str, Meta(max_length=2000)] = ""
    category: Category = Category.PERMANENT


class Answer(Body, frozen=True, kw_only=True):
    """What a call gets instead of being made: an ``output``, or an ``error``."""

    output: Any = None
    error: AnswerFailure | None = None


class NodeTry(Body, frozen=True, kw_only=True):
    """One node that is to run alone.

    ``definition`` is a text that is not saved, and counts before ``version``. What ``input``, ``steps``, ``vars`` and
    ``trigger`` do not give is taken from the execution, if one is named. ``visit`` is the path of one visit of several,
    ``names`` are what is known inside a loop, such as `item`.
    """

    version: Which = LATEST
    definition: Text = UNSET
    execution_id: IdText | None = None
    visit: Annotated[str, Meta(max_length=300)] = ""
    input: Any = UNSET
    steps: dict[str, Any] | None = None
    vars: dict[str, Any] | None = None
    names: dict[str, Any] | None = None
    trigger: dict[str, Any] | None = None
    effects: Effects = Effects.NONE
    answer: Answer | None = None


class TrialOrder(Body, frozen=True, kw_only=True):
    """What is tried on what.

    ``definition`` is a text that is not saved, and counts before ``version``. One of ``event_id`` and ``execution_id``
    must be given. ``answers`` are for calls by their node or path, and count before the recorded ones. ``trigger`` is
    the key of the trigger to start by, if it is not the one that had the event.
    """

    version: Which = LATEST
    definition: Text = UNSET
    event_id: IdText | None = None
    execution_id: IdText | None = None
    trigger: Annotated[str, Meta(max_length=63)] = ""
    answers: dict[str, Answer] | None = None


async def run_node(call: Call[Query, NodeTry]) -> NodeRunView:
    """Run one node alone, once.

    Nothing is stored and nothing follows. With ``effects: none`` a call is prepared and shown, and not made; with
    ``recorded`` it gets the answer that the execution got, or the given one; with ``real`` it is made, which is
    audited, and needs the scope `write` as well if the node comes from a text that is not saved. Code always runs.
    """
    body = call.body
    if body.effects is Effects.REAL and body.definition is not UNSET:
        call.caller.require(Scope.WRITE)
    workflow, candidate = await find_candidate(
        call.hub, call.caller.project, call.key("workflow"), version=body.version, text=body.definition
    )
    trials = trials_of(call.hub)
    recording = None
    if body.execution_id is not None:
        execution_id = ExecutionId(body.execution_id)
        recording = await trials.recording(call.caller.project, execution_id=execution_id)
    order = NodeOrder(
        node=call.key("node"),
        scene=Scene(
            has_input=body.input is not UNSET,
            input=None if body.input is UNSET else body.input,
            steps=body.steps,
            vars=body.vars,
            names=body.names,
            visit=body.visit,
        ),
        trigger=body.trigger,
        effects=body.effects,
        answer=None if body.answer is None else _answer(body.answer, call.key("node")),
    )
    ran = await trials.run_node(candidate.graph, order, recording, workflow=workflow.id, act=call.caller.act)
    return node_run_view(ran)


async def try_version(call: Call[Query, TrialOrder]) -> TrialView:
    """Run a version or a text on a stored event, in memory, and say what differs from what was done.

    No execution is made and nothing is sent: calls get the answers that the stored execution got, by node and in their
    order, waits pass at once, and nodes without effects really run. Where a call has no recorded answer and none is
    given, its branch ends there, and the trial is `incomplete`.
    """
    body = call.body
    if (body.event_id is None) is (body.execution_id is None):
        raise InvalidRequest("name what it is tried on, with one of event_id and execution_id")
    trials = trials_of(call.hub)
    _, candidate = await find_candidate(
        call.hub, call.caller.project, call.key("workflow"), version=body.version, text=body.definition
    )
    recording = await trials.recording(
        call.caller.project,
        event_id=None if body.event_id is None else EventId(body.event_id),
        execution_id=None if body.execution_id is None else ExecutionId(body.execution_id),
    )
    given = {name: _answer(one, name) for name, one in (body.answers or {}).items()}
    trial = await trials.try_on(candidate, recording, given=given, trigger_key=body.trigger)
    return trial_view(trial)


def _answer(given: Answer, step: str) -> GivenAnswer:
    if given.error is None:
        return GivenAnswer(output=given.output)
    error = given.error
    failure = Failure(code=error.code, message=error.message, category=error.category, step=step)
    return GivenAnswer(failure=failure)


endpoints = [
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/nodes/{node}/run",
        handler=run_node,
        scope=Scope.EXECUTE,
        refusals=(409, 422),
    ),
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/trials",
        handler=try_version,
        scope=Scope.EXECUTE,
        refusals=(404, 409, 422),
    ),
]
