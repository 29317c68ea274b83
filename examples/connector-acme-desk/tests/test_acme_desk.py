"""The connector against the conformance suite, and against recorded answers of Acme's API."""

# ruff: noqa: D101, S101

import json
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import patchbay_acme
import pytest

from connectors.conformance import ConnectorConformance, StubService
from connectors.sdk import InvalidInput, RateLimited, RemoteRejected


class TestConformance(ConnectorConformance):
    connector = patchbay_acme.connector
    examples: ClassVar = {
        "open_ticket": {"subject": "Printer", "body": "It is on fire."},
        "find_tickets": {"text": "printer", "limit": 150},
        "close_ticket": {"ticket_id": "T1"},
    }
    credentials: ClassVar = {"api_key": "acme-test-key"}


def service(*answers: httpx.Response) -> StubService:
    return StubService(patchbay_acme.connector, answers=answers, credentials={"api_key": "acme-test-key"})


async def run(stub: StubService, action: str, **inputs: Any) -> Any:
    return await stub.perform(action, inputs, timeout=timedelta(seconds=5))


async def test_a_ticket_is_opened_with_the_key_of_the_step() -> None:
    stub = service(httpx.Response(201, json={"id": "T1"}))

    ticket = await run(stub, "open_ticket", subject="Printer", body="It is on fire.", tags=["fire"])

    (request,) = stub.requests
    assert ticket == {"id": "T1"}
    assert str(request.url) == "https://api.acme.example/v2/tickets"
    assert request.headers["x-api-key"] == "acme-test-key"
    assert request.headers["idempotency-key"] == "stub-key"
    assert json.loads(request.content) == {
        "subject": "Printer",
        "body": "It is on fire.",
        "priority": "normal",
        "tags": ["fire"],
    }


async def test_tickets_are_found_over_several_pages() -> None:
    full = [{"id": f"T{number}"} for number in range(100)]
    stub = service(httpx.Response(200, json={"tickets": full}), httpx.Response(200, json={"tickets": full}))

    tickets = await run(stub, "find_tickets", limit=150)

    assert len(tickets) == 150
    assert [request.url.params["page"] for request in stub.requests] == ["1", "2"]


async def test_an_answer_without_tickets_is_refused() -> None:
    with pytest.raises(RemoteRejected, match="without a list"):
        await run(service(httpx.Response(200, json={})), "find_tickets")


async def test_a_ticket_id_cannot_lead_elsewhere() -> None:
    stub = service(httpx.Response(200, json={}))

    with pytest.raises(InvalidInput, match="not a ticket id"):
        await run(stub, "close_ticket", ticket_id="../users/1")
    assert stub.requests == []


async def test_acmes_limit_of_60_a_minute_is_obeyed() -> None:
    with pytest.raises(RateLimited) as caught:
        await run(service(httpx.Response(429, headers={"retry-after": "12"})), "close_ticket", ticket_id="T1")

    assert caught.value.retry_after == timedelta(seconds=12)
