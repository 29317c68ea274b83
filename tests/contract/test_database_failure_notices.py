"""What every database must do so that a failure is told of exactly once."""

import asyncio
from collections.abc import Sequence

import pytest

from db.session import SqlDatabase
from engine.model.base import new_id
from engine.model.execution import DeadLetter
from tests.contract.database_kits import LATER, PROJECT, Sample

pytestmark = pytest.mark.contract


async def test_each_letter_is_taken_by_one_and_keeps_what_became_of_it(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    [id] = await sample.start(databases[0])
    letters = [
        DeadLetter(
            id=new_id(),
            project_id=PROJECT,
            workflow_id=sample.workflow_id,
            execution_id=id,
            step=None,
            code="x",
            message="y",
            fingerprint="f",
            created_at=LATER,
            notify=notify,
        )
        for notify in ("ops", "", None)
    ]
    async with databases[0].write() as work:
        await work.dead_letters.add(letters)
        await work.commit()

    async def take(number: int) -> bool:
        async with databases[number % 2].write() as work:
            taken = await work.dead_letters.take(letters[0].id)
            if taken:
                await work.dead_letters.note(letters[0].id, "told")
            await work.commit()
        return taken

    assert (await asyncio.gather(*(take(number) for number in range(6)))).count(True) == 1
    async with databases[0].read() as work:
        assert [letter.id for letter in await work.dead_letters.untold(limit=9)] == [letters[1].id]
        found = await work.dead_letters.find(PROJECT, letters[0].id)
    assert found is not None
    assert (found.notify, found.notice) == (None, "told")
