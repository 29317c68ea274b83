"""What is measured: three workflows and the 600 bytes that start each of them, and three that fill a hub."""

import json
from dataclasses import dataclass

BODY_BYTES = 600

ACCEPT = """
name: w1
triggers:
  hook: {type: webhook, verify: none, path: w1}
nodes:
  is_big: {type: condition, if: "trigger.data.amount > 100"}
  shape:
    type: transform
    set:
      id: "{{ trigger.data.id }}"
      customer: "{{ trigger.data.customer.name | title }}"
      total: "{{ trigger.data.amount / 100 }}"
edges: [is_big.true -> shape]
"""

ANSWER = ACCEPT.replace("name: w1", "name: w2").replace("path: w1", "path: w2, respond: {when: finished, timeout: 10s}")

CALL = """
name: w3
triggers:
  hook: {type: webhook, verify: none, path: w3}
nodes:
  call:
    type: connector
    use: http.request
    with: {method: POST, url: "ECHO", json: {id: "{{ trigger.data.id }}"}}
  shape:
    type: transform
    set: {status: "{{ steps.call.status }}"}
edges: [call -> shape]
"""

LOOP = """
name: loop
triggers:
  hook: {type: webhook, verify: none, path: loop, respond: {when: finished, timeout: 2m}}
nodes:
  each:
    type: loop
    times: "{{ trigger.data }}"
    body: {nodes: {double: {type: transform, value: "{{ item * 2 }}"}}}
  many: {type: transform, value: "{{ steps.each | length }}"}
edges: [each -> many]
"""

WAITING = """
name: waiting
triggers:
  hook: {type: webhook, verify: none, path: waiting}
nodes:
  wait: {type: delay, until: trigger.data.at}
"""

SLOW = """
name: slow
triggers:
  hook: {type: webhook, verify: none, path: slow}
nodes:
  call: {type: connector, use: http.request, with: {url: "ECHO"}, timeout: 2m}
"""

SHAPED = {"id": 7, "customer": "Ada Lovelace", "total": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One way of putting a hub to work. ``answers``: the status and, for some, the JSON that a right answer has."""

    name: str
    path: str
    status: int
    connections: tuple[int, ...]
    share: float = 1.0  # of the time that was asked for
    answers: dict[str, object] | None = None


WORKLOADS = (
    Workload(name="w1", path="/hooks/w1", status=202, connections=(64,)),
    Workload(name="w2", path="/hooks/w2", status=200, connections=(1, 16, 64), share=0.5, answers=SHAPED),
    Workload(name="w3", path="/hooks/w3", status=202, connections=(64,)),
)
START = "w4"
NAMES = (*(one.name for one in WORKLOADS), START)


def definitions(*, echo_url: str) -> tuple[str, ...]:
    return ACCEPT, ANSWER, CALL.replace("ECHO", echo_url), LOOP, WAITING, SLOW.replace("ECHO", echo_url)


def body() -> bytes:
    """An order, padded to its size."""
    customer = {"id": "c_1", "name": "ada lovelace", "email": "ada@example.com"}
    order = {"id": 7, "amount": 500, "currency": "eur", "customer": customer, "note": ""}
    order["note"] = "x" * (BODY_BYTES - len(json.dumps(order)))
    return json.dumps(order).encode()
