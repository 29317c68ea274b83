"""From a text to a finished execution, and everything people may look at and do meanwhile."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

SUM = """
name: {name}
nodes:
  is_big: {{type: condition, if: trigger.data.amount > 100}}
  total: {{type: transform, set: {{total: "{{{{ trigger.data.amount * 2 }}}}"}}}}
  small: {{type: stop, as: succeeded, output: little}}
edges:
  - is_big.true -> total
  - is_big.false -> small
"""
DOUBLING = """
name: {name}
nodes:
  double: {{type: transform, set: {{both: ["{{{{ trigger.data }}}}", "{{{{ trigger.data }}}}"]}}}}
"""
PATIENT = """
name: {name}
nodes:
  first: {{type: transform, set: {{x: 1}}}}
  later: {{type: delay, for: 24h}}
  last: {{type: transform, set: {{y: 2}}}}
edges: [first -> later, later -> last]
"""
CALLING = """
name: {name}
nodes:
  tell:
    type: connector
    use: http.request
    with: {{method: POST, url: "{url}", json: {{n: "{{{{ trigger.data.n }}}}"}}}}
"""
BROKEN = """
name: {name}
nodes:
  stop: {{type: stop, as: failed, message: "out of {{{{ trigger.data.thing }}}}"}}
"""


async def test_a_workflow_runs_to_its_end_and_shows_what_it_did(client: Client) -> None:
    workflow = await client.create(SUM.format(name=some_name()))

    started = await client.execute(workflow, {"amount": 150})
    execution = await client.finished(started["execution_id"])

    assert execution["status"] == "succeeded"
    assert execution["output"] == {"total": 300}
    assert execution["event"]["data"] == {"amount": 150}
    assert [(step["path"], step["status"]) for step in execution["steps"]] == [
        ("is_big", "succeeded"),
        ("total", "succeeded"),
    ]
    assert execution["steps"][0]["ports"] == ["true"]
    assert execution["steps"][0]["output"] == {"amount": 150}
    progress = {"percent": 100, "done": ["is_big", "total"], "under_way": [], "skipped": ["small"], "ahead": []}
    assert execution["progress"] == progress


async def test_large_values_are_whole_where_one_is_read_and_markers_in_lists(client: Client) -> None:
    workflow = await client.create(DOUBLING.format(name=some_name()))
    sent = {"text": "é" * 50_000}

    started = await client.execute(workflow, sent)
    execution = await client.finished(started["execution_id"])

    assert execution["event"]["data"] == sent
    assert execution["output"] == execution["steps"][0]["output"] == {"both": [sent, sent]}
    assert (await client.get(f"/events/{started['event_id']}"))["data"] == sent
    [listed] = (await client.get("/executions", workflow=workflow))["items"]
    assert listed["output"] == {"$large_value": {"bytes": 200_034}}


async def test_waiting_for_an_execution_gives_its_output(client: Client) -> None:
    workflow = await client.create(SUM.format(name=some_name()))

    output = await client.execute(workflow, {"amount": 5}, expect=200, params={"wait": 20})

    assert output == "little"


async def test_waiting_for_one_that_takes_longer_gives_its_id(client: Client) -> None:
    workflow = await client.create(PATIENT.format(name=some_name()))

    answer = await client.execute(workflow, {}, params={"wait": 0.02})

    assert (await client.get(f"/executions/{answer['execution_id']}"))["status"] in {"queued", "running", "waiting"}


async def test_waiting_for_one_that_fails_gives_its_error(client: Client) -> None:
    workflow = await client.create(BROKEN.format(name=some_name()))

    problem = await client.execute(workflow, {"thing": "paper"}, expect=500, params={"wait": 20})

    assert problem["code"] == "execution_failed"
    assert problem["detail"] == "out of paper"


async def test_whoever_waits_for_an_execution_hears_that_it_was_cancelled(client: Client) -> None:
    workflow = await client.create(PATIENT.format(name=some_name()))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(client.execute(workflow, {}, expect=409, params={"wait": 20}))
        listed = await client.until(
            f"/executions?workflow={workflow}",
            lambda answer: [item["status"] for item in answer["items"]] == ["waiting"],
        )

        await client.post(f"/executions/{listed['items'][0]['id']}/cancel")

    assert waiting.result()["code"] == "execution_cancelled"
    assert waiting.result()["execution_id"] == listed["items"][0]["id"]


async def test_the_same_idempotency_key_starts_one_execution(client: Client) -> None:
    workflow = await client.create(SUM.format(name=some_name()))
    key = {"idempotency-key": some_name("key")}

    first = await client.execute(workflow, {"amount": 1}, headers=key)
    second = await client.execute(workflow, {"amount": 2}, headers=key)
    output = await client.execute(workflow, {"amount": 3}, headers=key, params={"wait": 20}, expect=200)

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["execution_id"] == first["execution_id"]
    assert output == "little"
    assert len((await client.get("/executions", workflow=workflow))["items"]) == 1
    fates = [event["fate"] for event in (await client.get("/events", workflow=workflow))["items"]]
    assert sorted(fates) == ["duplicate", "duplicate", "started"]


async def test_an_input_that_does_not_fit_is_refused_with_its_path(client: Client) -> None:
    text = SUM.format(name=some_name()) + (
        "triggers:\n  by_hand:\n    type: manual\n    input_schema:\n"
        "      {type: object, required: [amount], properties: {lines: {items: {type: integer}}}}\n"
    )
    workflow = await client.create(text)

    missing = await client.execute(workflow, {"lines": [1]}, expect=400)
    wrong = await client.execute(workflow, {"amount": 1, "lines": [1, "two"]}, expect=400)

    assert {missing["code"], wrong["code"]} == {"invalid_request"}
    assert [missing["problems"][0]["place"], wrong["problems"][0]["place"]] == ["input", "input.lines[1]"]
    assert (await client.get("/events", workflow=workflow))["items"] == []


async def test_a_manual_trigger_is_chosen_by_its_key(client: Client) -> None:
    text = SUM.format(name=some_name()) + "triggers: {one: {type: manual}, two: {type: manual}}\n"
    workflow = await client.create(text)

    started = await client.execute(workflow, {"amount": 1}, params={"trigger": "two"})
    problem = await client.execute(workflow, {}, params={"trigger": "three"}, expect=404)

    assert (await client.finished(started["execution_id"]))["trigger_key"] == "two"
    assert "one, two" in problem["detail"]


async def test_a_draft_cannot_be_executed(client: Client) -> None:
    created = await client.post("/workflows", expect=201, content=SUM.format(name=some_name()))

    problem = await client.execute(created["workflow"]["id"], {}, expect=409)

    assert problem["code"] == "conflict"
    assert "activate it first" in problem["detail"]


async def test_a_delayed_execution_can_be_cancelled(client: Client) -> None:
    workflow = await client.create(PATIENT.format(name=some_name()))
    started = await client.execute(workflow, {})
    path = f"/executions/{started['execution_id']}"
    waiting = await client.until(path, lambda answer: answer["status"] == "waiting")

    cancelled = await client.post(f"{path}/cancel", json={"reason": "changed my mind"})
    again = await client.post(f"{path}/cancel", expect=409)

    assert waiting["progress"] == {
        "percent": 33,
        "done": ["first"],
        "under_way": ["later"],
        "skipped": [],
        "ahead": ["last"],
    }
    assert cancelled["status"] == "cancelled"
    assert "changed my mind" in cancelled["error"]["message"]
    assert again["code"] == "conflict"


async def test_the_log_tells_the_story_in_the_order_of_time(client: Client) -> None:
    workflow = await client.create(PATIENT.format(name=some_name()))
    started = await client.execute(workflow, {})
    path = f"/executions/{started['execution_id']}"
    await client.until(path, lambda answer: answer["status"] == "waiting")
    await client.post(f"{path}/cancel")

    lines = (await client.get(f"{path}/logs"))["items"]

    told = [(line["step"], line["message"].split(":")[0].split(" until")[0]) for line in lines]
    assert told[0] == (None, 'event accepted by the trigger "manual"')
    assert ("first", "succeeded") in told
    assert ("later", "cancelled") in told
    assert told[-1] == (None, "execution cancelled")
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


async def test_an_execution_can_be_rerun_on_the_published_version(client: Client) -> None:
    name = some_name()
    workflow = await client.create(SUM.format(name=name))
    first = await client.finished((await client.execute(workflow, {"amount": 200}))["execution_id"])
    await client.put(f"/workflows/{workflow}", content=SUM.format(name=name).replace("* 2", "* 3"))
    await client.post(f"/workflows/{workflow}/activate")

    fresh = await client.post(f"/executions/{first['id']}/rerun", expect=202)
    second = await client.finished(fresh["execution_id"])

    assert (first["version"], second["version"]) == (1, 2)
    assert second["output"] == {"total": 600}
    assert second["rerun_of"] == first["id"]
    assert second["event_id"] == first["event_id"]


async def test_a_dead_letter_is_replayed_after_the_cause_is_gone(client: Client, outside: Outside) -> None:
    workflow = await client.create(CALLING.format(name=some_name(), url=outside.url))
    outside.status = 422
    failed = await client.finished((await client.execute(workflow, {"n": 7}))["execution_id"])
    letters = (await client.get("/dead-letters", state="open"))["items"]
    (letter,) = [letter for letter in letters if letter["execution_id"] == failed["id"]]
    outside.status = 200

    replayed = await client.post(f"/dead-letters/{letter['id']}/replay", expect=202)
    again = await client.post(f"/dead-letters/{letter['id']}/replay", expect=409)
    execution = await client.finished(replayed["execution_id"])

    assert failed["status"] == "failed"
    assert failed["error"]["code"] == letter["code"] == "remote_rejected"
    assert letter["step"] == "tell"
    assert execution["id"] == failed["id"]
    assert execution["status"] == "succeeded"
    assert outside.asked == [{"n": 7}, {"n": 7}]
    assert again["code"] == "conflict"
    assert (await client.get(f"/dead-letters/{letter['id']}"))["state"] == "replayed"


async def test_a_dead_letter_can_be_discarded_and_found_by_its_fingerprint(client: Client) -> None:
    workflow = await client.create(BROKEN.format(name=some_name()))
    thing = some_name("thing")
    ids = [(await client.execute(workflow, {"thing": thing}))["execution_id"] for _ in range(2)]
    for execution_id in ids:
        await client.finished(execution_id)
    letters = (await client.get("/dead-letters"))["items"]
    fingerprint = next(letter["fingerprint"] for letter in letters if letter["execution_id"] == ids[0])

    same = (await client.get("/dead-letters", fingerprint=fingerprint))["items"]
    mine = [letter for letter in same if letter["execution_id"] in ids]
    discarded = await client.post(f"/dead-letters/{mine[0]['id']}/discard")

    assert len(mine) == 2
    assert discarded["state"] == "discarded"
    assert discarded["resolved_by"].startswith("key:pbk_")
    assert (await client.get(f"/executions/{mine[0]['execution_id']}"))["status"] == "failed"


async def test_executions_are_found_by_their_filters(client: Client) -> None:
    workflow = await client.create(SUM.format(name=some_name()))
    ids = [(await client.execute(workflow, {"amount": amount}))["execution_id"] for amount in (101, 102, 1)]
    for execution_id in ids:
        await client.finished(execution_id)
    one = await client.get(f"/executions/{ids[1]}")

    async def found(**params: Any) -> list[str]:
        return [item["id"] for item in (await client.get("/executions", workflow=workflow, **params))["items"]]

    assert await found() == ids[::-1]
    assert await found(text="204") == [ids[1]]
    assert await found(event=one["event_id"]) == [ids[1]]
    assert await found(trigger=one["trigger_id"]) == ids[::-1]
    assert await found(since=one["created_at"]) == [ids[2], ids[1]]
    assert await found(until=one["created_at"]) == [ids[0]]
    assert await found(status="failed,waiting") == []
    assert await found(status="failed,succeeded") == ids[::-1]


async def test_pages_of_a_list_hold_every_entry_once(client: Client) -> None:
    workflow = await client.create(SUM.format(name=some_name()))
    ids = [(await client.execute(workflow, {"amount": n}))["execution_id"] for n in range(5)]

    seen: list[str] = []
    after: dict[str, Any] = {}
    pages = 0
    while True:
        page = await client.get("/executions", workflow=workflow, limit=2, **after)
        seen += [item["id"] for item in page["items"]]
        pages += 1
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert seen == ids[::-1]
    assert pages == 3


async def test_every_accepted_event_is_accounted_for(client: Client) -> None:
    name = some_name()
    text = SUM.format(name=name) + "triggers: {by_hand: {type: manual, filter: trigger.data.amount > 0}}\n"
    workflow = await client.create(text)
    for amount in (-1, 1, 500, -2):
        await client.execute(workflow, {"amount": amount})
    (trigger,) = (await client.get(f"/workflows/{workflow}/triggers"))["items"]

    balance = await client.until(
        f"/triggers/{trigger['id']}/balance", lambda answer: answer["by_status"]["succeeded"] == 2
    )

    assert balance["accepted"] == 2
    assert balance["by_fate"]["filtered"] == 2
    assert balance["difference"] == 0
