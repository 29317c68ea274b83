"""The demo's story, told over the API: apply, send, refuse, repeat, call, wait and tick; then each execution.

Whatever does not happen as told ends the tour with ``DemoFailed``.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from rich.console import Console
from rich.text import Text

from engine.errors import PatchbayError
from engine.model.base import Json, JsonObject
from gateway.client import HubClient
from gateway.commands.past import LOOK_EVERY_SECONDS, trace_of, wait_for_end
from gateway.demo.receiver import Receiver
from gateway.demo.workflows import NAMES, text_of
from gateway.trace import show_trace
from webhooks.secrets import generate_secret
from webhooks.signatures import sign

PATIENCE = timedelta(seconds=20)
ORDER = {"type": "order.paid", "amount": 250, "customer": {"name": "ada lovelace"}}
PARCELS = {
    "orders": [
        {"id": "A-1", "weight": 6, "parcels": 2},
        {"id": "A-2", "weight": 4, "parcels": 0},
        {"id": "A-3", "weight": 9, "parcels": 3},
    ]
}
"""The second one cannot be packed, which ends its iteration and not the loop."""


class DemoFailed(PatchbayError):
    """Something that the demo shows did not happen."""

    code = "demo_failed"


@dataclass(slots=True, kw_only=True)
class Tour:
    """One run through the demo. ``hub`` and ``receiver_url`` answer already; ``outside`` sends what a sender would."""

    hub: HubClient
    receiver: Receiver
    receiver_url: str
    outside: httpx.Client
    console: Console
    triggers: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    secret: str = field(default_factory=generate_secret, repr=False)

    def give(self) -> None:
        """Tell the whole story. Raises DemoFailed."""
        self._introduce()
        self._apply()
        order = self._send_orders()
        self._ask_for_a_quote()
        pricing = self._start("fan-out", {"price": 20, "count": 3})
        shipping = self._start("ship-orders", PARCELS)
        review = self._start("follow-up", {"email": "ada@example.com", "order": 17})
        self._say("What became of them")
        for execution_id in (order, pricing, shipping, review):
            self._show(execution_id)
        self._check_orders()
        self._show_ticks()
        self._show_balance()
        self._point_onward()

    def _introduce(self) -> None:
        self._say("Patchbay, all in this process: SQLite in a temporary folder, the queue in memory.")
        self._note("No account, no key, and nothing leaves this machine. The demo's workflows may call 127.0.0.1;")
        self._note("a hub of yours refuses private addresses until PATCHBAY_ALLOW_PRIVATE names them.")

    def _apply(self) -> None:
        self.hub.put("/secrets/orders_signing", {"value": self.secret})
        for name in NAMES:
            self.hub.send_text("POST", "/workflows", text_of(name, receiver=self.receiver_url))
            self.hub.post(f"/workflows/{name}/activate", {})
            found = self.hub.get(f"/workflows/{name}/triggers")["items"]
            self.triggers[name] = {trigger["key"]: trigger for trigger in found}
        self._say(f"Applied {len(NAMES)} workflows: {', '.join(NAMES)}")

    def _send_orders(self) -> str:
        url = self.triggers["paid-orders"]["order_paid"]["hook_url"]
        body = json.dumps(ORDER).encode()
        signed = sign(self.secret, "msg_1", body, at=datetime.now(UTC))
        self._say("A shop sends a signed webhook (Standard Webhooks)")
        first = self._post(url, body, signed)
        _expect(first.status_code == 202, f"the signed webhook was answered {first.status_code}: {first.text}")
        forged = sign(generate_secret(), "msg_2", body, at=datetime.now(UTC))
        refused = self._post(url, body, forged, note="signed with a wrong secret")
        _expect(refused.status_code == 401, f"a wrong signature was answered {refused.status_code}")
        repeated = self._post(url, body, signed, note="sent again").json()
        execution_id = str(first.json()["execution_id"])
        same = repeated.get("duplicate") is True and repeated["execution_id"] == execution_id
        _expect(same, "the repeated webhook was not recognised")
        return execution_id

    def _ask_for_a_quote(self) -> None:
        self._say("A caller waits for the answer (a synchronous webhook)")
        asked = self._post(f"{self.hub.url}/hooks/quote", b'{"item": "pear", "count": 4}', {})
        _expect(asked.json() == {"item": "pear", "price": 12}, f"the quote was answered {asked.text}")

    def _start(self, name: str, data: Json) -> str:
        started = self.hub.post(f"/workflows/{name}/execute", data)
        _expect(started["execution_id"] is not None, f"the workflow {name} was not started: {started['reason']}")
        return str(started["execution_id"])

    def _show(self, execution_id: str) -> None:
        ended = wait_for_end(self.hub, execution_id, within=PATIENCE)
        trace = trace_of(self.hub, ended)
        show_trace(trace, self.console)
        self.console.print()
        _expect(trace.status == "succeeded", f"the execution of {trace.workflow} is {trace.status}: {trace.error}")

    def _check_orders(self) -> None:
        receiver = self.receiver
        _expect(len(receiver.orders) == 1, f"the receiver got {len(receiver.orders)} orders instead of 1")
        _expect(len(receiver.keys) == 2, "the call that was answered 503 was not tried again")
        _expect(len(set(receiver.keys)) == 1 and receiver.keys[0] != "", "the retry had another idempotency key")
        self._note(f"The receiver has the order once: {json.dumps(receiver.orders[0], ensure_ascii=False)}")
        self._note("Its first answer was a 503; the second attempt carried the same idempotency key.")

    def _show_ticks(self) -> None:
        self._say("A schedule ticks every second")
        ticks: list[JsonObject] = []
        for _ in range(round(PATIENCE.total_seconds() / LOOK_EVERY_SECONDS)):
            ticks = self.hub.get("/executions", {"workflow": "heartbeat", "status": "succeeded"})["items"]
            if len(ticks) >= 2:
                break
            time.sleep(LOOK_EVERY_SECONDS)
        _expect(len(ticks) >= 2, "the schedule did not tick twice")
        for tick in ticks[:-3:-1]:
            show_trace(trace_of(self.hub, wait_for_end(self.hub, tick["id"], within=PATIENCE)), self.console)

    def _show_balance(self) -> None:
        self._say("The balance: every accepted event is accounted for")
        for name, triggers in self.triggers.items():
            for key, trigger in triggers.items():
                balance = self.hub.get(f"/triggers/{trigger['id']}/balance")
                _expect(balance["difference"] == 0, f"the balance of {name}/{key} is off by {balance['difference']}")
                events, executions = _counted(balance["by_fate"]), _counted(balance["by_status"])
                if events:
                    self._note(f"{name}/{key}: events {events}; executions {executions}; difference 0")

    def _point_onward(self) -> None:
        self._say("All of it happened. Where to go from here")
        self._note("make serve              a hub that stays, on http://127.0.0.1:8400; it prints its API key once")
        self._note("docs/tutorial.md        from nothing to a workflow of your own")
        self._note("patchbay check my.yaml  what is wrong with a definition, and where")
        self._note('patchbay run examples/fan-out.yaml --input \'{"price": 20, "count": 3}\'')
        self._note("                        run a definition once, with no hub")

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], note: str = "") -> httpx.Response:
        started = time.perf_counter()
        try:
            answer = self.outside.post(url, content=body, headers={"content-type": "application/json", **headers})
        except httpx.TransportError as error:
            raise DemoFailed(f"{url} did not answer: {error}") from error
        took = (time.perf_counter() - started) * 1000
        address = url.rpartition("/")[2]
        shown = address if len(address) < 12 else f"{address[:8]}…"
        style = "green" if answer.is_success else "red"
        line = Text.assemble(f"  POST /hooks/{shown}  ", (str(answer.status_code), style), f"  {took:.0f} ms  ")
        told = _told(answer.json())
        self.console.print(line.append(f"{note}: {told}" if note else told), overflow="fold")
        return answer

    def _say(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, "bold"))

    def _note(self, text: str) -> None:
        self.console.print(Text(f"  {text}"), overflow="fold")


def _told(answer: JsonObject) -> str:
    """Say in short what a hook answered."""
    if "detail" in answer:
        return f"refused, {answer['detail']}"
    if "fate" not in answer:
        return json.dumps(answer, ensure_ascii=False)
    return f"a duplicate of {answer['event_id']}" if answer.get("duplicate") else f"event {answer['event_id']} accepted"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _expect(happened: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not happened:
        raise DemoFailed(otherwise)
