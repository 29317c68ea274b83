"""The end of a process in which something does not end: a task that swallows its cancellation.

The event loop's own end would wait for it for ever, and a supervisor would have to kill a process that has done all
its work. By now everything that counts is committed and closed, so the process may go without it.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=5)


async def to_its_end(work: Coroutine[Any, Any, None], *, patience: timedelta = PATIENCE) -> None:
    """Do the work of a process; end the process here if tasks are left that do not end within ``patience``.

    Raises:
        Whatever the work raises; where tasks are left it goes to the log instead, and the exit code is 1.
    """
    failure: BaseException | None = None
    try:
        await work
    except BaseException as error:
        failure = error
        raise
    finally:
        left = await _left(patience)
        if left:
            log.error("the process ends although tasks are left", extra={"count": left}, exc_info=failure)
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0 if failure is None else 1)


async def _left(patience: timedelta) -> int:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if not others:
        return 0
    for task in others:
        task.cancel()
    _, left = await asyncio.wait(others, timeout=patience.total_seconds())
    return len(left)
