"""Dead letters: look at them, put them back, or mark them as dealt with."""

from typing import Annotated

from msgspec import Meta

from engine.errors import NotFound
from engine.model.access import Scope
from engine.repositories import Page
from gateway.endpoints import Call, Endpoint
from gateway.inputs import PageQuery, Query
from gateway.views.dead_letters import DeadLetterPage, DeadLetterView, LetterState, dead_letter_view
from gateway.views.executions import ExecutionRef


class DeadLetterQuery(PageQuery, frozen=True, kw_only=True):
    """Which dead letters to list. Those with the same fingerprint probably have the same cause."""

    state: LetterState | None = None
    fingerprint: Annotated[str, Meta(max_length=200)] | None = None


async def list_dead_letters(call: Call[DeadLetterQuery, None]) -> DeadLetterPage:
    """List dead letters, newest first."""
    query = call.query
    page = Page(limit=query.limit, after=query.after)
    state = None if query.state is None else query.state.value
    async with call.hub.database.read() as uow:
        found = await uow.dead_letters.list(call.caller.project, page, state=state, fingerprint=query.fingerprint)
    return DeadLetterPage(
        items=[dead_letter_view(letter) for letter in found], next=found[-1].id if len(found) == page.limit else None
    )


async def get_dead_letter(call: Call[Query, None]) -> DeadLetterView:
    """Get a dead letter."""
    return await _view(call)


async def replay_dead_letter(call: Call[Query, None]) -> ExecutionRef:
    """Put a dead letter's execution back.

    It goes on from the step that failed, on the version it ran on, with a new time limit.
    """
    letter_id = call.id("dead_letter")
    execution_id = await call.hub.control.replay(call.caller.project, letter_id, actor=call.caller.actor)
    call.headers["location"] = f"/api/v1/executions/{execution_id}"
    return ExecutionRef(execution_id=execution_id)


async def discard_dead_letter(call: Call[Query, None]) -> DeadLetterView:
    """Mark a dead letter as dealt with.

    Its execution stays failed.
    """
    await call.hub.control.discard(call.caller.project, call.id("dead_letter"), actor=call.caller.actor)
    return await _view(call)


async def _view(call: Call[Query, None]) -> DeadLetterView:
    letter_id = call.id("dead_letter")
    async with call.hub.database.read() as uow:
        letter = await uow.dead_letters.find(call.caller.project, letter_id)
    if letter is None:
        raise NotFound(f'there is no dead letter "{letter_id}"')
    return dead_letter_view(letter)


_ONE = "/dead-letters/{dead_letter}"

endpoints = [
    Endpoint(method="GET", path="/dead-letters", handler=list_dead_letters, scope=Scope.READ),
    Endpoint(method="GET", path=_ONE, handler=get_dead_letter, scope=Scope.READ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/replay",
        handler=replay_dead_letter,
        scope=Scope.EXECUTE,
        status=202,
        refusals=(409,),
    ),
    Endpoint(method="POST", path=f"{_ONE}/discard", handler=discard_dead_letter, scope=Scope.EXECUTE, refusals=(409,)),
]
