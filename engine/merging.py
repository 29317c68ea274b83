"""How several events become the one that their execution sees, when it stops collecting."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from engine.model.admission import MAX_MERGED, AdmissionRules
from engine.model.base import EventId, ExecutionId, Json, JsonObject, ProjectId, new_id
from engine.model.event import Event, Fate
from engine.ports import UnitOfWork

MAX_LISTED_BYTES = 8 * 1_048_576
"""How many bytes of data ``trigger.coalesced`` lists at most; the newest event is always there."""


async def close(
    uow: UnitOfWork, project: ProjectId, execution_id: ExecutionId, first_id: EventId, *, rules: AdmissionRules
) -> None:
    """Let an execution see what its events make together; nothing happens if it is one event, or done already.

    Of a batch ``trigger.data`` is the list of all data. Otherwise ``trigger`` is the newest event, with the data of
    all in ``trigger.coalesced`` (the newest 1,000, as far as they have 8 MiB) and their number in
    ``trigger.coalesced_count``. The order is that of acceptance.
    """
    first = await uow.events.find(project, first_id)
    if first is None or first.first_event_id is not None:
        return
    number, merged = await uow.admissions.merged(first.id, limit=MAX_MERGED)
    if not number and rules.batch is None:
        return
    events = [first, *merged] if number == len(merged) else list(merged)
    made = _made(events, number + 1, execution_id, batch=rules.batch is not None)
    await uow.events.insert([made])
    await uow.admissions.show(execution_id, made.id)


def _made(events: Sequence[Event], number: int, execution_id: ExecutionId, *, batch: bool) -> Event:
    """Return an event that starts nothing by itself and so counts as accepted nowhere."""
    newest = events[-1]
    data: Json = [event.data for event in events] if batch else newest.data
    more: JsonObject = {} if batch else {"coalesced": _listed(events), "coalesced_count": number}
    return replace(
        newest,
        id=EventId(new_id()),
        dedupe_key=None,
        accepted_at=max(event.accepted_at for event in events),
        envelope={**newest.envelope, **more},
        data=data,
        fate=Fate.STARTED,
        reason=f"made of {number} event{'s' * (number != 1)} for the execution {execution_id}",
        execution_id=None,
        first_event_id=_first_id(events),
    )


def _first_id(events: Sequence[Event]) -> EventId:
    return events[0].first_event_id or events[0].id


def _listed(events: Sequence[Event]) -> list[Json]:
    listed: list[Json] = []
    room = MAX_LISTED_BYTES
    for event in reversed(events[-MAX_MERGED:]):
        room -= len(msgspec.json.encode(event.data))
        if room < 0 and listed:
            break
        listed.append(event.data)
    return listed[::-1]
