"""Debugging executions: their plans, which are a column of their rows, and where they stand."""

from datetime import datetime

from sqlalchemy import select, update

from db.debug_plans import read_plan, write_plan
from db.tables import executions
from db.transaction import Transaction
from engine.model.base import ExecutionId, is_id
from engine.model.debugging import DebugPlan
from engine.repositories.debugging import Debugged


class Debugging:
    """The part of ``ExecutionRepository`` for people who debug."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def debugged(self, execution_id: ExecutionId, *, lock: bool = False) -> Debugged | None:
        """Say how an execution is debugged; with ``lock`` nobody else changes its row until the transaction ends."""
        if not is_id(execution_id):
            return None
        columns = executions.c
        statement = select(columns.deadline_at, columns.debug)
        statement = statement.where(columns.id == execution_id)
        row = await self._transaction.first(statement.with_for_update() if lock else statement)
        return None if row is None else Debugged(plan=read_plan(row.debug), deadline_at=row.deadline_at)

    async def debug(self, execution_id: ExecutionId, plan: DebugPlan, *, deadline_at: datetime) -> None:
        """Debug an execution by this plan from its next claim on, and give it time until then.

        Its epoch rises, as if it had had an owner: a first owner does not look for records, and there may be marks.
        """
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == execution_id)
            .values(debug=write_plan(plan), deadline_at=deadline_at, epoch=executions.c.epoch + 1)
        )
