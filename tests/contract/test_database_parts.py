"""What every database must do about a step that is spread over child executions."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from db.session import SqlDatabase
from engine.definition import load_document
from engine.graphs import Graphs
from engine.model.execution import Claimed, Failure, Status
from engine.model.lineage import PartsOrder
from engine.parts import Parts
from engine.resumer import Resumer
from tests.contract.database_kits import LATER, PROJECT, claim, record, save, status_of
from tests.contract.test_database_children import DOCUMENT, Family
from tests.fakes import FakeBroker, FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract


class Spread(Family):
    """A parent whose step is spread."""

    async def install(self) -> Claimed:
        database = self.databases[0]
        await self.parent.install(database)
        self.parent = replace(self.parent)
        [id] = await self.parent.start(database)
        [claimed] = await claim(database, [id])
        return claimed

    def parts(self, number: int = 0) -> Parts:
        database = self.databases[number]
        graphs = Graphs(database, lambda _: load_document(DOCUMENT))
        return Parts(
            database=database, broker=FakeBroker(), announcements=self.heard, graphs=graphs, clock=FakeClock(LATER)
        )


@pytest.fixture
def spread(databases: Sequence[SqlDatabase]) -> Spread:
    return Spread(databases)


def order(claimed: Claimed, *slots: str) -> PartsOrder:
    parts = {slot: {"items": [slot]} for slot in slots}
    return PartsOrder(
        project_id=PROJECT, execution_id=claimed.id, epoch=claimed.epoch, path="ask", entry="ask", parts=parts
    )


async def test_each_part_is_started_once_with_its_data_and_its_entry(spread: Spread) -> None:
    parent = await spread.install()

    begun = await asyncio.gather(*(spread.parts(n % 2).begin(order(parent, "0", "1", "2")) for n in range(4)))

    first = begun[0]
    assert first is not None
    assert [child.slot for child in first] == ["0", "1", "2"]
    ids = [child.execution.id for child in first]
    assert all([child.execution.id for child in each or ()] == ids for each in begun)
    assert sorted(id for _, id in spread.heard.told) == sorted(ids)
    claimed = await claim(spread.databases[0], ids)
    assert [(each.entry, each.data) for each in claimed] == [("ask", {"items": [slot]}) for slot in "012"]
    async with spread.databases[0].read() as work:
        balance = await work.executions.balance(spread.parent.trigger_id)
    assert (balance.accepted, balance.difference) == (1, 0)


async def test_the_parent_wakes_when_the_last_part_has_ended(spread: Spread) -> None:
    parent = await spread.install()
    begun = await spread.parts().begin(order(parent, "0", "1"))
    assert begun is not None
    await spread.suspend(parent)
    one, other = await claim(spread.databases[0], [child.execution.id for child in begun])

    await save(spread.databases[0], [record(one, Status.SUCCEEDED, output=1)])
    assert await status_of(spread.databases[0], parent.id) is Status.WAITING
    await save(spread.databases[0], [record(other, Status.SUCCEEDED, output=2)])

    [again] = await claim(spread.databases[0], [parent.id])
    ended = await spread.parts().begin(order(again, "0", "1"))
    assert ended is not None
    assert [child.execution.output for child in ended] == [1, 2]


async def test_no_wake_up_is_lost_when_all_parts_end_at_once(databases: Sequence[SqlDatabase]) -> None:
    spread = Spread(databases)
    parent = await spread.install()
    begun = await spread.parts().begin(order(parent, *map(str, range(8))))
    assert begun is not None
    await spread.suspend(parent)
    claimed = await claim(databases[0], [child.execution.id for child in begun])

    ends = enumerate(claimed)
    await asyncio.gather(*(save(databases[n % 2], [record(each, Status.SUCCEEDED)]) for n, each in ends))
    await Resumer(databases[0], RecordingAnnouncements(), FakeClock(LATER)).tick()

    assert await status_of(databases[0], parent.id) is Status.QUEUED


async def test_a_part_that_fails_wakes_the_parent_at_once(spread: Spread) -> None:
    parent = await spread.install()
    begun = await spread.parts().begin(order(parent, "0", "1"))
    assert begun is not None
    await spread.suspend(parent)
    [one] = await claim(spread.databases[0], [begun[0].execution.id])

    await save(spread.databases[0], [record(one, Status.FAILED, error=Failure(code="x", message="y"))])

    assert await status_of(spread.databases[0], parent.id) is Status.QUEUED


async def test_an_old_owner_starts_no_parts(spread: Spread) -> None:
    parent = await spread.install()

    assert await spread.parts().begin(replace(order(parent, "0"), epoch=parent.epoch + 1)) is None
