"""Replaying an execution as one chooses: from where, on which version, with which input."""

from typing import Any

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

YAML = {"content-type": "application/yaml"}
TEXT = """
name: {name}
triggers: {{by_hand: {{type: manual{schema}}}}}
nodes:
  before: {{type: transform, value: "{{{{ trigger.data.n * 2 }}}}"}}
  check: {{type: condition, if: "input > {limit}"}}
  good: {{type: transform, value: "{{{{ steps.before }}}} is enough"}}
  bad: {{type: stop, as: failed, message: too small}}
edges: [before -> check, check.true -> good, check.false -> bad]
"""
SCHEMA = ", input_schema: {type: object, properties: {n: {type: integer}}}"


def text(name: str, *, limit: int = 10, schema: str = "") -> str:
    return TEXT.format(name=name, limit=limit, schema=schema)


async def failed(client: Client, workflow: str, n: int = 1) -> str:
    """An execution that failed."""
    started = await client.execute(workflow, {"n": n})
    ended = await client.finished(started["execution_id"])
    assert ended["status"] == "failed"
    return str(started["execution_id"])


async def replayed(client: Client, execution: str, **choice: Any) -> Any:
    running = await client.post(f"/executions/{execution}/replay", expect=202, json=choice)
    return await client.finished(running["execution_id"])


async def balance(client: Client, workflow: str) -> Any:
    (trigger,) = (await client.get(f"/workflows/{workflow}/triggers"))["items"]
    return await client.get(f"/triggers/{trigger['id']}/balance")


async def letter(client: Client, execution: str) -> Any:
    letters = (await client.get("/dead-letters", limit=200))["items"]
    (found,) = [one for one in letters if one["execution_id"] == execution]
    return found


async def test_from_start_with_another_input_a_new_execution_runs_and_the_balance_stays(client: Client) -> None:
    workflow = await client.create(text(some_name()))
    old = await failed(client, workflow)
    before = await balance(client, workflow)

    fresh = await replayed(client, old, **{"from": "start", "input": {"n": 6}})

    assert (fresh["status"], fresh["output"]) == ("succeeded", "12 is enough")
    assert (fresh["rerun_of"], fresh["event"]["data"]) == (old, {"n": 6})
    assert f"for a replay of the execution {old}" in fresh["event"]["reason"]
    assert await balance(client, workflow) == before
    assert (await client.get(f"/executions/{old}"))["event"]["data"] == {"n": 1}
    assert (await letter(client, old))["state"] == "replayed"


async def test_from_start_the_version_is_the_same_or_the_published_one(client: Client) -> None:
    name = some_name()
    workflow = await client.create(text(name))
    old = await failed(client, workflow)
    await client.put(f"/workflows/{workflow}", content=text(name, limit=1), headers=YAML)
    await client.post(f"/workflows/{workflow}/activate")

    same = await replayed(client, old, **{"from": "start"})
    published = await replayed(client, old, **{"from": "start", "version": "published"})

    assert (same["status"], same["version"]) == ("failed", 1)
    assert (published["status"], published["version"], published["output"]) == ("succeeded", 2, "2 is enough")
    assert published["event"]["id"] == same["event"]["id"] == (await client.get(f"/executions/{old}"))["event"]["id"]


async def test_from_a_step_what_ran_before_is_taken_over_and_the_old_history_stays(client: Client) -> None:
    workflow = await client.create(text(some_name()))
    old = await failed(client, workflow)
    history = await client.get(f"/executions/{old}")

    fresh = await replayed(client, old, **{"from": "check"})

    taken, again = ({step["path"]: step for step in one["steps"]} for one in (history, fresh))
    assert list(again) == ["before", "check", "bad"]
    assert again["before"] == taken["before"]
    assert again["check"]["started_at"] > taken["check"]["finished_at"]
    assert fresh["rerun_of"] == old
    assert (await client.get(f"/executions/{old}")) == history
    assert (await balance(client, workflow))["accepted"] == 1


async def test_from_the_failed_step_the_same_execution_goes_on(client: Client) -> None:
    workflow = await client.create(text(some_name()))
    old = await failed(client, workflow)

    running = await client.post(f"/executions/{old}/replay", expect=202)
    ended = await client.finished(old)

    assert running["execution_id"] == old
    assert (ended["status"], [step["attempt"] for step in ended["steps"] if step["path"] == "bad"]) == (
        "failed",
        [1, 2],
    )


async def test_a_choice_that_makes_no_sense_is_refused_and_changes_nothing(client: Client) -> None:
    workflow = await client.create(text(some_name(), schema=SCHEMA))
    old = await failed(client, workflow)
    path = f"/executions/{old}/replay"

    middle = await client.post(path, expect=400, json={"from": "check", "input": {"n": 6}})
    version = await client.post(path, expect=400, json={"version": "published"})
    schema = await client.post(path, expect=400, json={"from": "start", "input": {"n": "six"}})
    unknown = await client.post(path, expect=409, json={"from": "good"})
    await client.post(f"/executions/{workflow}/replay", expect=404, json={"from": "start"})

    assert "replay from start" in middle["detail"]
    assert "replay from start" in version["detail"]
    assert "input.n" in schema["detail"]
    assert 'no recorded step "good"; recorded: before, check, bad' in unknown["detail"]
    assert [one["id"] for one in (await client.get("/executions", workflow=workflow))["items"]] == [old]
    assert (await letter(client, old))["state"] == "open"


async def test_one_that_has_not_ended_or_not_failed_is_refused(client: Client) -> None:
    name = some_name()
    waiting = await client.create(f"name: {name}\nnodes: {{a: {{type: delay, for: 1h}}}}\n")
    started = (await client.execute(waiting))["execution_id"]
    fine = await client.create(text(some_name(), limit=0))
    succeeded = (await client.execute(fine, {"n": 1}))["execution_id"]
    await client.finished(succeeded)

    early = await client.post(f"/executions/{started}/replay", expect=409, json={"from": "start"})
    well = await client.post(f"/executions/{succeeded}/replay", expect=409)
    again = await replayed(client, succeeded, **{"from": "good"})

    assert "cancel it first" in early["detail"]
    assert "succeeded, not failed" in well["detail"]
    assert again["status"] == "succeeded"


async def test_going_on_leaves_a_failure_alone_that_was_handled(client: Client) -> None:
    workflow = await client.create(
        f"name: {some_name()}\nnodes:\n"
        '  call: {type: connector, use: http.request, with: {url: "http://127.0.0.1:9/"}, on_error: route}\n'
        '  noted: {type: transform, value: "{{ input.error.code }}"}\n'
        "  bad: {type: stop, as: failed, message: no}\n"
        "edges: [call.error -> noted, noted -> bad]\n"
    )
    old = await failed(client, workflow)

    await client.post(f"/executions/{old}/replay", expect=202)
    ended = await client.until(
        f"/executions/{old}", lambda answer: answer["status"] == "failed" and len(answer["steps"]) == 4
    )

    assert [(step["path"], step["attempt"], step["status"]) for step in ended["steps"]] == [
        ("call", 1, "failed"),
        ("noted", 1, "succeeded"),
        ("bad", 1, "retrying"),
        ("bad", 2, "failed"),
    ]
    assert ended["error"]["step"] == "bad"
