"""What every connector must do, and a stub of its service, for authors to use in their own tests.

Subclass ``ConnectorConformance`` in a test module, set ``connector``, and give one example of good inputs per action.
Nothing here calls the service: ``StubService`` answers the requests that an action makes.
"""

# Asserting is what a suite does.
# ruff: noqa: S101

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

import httpx

from connectors.connector import Action, Connector
from connectors.http import HttpClient, HttpSettings
from connectors.inputs import check_values, fields_schema
from connectors.registry import Registry
from engine.errors import PatchbayError, RateLimited, RemoteUnavailable, StepError
from engine.model.action import ActionCall, Effect
from engine.model.base import Json, JsonObject
from engine.model.connection import Credentials

_NONSENSE = object()


class StubService:
    """Runs actions of a connector through all of Patchbay but the network, and remembers what they sent.

    Args:
        answers: Given one after the other; the last one is given again and again.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        answers: Sequence[httpx.Response],
        credentials: Mapping[str, str] | None = None,
        config: JsonObject | None = None,
    ) -> None:
        self.requests: list[httpx.Request] = []
        self._connector = connector
        self._answers = answers
        self._credentials = credentials
        self._config = config or {}

    async def perform(self, action: str, inputs: JsonObject, *, timeout: timedelta = timedelta(seconds=5)) -> Json:
        """Make one attempt, with the idempotency key ``stub-key``. Raises what the action raises."""
        registry = Registry(HttpClient(httpx.MockTransport(self._answer), HttpSettings()), connectors=[self._connector])
        call = ActionCall(
            inputs=inputs,
            idempotency_key="stub-key",
            timeout=timeout,
            credentials=Credentials(self._credentials) if self._credentials is not None else None,
            config=dict(self._config),
        )
        return await registry.perform(f"{self._connector.key}.{action}", call)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        response = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        return httpx.Response(response.status_code, headers=response.headers, content=response.content, request=request)


class ConnectorConformance:
    """The suite. pytest collects a subclass whose name begins with ``Test``.

    Attributes:
        examples: Good inputs by action key.
        credentials: Good credentials, made up; ``None`` where the connector needs none.
        config: Good settings of a connection.
    """

    connector: ClassVar[Connector]
    examples: ClassVar[Mapping[str, JsonObject]]
    credentials: ClassVar[Mapping[str, str] | None] = None
    config: ClassVar[JsonObject] = {}

    def test_every_action_has_a_label_a_description_and_an_example(self) -> None:
        assert self.connector.actions, "a connector without actions is of no use"
        for action in self.connector.actions.values():
            assert action.label.strip(), action.key
            assert action.description.strip(), f"{action.key} needs a docstring"
            assert action.key in self.examples, f"give an example of good inputs for {action.key}"

    def test_every_input_has_a_label(self) -> None:
        for action in self.connector.actions.values():
            for name, field in action.inputs.items():
                assert field.label.strip(), f"{action.key}.{name}"

    def test_every_example_is_accepted_and_has_an_effect(self) -> None:
        for action, inputs in self._examples():
            parsed, problems = check_values(action.inputs, inputs)
            assert problems == {}, f"{action.key}: {problems}"
            assert isinstance(action.effect_of(parsed), Effect), action.key

    def test_inputs_that_are_missing_or_unknown_are_refused_by_name(self) -> None:
        for action, inputs in self._examples():
            for name in fields_schema(action.inputs)["required"]:
                left = {key: value for key, value in inputs.items() if key != name}
                assert name in check_values(action.inputs, left)[1], f"{action.key} accepts a call without {name}"
            assert "no_such_input" in check_values(action.inputs, {**inputs, "no_such_input": 1})[1], action.key

    def test_a_value_of_no_json_type_is_refused_or_kept(self) -> None:
        """A field either says what is wrong or takes the value as it is; it never raises anything else."""
        for action, inputs in self._examples():
            for name in action.inputs:
                try:
                    check_values(action.inputs, {**inputs, name: _NONSENSE})
                except PatchbayError:
                    raise AssertionError(f"{action.key}.{name} must raise Wrong from parse") from None

    def test_no_credential_shows_where_it_could_be_logged(self) -> None:
        credentials = Credentials(self.credentials or {})
        shown = repr(credentials) + (repr(self.connector.auth.proof(credentials)) if credentials else "")
        for name, value in credentials.items():
            assert len(value) < 8 or value not in shown, name

    async def test_trouble_becomes_an_error_that_says_what_to_do(self) -> None:
        for action, inputs in self._examples():
            for status, kind in ((503, RemoteUnavailable), (429, RateLimited), (400, StepError)):
                raised = await self._raised(action, inputs, httpx.Response(status))
                assert raised is None or isinstance(raised, kind), f"{action.key} on {status}: {raised!r}"

    async def test_an_answer_of_the_wrong_shape_is_no_crash(self) -> None:
        for action, inputs in self._examples():
            for content in (b"", b"not json", b"[]", b"{}", b"null", b'"text"'):
                raised = await self._raised(action, inputs, httpx.Response(200, content=content))
                assert raised is None or isinstance(raised, StepError), f"{action.key} on {content!r}: {raised!r}"

    def _examples(self) -> list[tuple[Action, JsonObject]]:
        return [(action, dict(self.examples.get(action.key, {}))) for action in self.connector.actions.values()]

    async def _raised(self, action: Action, inputs: JsonObject, response: httpx.Response) -> BaseException | None:
        """Run an action whose every request gets ``response``; return what it raised."""
        stub = StubService(self.connector, answers=[response], credentials=self.credentials, config=self.config)
        try:
            await stub.perform(action.key, inputs)
        except Exception as exc:  # noqa: BLE001 - what an action may raise is the question
            return exc
        return None
