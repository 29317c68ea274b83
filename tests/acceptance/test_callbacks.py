"""Callbacks: an execution waits until somebody calls the link that it gave away, once, and goes on with what came."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.hub_process import serving

pytestmark = pytest.mark.acceptance

TEXT = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes:
  tell: {{type: transform, value: "{{{{ execution.callbacks.ask }}}}"}}
  ask: {{type: wait, for: callback{more}}}
  answer: {{type: transform, value: "{{{{ steps.ask.ok }}}}"}}
  late: {{type: transform, value: too late}}
edges: [tell -> ask, ask -> answer, ask.timeout -> late]
"""


async def waiting(client: Client, execution_id: str) -> Any:
    return await client.until(f"/executions/{execution_id}", lambda told: told["status"] == "waiting")


async def begin(client: Client, *, more: str = "") -> tuple[str, str]:
    """Start an execution that waits; return its id and the path of its link."""
    workflow = await client.create(TEXT.format(name=some_name(), more=more))
    started = await client.execute(workflow)
    told = await waiting(client, started["execution_id"])
    link = next(step["output"] for step in told["steps"] if step["node"] == "tell")
    return started["execution_id"], str(httpx.URL(link).raw_path.decode())


async def test_a_call_resumes_once_and_its_body_is_the_output(client: Client, visitor: httpx.AsyncClient) -> None:
    execution_id, link = await begin(client)
    told = await waiting(client, execution_id)

    first = await visitor.post(link, json={"ok": "yes"})
    again = await visitor.post(link, json={"ok": "no"})

    assert told["wait_reason"] == "callback"
    assert (first.status_code, first.json()["resumed"]) == (200, True)
    assert (again.status_code, again.json()["resumed"]) == (200, False)
    assert "used before" in again.json()["detail"]
    assert (await client.finished(execution_id))["output"] == "yes"


async def test_looking_at_the_link_shows_a_page_and_resumes_nothing(client: Client, visitor: httpx.AsyncClient) -> None:
    execution_id, link = await begin(client)

    shown = await visitor.get(link, headers={"accept": "text/html"})

    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<form method=post>" in shown.text
    assert "script" not in shown.headers["content-security-policy"]
    assert (await client.get(f"/executions/{execution_id}"))["status"] == "waiting"
    posted = await visitor.post(link, data={"ok": "form"}, headers={"accept": "text/html"})
    assert "goes on" in posted.text
    assert (await client.finished(execution_id))["output"] == "form"
    assert "used before" in (await visitor.get(link)).text


async def test_a_wrong_link_is_like_no_link(client: Client, visitor: httpx.AsyncClient) -> None:
    execution_id, link = await begin(client)
    changed = [link[:-1] + ("A" if link[-1] != "A" else "B"), "/callbacks/x", "/callbacks/" + "A" * 5000, link + "AAAA"]

    answers = [await visitor.post(each, json={}) for each in changed]

    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(404, "there is no such link")}
    assert (await client.get(f"/executions/{execution_id}"))["status"] == "waiting"


async def test_when_the_time_is_up_it_leaves_by_timeout_and_the_link_is_gone(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    execution_id, link = await begin(client, more=", timeout: 300ms")

    ended = await client.finished(execution_id)
    late = await visitor.post(link, json={})

    assert (ended["status"], ended["output"]) == ("succeeded", "too late")
    assert (late.status_code, late.json()["code"]) == (410, "expired")


async def test_a_link_of_an_execution_that_was_cancelled_is_gone(client: Client, visitor: httpx.AsyncClient) -> None:
    execution_id, link = await begin(client)
    await client.post(f"/executions/{execution_id}/cancel", json={})

    late = await visitor.post(link, json={})

    assert (late.status_code, late.json()["code"]) == (410, "expired")


async def test_a_served_hub_keeps_waiting_over_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "hub", base_url="http://hub.test") as hub, hub.owner() as client:
        key = hub.key
        execution_id, link = await begin(client)
    async with serving(tmp_path / "hub", base_url="http://hub.test") as hub, hub.owner(key) as client:
        async with hub.visitor() as visitor:
            answer = await visitor.post(link, json={"ok": 7})

        assert answer.json()["resumed"] is True
        assert (await client.finished(execution_id))["output"] == 7
