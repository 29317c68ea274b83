"""Bad input gets a clear error, stores nothing wrong, loses nothing, and the hub goes on: against a real process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from db.vault import generate_key
from tests.acceptance.client import Client, some_name
from tests.acceptance.hub_process import HubProcess, refused, serving
from tests.acceptance.outside import Outside
from tests.acceptance.test_api_hooks import SECRET, signed
from tests.services.private import free_port

pytestmark = pytest.mark.acceptance

OPEN = """
name: {name}
triggers:
  called: {{type: webhook, verify: none}}
nodes:
  shape: {{type: transform, set: {{got: "{{{{ trigger.data.n }}}}"}}}}
"""
SIGNED = """
name: {name}
triggers:
  called: {{type: webhook, verify: {{scheme: standard, secret: {secret}}}}}
nodes:
  shape: {{type: transform, set: {{got: "{{{{ trigger.data.n }}}}"}}}}
"""
BOMB = """
name: {name}
triggers:
  called: {{type: webhook, verify: none}}
nodes:
  big: {{type: condition, if: "{bomb}"}}
  shape: {{type: transform, set: {{got: 1}}}}
edges: [big.true -> shape]
"""
CALLING = """
name: {name}
triggers:
  called: {{type: webhook, verify: none}}
nodes:
  call:
    type: connector
    use: http.request
    with: {{method: POST, url: "{{{{ trigger.data.url }}}}", json: {{id: 1}}}}
"""
TEN_MISTAKES = """\
name: ten-mistakes
triggers:
  hook:
    type: webhook
  clock:
    type: schedule
    cron: "0 25 * * *"
nodes:
  is_big:
    type: condition
    if: "1 +"
  shape:
    type: transform
    set:
      total: "{{ steps.nobody.total }}"
  tell:
    type: connector
    use: http.reqest
    with: {url: "https://example.com"}
    timeout: soon
    retry: {max_attempts: 0}
  again:
    type: conditoin
  Upper: {type: transform, value: 1}
edges:
  - is_big.main -> shape
  - shape -> nowhere
"""
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HubProcess]:
    """With the settings of a fresh installation: nothing private may be called."""
    async with serving(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
async def owner(hub: HubProcess) -> AsyncIterator[Client]:
    async with hub.owner() as client:
        yield client


@pytest.fixture
async def visitor(hub: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A service that calls hooks, without a key."""
    async with hub.visitor() as http:
        yield http


async def opened(owner: Client, text: str = OPEN, **parts: str) -> tuple[str, str]:
    """Publish a workflow; return its id and its hook's path."""
    workflow = await owner.create(text.format(name=some_name(), **parts))
    return workflow, await owner.hook_url(workflow)


async def stored(owner: Client, workflow: str) -> list[Any]:
    return list((await owner.get("/events", workflow=workflow))["items"])


async def require_only_good(owner: Client, workflow: str, post: Callable[[], Any]) -> None:
    """Nothing of the bad calls is stored, a good call still runs to its end, and the balance holds."""
    assert not await stored(owner, workflow)
    accepted = await post()
    assert accepted.status_code == 202, accepted.text
    assert (await owner.finished(accepted.json()["execution_id"]))["status"] == "succeeded"
    (event,) = await stored(owner, workflow)
    assert event["fate"] == "started"
    triggers = (await owner.get(f"/workflows/{workflow}/triggers"))["items"]
    (trigger,) = [each for each in triggers if each["hook_url"]]
    balance = await owner.get(f"/triggers/{trigger['id']}/balance")
    assert (balance["accepted"], balance["difference"]) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [b'{"n": 1', b"{'n': 1}", b'{"n": NaN}', b"\xff\xfe{}", b"[" * 100_000, b'{"n": 1} {"n": 2}'],
    ids=["cut off", "single quotes", "NaN", "no UTF-8", "too deep", "two documents"],
)
async def test_malformed_json_is_refused_by_its_name(owner: Client, visitor: httpx.AsyncClient, body: bytes) -> None:
    workflow, url = await opened(owner)

    refusal = await visitor.post(url, content=body, headers={"content-type": "application/json"})

    assert (refusal.status_code, refusal.json()["code"]) == (400, "invalid_json")
    assert "JSON" in refusal.json()["detail"] or "nested" in refusal.json()["detail"]
    await require_only_good(owner, workflow, lambda: visitor.post(url, json={"n": 1}))


def with_headers(good: dict[str, Any], **headers: str | None) -> dict[str, Any]:
    """Return a request with some headers changed, or left out."""
    changed = {**good["headers"], **{f"webhook-{name}": value for name, value in headers.items()}}
    return {**good, "headers": {name: value for name, value in changed.items() if value is not None}}


FORGERIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no signature at all": lambda _: {"json": {"n": 1}},
    "another body": lambda good: {**good, "content": b'{"n": 2}'},
    "no id": lambda good: with_headers(good, id=None),
    "no timestamp": lambda good: with_headers(good, timestamp=None),
    "no signature": lambda good: with_headers(good, signature=None),
    "another id": lambda good: with_headers(good, id="m2"),
    "a made-up signature": lambda good: with_headers(good, signature="v1,AAAA"),
    "a signature of no known version": lambda good: with_headers(
        good, signature=f"v9,{good['headers']['webhook-signature'].partition(',')[2]}"
    ),
    "another secret": lambda _: signed({"n": 1}, message="m1", secret="whsec_" + "QUJD" * 8),
    "another time": lambda good: with_headers(good, timestamp=str(int(good["headers"]["webhook-timestamp"]) - 30)),
    "no time at all": lambda good: with_headers(good, timestamp="yesterday"),
}


@pytest.mark.parametrize("forge", list(FORGERIES.values()), ids=list(FORGERIES))
async def test_a_wrong_or_missing_signature_is_refused(
    owner: Client, visitor: httpx.AsyncClient, forge: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    secret = some_name("secret")
    await owner.put(f"/secrets/{secret}", json={"value": SECRET})
    workflow, url = await opened(owner, SIGNED, secret=secret)

    refusal = await visitor.post(url, **forge(signed({"n": 1}, message="m1")))

    assert (refusal.status_code, refusal.json()["code"]) == (401, "invalid_signature")
    assert SECRET not in refusal.text
    await require_only_good(owner, workflow, lambda: visitor.post(url, **signed({"n": 1}, message=some_name())))


async def test_an_old_message_is_refused_although_its_signature_is_right(
    owner: Client, visitor: httpx.AsyncClient
) -> None:
    secret = some_name("secret")
    await owner.put(f"/secrets/{secret}", json={"value": SECRET})
    workflow, url = await opened(owner, SIGNED, secret=secret)
    fresh = signed({"n": 1}, message="old")
    then = int(fresh["headers"]["webhook-timestamp"]) - 3600
    headers = {**fresh["headers"], "webhook-timestamp": str(then), "webhook-signature": _signature("old", then, fresh)}

    refusal = await visitor.post(url, content=fresh["content"], headers=headers)

    assert (refusal.status_code, refusal.json()["code"]) == (401, "invalid_signature")
    await require_only_good(owner, workflow, lambda: visitor.post(url, **signed({"n": 1}, message=some_name())))


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
async def test_a_body_of_20_megabytes_is_refused(owner: Client, hub: HubProcess, *, declared: bool) -> None:
    workflow, url = await opened(owner)

    status, answer = await _post_slowly(hub, url, size=20 * MEBIBYTE, declared=declared)

    assert (status, answer["code"]) == (413, "body_too_large")
    assert str(MEBIBYTE) in answer["detail"]
    async with hub.visitor() as visitor:
        await require_only_good(owner, workflow, lambda: visitor.post(url, json={"n": 1}))


@pytest.mark.parametrize("prefix", ["/hooks/", "/webhooks/"])
async def test_unknown_disabled_and_paused_away_hooks_look_alike(
    owner: Client, visitor: httpx.AsyncClient, prefix: str
) -> None:
    workflow, url = await opened(owner)
    await owner.post(f"/workflows/{workflow}/archive")

    unknown = await visitor.post(f"{prefix}{some_name()}", json={"n": 1})
    archived = await visitor.post(url, json={"n": 1})

    for refusal in (unknown, archived):
        assert (refusal.status_code, refusal.json()["code"]) == (404, "not_found")
    assert unknown.json()["detail"] == archived.json()["detail"]
    assert not await stored(owner, workflow)


async def test_ten_mistakes_are_reported_together_each_with_its_line(owner: Client) -> None:
    problem = await owner.post(
        "/workflows", expect=422, content=TEN_MISTAKES, headers={"content-type": "application/yaml"}
    )

    assert problem["code"] == "invalid_definition"
    found = {(each["line"], each["place"]) for each in problem["problems"]}
    assert found == {
        (3, "triggers.hook.verify"),
        (7, "triggers.clock.cron"),
        (11, "nodes.is_big.if"),
        (15, "nodes.shape.set.total"),
        (18, "nodes.tell.use"),
        (20, "nodes.tell.timeout"),
        (21, "nodes.tell.retry.max_attempts"),
        (23, "nodes.again.type"),
        (24, "nodes.Upper"),
        (26, "edges[0]"),
        (27, "edges[1]"),
    }
    assert all(each["message"] for each in problem["problems"])
    await owner.get("/workflows/ten-mistakes", expect=404)


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        ("trigger.data.text * trigger.data.n == 'x'", "the bound is"),
        ("trigger.data.n ** trigger.data.n > 1", "beyond the bound"),
        ("(trigger.data.text * 500) | replace('x', trigger.data.text * 500) == 'x'", "units of work"),
        ("(([trigger.data.text] * trigger.data.n) | join(trigger.data.text)) == 'x'", "the bound is"),
    ],
    ids=["repetition", "power", "replacement", "joining"],
)
async def test_an_expression_bomb_fails_its_execution_and_nothing_else(
    owner: Client, visitor: httpx.AsyncClient, bomb: str, said: str
) -> None:
    workflow, url = await opened(owner, BOMB, bomb=bomb)
    _, other_url = await opened(owner)

    accepted = await visitor.post(url, json={"text": "x" * 1000, "n": 1_000_000_000})
    found = await owner.finished(accepted.json()["execution_id"])
    meanwhile = await visitor.post(other_url, json={"n": 1})

    assert found["status"] == "failed"
    assert found["error"]["code"] == "invalid_expression"
    assert found["error"]["step"] == "big"
    assert said in found["error"]["message"]
    assert (await owner.finished(meanwhile.json()["execution_id"]))["status"] == "succeeded"
    (event,) = await stored(owner, workflow)
    assert event["fate"] == "started"
    letters = (await owner.get("/dead-letters"))["items"]
    assert [each["step"] for each in letters if each["execution_id"] == found["id"]] == ["big"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"]
)
async def test_an_action_does_not_reach_this_machine(
    owner: Client, visitor: httpx.AsyncClient, outside: Outside, host: str
) -> None:
    _, url = await opened(owner, CALLING)
    target = httpx.URL(outside.url)

    accepted = await visitor.post(url, json={"url": f"http://{host}:{target.port}/secret"})
    found = await owner.finished(accepted.json()["execution_id"])

    _require_refused_call(found)
    assert not outside.asked


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "10.0.0.1"])
async def test_an_action_does_not_reach_metadata_or_private_networks(
    owner: Client, visitor: httpx.AsyncClient, host: str
) -> None:
    _, url = await opened(owner, CALLING)

    accepted = await visitor.post(url, json={"url": f"http://{host}/latest/meta-data/"})
    found = await owner.finished(accepted.json()["execution_id"])

    _require_refused_call(found)


async def test_a_database_that_is_down_at_the_start_is_named(tmp_path: Path) -> None:
    port = free_port()

    ended = await refused(tmp_path, database_url=f"postgresql+asyncpg://someone:very-secret@127.0.0.1:{port}/patchbay")

    assert ended.code == 1
    assert f'the database "patchbay" at 127.0.0.1:{port}' in ended.errors
    assert "PATCHBAY_DATABASE_URL" in ended.errors
    assert "very-secret" not in ended.errors + ended.output
    assert "Traceback" not in ended.errors


async def test_a_wrong_encryption_key_stops_the_start_and_harms_nothing(tmp_path: Path) -> None:
    folder, right, wrong = tmp_path / "data", generate_key(), generate_key()
    async with serving(folder, encryption_keys=right) as hub, hub.owner() as owner:
        await owner.put("/secrets/signing", json={"value": SECRET})
        workflow, url = await opened(owner, SIGNED, secret="signing")
        key = hub.key

    ended = await refused(folder, encryption_keys=wrong)

    assert ended.code == 1
    assert "PATCHBAY_ENCRYPTION_KEYS" in ended.errors
    assert wrong not in ended.errors + ended.output
    assert "Traceback" not in ended.errors
    async with serving(folder, encryption_keys=right) as hub, hub.owner(key) as owner, hub.visitor() as visitor:
        await require_only_good(owner, workflow, lambda: visitor.post(url, **signed({"n": 1}, message="m")))


def _require_refused_call(found: Any) -> None:
    assert found["status"] == "failed"
    assert found["error"]["step"] == "call"
    assert found["error"]["category"] == "permanent"
    assert "may not be called" in found["error"]["message"]
    assert "PATCHBAY_ALLOW_PRIVATE" in found["error"]["message"] or "address" in found["error"]["message"]


def _signature(message: str, at: int, fresh: dict[str, Any]) -> str:
    return Webhook(SECRET).sign(message, datetime.fromtimestamp(at, UTC), fresh["content"])


@asynccontextmanager
async def _connection(hub: HubProcess) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    url = httpx.URL(hub.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _post_slowly(hub: HubProcess, url: str, *, size: int, declared: bool) -> tuple[int, Any]:
    """Send a body as simple senders do, who look for the answer only when everything is sent."""
    async with _connection(hub) as (reader, writer):
        length = f"content-length: {size}" if declared else "transfer-encoding: chunked"
        head = f"POST {url} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
        writer.write(head.encode())
        block = b'"' + b"x" * 65_534 + b'"'
        for _ in range(size // len(block)):
            writer.write(block if declared else b"%x\r\n%s\r\n" % (len(block), block))
            await writer.drain()
        if not declared:
            writer.write(b"0\r\n\r\n")
        async with asyncio.timeout(30):
            answer = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in answer.lower().splitlines() if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(lengths[0].split(b":")[1]))
    return int(answer.split(b" ")[1]), json.loads(body)
