"""Metrics: what happened at the hooks, and what the database and the broker hold."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import Unavailable
from engine.model.workflow import Lane
from engine.ports import Broker
from gateway.bootstrap import Hub
from gateway.readings import BALANCES_EVERY, TOTALS_EVERY, Readings
from tests.fakes import FakeClock, SwitchedDatabase

OPEN = "name: open\ntriggers: {called: {type: webhook, verify: none}}\nnodes: {a: {type: transform, value: 1}}\n"


class StubBroker:
    """Knows depths until it goes away."""

    def __init__(self) -> None:
        self.away = False

    async def depth(self, lane: Lane) -> int:
        if self.away:
            raise Unavailable("the broker is away")
        return 7 if lane is Lane.HIGH else 0


def readings(hub: Hub, clock: FakeClock) -> tuple[Readings, SwitchedDatabase, StubBroker]:
    database, broker = SwitchedDatabase(hub.database), StubBroker()
    as_broker: Broker = broker  # type: ignore[assignment]  # only depth is asked
    return Readings(database=database, broker=as_broker, clock=clock), database, broker


def samples(page: str) -> Mapping[tuple[str, ...], float]:
    """Figures by their name and the values of their labels, by the labels' names."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def test_the_page_shows_hooks_executions_balances_and_queues(http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/workflows", content=OPEN)
    await http.post("/api/v1/workflows/open/activate")
    (hook,) = (await http.get("/api/v1/webhooks")).json()["items"]
    path = httpx.URL(hook["url"]).path
    for content in ("{}", "{}", "wrong"):
        await http.post(path, content=content)

    answer = await http.get("/metrics")

    found = samples(answer.text)
    assert found["patchbay_http_requests_total", "hook", "202"] == 2
    assert found["patchbay_http_requests_total", "hook", "400"] == 1
    assert found["patchbay_http_requests_total", "api", "200"] == 2
    assert found["patchbay_hook_seconds_count",] == 3
    assert found["patchbay_executions", "queued"] == 2
    assert found["patchbay_events", "started", "called", "open"] == 2
    assert found["patchbay_balance_difference", "called", "open"] == 0
    assert {names[1] for names in found if names[0] == "patchbay_queue_depth"} == {"high", "normal", "low"}
    assert found["patchbay_up", "database"] == found["patchbay_up", "broker"] == 1


async def test_a_refused_signature_is_counted_by_its_code(http: httpx.AsyncClient) -> None:
    await http.put("/api/v1/secrets/signing", json={"value": "x"})
    await http.post("/api/v1/workflows", content=OPEN.replace("none", "{scheme: standard, secret: signing}"))
    await http.post("/api/v1/workflows/open/activate")
    (hook,) = (await http.get("/api/v1/webhooks")).json()["items"]

    await http.post(httpx.URL(hook["url"]).path, json={})

    found = samples((await http.get("/metrics")).text)
    assert found["patchbay_hook_refused_total", "invalid_signature"] == 1


async def test_metrics_need_a_key_that_may_read(http: httpx.AsyncClient) -> None:
    made = await http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["execute"]})

    without = await http.get("/metrics", headers={"authorization": ""})
    other = await http.get("/metrics", headers={"authorization": f"Bearer {made.json()['key']}"})

    assert (without.status_code, other.status_code) == (401, 403)


async def test_the_database_is_asked_once_a_second_however_many_ask(hub: Hub, clock: FakeClock) -> None:
    reading, database, _ = readings(hub, clock)

    for _ in range(5):
        await reading.get()
    first = database.reads
    clock.advance(TOTALS_EVERY)
    await reading.get()
    second = database.reads
    clock.advance(BALANCES_EVERY)
    await reading.get()

    assert (first, second, database.reads) == (2, 3, 5)


async def test_what_is_away_has_no_figures(hub: Hub, clock: FakeClock) -> None:
    reading, database, broker = readings(hub, clock)
    before = await reading.get()
    database.away = broker.away = True
    clock.advance(TOTALS_EVERY)

    after = await reading.get()

    assert before.depths[Lane.HIGH] == 7
    assert (before.database_is_up, before.broker_is_up) == (True, True)
    assert (after.database_is_up, after.broker_is_up) == (False, False)
    assert (dict(after.totals), dict(after.depths), after.balances) == ({}, {}, ())
