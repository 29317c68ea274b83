"""A person or a program in front of the hub: speaks HTTP and knows nothing else of it."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

LOOK_EVERY_SECONDS = 0.01
LOOKS = 2000
FINAL = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True)
class Client:
    """Calls the API and expects a status; answers are decoded JSON."""

    http: httpx.AsyncClient

    async def call(self, method: str, path: str, *, expect: int, **request: Any) -> Any:
        response = await self.http.request(method, f"/api/v1{path}", **request)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def get(self, path: str, *, expect: int = 200, **params: Any) -> Any:
        return await self.call("GET", path, expect=expect, params=params or None)

    async def post(self, path: str, *, expect: int = 200, **request: Any) -> Any:
        return await self.call("POST", path, expect=expect, **request)

    async def put(self, path: str, *, expect: int = 200, **request: Any) -> Any:
        return await self.call("PUT", path, expect=expect, **request)

    async def delete(self, path: str, *, expect: int = 204) -> Any:
        return await self.call("DELETE", path, expect=expect)

    async def create(self, text: str) -> str:
        """Store a workflow and publish it; return its id."""
        created = await self.post("/workflows", expect=201, content=text, headers={"content-type": "application/yaml"})
        workflow_id = str(created["workflow"]["id"])
        await self.post(f"/workflows/{workflow_id}/activate")
        return workflow_id

    async def execute(self, workflow: str, value: Any = None, *, expect: int = 202, **request: Any) -> Any:
        return await self.post(f"/workflows/{workflow}/execute", expect=expect, json=value, **request)

    async def until(self, path: str, is_so: Callable[[Any], bool]) -> Any:
        """Look until the answer is as it should be; the last one is shown if it never is."""
        return await until(lambda: self.get(path), is_so)

    async def finished(self, execution_id: str) -> Any:
        return await self.until(f"/executions/{execution_id}", lambda answer: answer["status"] in FINAL)

    async def hook_url(self, workflow: str) -> str:
        """The path of the workflow's only hook."""
        triggers = (await self.get(f"/workflows/{workflow}/triggers"))["items"]
        (url,) = [trigger["hook_url"] for trigger in triggers if trigger["hook_url"]]
        return str(httpx.URL(url).path)


async def until(look: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]) -> Any:
    """Look again and again, a bounded number of times."""
    answer = None
    for _ in range(LOOKS):
        answer = await look()
        if is_so(answer):
            return answer
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    raise AssertionError(f"it never came about; the last answer was {str(answer)[:2000]}")


def some_name(prefix: str = "workflow") -> str:
    """A name that no other test uses, because all share a hub."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
