"""When executions begin, as people meet it: each mode over HTTP, on a hub that runs."""

from typing import Any

import httpx
import pytest

from tests.acceptance.client import Client, some_name, until

pytestmark = pytest.mark.acceptance

TEXT = """
name: {name}
triggers:
  hook: {{type: webhook, verify: none, dedupe: {{header: x-id}}}}
settings: {{{settings}}}
nodes:
  hold: {{type: delay, for: "{{{{ '1h' if trigger.data.hold else '1ms' }}}}"}}
  shape: {{type: transform, value: "{{{{ trigger }}}}"}}
edges: [hold -> shape]
"""
HOLD = {"hold": True}


class Site:
    """One workflow and its hook."""

    def __init__(self, client: Client, visitor: httpx.AsyncClient, workflow: str, url: str) -> None:
        self.client, self.visitor, self.workflow, self.url = client, visitor, workflow, url

    async def send(self, **data: object) -> dict[str, Any]:
        answer = await self.visitor.post(self.url, json=data)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def shown(self, execution: str) -> dict[str, object]:
        found: dict[str, object] = await self.client.get(f"/executions/{execution}")
        return found

    async def held(self) -> str:
        """An execution that holds the slot: it waits for an hour."""
        sent = await self.send(hold=True)
        path = f"/executions/{sent['execution_id']}"
        await self.client.until(path, lambda found: found["wait_reason"] == "delay")
        return str(sent["execution_id"])


async def open_site(client: Client, visitor: httpx.AsyncClient, settings: str) -> Site:
    workflow = await client.create(TEXT.format(name=some_name(), settings=settings))
    return Site(client, visitor, workflow, await client.hook_url(workflow))


async def test_queue_shows_who_waits_and_lets_them_in_when_the_slot_is_free(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    site = await open_site(client, visitor, 'concurrency: {key: "{{ trigger.data.who }}"}')
    holder = (await site.send(hold=True, who="ada"))["execution_id"]
    second, third = [(await site.send(who="ada"))["execution_id"] for _ in range(2)]
    other = (await site.send(who="bob"))["execution_id"]

    waiting = await site.shown(second)
    await client.finished(other)
    await client.post(f"/executions/{third}/cancel")
    await client.post(f"/executions/{holder}/cancel")
    done = await client.finished(second)

    assert (waiting["status"], waiting["wait_reason"], waiting["concurrency_key"]) == ("waiting", "concurrency", "ada")
    assert done["status"] == "succeeded"
    assert (await site.shown(third))["status"] == "cancelled"


async def test_skip_answers_that_it_skipped(client: Client, visitor: httpx.AsyncClient) -> None:
    site = await open_site(client, visitor, "concurrency: {mode: skip}")
    await site.held()

    skipped = await site.send()
    event = await client.get(f"/events/{skipped['event_id']}")
    manual = await client.execute(site.workflow)

    assert (skipped["fate"], skipped["execution_id"]) == ("skipped", None)
    assert "settings.concurrency.mode is skip" in event["reason"]
    assert (manual["fate"], manual["execution_id"]) == ("skipped", None)
    [trigger] = (await client.get(f"/workflows/{site.workflow}/triggers"))["items"][:1]
    balance = await client.get(f"/triggers/{trigger['id']}/balance")
    assert (balance["by_fate"]["skipped"], balance["difference"]) in ((1, 0), (0, 0))


async def test_restart_cancels_the_one_before(client: Client, visitor: httpx.AsyncClient) -> None:
    site = await open_site(client, visitor, "concurrency: {mode: restart}")
    first = await site.held()

    second = await client.finished((await site.send())["execution_id"])
    displaced = await site.shown(first)

    assert second["status"] == "succeeded"
    assert displaced["status"] == "cancelled"
    assert "displaced by a newer execution" in str(displaced["error"])


async def test_coalesce_merges_into_the_one_that_waits(client: Client, visitor: httpx.AsyncClient) -> None:
    site = await open_site(client, visitor, "concurrency: {mode: coalesce}")
    holder = await site.held()

    sent = [await site.send(n=n) for n in range(3)]
    await client.post(f"/executions/{holder}/cancel")
    done = await client.finished(sent[0]["execution_id"])
    listed = await client.get("/executions", event=sent[2]["event_id"])

    assert [one["fate"] for one in sent] == ["started", "merged", "merged"]
    assert {one["execution_id"] for one in sent} == {done["id"]}
    assert done["output"]["data"] == {"n": 2}
    assert done["output"]["coalesced"] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert [one["id"] for one in listed["items"]] == [done["id"]]


async def test_debounce_and_batch_make_one_execution_of_several_events(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    bounced = await open_site(client, visitor, "debounce: {for: 300ms}")
    batched = await open_site(client, visitor, "batch: {size: 3, for: 1h}")

    first = [await bounced.send(n=n) for n in range(3)]
    second = [await batched.send(n=n) for n in range(3)]
    one = await client.finished(first[0]["execution_id"])
    other = await client.finished(second[0]["execution_id"])

    assert one["output"]["data"] == {"n": 2}
    assert [fate["fate"] for fate in first] == ["started", "merged", "merged"]
    assert other["output"]["data"] == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_throttle_lets_the_others_wait(client: Client, visitor: httpx.AsyncClient) -> None:
    site = await open_site(client, visitor, "throttle: {limit: 1, per: 1s}")

    first, second = [(await site.send())["execution_id"] for _ in range(2)]
    waiting = await site.shown(second)
    done = [await client.finished(each) for each in (first, second)]

    assert waiting["wait_reason"] == "throttle"
    assert done[1]["started_at"] > done[0]["started_at"]


async def test_a_contradiction_is_refused_when_it_is_saved(client: Client) -> None:
    text = TEXT.format(name=some_name(), settings="debounce: {for: 1s}, batch: {size: 2, for: 1s}")

    refused = await client.post("/workflows", expect=422, content=text, headers={"content-type": "application/yaml"})

    assert "debounce and batch both decide" in str(refused)


async def test_a_parallel_limit_counts_what_waits_in_a_delay(client: Client, visitor: httpx.AsyncClient) -> None:
    site = await open_site(client, visitor, "concurrency: {mode: parallel, limit: 2}")
    held = [await site.held(), await site.held()]

    third = (await site.send())["execution_id"]
    assert (await site.shown(third))["wait_reason"] == "concurrency"
    await client.post(f"/executions/{held[0]}/cancel")

    assert (await client.finished(third))["status"] == "succeeded"


async def test_a_split_sends_a_part_of_the_events_to_another_version(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    site = await open_site(client, visitor, "timeout: 1h")
    name = (await client.get(f"/workflows/{site.workflow}"))["name"]
    changed = TEXT.format(name=name, settings="timeout: 2h")
    path = f"/workflows/{site.workflow}/split"
    await client.put(f"/workflows/{site.workflow}", content=changed, headers={"content-type": "application/yaml"})

    await client.get(path, expect=404)
    await client.put(path, expect=409, json={"version": "1", "percent": 50})
    begun = await client.put(path, json={"version": "latest", "percent": 50})
    numbers = set()
    for n in range(40):
        answer = await visitor.post(site.url, json={}, headers={"x-id": f"event-{n}"})
        again = await visitor.post(site.url, json={}, headers={"x-id": f"event-{n}"})
        assert again.json()["execution_id"] == answer.json()["execution_id"]
        numbers.add((await client.finished(answer.json()["execution_id"]))["version"])
    found = await until(lambda: client.get(path), lambda split: _ended(split) == 40)

    assert numbers == {1, 2}
    assert (begun["version"], begun["base"], begun["percent"]) == (2, 1, 50)
    assert [(one["version"], one["percent"], one["failure_rate"]) for one in found["outcomes"]] == [
        (1, 50, 0.0),
        (2, 50, 0.0),
    ]
    assert all(0 < one["p50_seconds"] <= one["p95_seconds"] for one in found["outcomes"])
    await client.post(f"/workflows/{site.workflow}/activate", json={"version": 2})
    await client.get(path, expect=404)
    entries = (await client.get("/audit", limit=50))["items"]
    acts = [(entry["action"], entry["details"]) for entry in entries if entry["target"] == site.workflow]
    assert ("workflow.split", {"version": 2, "percent": 50, "base": 1}) in acts
    assert acts[0][0] == "workflow.publish"
    assert acts[0][1]["split_ended"] is True


def _ended(split: dict[str, list[dict[str, dict[str, int]]]]) -> int:
    return sum(one["by_status"]["succeeded"] for one in split["outcomes"])
