"""What commands say when a hub refuses, is away, or is no hub."""

import json
from collections.abc import Callable

import httpx
import pytest

from engine.errors import ConfigurationError, Unavailable
from gateway.client import HubClient, Refused, connect, segment


def client(answer: Callable[[httpx.Request], httpx.Response]) -> HubClient:
    return HubClient("http://hub.test/", "pbk_x", transport=httpx.MockTransport(answer))


def problem(status: int, **fields: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, json={"status": status, "detail": "no", **fields})


def test_the_key_and_the_path_are_sent() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": []})

    with client(answer) as hub:
        assert hub.get("/workflows", {"name": "a", "status": None}) == {"items": []}

    assert str(seen[0].url) == "http://hub.test/api/v1/workflows?name=a"
    assert seen[0].headers["authorization"] == "Bearer pbk_x"


def test_an_answer_without_a_body_is_none() -> None:
    with client(lambda _request: httpx.Response(204)) as hub:
        assert hub.delete("/secrets/a") is None


def test_pages_are_read_until_there_are_enough() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        start = int(request.url.params.get("after", "0"))
        items = [{"id": str(start + n)} for n in range(1, int(request.url.params["limit"]) + 1)]
        return httpx.Response(200, json={"items": items, "next": items[-1]["id"]})

    with client(answer) as hub:
        found = [item["id"] for item in hub.pages("/executions", {"status": "failed"}, limit=250)]

    assert found == [str(n) for n in range(1, 251)]
    assert asked == [{"status": "failed", "limit": "200"}, {"status": "failed", "limit": "50", "after": "200"}]


def test_pages_end_where_the_list_ends() -> None:
    with client(lambda _request: httpx.Response(200, json={"items": [{"id": "1"}], "next": None})) as hub:
        assert len(list(hub.pages("/executions", {}, limit=100))) == 1


def test_every_problem_is_in_the_message() -> None:
    problems = [
        {"place": "nodes.a", "message": "is wrong", "line": 3, "column": 5, "fix": 'did you mean "b"?'},
        {"place": "edges[0]", "message": "is too"},
    ]
    with client(problem(422, detail="2 problems", problems=problems)) as hub, pytest.raises(Refused) as refused:
        hub.post("/workflows", {})

    assert str(refused.value).splitlines() == [
        "2 problems",
        'line 3, column 5: nodes.a: is wrong (did you mean "b"?)',
        "edges[0]: is too",
    ]
    assert refused.value.status == 422


def test_a_refused_key_says_how_to_get_one() -> None:
    with client(problem(401, detail="the API key is unknown")) as hub, pytest.raises(Refused, match="keys create"):
        hub.get("/workflows")


def test_a_hub_that_is_away_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    with (
        client(refuse) as hub,
        pytest.raises(Unavailable, match=r"no hub answers at http://hub.test \(.*patchbay serve"),
    ):
        hub.get("/workflows")


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>"), (502, json.dumps(["x"]).encode()), (404, b"{}"), (200, b"<html>")]
)
def test_something_that_is_no_hub_is_told_from_one(status: int, body: bytes) -> None:
    with (
        client(lambda _request: httpx.Response(status, content=body)) as hub,
        pytest.raises(Unavailable, match="which is no answer of a hub"),
    ):
        hub.get("/workflows")


@pytest.mark.parametrize("url", ["hub.test", "ftp://hub.test", "http://"])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="PATCHBAY_URL"):
        connect({"PATCHBAY_URL": url, "PATCHBAY_API_KEY": "pbk_x"})


@pytest.mark.parametrize(("key", "message"), [("", "needs an API key"), ("pbk_\u2026", "characters that no API key")])
def test_a_missing_or_impossible_key_is_refused(key: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        connect({"PATCHBAY_API_KEY": key})


def test_the_default_is_this_machine() -> None:
    with connect({"PATCHBAY_API_KEY": "pbk_x"}) as hub:
        assert hub.url == "http://127.0.0.1:8400"


def test_a_name_is_one_part_of_a_path() -> None:
    assert segment("a/b ?") == "a%2Fb%20%3F"
