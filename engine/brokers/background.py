"""One task that runs beside the body of an ``async with``, and ends with it.

A task group around the body would wrap whatever the body raises in an exception group; here only a crash of the task
itself arrives as one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self


class Background:
    """Runs ``main`` until the context ends. A crash of ``main`` cancels the body and is raised at its end."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> None:
        self._main = main
        self._name = name
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._task = self._group.create_task(self._main(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)
