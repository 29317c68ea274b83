"""Webhooks from outside: signed, repeated, wrong, held back, answered with a result; and how they are shown."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = """
name: {name}
triggers:
  paid:
    type: webhook
    verify: {{scheme: standard, secret: {secret}}}
    filter: trigger.data.type == "paid"
nodes:
  shape: {{type: transform, set: {{total: "{{{{ trigger.data.amount }}}}"}}}}
"""
OPEN = """
name: {name}
triggers:
  called: {{type: webhook, verify: none, methods: [POST, GET], path: {path}, respond: {respond}}}
nodes:
  shape: {{type: transform, set: {{got: "{{{{ trigger.data }}}}"}}}}
"""


def signed(value: Any, *, message: str, secret: str = SECRET) -> dict[str, Any]:
    """The request that a sender who follows Standard Webhooks makes."""
    body, now = json.dumps(value), datetime.now(UTC)
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, now, body),
        "content-type": "application/json",
    }
    return {"content": body, "headers": headers}


async def signed_workflow(client: Client) -> str:
    secret = some_name("secret")
    await client.put(f"/secrets/{secret}", json={"value": SECRET})
    return await client.create(SIGNED.format(name=some_name(), secret=secret))


async def test_a_signed_webhook_runs_through_to_a_finished_execution(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    workflow = await signed_workflow(client)
    url = await client.hook_url(workflow)

    accepted = await visitor.post(url, **signed({"type": "paid", "amount": 12}, message=some_name()))

    assert accepted.status_code == 202
    execution = await client.finished(accepted.json()["execution_id"])
    assert execution["output"] == {"total": 12}
    assert execution["event"]["envelope"]["method"] == "POST"
    assert execution["event"]["id"] == accepted.json()["event_id"]


async def test_a_repeated_message_starts_one_execution(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await signed_workflow(client)
    url = await client.hook_url(workflow)
    request = signed({"type": "paid", "amount": 1}, message=some_name())

    answers = [(await visitor.post(url, **request)).json() for _ in range(3)]

    assert len({answer["execution_id"] for answer in answers}) == 1
    assert [answer.get("duplicate", False) for answer in answers] == [False, True, True]
    assert len((await client.get("/executions", workflow=workflow))["items"]) == 1
    duplicates = (await client.get("/events", workflow=workflow, fate="duplicate"))["items"]
    assert {event["first_event_id"] for event in duplicates} == {answers[0]["event_id"]}


async def test_what_is_not_wanted_is_filtered_and_said_so(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await signed_workflow(client)
    url = await client.hook_url(workflow)

    answer = await visitor.post(url, **signed({"type": "refused"}, message=some_name()))

    assert answer.json()["fate"] == "filtered"
    event = await client.get(f"/events/{answer.json()['event_id']}")
    assert event["execution_id"] is None
    assert "filter is false" in event["reason"]


async def test_a_wrong_signature_stores_nothing(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await signed_workflow(client)
    url = await client.hook_url(workflow)
    forged = signed({"type": "paid"}, message=some_name(), secret="whsec_d3Jvbmctd3Jvbmctd3Jvbmc=")

    answers = [await visitor.post(url, **forged), await visitor.post(url, json={"type": "paid"})]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["code"] == "invalid_signature"
    assert (await client.get("/events", workflow=workflow))["items"] == []


async def test_a_new_secret_counts_at_once(client: Client, visitor: httpx.AsyncClient) -> None:
    secret = some_name("secret")
    await client.put(f"/secrets/{secret}", json={"value": "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA=="})
    workflow = await client.create(SIGNED.format(name=some_name(), secret=secret))
    url = await client.hook_url(workflow)
    request = signed({"type": "paid"}, message=some_name())
    before = await visitor.post(url, **request)

    await client.put(f"/secrets/{secret}", json={"value": SECRET})
    after = await visitor.post(url, **request)

    assert (before.status_code, after.status_code) == (401, 202)


async def test_a_body_that_is_no_json_is_refused(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await client.create(OPEN.format(name=some_name(), path=some_name(), respond="accepted"))
    url = await client.hook_url(workflow)

    answer = await visitor.post(url, content='{"a": ', headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_json"
    assert (await client.get("/events", workflow=workflow))["items"] == []


async def test_a_body_that_is_too_large_is_refused(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await client.create(OPEN.format(name=some_name(), path=some_name(), respond="accepted"))
    url = await client.hook_url(workflow)

    answer = await visitor.post(url, content=b"[" + b"1," * 600_000 + b"1]")

    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert (await client.get("/events", workflow=workflow))["items"] == []


async def test_a_hook_with_a_readable_path_answers_with_the_result(client: Client, visitor: httpx.AsyncClient) -> None:
    path = some_name()
    await client.create(OPEN.format(name=some_name(), path=path, respond="{when: finished, timeout: 20s}"))

    posted = await visitor.post(f"/webhooks/{path}", json=[1, 2])
    refused = await visitor.put(f"/webhooks/{path}", json={})

    assert (posted.status_code, posted.json()) == (200, {"got": [1, 2]})
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")


async def test_an_archived_workflows_hook_looks_like_an_unknown_one(client: Client, visitor: httpx.AsyncClient) -> None:
    path = some_name()
    workflow = await client.create(OPEN.format(name=some_name(), path=path, respond="accepted"))
    before = await visitor.post(f"/webhooks/{path}", json={})

    await client.post(f"/workflows/{workflow}/archive")
    after = await visitor.post(f"/webhooks/{path}", json={})
    unknown = await visitor.post("/hooks/nobody", json={})

    assert before.status_code == 202
    assert after.status_code == unknown.status_code == 404
    assert after.json() == unknown.json()


async def test_a_path_belongs_to_one_workflow(client: Client) -> None:
    path = some_name()
    await client.create(OPEN.format(name=some_name(), path=path, respond="accepted"))
    text = OPEN.format(name=some_name(), path=path, respond="accepted")
    second = await client.post("/workflows", expect=201, content=text)

    problem = await client.post(f"/workflows/{second['workflow']['id']}/activate", expect=409)

    assert problem["code"] == "conflict"
    assert (await client.get(f"/workflows/{second['workflow']['id']}"))["status"] == "draft"


async def test_hooks_are_listed_with_how_they_verify(client: Client) -> None:
    path = some_name()
    safe = await signed_workflow(client)
    open_to_all = await client.create(OPEN.format(name=some_name(), path=path, respond="accepted"))

    hooks = {hook["workflow_id"]: hook for hook in (await client.get("/webhooks"))["items"]}

    assert (hooks[safe]["scheme"], hooks[safe]["unverified"]) == ("standard", False)
    assert (hooks[open_to_all]["scheme"], hooks[open_to_all]["unverified"]) == ("none", True)
    assert sorted(hooks[open_to_all]["methods"]) == ["GET", "POST"]
    assert hooks[open_to_all]["path_url"].endswith(f"/webhooks/{path}")
    assert "/hooks/" in hooks[safe]["url"]


async def test_a_paused_workflow_that_rejects_says_so_and_keeps_the_event(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    path = some_name()
    text = OPEN.format(name=some_name(), path=path, respond="accepted") + "settings: {while_paused: reject}\n"
    workflow = await client.create(text)
    await client.post(f"/workflows/{workflow}/pause")

    answer = await visitor.post(f"/hooks/{path}", json={"n": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "paused" in answer.json()["detail"]
    (event,) = (await client.get("/events", workflow=workflow))["items"]
    assert event["fate"] == "rejected"


async def test_a_hook_whose_secret_was_deleted_refuses_without_saying_why(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    secret = some_name("secret")
    await client.put(f"/secrets/{secret}", json={"value": SECRET})
    workflow = await client.create(SIGNED.format(name=some_name(), secret=secret))
    url = await client.hook_url(workflow)
    await client.delete(f"/secrets/{secret}")

    answer = await visitor.post(url, **signed({"type": "paid"}, message=some_name()))

    assert answer.status_code == 401
    assert secret not in answer.text


async def test_a_repeated_synchronous_call_gets_the_first_result(client: Client, visitor: httpx.AsyncClient) -> None:
    path = some_name()
    text = OPEN.format(name=some_name(), path=path, respond="finished")
    await client.create(text.replace("verify: none", "verify: none, dedupe: {header: x-id}"))

    first = await visitor.post(f"/hooks/{path}", json={"n": 1}, headers={"x-id": "7"})
    second = await visitor.post(f"/hooks/{path}", json={"n": 2}, headers={"x-id": "7"})

    assert (first.status_code, first.json()) == (200, {"got": {"n": 1}})
    assert (second.status_code, second.json()) == (200, {"got": {"n": 1}})
