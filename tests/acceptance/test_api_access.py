"""Who may do what: keys, scopes, and values that never come back."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.model.access import Scope
from gateway.endpoints import Endpoint
from gateway.routes.api import ENDPOINTS
from tests.acceptance.client import Client, some_name
from tests.acceptance.conftest import Site

pytestmark = pytest.mark.acceptance

NOBODY = "01890000-0000-7000-8000-00000000dead"
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")


def request_for(endpoint: Endpoint) -> tuple[str, str]:
    """A call of the endpoint that does nothing: everything it names is unknown, and the body is empty."""
    return endpoint.method, "/api/v1" + re.sub(r"{\w+}", NOBODY, endpoint.path)


async def new_key(client: Client, *scopes: str, **more: Any) -> Any:
    return await client.post("/api-keys", expect=201, json={"name": some_name("key"), "scopes": scopes, **more})


@pytest.fixture
async def scoped(client: Client, site: Site) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """One caller per scope, whose key has only that one."""
    callers = {scope.value: site.client((await new_key(client, scope.value))["key"]) for scope in Scope}
    yield callers
    for caller in callers.values():
        await caller.aclose()


@EACH
async def test_no_route_answers_without_a_good_key(endpoint: Endpoint, site: Site, visitor: httpx.AsyncClient) -> None:
    method, path = request_for(endpoint)
    wrong = {"authorization": "Bearer pbk_" + "x" * 43}

    for headers in ({}, wrong, {"x-api-key": "secret"}, {"authorization": "Basic eDp5"}):
        answer = await visitor.request(method, path, headers=headers)

        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_each_route_asks_for_its_scope(scoped: dict[str, httpx.AsyncClient]) -> None:
    including = {"read": {"read", "write", "admin"}, "write": {"write", "admin"}, "execute": {"execute", "admin"}}

    for endpoint in ENDPOINTS:
        method, path = request_for(endpoint)
        for scope, caller in scoped.items():
            answer = await caller.request(method, path)

            refused = answer.status_code == 403
            assert answer.status_code != 401
            assert refused is (scope not in including.get(endpoint.scope, {"admin"})), f"{scope}: {method} {path}"
            if refused:
                assert answer.json()["code"] == "forbidden"
                assert f'"{endpoint.scope}"' in answer.json()["detail"]


async def test_a_key_may_also_stand_in_x_api_key(site: Site, visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/workflows", headers={"x-api-key": site.key})

    assert answer.status_code == 200


async def test_a_key_is_shown_once_and_revoked_at_once(client: Client, site: Site) -> None:
    made = await new_key(client, "read")
    async with site.client(made["key"]) as http:
        before = await http.get("/api/v1/workflows")
        await client.delete(f"/api-keys/{made['id']}")
        after = await http.get("/api/v1/workflows")

    listed = await client.http.get("/api/v1/api-keys")
    mine = next(key for key in listed.json()["items"] if key["id"] == made["id"])
    assert (before.status_code, after.status_code) == (200, 401)
    assert made["key"].startswith(made["prefix"])
    assert mine["revoked_at"] is not None
    assert made["key"] not in listed.text
    await client.call("DELETE", f"/api-keys/{made['id']}", expect=404)


async def test_a_key_that_has_expired_already_is_not_made(client: Client) -> None:
    body = {"name": "late", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}

    problem = await client.post("/api-keys", expect=400, json=body)

    assert problem["problems"] == [{"place": "expires_at", "message": "is in the past"}]


async def test_what_people_did_stands_in_the_audit_log(client: Client, site: Site) -> None:
    made = await new_key(client, "write")
    name = some_name("secret")
    async with site.client(made["key"]) as http:
        await http.put(f"/api/v1/secrets/{name}", json={"value": "hidden-value"})

    entries = (await client.get("/audit", limit=200))["items"]

    mine = [entry for entry in entries if entry["target"] == name]
    assert [(entry["actor"], entry["action"]) for entry in mine] == [(f"key:{made['prefix']}", "secret.set")]
    assert any(entry["action"] == "api_key.create" and entry["target"] == made["id"] for entry in entries)


async def test_secret_values_never_come_back(client: Client, site: Site) -> None:
    secret, connection, hidden = some_name("secret"), some_name("connection"), "Tr0ub4dor-and-3"
    await client.put(f"/secrets/{secret}", json={"value": hidden})
    stored = await client.post(
        "/connections",
        expect=201,
        json={"name": connection, "connector": "http", "credentials": {"type": "bearer", "token": hidden}},
    )
    await client.put(f"/connections/{connection}", json={"credentials": {"type": "bearer", "token": f"{hidden}2"}})
    wrong = await client.http.put(
        f"/api/v1/connections/{connection}", json={"credentials": {"type": "bearer", "tokne": hidden}}
    )
    refused = await client.http.put(f"/api/v1/secrets/{secret}", json={"value": hidden, "vlaue": 1})

    texts = [refused.text, wrong.text, str(stored)]
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET":
            path = re.sub(r"{\w+}", NOBODY, endpoint.path.replace("{connection}", connection))
            texts.append((await client.http.get(f"/api/v1{path}")).text)

    assert wrong.status_code == 422
    assert [text for text in texts if hidden in text] == []
    assert any(secret in text for text in texts)
    assert any(connection in text for text in texts)


async def test_secrets_are_listed_by_name_and_deleted(client: Client) -> None:
    name = some_name("secret")
    first = await client.put(f"/secrets/{name}", json={"value": "one"})
    second = await client.put(f"/secrets/{name}", json={"value": "two"})

    listed = {item["name"]: item for item in (await client.get("/secrets"))["items"]}
    await client.delete(f"/secrets/{name}")
    gone = await client.call("DELETE", f"/secrets/{name}", expect=404)
    await client.put("/secrets/a b", expect=400, json={"value": "x"})

    assert listed[name]["updated_at"] == second["updated_at"] >= first["updated_at"]
    assert gone["code"] == "not_found"


async def test_connections_are_checked_stored_changed_and_deleted(client: Client) -> None:
    name = some_name("connection")
    body = {"name": name, "connector": "http", "config": {}, "credentials": {"type": "bearer", "token": "abc"}}

    unknown = await client.post("/connections", expect=422, json={**body, "connector": "htpp"})
    created = await client.post("/connections", expect=201, json=body)
    taken = await client.post("/connections", expect=409, json=body)
    changed = await client.put(f"/connections/{name}", json={"config": {"base_url": "https://api.example.com"}})
    by_id = await client.get(f"/connections/{created['id']}")
    await client.delete(f"/connections/{name}")

    assert unknown["code"] == "invalid_input"
    assert taken["code"] == "conflict"
    assert changed["config"] == by_id["config"] == {"base_url": "https://api.example.com"}
    assert set(created) == {"id", "name", "connector", "config", "created_at", "updated_at"}
    await client.get(f"/connections/{name}", expect=404)
