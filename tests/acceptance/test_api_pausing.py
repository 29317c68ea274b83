"""Pausing one execution and letting it go on, over HTTP."""

from datetime import UTC, datetime

import pytest

from tests.acceptance.client import Client, some_name, until
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

CALLS = """
name: {name}
nodes:
  first: {{type: connector, use: http.request, with: {{method: POST, url: "{url}", json: {{n: 1}}}}}}
  second: {{type: connector, use: http.request, with: {{method: POST, url: "{url}", json: {{n: 2}}}}}}
edges: [first -> second]
"""
SLEEPS = "name: {name}\nnodes: {{wait: {{type: delay, for: {time}}}}}\n"


async def sleeping(client: Client, time: str) -> str:
    workflow = await client.create(SLEEPS.format(name=some_name(), time=time))
    execution = str((await client.execute(workflow))["execution_id"])
    await client.until(f"/executions/{execution}", lambda answer: answer["status"] == "waiting")
    return execution


async def test_a_running_one_finishes_its_call_and_waits_for_the_person(client: Client, outside: Outside) -> None:
    workflow = await client.create(CALLS.format(name=some_name(), url=outside.url))
    outside.gate.clear()
    execution = (await client.execute(workflow))["execution_id"]

    async def calls() -> int:
        return len(outside.asked)

    await until(calls, lambda count: count == 1)
    asked = await client.post(f"/executions/{execution}/pause")
    outside.gate.set()
    paused = await client.until(f"/executions/{execution}", lambda answer: answer["status"] == "paused")
    resumed = await client.post(f"/executions/{execution}/resume")
    ended = await client.finished(execution)

    assert asked["status"] == "running"
    assert asked["pause_asked_at"] == paused["pause_asked_at"]
    assert [(step["path"], step["status"]) for step in paused["steps"]] == [("first", "succeeded")]
    assert resumed["pause_asked_at"] is None
    assert ended["status"] == "succeeded"
    assert outside.asked == [{"n": 1}, {"n": 2}]


async def test_a_waiting_one_keeps_its_time(client: Client) -> None:
    execution = await sleeping(client, "1h")
    before = await client.get(f"/executions/{execution}")

    paused = await client.post(f"/executions/{execution}/pause")
    await client.post(f"/executions/{execution}/pause", expect=409)
    resumed = await client.post(f"/executions/{execution}/resume")
    await client.post(f"/executions/{execution}/resume", expect=409)

    assert (paused["status"], paused["due_at"]) == ("paused", before["due_at"])
    assert (resumed["status"], resumed["due_at"]) == ("waiting", before["due_at"])
    audit = (await client.get("/audit", limit=20))["items"]
    acts = [entry["action"] for entry in audit if entry["target"] == execution]
    assert acts == ["execution.resume", "execution.pause"]


async def test_a_wait_that_became_due_meanwhile_is_over_at_once(client: Client) -> None:
    execution = await sleeping(client, "2s")
    paused = await client.post(f"/executions/{execution}/pause")
    due_at = datetime.fromisoformat(paused["due_at"])

    async def is_over() -> bool:
        return datetime.now(UTC) > due_at

    await until(is_over, bool)
    still = await client.get(f"/executions/{execution}")
    resumed = await client.post(f"/executions/{execution}/resume")
    ended = await client.finished(execution)

    assert (paused["status"], still["status"]) == ("paused", "paused")
    assert resumed["due_at"] is None
    assert ended["status"] == "succeeded"


async def test_a_paused_one_can_be_cancelled(client: Client) -> None:
    execution = await sleeping(client, "1h")
    await client.post(f"/executions/{execution}/pause")

    ended = await client.post(f"/executions/{execution}/cancel")

    assert ended["status"] == "cancelled"
    assert (await client.post(f"/executions/{execution}/resume", expect=409))["detail"].endswith("not paused")


async def test_the_time_limit_goes_on_counting_and_the_scheduler_keeps_it(client: Client) -> None:
    """No executor touches a paused execution."""
    text = SLEEPS.format(name=some_name(), time="1h") + "settings: {timeout: 2s}\n"
    workflow = await client.create(text)
    execution = str((await client.execute(workflow))["execution_id"])
    await client.until(f"/executions/{execution}", lambda answer: answer["status"] == "waiting")
    await client.post(f"/executions/{execution}/pause")

    ended = await client.finished(execution)

    assert (ended["status"], ended["error"]["code"], ended["error"]["step"]) == ("failed", "execution_timeout", "wait")
    assert [(step["path"], step["status"]) for step in ended["steps"]] == [("wait", "cancelled")]
    letters = (await client.get("/dead-letters", limit=200))["items"]
    assert [one["code"] for one in letters if one["execution_id"] == execution] == ["execution_timeout"]


async def test_a_resumed_workflow_starts_what_it_held_in_order(client: Client) -> None:
    workflow = await client.create(
        f"name: {some_name()}\nnodes: {{a: {{type: transform, value: '{{{{ trigger.data }}}}'}}}}\n"
    )
    await client.post(f"/workflows/{workflow}/pause")
    held = [await client.execute(workflow, number) for number in range(10)]

    await client.post(f"/workflows/{workflow}/resume")
    listed = await client.until(
        f"/executions?workflow={workflow}",
        lambda answer: [one["status"] for one in answer["items"]] == ["succeeded"] * 10,
    )

    assert [one["fate"] for one in held] == ["held"] * 10
    assert [one["output"] for one in listed["items"]] == list(range(9, -1, -1)), "newest first"
