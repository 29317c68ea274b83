"""A third party's connector: installed as its readers would install it, found, and run against a real server."""

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.http import open_http
from connectors.registry import Registry, find_plugins
from engine.errors import InvalidInput, PermanentError
from engine.model.action import ActionCall, Effect
from engine.model.base import JsonObject
from engine.model.connection import Credentials
from tests.unit.connectors.conftest import SETTINGS
from tests.unit.connectors.servers import Received, StubServer, answer, stub_server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "connector-acme-desk"

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built and installed into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "acme"
    subprocess.run(["cp", "-r", EXAMPLE, source], check=True)  # a build writes beside its sources
    command = [
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        target,
        source,
    ]
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True, cwd=target)
    return target


@pytest.fixture
def on_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(installed))
    yield installed
    for name in [name for name in sys.modules if name.partition(".")[0] == "patchbay_acme"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as started:
        yield started


@pytest.fixture
async def registry(on_path: Path) -> AsyncIterator[Registry]:
    connectors, broken = find_plugins()
    assert broken == []
    async with open_http(SETTINGS) as client:
        yield Registry(client, connectors=connectors)


def call(inputs: JsonObject, base_url: str | None) -> ActionCall:
    return ActionCall(
        inputs=inputs,
        idempotency_key="execution-1:open:1",
        timeout=timedelta(seconds=5),
        credentials=Credentials({"api_key": "k3y"}),
        config={"base_url": base_url},
    )


async def test_an_installed_plugin_is_found_and_described(registry: Registry) -> None:
    info = registry.describe("acme_desk.open_ticket")

    assert info is not None
    assert (info.label, info.effect, info.connection) == ("Open a ticket", Effect.KEYED, "required")
    assert info.inputs_schema["required"] == ["subject", "body"]
    assert registry.describe("http.request") is not None


async def test_its_action_runs_against_its_service(registry: Registry, server: StubServer) -> None:
    def respond(request: Received) -> bytes:
        return answer(json.dumps({"id": "T1", **request.json}), status=201)

    server.respond = respond

    ticket = await registry.perform(
        "acme_desk.open_ticket", call({"subject": "Printer", "body": 7}, f"{server.url}/v2")
    )

    (request,) = server.received
    assert ticket == {"id": "T1", "subject": "Printer", "body": "7", "priority": "normal", "tags": []}
    assert (request.method, request.target) == ("POST", "/v2/tickets")
    assert request.headers["x-api-key"] == "k3y"
    assert request.headers["idempotency-key"] == "execution-1:open:1"


async def test_its_inputs_are_checked_before_anything_is_sent(registry: Registry, server: StubServer) -> None:
    with pytest.raises(InvalidInput, match=r'"subject" is missing.*"priority" must be one of low, normal, high'):
        await registry.perform("acme_desk.open_ticket", call({"body": "x", "priority": "urgent"}, server.url))

    assert server.received == []


async def test_it_cannot_call_a_private_address_unless_the_operator_allows_it(
    on_path: Path, server: StubServer
) -> None:
    async with open_http() as client:
        registry = Registry(client, connectors=find_plugins()[0])
        with pytest.raises(PermanentError, match="loopback"):
            await registry.perform("acme_desk.close_ticket", call({"ticket_id": "T1"}, server.url))

    assert server.received == []


def test_it_imports_the_sdk_and_nothing_else_of_ours() -> None:
    ours = {"connectors", "db", "engine", "gateway", "triggers", "webhooks"}
    imported = set()
    for file in (EXAMPLE / "patchbay_acme").glob("**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in ours:
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names if alias.name.partition(".")[0] in ours}

    assert imported == {"connectors.sdk"}


def test_its_own_tests_pass(installed: Path) -> None:
    """As its author would run them, with the installed package and in another process."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", EXAMPLE, EXAMPLE / "tests"],
        env={"PYTHONPATH": f"{installed}:{ROOT}", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "passed" in result.stdout
