"""Every refusal is a problem document: wrong paths, methods, types, sizes, and defects of ours."""

import logging

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import PatchbayError, Unavailable
from gateway.bootstrap import Hub
from gateway.edge import guarded
from gateway.responses import PROBLEM


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:patchbay:problem:{problem['code']}"
    return str(problem["code"])


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api", "/api/v1", "/api/v1/workflows/a/b/c"])
async def test_an_unknown_path_is_a_problem(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_slash_at_the_end_is_no_redirect_but_a_hint(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/workflows/")

    assert (answer.status_code, code_of(answer)) == (404, "not_found")
    assert "leave out the slash" in answer.json()["detail"]


async def test_a_wrong_method_is_told_all_the_right_ones(http: httpx.AsyncClient) -> None:
    answer = await http.patch("/api/v1/workflows/some")

    assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"


async def test_head_is_get_without_the_body(http: httpx.AsyncClient) -> None:
    get, head = await http.get("/api/v1/workflows"), await http.head("/api/v1/workflows")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_both_addresses_are_the_same_routes(http: httpx.AsyncClient) -> None:
    await http.put("/api/secrets/one", json={"value": "x"})

    assert (await http.get("/api/v1/secrets")).json() == (await http.get("/api/secrets")).json()


async def test_answers_are_not_kept_by_caches(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/secrets")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_body_of_another_type_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.put("/api/v1/secrets/one", data={"value": "x"})

    assert (answer.status_code, code_of(answer)) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]


async def test_a_body_over_the_limit_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.put("/api/v1/secrets/one", json={"value": "x" * 100_001})

    assert (answer.status_code, code_of(answer)) == (413, "body_too_large")


async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient) -> None:
    for content in ('{"value": ', "\\u0000", '{"value": "\\ud800"}'):
        answer = await http.put("/api/v1/secrets/one", content=content, headers={"content-type": "application/json"})

        assert (answer.status_code, code_of(answer)) == (400, "invalid_json")


@pytest.mark.parametrize("name", ["%00", "a" * 600, "%ff", "%E2%80%AE", "%2F"])
async def test_odd_names_are_names_of_nothing(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"/api/v1/workflows/{name}")

    assert (answer.status_code, code_of(answer)) == (404, "not_found")


@pytest.mark.parametrize("path", ["executions", "events", "triggers", "dead-letters"])
async def test_a_malformed_id_is_the_id_of_nothing(http: httpx.AsyncClient, path: str) -> None:
    for wrong in ("1", "x" * 36, "01890000-0000-7000-8000-00000000DEAD"):
        answer = await http.get(f"/api/v1/{path}/{wrong}")

        assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_definition_that_cannot_be_read_is_refused(http: httpx.AsyncClient) -> None:
    empty = await http.post("/api/v1/workflows", content="  ", headers={"content-type": "application/yaml"})
    binary = await http.post("/api/v1/workflows", content=b"\xff", headers={"content-type": "application/yaml"})
    nothing = await http.post("/api/v1/workflows", json={"definition": ""})
    wrong = await http.put("/api/v1/workflows/x", content="name: x", headers={"if-match": "W/x"})

    for answer in (empty, binary, nothing, wrong):
        assert (answer.status_code, code_of(answer)) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("the database is away"), 503, "unavailable"),
        (PatchbayError("odd"), 500, "error"),
        (ZeroDivisionError("secret detail"), 500, "internal_error"),
    ],
)
async def test_whatever_a_handler_raises_becomes_an_answer(
    error: Exception, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_request: Request) -> Response:
        raise error

    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b""})
    with caplog.at_level(logging.ERROR):
        answer = await guarded(fails)(request)

    assert answer.status_code == status
    assert f'"code":"{code}"'.encode() in answer.body
    assert b"secret detail" not in answer.body
    if code == "internal_error":
        assert [record.exc_info is not None for record in caplog.records] == [True]
    if status == 503:
        assert answer.headers["retry-after"] == "1"


async def test_the_bare_address_leads_to_the_documentation(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/api/docs")


async def test_a_database_that_is_away_is_told_as_such(http: httpx.AsyncClient, hub: Hub) -> None:
    await hub.database.close()
    hub.settings.data_dir.joinpath("patchbay.db").unlink()
    for name in ("patchbay.db-wal", "patchbay.db-shm"):
        hub.settings.data_dir.joinpath(name).unlink(missing_ok=True)

    answer = await http.get("/readyz")

    assert (answer.status_code, code_of(answer)) == (503, "not_ready")
    assert answer.json()["checks"] == {"database": "away", "broker": "ok"}
    assert (await http.get("/healthz")).json() == {"status": "ok"}
