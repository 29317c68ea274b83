"""The demo's story: apply, send, refuse, repeat, call, wait and tick; then show each execution and the balance.

Whatever does not happen as told ends the tour with ``DemoFailed``.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from engine.errors import PatchbayError
from engine.model.base import DEFAULT_PROJECT, ExecutionId, JsonObject
from engine.model.execution import Status
from engine.repositories import ExecutionFilter, Page
from gateway.bootstrap import Hub
from gateway.commands.past import LOOK_EVERY_SECONDS, read_trace, wait_for_end
from gateway.demo.receiver import Receiver
from gateway.demo.workflows import NAMES, Applied, apply_workflow, start, text_of
from gateway.embedded import Served, serve_app, serve_embedded
from gateway.settings import Settings
from gateway.trace import show_trace
from webhooks.secrets import generate_secret
from webhooks.signatures import sign

PATIENCE = timedelta(seconds=20)
ORDER = {"type": "order.paid", "amount": 250, "customer": {"name": "ada lovelace"}}


class DemoFailed(PatchbayError):
    """Something that the demo shows did not happen."""

    code = "demo_failed"


async def give_tour(folder: Path, console: Console) -> None:
    """Run the demo in ``folder``, which is empty. Raises DemoFailed."""
    loopback = Settings(data_dir=folder, port=0, allow_private=("127.0.0.0/8",), grace=timedelta(seconds=5))
    receiver = Receiver()
    _say(console, "Patchbay, all in this process: SQLite in a temporary folder, the queue in memory.")
    _note(console, "No account, no key, and nothing leaves this machine. The demo's workflows may call 127.0.0.1;")
    _note(console, "a hub of yours refuses private addresses until PATCHBAY_ALLOW_PRIVATE names them.")
    async with (
        serve_app(receiver.app(), loopback) as receiver_url,
        serve_embedded(loopback) as served,
        httpx.AsyncClient(timeout=PATIENCE.total_seconds()) as client,
    ):
        await _Tour(served, receiver, receiver_url, client, console).give()


@dataclass(slots=True)
class _Tour:
    served: Served
    receiver: Receiver
    receiver_url: str
    client: httpx.AsyncClient
    console: Console
    applied: dict[str, Applied] = field(default_factory=dict)
    secret: str = field(default_factory=generate_secret, repr=False)

    @property
    def hub(self) -> Hub:
        return self.served.hub

    async def give(self) -> None:
        await self._apply()
        order = await self._send_orders()
        await self._ask_for_a_quote()
        pricing = await self._start("fan-out", {"price": 20, "count": 3})
        review = await self._start("follow-up", {"email": "ada@example.com", "order": 17})
        _say(self.console, "What became of them")
        for execution_id in (order, pricing, review):
            await self._show(execution_id)
        self._check_orders()
        await self._show_ticks()
        await self._show_balance()
        _next(self.console)

    async def _apply(self) -> None:
        async with self.hub.database.write() as uow:
            now = self.hub.clock.now()
            await uow.connections.put_secret(DEFAULT_PROJECT, "orders_signing", self.secret.encode(), now=now)
            await uow.triggers.touch()
            await uow.commit()
        for name in NAMES:
            self.applied[name] = await apply_workflow(self.hub, text_of(name, receiver=self.receiver_url))
        _say(self.console, f"Applied {len(NAMES)} workflows: {', '.join(NAMES)}")

    async def _send_orders(self) -> ExecutionId:
        url = f"{self.served.url}/hooks/{self.applied['paid-orders'].trigger('order_paid').hook_id}"
        body = json.dumps(ORDER).encode()
        signed = sign(self.secret, "msg_1", body, at=self.hub.clock.now())
        _say(self.console, "A shop sends a signed webhook (Standard Webhooks)")
        first = await self._post(url, body, signed)
        _expect(first.status_code == 202, f"the signed webhook was answered {first.status_code}: {first.text}")
        forged = sign(generate_secret(), "msg_2", body, at=self.hub.clock.now())
        refused = await self._post(url, body, forged, note="signed with a wrong secret")
        _expect(refused.status_code == 401, f"a wrong signature was answered {refused.status_code}")
        repeated = await self._post(url, body, signed, note="the first one, sent again")
        same = repeated.json().get("duplicate") and repeated.json()["execution_id"] == first.json()["execution_id"]
        _expect(bool(same), "the repeated webhook was not recognised")
        return ExecutionId(first.json()["execution_id"])

    async def _ask_for_a_quote(self) -> None:
        _say(self.console, "A caller waits for the answer (a synchronous webhook)")
        asked = await self._post(f"{self.served.url}/hooks/quote", b'{"item": "pear", "count": 4}', {})
        _expect(asked.json() == {"item": "pear", "price": 12}, f"the quote was answered {asked.text}")

    async def _start(self, name: str, data: Any) -> ExecutionId:
        receipt = await start(self.hub, self.applied[name].trigger("by_hand").id, data)
        if receipt.execution_id is None:
            raise DemoFailed(f"the workflow {name} was not started: {receipt.reason}")
        return receipt.execution_id

    async def _show(self, execution_id: ExecutionId) -> None:
        ended = await wait_for_end(self.hub, execution_id, within=PATIENCE)
        trace = await read_trace(self.hub, execution_id)
        show_trace(trace, self.console)
        self.console.print()
        _expect(ended.status is Status.SUCCEEDED, f"the execution of {trace.workflow} is {trace.status}: {trace.error}")

    def _check_orders(self) -> None:
        receiver = self.receiver
        _expect(len(receiver.orders) == 1, f"the receiver got {len(receiver.orders)} orders instead of 1")
        _expect(len(receiver.keys) == 2, "the call that was answered 503 was not tried again")
        _expect(len(set(receiver.keys)) == 1 and receiver.keys[0] != "", "the retry had another idempotency key")
        _note(self.console, f"The receiver has the order once: {json.dumps(receiver.orders[0], ensure_ascii=False)}")
        _note(self.console, "Its first answer was a 503; the second attempt carried the same idempotency key.")

    async def _show_ticks(self) -> None:
        _say(self.console, "A schedule ticks every second")
        where = ExecutionFilter(workflow_id=self.applied["heartbeat"].id, statuses=frozenset({Status.SUCCEEDED}))
        ticks: list[ExecutionId] = []
        for _ in range(round(PATIENCE.total_seconds() / LOOK_EVERY_SECONDS)):
            if len(ticks := await self._list(where)) >= 2:
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        _expect(len(ticks) >= 2, "the schedule did not tick twice")
        for execution_id in ticks[:2]:
            show_trace(await read_trace(self.hub, execution_id), self.console)

    async def _list(self, where: ExecutionFilter) -> list[ExecutionId]:
        async with self.hub.database.read() as uow:
            return [found.id for found in reversed(await uow.executions.list(DEFAULT_PROJECT, where, Page(limit=10)))]

    async def _show_balance(self) -> None:
        _say(self.console, "The balance: every accepted event is accounted for")
        for applied in self.applied.values():
            for trigger in applied.triggers.values():
                async with self.hub.database.read() as uow:
                    balance = await uow.executions.balance(trigger.id)
                _expect(balance.difference == 0, f"the balance of {applied.name} is off by {balance.difference}")
                fates, states = _counted(balance.by_fate), _counted(balance.by_status)
                if fates:
                    _note(
                        self.console, f"{applied.name}/{trigger.key}: events {fates}; executions {states}; difference 0"
                    )

    async def _post(self, url: str, body: bytes, headers: dict[str, str], note: str = "") -> httpx.Response:
        started = datetime.now().astimezone()
        answer = await self.client.post(url, content=body, headers={"content-type": "application/json", **headers})
        took = (datetime.now().astimezone() - started) / timedelta(milliseconds=1)
        text = _told(answer.json())
        style = "green" if answer.is_success else "red"
        line = Text.assemble(f"  POST /hooks/{url.rpartition('/')[2][:8]}… ", (f"{answer.status_code}", style))
        self.console.print(line.append(f" in {took:.0f} ms  {text}{f'  ({note})' if note else ''}"), overflow="fold")
        return answer


def _say(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, "bold"))


def _note(console: Console, text: str) -> None:
    console.print(Text(f"  {text}"), overflow="fold")


def _told(answer: JsonObject) -> str:
    """Say in short what a hook answered."""
    if "detail" in answer:
        return str(answer["detail"])
    if "fate" not in answer:
        return json.dumps(answer, ensure_ascii=False)
    which = "the execution of the first one," if answer.get("duplicate") else "execution"
    return f"{which} {answer['execution_id']}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _expect(happened: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not happened:
        raise DemoFailed(otherwise)


def _next(console: Console) -> None:
    _say(console, "All of it happened. Where to go from here")
    _note(
        console, "make serve                              a hub that stays, on http://127.0.0.1:8400; it prints its key"
    )
    _note(console, "docs/tutorial.md                        from nothing to a workflow of your own")
    _note(console, "patchbay check my.yaml                  what is wrong with a definition, and where")
    _note(
        console, 'patchbay run examples/fan-out.yaml --input \'{"price": 20, "count": 3}\'    run one once, with no hub'
    )
