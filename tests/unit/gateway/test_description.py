"""The description and its page: complete, readable without a key, and harmless."""

import json
import re

import httpx
import pytest

from gateway.endpoints import Call, Endpoint, routes_of, shape_of
from gateway.inputs import Query
from gateway.openapi import describe_api
from gateway.routes.api import ENDPOINTS
from gateway.routes.docs import STATIC
from gateway.views.workflows import VersionList, WorkflowView


async def answers_twice(call: Call[Query, None]) -> WorkflowView | VersionList:
    """Not a handler."""
    raise AssertionError(call)


def test_every_operation_says_what_it_does_and_needs() -> None:
    document = describe_api(ENDPOINTS)

    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len(operations) == len(ENDPOINTS)
    for operation in operations:
        assert len(operation["summary"]) > 10
        assert "Needs the scope `" in operation["description"]
        assert {"400", "401", "403", "503"} <= set(operation["responses"])


def test_everything_that_is_referred_to_is_described() -> None:
    document = describe_api(ENDPOINTS)

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert named == set(document["components"]["schemas"])


def test_parameters_come_from_the_type_that_checks_them() -> None:
    listing = describe_api(ENDPOINTS)["paths"]["/executions"]["get"]["parameters"]

    parameters = {parameter["name"]: parameter["schema"] for parameter in listing}
    assert parameters["limit"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert parameters["status"]["type"] == "array"
    assert parameters["since"] == {"type": "string", "format": "date-time"}


def test_a_handler_with_two_kinds_of_answers_is_refused() -> None:
    with pytest.raises(TypeError, match="several types"):
        shape_of(answers_twice)


def test_a_route_is_declared_once() -> None:
    first = ENDPOINTS[0]
    again = Endpoint(method=first.method, path=first.path, handler=first.handler, scope=first.scope)

    with pytest.raises(ValueError, match="declared twice"):
        routes_of([first, again])
    with pytest.raises(ValueError, match="same name"):
        describe_api([first, again])


async def test_the_page_may_load_its_own_files_and_nothing_else(http: httpx.AsyncClient) -> None:
    for root in ("/api", "/api/v1"):
        page = await http.get(f"{root}/docs", headers={"authorization": ""})
        policy = page.headers["content-security-policy"]
        links = re.findall(r'(?:href|src)="([^"#]+)"', page.text)

        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert set(links) == {"data:,", "docs/api.css", "docs/api.js", "openapi.json"}
        for link in links:
            if link != "data:,":
                assert (await http.get(f"{root}/{link}")).status_code == 200


def test_the_page_names_no_other_site_and_makes_no_markup_from_text() -> None:
    for path in STATIC.glob("api.*"):
        text = path.read_text()

        assert not re.findall(r"https?://", text)
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage|style=", text
        )
