"""A sender as a careful service has one: it repeats an event under the same id until it gets a 2xx, and notes the answer."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.flow import DEDUPE_HEADER, Flow

TICK_SECONDS = 0.02
ANSWER_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
CONNECTIONS = 32
RESENT_SHARE = 0.05
"""How many accepted events are sent once more, as senders do that lost our answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An event that the hub answered with 2xx. Without an ``event_id`` the answer was the execution's result."""

    id: str
    flow: str
    event_id: str | None
    execution_id: str | None


@dataclass(kw_only=True)
class Sender:
    """Sends events at a steady rate to the hub at ``url``; use ``send_for`` and then ``finish``."""

    url: str
    flows: Sequence[Flow]
    rate: float
    chance: random.Random
    accepted: list[Accepted] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    async def send_for(self, seconds: float, *, patience: float) -> None:
        """Begin events for ``seconds``; afterwards go on for ``patience`` with those that have no 2xx yet."""
        loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(base_url=self.url, timeout=ANSWER_SECONDS, trust_env=False) as client:
            start = loop.time()
            while (elapsed := loop.time() - start) < seconds:
                while self.sent < self.rate * elapsed:
                    self._begin(client)
                await asyncio.sleep(TICK_SECONDS)
            await self._finish(patience)

    def _begin(self, client: httpx.AsyncClient) -> None:
        self.sent += 1
        flow = self.chance.choices(self.flows, weights=[flow.share for flow in self.flows])[0]
        again = self.chance.random() < RESENT_SHARE
        task = asyncio.create_task(self._deliver(client, flow, f"{flow.name}-{self.sent}", again=again))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, patience: float) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=patience)
        for task in late:
            task.cancel()
        if late:
            self.trouble.append(f"{len(late)} events got no 2xx within {patience} s after the load")
            await asyncio.wait(late)

    async def _deliver(self, client: httpx.AsyncClient, flow: Flow, sender_id: str, *, again: bool) -> None:
        first = await self._until_accepted(client, flow, sender_id)
        self.accepted.append(first)
        if not again:
            return
        second = await self._until_accepted(client, flow, sender_id)
        if None not in (first.event_id, second.event_id) and first != second:
            self.trouble.append(f"{sender_id} was answered as {first}, and when it was repeated as {second}")

    async def _until_accepted(self, client: httpx.AsyncClient, flow: Flow, sender_id: str) -> Accepted:
        body = {"id": sender_id, "amount": 250, "note": "x" * 400}
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._connections:
                    answer = await client.post(f"/hooks/{flow.name}", json=body, headers={DEDUPE_HEADER: sender_id})
            except httpx.TransportError as error:
                self.refused[type(error).__name__] += 1
            else:
                if answer.is_success:
                    return self._noted(flow, sender_id, answer)
                self.refused[str(answer.status_code)] += 1
                if answer.status_code != 503:
                    self.trouble.append(f"{sender_id} was answered {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(pause * self.chance.uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _noted(self, flow: Flow, sender_id: str, answer: httpx.Response) -> Accepted:
        said: dict[str, Any] = answer.json()
        if flow.answers_output and answer.status_code == 200:
            if said.get("id") != sender_id:
                self.trouble.append(f"{sender_id} got the result of another execution: {said}")
            return Accepted(id=sender_id, flow=flow.name, event_id=None, execution_id=None)
        if said.get("fate") != "started":
            self.trouble.append(f"{sender_id} was answered {answer.status_code} {said}")
        return Accepted(
            id=sender_id, flow=flow.name, event_id=said.get("event_id"), execution_id=said.get("execution_id")
        )
