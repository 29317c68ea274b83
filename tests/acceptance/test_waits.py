"""Waits for an event that matches, and for the end of another execution."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

EVENTS = """
name: {name}
triggers:
  ordered: {{type: manual}}
  paid: {{type: manual, filter: "false"}}
nodes:
  order: {{type: transform, value: "{{{{ trigger.data.order }}}}"}}
  payment: {{type: wait, for: event, trigger: paid{more}}}
  done: {{type: transform, value: "{{{{ steps.order }}}} paid {{{{ steps.payment.data.sum }}}}"}}
  late: {{type: transform, value: too late}}
edges: [order -> payment, payment -> done, payment.timeout -> late]
"""
MATCH = ', match: "trigger.data.order == steps.order"'
OTHER = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes:
  watch: {{type: wait, for: execution, execution: "{{{{ trigger.data.id }}}}"{more}}}
  done: {{type: transform, value: "{{{{ steps.watch.status }}}}: {{{{ steps.watch.output }}}}"}}
  late: {{type: transform, value: too late}}
edges: [watch -> done, watch.timeout -> late]
"""
SLOW = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes: {{rest: {{type: delay, for: "{length}"}}, end: {{type: transform, value: rested}}}}
edges: [rest -> end]
"""


async def waiting(client: Client, execution_id: str) -> Any:
    return await client.until(f"/executions/{execution_id}", lambda told: told["status"] == "waiting")


async def order(client: Client, workflow: str, number: int) -> str:
    started = await client.post(f"/workflows/{workflow}/execute?trigger=ordered", expect=202, json={"order": number})
    await waiting(client, started["execution_id"])
    return str(started["execution_id"])


async def pay(client: Client, workflow: str, number: int, total: int = 5) -> Any:
    body = {"order": number, "sum": total}
    return await client.post(f"/workflows/{workflow}/execute?trigger=paid", expect=202, json=body)


async def test_only_the_event_that_matches_resumes_and_it_is_the_output(client: Client) -> None:
    workflow = await client.create(EVENTS.format(name=some_name(), more=MATCH))
    one, two = await order(client, workflow, 1), await order(client, workflow, 2)

    paid = await pay(client, workflow, 2)

    assert paid["fate"] == "filtered", "it starts nothing, and counts all the same"
    assert (await client.finished(two))["output"] == "2 paid 5"
    assert (await client.get(f"/executions/{one}"))["status"] == "waiting"
    await pay(client, workflow, 1, 7)
    assert (await client.finished(one))["output"] == "1 paid 7"


async def test_of_two_matching_events_at_once_one_counts_and_one_event_may_resume_several(client: Client) -> None:
    workflow = await client.create(EVENTS.format(name=some_name(), more=MATCH))
    both = [await order(client, workflow, 3), await order(client, workflow, 3)]

    await asyncio.gather(pay(client, workflow, 3, 1), pay(client, workflow, 3, 1))

    assert [(await client.finished(each))["output"] for each in both] == ["3 paid 1"] * 2


async def test_an_event_from_before_the_wait_does_not_count(client: Client) -> None:
    workflow = await client.create(EVENTS.format(name=some_name(), more=MATCH))
    first = await order(client, workflow, 1)
    await pay(client, workflow, 2)

    late = await order(client, workflow, 2)
    await pay(client, workflow, 1)

    assert (await client.finished(first))["output"] == "1 paid 5", "so all events before were looked at"
    assert (await client.get(f"/executions/{late}"))["status"] == "waiting"


async def test_a_wait_for_an_event_ends_when_its_time_is_up(client: Client) -> None:
    workflow = await client.create(EVENTS.format(name=some_name(), more=", timeout: 300ms"))
    started = await client.post(f"/workflows/{workflow}/execute?trigger=ordered", expect=202, json={"order": 1})

    assert (await client.finished(started["execution_id"]))["output"] == "too late"


async def test_an_event_of_another_workflow_can_be_awaited_and_a_missing_one_is_an_error(client: Client) -> None:
    source = some_name("source")
    other = await client.create(SLOW.format(name=source, length="0s"))
    more = f", workflow: {source}, match: trigger.data.order == steps.order"
    text = EVENTS.format(name=some_name(), more=more).replace("trigger: paid,", "trigger: by_hand,")
    workflow = await client.create(text)
    unknown = await client.create(EVENTS.format(name=some_name(), more=", workflow: nobody"))

    id = await order(client, workflow, 4)
    await client.execute(other, {"order": 4, "sum": 9})
    started = await client.post(f"/workflows/{unknown}/execute?trigger=ordered", expect=202, json={"order": 1})

    assert (await client.finished(id))["output"] == "4 paid 9"
    failed = await client.finished(started["execution_id"])
    assert failed["error"]["code"] == "invalid_input"
    assert '"nobody"' in failed["error"]["message"]


async def test_the_end_of_another_execution_resumes_also_when_it_had_ended_before(client: Client) -> None:
    slow = await client.create(SLOW.format(name=some_name(), length="400ms"))
    watcher = await client.create(OTHER.format(name=some_name(), more=""))
    target = (await client.execute(slow))["execution_id"]

    first = (await client.execute(watcher, {"id": target}))["execution_id"]

    assert (await client.finished(first))["output"] == "succeeded: rested"
    second = (await client.execute(watcher, {"id": target}))["execution_id"]
    assert (await client.finished(second))["output"] == "succeeded: rested"


async def test_an_execution_that_is_cancelled_has_ended_and_one_that_takes_too_long_times_out(client: Client) -> None:
    slow = await client.create(SLOW.format(name=some_name(), length="1h"))
    watcher = await client.create(OTHER.format(name=some_name(), more=""))
    hasty = await client.create(OTHER.format(name=some_name(), more=", timeout: 200ms"))
    target = (await client.execute(slow))["execution_id"]
    late = (await client.execute(hasty, {"id": target}))["execution_id"]
    watching = (await client.execute(watcher, {"id": target}))["execution_id"]
    await waiting(client, watching)

    assert (await client.finished(late))["output"] == "too late"
    await client.post(f"/executions/{target}/cancel", json={})

    assert (await client.finished(watching))["output"] == "cancelled: "
    missing = (await client.execute(watcher, {"id": "nothing"}))["execution_id"]
    assert (await client.finished(missing))["error"]["code"] == "invalid_input"
