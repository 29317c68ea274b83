"""``settings.on_failure``: a workflow is told of each failed execution, once, and nothing about it is silent."""

from typing import Any

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

TELLS = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes: {{tell: {{type: transform, value: "{{{{ trigger.data }}}}"}}}}
"""
FAILS = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes: {{boom: {{type: stop, as: failed, message: "no {{{{ trigger.data.what }}}}"}}}}
settings: {{on_failure: {target}}}
"""


async def told(client: Client, workflow: str, count: int = 1) -> list[Any]:
    """The executions that were started to tell, when there are so many."""
    path = f"/executions?workflow={workflow}"
    found = await client.until(path, lambda answer: len(answer["items"]) >= count)
    return [await client.finished(one["id"]) for one in found["items"]]


async def fail(client: Client, workflow: str) -> Any:
    started = await client.execute(workflow, {"what": "luck"})
    return await client.finished(started["execution_id"])


async def letter(client: Client, execution: str) -> Any:
    def found(answer: Any) -> Any:
        return [one for one in answer["items"] if one["execution_id"] == execution and one["notice"]]

    return found(await client.until("/dead-letters?limit=200", found))[0]


async def test_the_workflow_gets_the_failed_execution_once(client: Client) -> None:
    target = some_name("ops")
    ops = await client.create(TELLS.format(name=target))
    failing = await client.create(FAILS.format(name=some_name(), target=target))

    ended = await fail(client, failing)
    (one,) = await told(client, ops)

    data = one["output"]
    assert data["execution"]["id"] == ended["id"]
    assert data["execution"]["url"].endswith(f"/api/v1/executions/{ended['id']}")
    assert (data["workflow"]["id"], data["workflow"]["version"]) == (failing, 1)
    assert (data["error"]["message"], data["step"]) == ("no luck", "boom")
    assert data["trigger"] == {"key": "by_hand", "data": {"what": "luck"}}
    said = await letter(client, ended["id"])
    assert (said["id"], said["notice"][:9]) == (data["dead_letter_id"], "handed to")
    await fail(client, failing)
    assert len(await told(client, ops, 2)) == 2


async def test_a_workflow_that_tells_of_itself_does_not_go_round(client: Client) -> None:
    name, other = some_name("round"), some_name("other")
    failing = await client.create(FAILS.format(name=name, target=name))
    one = await client.create(FAILS.format(name=other, target=f"{other}-2"))
    two = await client.create(FAILS.format(name=f"{other}-2", target=other))

    ended = await fail(client, failing)
    first = await fail(client, one)
    (second,) = await told(client, two)

    assert "would be told of failures that follow from its own" in (await letter(client, ended["id"]))["notice"]
    assert (await letter(client, first["id"]))["notice"].startswith("handed to")
    assert "follow from its own" in (await letter(client, second["id"]))["notice"]
    assert len((await client.get("/executions", workflow=failing))["items"]) == 1


async def test_a_target_that_is_missing_is_warned_of_and_noted(client: Client) -> None:
    target = some_name("nobody")
    text = FAILS.format(name=some_name(), target=target)
    created = await client.post("/workflows", expect=201, content=text, headers={"content-type": "application/yaml"})
    workflow = created["workflow"]["id"]

    published = await client.post(f"/workflows/{workflow}/activate")
    ended = await fail(client, workflow)

    assert published["warnings"] == [f'settings.on_failure: there is no workflow "{target}" yet']
    assert (await letter(client, ended["id"]))["notice"] == (
        f'settings.on_failure names the workflow "{target}", and there is none'
    )
    await client.create(TELLS.format(name=target))
    assert (await client.post(f"/workflows/{workflow}/activate"))["warnings"] == []


async def test_an_execution_that_the_hub_ends_is_told_of_as_well(client: Client) -> None:
    target = some_name("ops")
    ops = await client.create(TELLS.format(name=target))
    slow = f"name: {some_name()}\nnodes: {{rest: {{type: delay, for: 1h}}}}\n"
    workflow = await client.create(slow + f"settings: {{timeout: 300ms, on_failure: {target}}}\n")

    await client.execute(workflow)

    (one,) = await told(client, ops)
    assert one["output"]["error"]["code"] == "execution_timeout"
