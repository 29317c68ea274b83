"""The broker of a hub that is one process: queues in memory, with the semantics of the RabbitMQ one.

Nothing here outlives the process, which costs nothing but time: the rows are in the database, and the announcer
publishes again what was queued. It belongs to one event loop and takes no locks.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from engine.brokers.shares import Shares
from engine.brokers.topics import MAX_WAITING_SIGNALS, SignalQueue, matches, require_topic
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import MAX_IDS_PER_MESSAGE, Message, Signal

MAX_RETURNS = 5


@dataclass(slots=True, eq=False)
class _Entry:
    """A message in its lane, and how often it has come back."""

    ids: tuple[ExecutionId, ...]
    lane: Lane
    returns: int = 0


class InProcessBroker:
    """A broker for the tasks of one event loop; construct it and share it."""

    def __init__(self, *, max_waiting_signals: int = MAX_WAITING_SIGNALS) -> None:
        self._lanes: dict[Lane, deque[_Entry]] = {lane: deque() for lane in Lane}
        self._dead: deque[ExecutionId] = deque()
        self._consumers: set[_Consumer] = set()
        self._listeners: dict[SignalQueue, tuple[str, ...]] = {}
        self._max_waiting_signals = max_waiting_signals

    async def publish(self, lane: Lane, ids: Sequence[ExecutionId]) -> None:
        for start in range(0, len(ids), MAX_IDS_PER_MESSAGE):
            self._lanes[lane].append(_Entry(ids=tuple(ids[start : start + MAX_IDS_PER_MESSAGE]), lane=lane))
        self._wake()

    @asynccontextmanager
    async def consume(self, *, prefetch: dict[Lane, int]) -> AsyncIterator[AsyncIterator[Message]]:
        consumer = _Consumer(self._lanes, prefetch)
        self._consumers.add(consumer)
        try:
            yield consumer
        finally:
            self._consumers.discard(consumer)
            self._take_back(consumer.close())

    async def depth(self, lane: Lane) -> int:
        return len(self._lanes[lane]) + sum(consumer.count_held(lane) for consumer in self._consumers)

    async def take_dead(self, *, limit: int) -> Sequence[ExecutionId]:
        return [self._dead.popleft() for _ in range(min(limit, len(self._dead)))]

    async def signal(self, topic: str, body: bytes) -> None:
        require_topic(topic)
        for queue, patterns in self._listeners.items():
            if any(matches(pattern, topic) for pattern in patterns):
                queue.put(Signal(topic, body))

    @asynccontextmanager
    async def signals(self, *patterns: str) -> AsyncIterator[AsyncIterator[Signal]]:
        for pattern in patterns:
            require_topic(pattern)
        queue = SignalQueue(size=self._max_waiting_signals)
        self._listeners[queue] = patterns
        try:
            yield queue
        finally:
            del self._listeners[queue]
            queue.close()

    async def check(self) -> None:
        """Return: it is always there."""

    def _take_back(self, entries: Sequence[_Entry]) -> None:
        """Put unacknowledged messages back where they were, at the head; those that came back too often are dead."""
        for entry in reversed(entries):
            entry.returns += 1
            if entry.returns >= MAX_RETURNS:
                self._dead.extend(entry.ids)
            else:
                self._lanes[entry.lane].appendleft(entry)
        self._wake()

    def _wake(self) -> None:
        for consumer in self._consumers:
            consumer.wake()


class _Consumer:
    """One ``consume`` context: takes from the shared lanes as long as it holds fewer messages than its prefetch."""

    def __init__(self, lanes: dict[Lane, deque[_Entry]], prefetch: dict[Lane, int]) -> None:
        self._lanes = lanes
        self._prefetch = prefetch
        self._shares = Shares()
        self._held: dict[_Entry, None] = {}
        self._counts: Counter[Lane] = Counter()
        self._changed = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while not self._closed:
            lane = self._shares.next_lane([lane for lane in self._lanes if self._may_take(lane)])
            if lane is not None:
                entry = self._lanes[lane].popleft()
                self._shares.took(lane, len(entry.ids))
                self._held[entry] = None
                self._counts[lane] += 1
                return _InProcessMessage(entry, self)
            self._changed.clear()
            await self._changed.wait()
        raise StopAsyncIteration

    def release(self, entry: _Entry) -> None:
        if self._held.pop(entry, entry) is None:
            self._counts[entry.lane] -= 1
            self.wake()

    def close(self) -> list[_Entry]:
        """End the iteration and give back what was not acknowledged, in the order of delivery."""
        self._closed = True
        self.wake()
        held = list(self._held)
        self._held.clear()
        return held

    def count_held(self, lane: Lane) -> int:
        return self._counts[lane]

    def wake(self) -> None:
        self._changed.set()

    def _may_take(self, lane: Lane) -> bool:
        return bool(self._lanes[lane]) and self._counts[lane] < self._prefetch.get(lane, 0)


class _InProcessMessage:
    """What a consumer holds of an entry. Acknowledging it twice, or after the context ended, does nothing."""

    __slots__ = ("_consumer", "_entry")

    def __init__(self, entry: _Entry, consumer: _Consumer) -> None:
        self._entry = entry
        self._consumer = consumer

    @property
    def ids(self) -> Sequence[ExecutionId]:
        return self._entry.ids

    @property
    def lane(self) -> Lane:
        return self._entry.lane

    async def ack(self) -> None:
        self._consumer.release(self._entry)
