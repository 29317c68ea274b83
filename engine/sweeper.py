"""Large values go when nothing uses them: what was deleted leaves its uses behind, and they leave the contents.

Deleting an execution therefore costs nothing more for its large values, whoever deletes it and however. A crash leaves
uses or contents for the next round, and never takes one that is used.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from engine.ports import Database
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

BETWEEN_ROUNDS = timedelta(minutes=10)


class BlobSweeper:
    """Each round walks over the owners of uses first and over the contents then, one page at a time.

    Nothing is written where nothing is found, and a transaction deletes at most ``batch``. Two sweepers at once do no
    harm.
    """

    name = "blob_sweeper"

    def __init__(self, database: Database, *, page: int = 1000, batch: int = 100) -> None:
        self._database = database
        self._page = page
        self._batch = batch
        self._in_contents = False
        self._after: str | None = None

    async def tick(self) -> timedelta:
        """Look at one page, and delete what nothing uses."""
        async with self._database.read() as uow:
            walk = uow.blobs.unused if self._in_contents else uow.blobs.gone_owners
            walked = await walk(self._after, limit=self._page)
        for start in range(0, len(walked.found), self._batch):
            await self._remove(walked.found[start : start + self._batch])
        self._after = walked.next
        if self._after is not None:
            return AT_ONCE
        self._in_contents = not self._in_contents
        return AT_ONCE if self._in_contents else BETWEEN_ROUNDS

    async def _remove(self, found: Sequence[str]) -> None:
        async with self._database.write() as uow:
            if self._in_contents:
                count = await uow.blobs.delete(found)
            else:
                await uow.blobs.forget(found)
                count = 0
            await uow.commit()
        if count:
            log.info("large values swept", extra={"count": count})
