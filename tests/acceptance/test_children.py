"""Workflow nodes: one workflow starts another, once, waits for it, and gets its result or its failure."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.hub_process import serving

pytestmark = pytest.mark.acceptance

CHILD = """
name: {name}
triggers: {{by_hand: {{type: manual{schema}}}}}
nodes:
  small: {{type: condition, if: trigger.data.n < 10}}
  double: {{type: transform, value: "{{{{ trigger.data.n * {factor} }}}}"}}
  refuse: {{type: stop, as: failed, message: "{{{{ trigger.data.n }}}} is too much"}}
edges: [small.true -> double, small.false -> refuse]
"""
PARENT = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes:
  ask: {{type: workflow, workflow: "{child}", with: {{n: "{{{{ trigger.data.n }}}}"}}{more}}}
  told: {{type: transform, value: "the child says {{{{ input }}}}"}}
edges: [ask -> told]
"""
SLOW = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes: {{rest: {{type: delay, for: 1h}}}}
"""


async def family(client: Client, *, more: str = "", schema: str = "") -> tuple[str, str]:
    """A child and its parent; return their ids."""
    name = some_name("child")
    child = await client.create(CHILD.format(name=name, factor=2, schema=schema))
    parent = await client.create(PARENT.format(name=some_name("parent"), child=name, more=more))
    return parent, child


async def run(client: Client, workflow: str, n: Any = 4) -> Any:
    started = await client.execute(workflow, {"n": n})
    return await client.finished(started["execution_id"])


async def children(client: Client, parent: str) -> Any:
    return (await client.get("/executions", parent=parent))["items"]


async def test_the_childs_result_is_the_nodes_output(client: Client) -> None:
    parent, child = await family(client)

    ended = await run(client, parent)

    assert (ended["status"], ended["output"]) == ("succeeded", "the child says 8")
    (only,) = await children(client, ended["id"])
    assert (only["workflow_id"], only["parent_id"], only["parent_path"], only["depth"]) == (
        child, ended["id"], "ask", 1,
    )  # fmt: skip
    assert (await client.get(f"/executions/{only['id']}"))["event"]["envelope"]["parent"]["path"] == "ask"


async def test_the_childs_failure_is_passed_up_and_can_be_routed(client: Client) -> None:
    parent, _ = await family(client)
    routed, _ = await family(client, more=", on_error: continue")

    ended = await run(client, parent, 40)
    survived = await run(client, routed, 40)

    (child,) = await children(client, ended["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "stopped")
    assert (ended["error"]["execution_id"], ended["error"]["category"]) == (child["id"], "business")
    assert "40 is too much" in ended["error"]["message"]
    assert survived["status"] == "succeeded"
    assert "40 is too much" in survived["output"]


async def test_a_retry_starts_another_child(client: Client) -> None:
    parent, _ = await family(client, more=", retry: {max_attempts: 3, delay: 10ms, on: [business]}")

    ended = await run(client, parent, 40)

    assert ended["status"] == "failed"
    assert [one["status"] for one in await children(client, ended["id"])] == ["failed"] * 3
    assert [step["status"] for step in ended["steps"]] == ["retrying", "retrying", "failed"]


async def test_a_version_of_the_child_can_be_named(client: Client) -> None:
    parent, child = await family(client, more=", version: 1")
    by_label, other = await family(client, more=", version: stable")
    await client.put(f"/workflows/{other}/versions/1/labels/stable")
    for each in (child, other):
        name = (await client.get(f"/workflows/{each}"))["name"]
        text = CHILD.format(name=name, factor=3, schema="")
        await client.put(f"/workflows/{each}", content=text, headers={"content-type": "application/yaml"})
        await client.post(f"/workflows/{each}/activate")

    assert (await run(client, parent))["output"] == "the child says 8"
    assert (await run(client, by_label))["output"] == "the child says 8"
    assert (await run(client, child))["output"] == 12


async def test_what_does_not_suit_the_childs_schema_starts_nothing(client: Client) -> None:
    parent, _ = await family(client, schema=", input_schema: {properties: {n: {type: integer}}}")

    ended = await run(client, parent, "x")

    assert (ended["status"], ended["error"]["code"]) == ("failed", "invalid_input")
    assert "input.n" in ended["error"]["message"]
    assert await children(client, ended["id"]) == []


async def test_a_child_that_is_not_waited_for_is_only_started(client: Client) -> None:
    parent, _ = await family(client, more=", wait: false")

    ended = await run(client, parent, 40)

    (step,) = [step for step in ended["steps"] if step["node"] == "ask"]
    assert ended["status"] == "succeeded"
    child = await client.finished(step["output"]["execution_id"])
    assert (child["status"], child["parent_id"]) == ("failed", ended["id"])


async def test_an_unknown_or_a_paused_workflow_is_said_plainly(client: Client) -> None:
    unknown = await client.create(PARENT.format(name=some_name(), child="nobody", more=""))
    parent, child = await family(client)
    await client.post(f"/workflows/{child}/archive")

    missing = await run(client, unknown)
    closed = await run(client, parent)

    assert (missing["error"]["code"], missing["error"]["message"]) == ("invalid_input", 'there is no workflow "nobody"')
    assert closed["error"]["code"] == "child_refused"
    assert "archived" in closed["error"]["message"]


async def test_a_paused_childs_event_is_held_and_the_parent_waits_until_it_is_resumed(client: Client) -> None:
    parent, child = await family(client)
    await client.post(f"/workflows/{child}/pause")
    started = await client.execute(parent, {"n": 4})
    waiting = await client.until(f"/executions/{started['execution_id']}", lambda told: told["status"] == "waiting")

    await client.post(f"/workflows/{child}/resume")

    assert waiting["wait_reason"] == "child"
    assert (await client.finished(started["execution_id"]))["output"] == "the child says 8"


async def test_cancelling_the_parent_reaches_its_children_and_theirs(client: Client) -> None:
    slow, middle = some_name("slow"), some_name("middle")
    await client.create(SLOW.format(name=slow))
    await client.create(PARENT.format(name=middle, child=slow, more=""))
    parent = await client.create(PARENT.format(name=some_name(), child=middle, more=""))
    top = (await client.execute(parent, {"n": 1}))["execution_id"]
    found = await client.until(f"/executions?parent={top}", lambda told: told["items"])
    below = await client.until(f"/executions?parent={found['items'][0]['id']}", lambda told: told["items"])

    await client.post(f"/executions/{top}/cancel", json={"reason": "enough"})

    for each in (found, below):
        ended = await client.finished(each["items"][0]["id"])
        assert ended["status"] == "cancelled"
        assert "parent" in ended["error"]["message"]
    assert below["items"][0]["depth"] == 2


async def test_a_child_that_is_cancelled_fails_its_parents_step(client: Client) -> None:
    slow = some_name("slow")
    await client.create(SLOW.format(name=slow))
    parent = await client.create(PARENT.format(name=some_name(), child=slow, more=""))
    top = (await client.execute(parent, {"n": 1}))["execution_id"]
    found = await client.until(f"/executions?parent={top}", lambda told: told["items"])

    await client.post(f"/executions/{found['items'][0]['id']}/cancel", json={"reason": "wrong one"})

    ended = await client.finished(top)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "child_cancelled")
    assert "wrong one" in ended["error"]["message"]


async def test_a_child_that_takes_too_long_is_cancelled(client: Client) -> None:
    slow = some_name("slow")
    await client.create(SLOW.format(name=slow))
    parent = await client.create(PARENT.format(name=some_name(), child=slow, more=", timeout: 200ms"))

    ended = await run(client, parent)

    assert (ended["status"], ended["error"]["code"]) == ("failed", "step_timeout")
    (child,) = await children(client, ended["id"])
    assert (await client.finished(child["id"]))["status"] == "cancelled"


async def test_a_workflow_that_starts_itself_ends_at_the_depth_limit(client: Client) -> None:
    name = some_name("ouroboros")
    workflow = await client.create(PARENT.format(name=name, child=name, more=""))

    ended = await run(client, workflow)

    assert (ended["status"], ended["error"]["code"]) == ("failed", "limit_exceeded")
    assert f"{name} > {name}" in ended["error"]["message"]
    assert "10 deep" in ended["error"]["message"]


async def test_a_replay_of_the_parent_takes_the_child_that_was_replayed_before(client: Client) -> None:
    parent, child = await family(client)
    ended = await run(client, parent, 40)
    (failed,) = await children(client, ended["id"])
    name = (await client.get(f"/workflows/{child}"))["name"]
    text = CHILD.format(name=name, factor=2, schema="").replace("n < 10", "n < 100")
    await client.put(f"/workflows/{child}", content=text, headers={"content-type": "application/yaml"})
    await client.post(f"/workflows/{child}/activate")

    await client.post(f"/executions/{ended['id']}/replay", expect=202, json={"from": "failed"})
    again = await client.finished(ended["id"])

    assert (again["status"], again["output"]) == ("succeeded", "the child says 80")
    assert [one["status"] for one in await children(client, ended["id"])] == ["succeeded", "failed"]
    assert failed["status"] == "failed"


async def test_a_served_hub_goes_on_with_parents_and_children_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "hub") as hub, hub.owner() as client:
        key = hub.key
        slow = some_name("slow")
        await client.create(SLOW.format(name=slow).replace("1h", "1s"))
        parent = await client.create(PARENT.format(name=some_name(), child=slow, more=""))
        top = (await client.execute(parent, {"n": 1}))["execution_id"]
        await client.until(f"/executions/{top}", lambda told: told["status"] == "waiting")
    async with serving(tmp_path / "hub") as hub, hub.owner(key) as client:
        ended = await client.finished(top)

        assert ended["status"] == "succeeded"
        assert len(await children(client, top)) == 1
