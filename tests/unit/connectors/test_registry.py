"""Finding actions, describing them, and running one attempt."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import sdk
from connectors.builtin import http
from connectors.http import HttpClient
from connectors.registry import Registry, find_plugins
from connectors.sdk import ActionContext, BearerAuth, Connector, Effect, Json, OneOfAuth, Text
from engine.errors import InvalidInput, OutcomeUnknown, PermanentError, Problem, RemoteUnavailable, StepTimeout
from engine.model.action import ActionCall
from engine.model.connection import Credentials
from tests.unit.connectors.servers import Received, StubServer, answer

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

desk = Connector(
    key="desk",
    label="Desk",
    base_url="https://{site}.desk.example/api",
    auth=BearerAuth(),
    config={"site": Text(label="Site", pattern="[a-z]+")},
)


@desk.action(label="Look", inputs={"what": Text(label="What")}, effect=Effect.IDEMPOTENT)
async def look(ctx: ActionContext, *, what: str) -> Json:
    """Return what the attempt was given."""
    return {
        "what": what,
        "site": ctx.config["site"],
        "token": ctx.credentials["token"],
        "key": ctx.idempotency_key,
        "left": (ctx.deadline - ctx.started_at).total_seconds(),
        "url": ctx.http.reach.base_url,
    }


@desk.action(label="Hang", effect=Effect.UNREPEATABLE)
async def hang(ctx: ActionContext) -> Json:
    """Never end."""
    await asyncio.Event().wait()


@desk.action(label="Time out by itself")
async def give_up(ctx: ActionContext) -> Json:
    """Raise what a plugin's own waiting raises."""
    raise TimeoutError("mine")


def call(inputs: Mapping[str, Json] | None = None, **fields: object) -> ActionCall:
    given: dict[str, object] = {
        "inputs": dict(inputs or {}),
        "idempotency_key": "key-1",
        "timeout": timedelta(seconds=5),
        "credentials": Credentials({"token": "t0ken"}),
        "config": {"site": "acme"},
    }
    return ActionCall(**{**given, **fields})  # type: ignore[arg-type]  # the fields above, by name


@pytest.fixture
def desk_registry(client: HttpClient) -> Registry:
    return Registry(client, connectors=[desk, http.connector], now=lambda: NOW)


async def test_an_attempt_gets_its_inputs_and_its_connection(desk_registry: Registry) -> None:
    output = await desk_registry.perform("desk.look", call({"what": 7}))

    assert output == {
        "what": "7",
        "site": "acme",
        "token": "t0ken",
        "key": "key-1",
        "left": 5.0,
        "url": "https://acme.desk.example/api",
    }


async def test_an_action_is_described(desk_registry: Registry) -> None:
    info = desk_registry.describe("desk.look")

    assert info is not None
    assert (info.connector, info.label, info.description) == ("desk", "Look", "Return what the attempt was given.")
    assert (info.effect, info.connection) == (Effect.IDEMPOTENT, "required")
    assert info.inputs_schema["required"] == ["what"]
    assert desk_registry.describe("desk.luk") is None
    assert [one.use for one in desk_registry.all()] == ["desk.give_up", "desk.hang", "desk.look", "http.request"]


async def test_an_unknown_action_is_refused_with_the_nearest_name(desk_registry: Registry) -> None:
    with pytest.raises(PermanentError, match=r'no action "desk\.luk"; did you mean "desk\.look"'):
        await desk_registry.perform("desk.luk", call())
    assert desk_registry.check("desk.luk", {}) == [
        Problem(place="use", message='unknown action "desk.luk"', fix='did you mean "desk.look"?')
    ]


async def test_a_definition_is_checked_where_its_values_are_known(desk_registry: Registry) -> None:
    problems = desk_registry.check(
        "http.request",
        {
            "url": "{{ trigger.data.url }}",
            "method": "{{ vars.method }}",
            "timeout": "soon",
            "expect": ["{{ x }}"],
            "jsn": 1,
        },
    )

    assert [problem.place for problem in problems] == ["with.timeout", "with.jsn"]
    assert [problem.place for problem in desk_registry.check("desk.look", {})] == ["with.what"]


async def test_a_call_without_a_connection_is_refused(desk_registry: Registry) -> None:
    with pytest.raises(InvalidInput, match="needs a connection"):
        await desk_registry.perform("desk.look", call({"what": "x"}, credentials=None))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"config": {}}, 'setting "site" is missing'),
        ({"config": {"site": "evil.example/#"}}, 'setting "site" must match'),
        ({"credentials": Credentials({"tokn": "s3cret"})}, 'credential "token" is missing'),
    ],
)
async def test_a_connection_that_does_not_fit_is_refused_without_its_secrets(
    desk_registry: Registry, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        await desk_registry.perform("desk.look", call({"what": "x"}, **fields))

    assert "s3cret" not in str(caught.value)


async def test_a_connection_is_checked_before_it_is_stored(desk_registry: Registry) -> None:
    desk_registry.check_connection("desk", config={"site": "acme"}, credentials={"token": "t"})
    desk_registry.check_connection("http", config={}, credentials={"type": "basic", "username": "u", "password": "p"})

    for key, credentials, message in [
        ("desk", {"token": "t"}, "unknown connector|is missing"),
        ("http", {"type": "basic", "username": "u"}, 'credential "password" is missing'),
        ("http", {"type": "magic"}, 'credential "type" must be one of bearer'),
        ("http", {"type": "bearer", "token": "t", "extra": "x"}, 'credential "extra" is unknown'),
        ("disk", {}, 'unknown connector "disk"'),
    ]:
        with pytest.raises(InvalidInput, match=message):
            desk_registry.check_connection(key, config={}, credentials=credentials)


async def test_an_attempt_is_cut_off_at_its_time_limit(desk_registry: Registry) -> None:
    with pytest.raises(StepTimeout, match=r'"desk\.hang" took longer than 10ms'):
        await desk_registry.perform("desk.hang", call(timeout=timedelta(milliseconds=10)))


async def test_a_timeout_of_the_plugins_own_is_not_taken_for_ours(desk_registry: Registry) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        await desk_registry.perform("desk.give_up", call())


async def test_an_unrepeatable_attempt_that_is_cut_off_after_sending_is_unknown(
    server: StubServer, client: HttpClient
) -> None:
    local = Connector(key="local", label="Local", base_url=server.url)

    @local.action(label="Charge, then hang", effect=Effect.UNREPEATABLE)
    async def charge(ctx: ActionContext) -> Json:
        """Send, and never end."""
        await ctx.http.post("/charge")
        await asyncio.Event().wait()

    with pytest.raises(OutcomeUnknown, match="must not be repeated"):
        await Registry(client, connectors=[local]).perform(
            "local.charge", call(timeout=timedelta(milliseconds=40), config={}, credentials=None)
        )
    assert server.received[0].target == "/charge"


async def test_cancelling_an_attempt_cancels_it(desk_registry: Registry) -> None:
    task = asyncio.create_task(desk_registry.perform("desk.hang", call()))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_trouble_reaches_the_caller_as_its_own_class(server: StubServer, client: HttpClient) -> None:
    def respond(_: Received) -> bytes:
        return answer(status=503, retry_after="3")

    server.respond = respond

    with pytest.raises(RemoteUnavailable) as caught:
        await Registry(client).perform("http.request", call({"url": server.url}, config={}, credentials=None))

    assert caught.value.retry_after == timedelta(seconds=3)


def test_a_declaration_that_cannot_work_is_refused_when_the_plugin_is_loaded() -> None:
    broken = Connector(key="broken", label="Broken")

    async def wrong_names(ctx: ActionContext, *, other: str) -> Json: ...
    async def positional(ctx: ActionContext, name: str) -> Json: ...
    def not_async(ctx: ActionContext, *, name: str) -> Json: ...

    for function in (wrong_names, positional, not_async):
        with pytest.raises(TypeError, match=r"broken\."):
            broken.action(label="X", inputs={"name": Text(label="Name")})(function)
    with pytest.raises(TypeError, match="must match"):
        Connector(key="Not-A-Key", label="X")
    with pytest.raises(TypeError, match="either header or query"):
        sdk.ApiKeyAuth()


def plugin(folder: Path, name: str, code: str) -> None:
    """Lay out an installed distribution called ``name`` with one entry point."""
    (folder / f"{name}_module.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[patchbay.connectors]\n{name} = {name}_module:connector\n")


def test_broken_plugins_are_named_and_the_others_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good = "from connectors.sdk import Connector\nconnector = Connector(key='{}', label='X')\n"
    plugin(tmp_path, "aa_good", good.format("good_one"))
    plugin(tmp_path, "bb_raises", "raise RuntimeError('boom')\n")
    plugin(tmp_path, "cc_syntax", "def\n")
    plugin(tmp_path, "dd_nothing", "x = 1\n")
    plugin(tmp_path, "ee_other", "connector = 7\n")
    plugin(tmp_path, "ff_taken", good.format("http"))
    monkeypatch.syspath_prepend(str(tmp_path))

    connectors, broken = find_plugins()

    assert {"http", "good_one"} <= {connector.key for connector in connectors}
    reasons = {one.distribution: one.reason for one in broken}
    assert "RuntimeError: boom" in reasons["bb_raises"]
    assert "SyntaxError" in reasons["cc_syntax"]
    assert "AttributeError" in reasons["dd_nothing"]
    assert "is not a Connector but a int" in reasons["ee_other"]
    assert "is taken already" in reasons["ff_taken"]
    assert "aa_good" not in reasons
    assert {record.message for record in caplog.records} == {"plugin left out"}


def test_the_sdk_exports_what_it_lists_and_nothing_else() -> None:
    public = {name for name in vars(sdk) if not name.startswith("_")}

    assert public == set(sdk.__all__)
    assert sdk.__all__ == sorted(sdk.__all__, key=lambda name: (name.islower(), name))


def test_one_of_several_ways_to_authorise_may_be_required() -> None:
    assert OneOfAuth(kinds={"bearer": BearerAuth()}).required
    assert not OneOfAuth(kinds={"bearer": BearerAuth()}, optional=True).required
