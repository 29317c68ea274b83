"""The months to come have their partitions before they begin, and months whose history is gone lose theirs.

Nothing depends on it: a row for which there is no partition goes to the default one, and an empty partition only takes
a little time from those who look for waiting executions.
"""

import logging
from datetime import timedelta

from engine.errors import Unavailable
from engine.ports import Clock, Database

log = logging.getLogger(__name__)

AHEAD = 2
BETWEEN_LOOKS = timedelta(hours=1)
SOON = timedelta(seconds=30)
_OVER = timedelta(days=1)


class PartitionKeeper:
    """Make partitions two months ahead, and drop empty ones a day after their month. Two keepers at once do no harm.

    Each is made or dropped in a transaction of its own; one for which the table is too busy is tried again soon.
    """

    name = "partition_keeper"

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def tick(self) -> timedelta:
        """Look once; without anything to do nothing is written."""
        now = self._clock.now()
        async with self._database.read() as uow:
            missing = await uow.partitions.missing(now, ahead=AHEAD)
            emptied = await uow.partitions.emptied(now - _OVER)
        done = [await self._change(name, drop=False) for name in missing]
        done += [await self._change(name, drop=True) for name in emptied]
        return BETWEEN_LOOKS if all(done) else SOON

    async def _change(self, name: str, *, drop: bool) -> bool:
        """Make or drop one; false if it must be tried again."""
        try:
            async with self._database.write() as uow:
                changed = await (uow.partitions.drop(name) if drop else uow.partitions.make(name))
                await uow.commit()
        except Unavailable as exc:
            log.info("partition postponed", extra={"partition": name, "reason": str(exc)})
            return False
        if changed:
            log.info("partition dropped" if drop else "partition made", extra={"partition": name})
        elif not drop:
            log.warning("partition not made: its rows are in the default one", extra={"partition": name})
        return True
