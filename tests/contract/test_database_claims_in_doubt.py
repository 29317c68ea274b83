"""What every database must do for an executor that does not know whether its claim was committed."""

import pytest

from db.session import SqlDatabase
from engine.model.execution import Status
from tests.contract.database_kits import ME, SHE, Sample
from tests.fakes import START

pytestmark = pytest.mark.contract


async def test_what_an_owner_hands_back_can_be_claimed_again_and_others_keep_theirs(database: SqlDatabase) -> None:
    sample = Sample()
    mine, hers, queued, other = await sample.start(database, count=4)
    async with database.write() as work:
        await work.executions.claim([mine, other], owner=ME, now=START)
        await work.executions.claim([hers], owner=SHE, now=START)
        await work.commit()

    async with database.write() as work:
        await work.executions.hand_back([mine, hers, queued], owner=ME)
        claimed = await work.executions.claim([mine, hers, queued, other], owner=ME, now=START)
        await work.commit()

    assert {each.id: each.epoch for each in claimed} == {mine: 2, queued: 1}
    async with database.read() as work:
        standing = await work.executions.outcome(hers)
    assert standing is not None
    assert (standing.status, standing.owner, standing.epoch) == (Status.RUNNING, SHE, 1)
