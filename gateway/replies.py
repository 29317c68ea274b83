"""Wait for an execution on behalf of a caller: the executor's signal is the fast way, the database the sure one."""

import asyncio
import logging
from dataclasses import dataclass

import msgspec

from engine.model.base import ExecutionId, Json, JsonObject
from engine.model.execution import Execution, Response, Status
from engine.ports import Broker, Database

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an execution so far. ``response`` is what its respond node said."""

    execution_id: str
    status: Status
    output: Json = None
    error: JsonObject | None = None
    response: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    future: asyncio.Future[Reply]
    needs_end: bool


class Replies:
    """The callers that wait at this process, by execution. ``name`` is this process's part of the signals' topic."""

    def __init__(self, *, database: Database, broker: Broker, name: str) -> None:
        self._database = database
        self._broker = broker
        self.name = name
        self._waiting: dict[ExecutionId, list[_Waiting]] = {}
        self._early: dict[ExecutionId, Reply] = {}

    async def run(self) -> None:
        """Pass signals on to those who wait, until cancelled."""
        async with self._broker.signals(f"reply.{self.name}") as signals:
            async for signal in signals:
                try:
                    self._arrived(msgspec.json.decode(signal.body, type=Reply))
                except msgspec.DecodeError as exc:
                    log.warning("reply not understood", extra={"reason": str(exc)})

    async def wait(
        self, execution_id: ExecutionId, *, seconds: float, needs_end: bool, look_first: bool = False
    ) -> Reply | None:
        """Return the reply, or ``None`` if there is none within ``seconds``.

        Args:
            needs_end: Wait until the execution has ended; otherwise a respond node's answer is enough.
            look_first: It may have been told long ago, because it is not the caller's event that started it.
        """
        early = self._early.pop(execution_id, None)
        if early is not None and _is_enough(early, needs_end=needs_end):
            return early
        waiting = _Waiting(asyncio.get_running_loop().create_future(), needs_end)
        self._waiting.setdefault(execution_id, []).append(waiting)
        try:
            async with asyncio.timeout(seconds):
                return await self._first(execution_id, waiting, look_first=look_first)
        except TimeoutError:
            return None
        finally:
            others = self._waiting[execution_id]
            others.remove(waiting)
            if not others:
                del self._waiting[execution_id]

    async def _first(self, execution_id: ExecutionId, waiting: _Waiting, *, look_first: bool) -> Reply:
        patience = 0.0 if look_first else LOOK_EVERY_SECONDS
        while True:
            done, _ = await asyncio.wait([waiting.future], timeout=patience)
            patience = LOOK_EVERY_SECONDS
            if done:
                return waiting.future.result()
            async with self._database.read() as uow:
                execution = await uow.executions.outcome(execution_id)
            if execution is not None:
                reply = reply_of(execution)
                if _is_enough(reply, needs_end=waiting.needs_end):
                    return reply

    def _arrived(self, reply: Reply) -> None:
        waiting = self._waiting.get(ExecutionId(reply.execution_id))
        if waiting is None:
            self._remember(reply)
            return
        for one in waiting:
            if _is_enough(reply, needs_end=one.needs_end) and not one.future.done():
                one.future.set_result(reply)

    def _remember(self, reply: Reply) -> None:
        """The executor may be faster than the caller who is about to wait; the oldest are forgotten."""
        self._early[ExecutionId(reply.execution_id)] = reply
        while len(self._early) > MOST_EARLY:
            del self._early[next(iter(self._early))]


MOST_EARLY = 1000


def reply_of(execution: Execution) -> Reply:
    """The same news from the database."""
    return Reply(
        execution_id=execution.id,
        status=execution.status,
        output=execution.output,
        error=execution.error,
        response=_plain(execution.response),
    )


def _plain(response: Response | None) -> JsonObject | None:
    if response is None:
        return None
    return {"status": response.status, "headers": dict(response.headers), "body": response.body}


def _is_enough(reply: Reply, *, needs_end: bool) -> bool:
    return reply.status.is_final or (not needs_end and reply.response is not None)
