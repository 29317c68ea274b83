"""The examples about control flow, run as they stand against a service that answers as theirs would."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

EXAMPLES = Path(__file__).parents[2] / "examples"
RECEIVER = "http://127.0.0.1:8401"
Answer = Callable[[str, str, int], tuple[int, Any]]


@dataclass
class Service:
    """Answers by method, path and how often it was asked for the two; ``asked`` are the requests in their order."""

    answer: Answer
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.splitlines()[0].split(" ")
        lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        self.asked.append((method, path, json.loads(body) if body else None))
        status, value = self.answer(method, path, len([one for one in self.asked if one[:2] == (method, path)]))
        content = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    def calls(self, method: str) -> list[str]:
        return [path for each, path, _ in self.asked if each == method]


@asynccontextmanager
async def run(
    client: Client, name: str, data: Any, answer: Answer, **changes: str
) -> AsyncIterator[tuple[Service, Any]]:
    """Run an example to its end; ``changes`` are texts to put in place of others, by their key in the text."""
    service = Service(answer)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").replace(RECEIVER, url)
        for before, after in changes.items():
            assert f"{before}: " in text
            text = text.replace(f"{before}: 30s", f"{before}: {after}")
        workflow = await client.create(text.replace(f"name: {name}", f"name: {some_name(name)}", 1))
        started = await client.execute(workflow, data)
        yield service, await client.finished(started["execution_id"])


def booked(method: str, path: str, _: int) -> tuple[int, Any]:
    return 200, {"id": f"{path[1:2]}1"} if method == "POST" else {}


def without_rooms(method: str, path: str, turn: int) -> tuple[int, Any]:
    return (422, {"error": "full"}) if (method, path) == ("POST", "/rooms") else booked(method, path, turn)


TRIP = {"traveller": "Ada", "city": "Paris"}


async def test_a_trip_is_booked(client: Client) -> None:
    async with run(client, "book-trip", TRIP, booked) as (service, execution):
        assert execution["status"] == "succeeded"
        assert execution["output"] == {"flight": "f1", "room": "r1", "car": "c1"}
        assert service.calls("DELETE") == []
        assert service.asked[-1][2] == {"to": "Ada", "trip": "succeeded"}


async def test_what_was_booked_of_a_trip_that_fails_is_taken_back_the_last_first(client: Client) -> None:
    async with run(client, "book-trip", TRIP, without_rooms) as (service, execution):
        assert execution["status"] == "failed"
        assert execution["error"]["step"] == "stay.hotel.room"
        undone = service.calls("DELETE")
        assert undone[-1] == "/flights/f1"
        assert set(undone) <= {"/cars/c1", "/flights/f1"}
        assert service.asked[-1][2] == {"to": "Ada", "trip": "failed"}


async def test_a_report_is_asked_for_until_it_is_there(client: Client) -> None:
    def reports(method: str, _: str, turn: int) -> tuple[int, Any]:
        if method == "POST":
            return 200, {"id": 7}
        return 200, {"state": "done", "url": "https://x.example/7.pdf"} if turn == 3 else {"state": "working"}

    async with run(client, "await-report", {"of": "sales"}, reports, **{"for": "50ms"}) as (service, execution):
        assert execution["output"] == "https://x.example/7.pdf"
        assert service.calls("GET") == ["/reports/7"] * 3
        assert [step["path"] for step in execution["steps"] if step["node"] == "look"] == ["look", "look#2", "look#3"]


async def test_contacts_are_sent_in_batches_and_a_list_that_fails_is_counted(client: Client) -> None:
    def crm(_: str, path: str, _turn: int) -> tuple[int, Any]:
        return (422, {}) if "broken" in path else (200, {})

    people = [{"email": f"{n}@example.com"} for n in range(250)]
    lists = [
        {"name": "all", "contacts": [*people, {"email": ""}]},
        {"name": "broken", "contacts": people[:1]},
        {"name": "none", "contacts": []},
    ]
    async with run(client, "import-contacts", {"lists": lists}, crm) as (service, execution):
        assert execution["output"] == {"sent": 250, "failed": 1}
        sizes = sorted(len(body) for _, path, body in service.asked if path == "/lists/all/contacts")
        assert sizes == [50, 100, 100]
