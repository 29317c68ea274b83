"""The served description is true: whatever is sent, the answer is one that it allows, and never a 5xx."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings, strategies
from hypothesis.errors import FlakyStrategyDefinition
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.openapi import describe_api
from gateway.routes.api import ENDPOINTS
from tests.acceptance.client import Client, some_name
from tests.acceptance.conftest import BASE, Site

pytestmark = pytest.mark.acceptance

SCHEMA = schemathesis.openapi.from_dict(describe_api(ENDPOINTS))
RESULTS: list[Any] = list(SCHEMA.get_all_operations())
OPERATIONS = [result.ok() for result in RESULTS]
EACH = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
SOME = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WORKFLOW = """
name: {name}
triggers: {{tick: {{type: schedule, every: 7d}}, by_hand: {{type: manual}}}}
nodes:
  a: {{type: transform, value: "{{{{ trigger.data }}}}"}}
  b: {{type: condition, if: trigger.data.fail}}
  c: {{type: stop, as: failed, message: as told}}
edges: [a -> b, b.true -> c]
"""


ASKING = """
name: {name}
nodes: {{ask: {{type: approval, assignees: [ann, bob], required: all}}}}
"""


@pytest.fixture(scope="module")
async def known(site: Site) -> dict[str, str]:
    """One of everything that a path can name."""
    async with site.client() as http:
        client = Client(http)
        name = some_name()
        workflow = await client.create(WORKFLOW.format(name=name))
        trigger = (await client.get("/triggers", workflow=workflow, type="schedule"))["items"][0]["id"]
        failed = await client.finished((await client.execute(workflow, {"fail": True}))["execution_id"])
        letters = (await client.get("/dead-letters"))["items"]
        await client.put(f"/secrets/{name}", json={"value": "x"})
        connection = {"name": name, "connector": "http", "credentials": {"type": "bearer", "token": "x"}}
        await client.post("/connections", expect=201, json=connection)
        key = await client.post("/api-keys", expect=201, json={"name": name, "scopes": ["read"]})
        await client.put(f"/workflows/{workflow}/versions/1/labels/stable")
        asking = await client.execute(await client.create(ASKING.format(name=some_name())))
        await client.until(f"/executions/{asking['execution_id']}", lambda told: told["status"] == "waiting")
        job = await client.post("/replays", expect=202, json={"workflow": workflow, "limit": 1, "code": "none"})
        return {
            "replay": job["id"],
            "workflow": workflow,
            "number": "1",
            "label": "stable",
            "node": "a",
            "trigger": trigger,
            "execution": failed["id"],
            "event": failed["event_id"],
            "dead_letter": next(letter["id"] for letter in letters if letter["execution_id"] == failed["id"]),
            "connection": name,
            "approval": (await client.get("/approvals"))["items"][0]["id"],
            "name": name,
            "api_key": key["id"],
        }


async def test_the_description_is_valid_and_served_at_both_addresses(visitor: httpx.AsyncClient) -> None:
    answers = [await visitor.get(f"{root}/openapi.json") for root in ("/api/v1", "/api")]

    document = answers[0].json()
    validate(document)
    assert answers[1].json() == document
    assert document["openapi"].startswith("3.1")
    assert sum(len(methods) for methods in document["paths"].values()) == len(ENDPOINTS)


@EACH
async def test_any_good_request_gets_an_answer_as_described(operation: Any, site: Site) -> None:
    for case in drawn(operation.as_strategy(GenerationMode.POSITIVE)):
        await ask(site, case, checks=CHECKS)


@EACH
async def test_a_good_request_for_something_that_exists_gets_an_answer_as_described(
    operation: Any, site: Site, known: dict[str, str]
) -> None:
    names = {parameter.name: known[parameter.name] for parameter in operation.path_parameters}
    for case in drawn(operation.as_strategy(GenerationMode.POSITIVE, path_parameters=names)):
        await ask(site, case, checks=CHECKS)


@EACH
async def test_a_wrong_request_is_refused_as_described(operation: Any, site: Site) -> None:
    for case in drawn(operation.as_strategy(GenerationMode.NEGATIVE)):
        await ask(site, case, checks=[*CHECKS, negative_data_rejection])


def drawn(requests: strategies.SearchStrategy[Any]) -> list[Any]:
    """Draw a few requests before any is sent.

    Drawing inside a coroutine would be shorter; but what Hypothesis raises to give up an example is no ``Exception``,
    and ends the event loop that all tests share. Where Schemathesis draws differently the second time, because it
    remembers the first, those that it has drawn will do.
    """
    cases: list[Any] = []

    @SOME
    @given(case=requests)
    def collect(case: Any) -> None:
        cases.append(case)

    with suppress(FlakyStrategyDefinition):
        collect()
    assert cases
    return cases


async def ask(site: Site, case: Any, *, checks: list[Any]) -> None:
    """Send a generated request and check the answer."""
    prepared: Any = requests.Request(**case.as_transport_kwargs(f"{BASE}/api/v1")).prepare()
    async with site.client() as http:
        answer = await http.request(
            prepared.method, prepared.url, headers=dict(prepared.headers), content=prepared.body
        )
    if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:  # refused before anybody looked at what is wrong
        checks = [check for check in checks if check is not negative_data_rejection]
    try:
        case.validate_response(answer, checks=checks)
    except FailureGroup as group:  # it is no Exception, and would end the event loop that all tests share
        raise AssertionError("\n".join([str(group), *map(str, group.exceptions)])) from None
