"""``patchbay serve`` as people start it: a process of its own, asked over HTTP, and what it says when it cannot start."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.acceptance.client import Client, until
from tests.services.private import free_port

START_SECONDS = 60
ROOT = Path(__file__).parents[2]
_KEY = re.compile(r"PATCHBAY_API_KEY=(\S+)")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that is over."""

    code: int
    output: str
    errors: str


@dataclass(kw_only=True)
class HubProcess:
    """A running hub. ``key`` is empty when its database had one before."""

    url: str
    key: str

    @asynccontextmanager
    async def owner(self, key: str | None = None) -> AsyncIterator[Client]:
        """Somebody with the first key, or another one."""
        headers = {"authorization": f"Bearer {key or self.key}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False) as http:
            yield Client(http)

    def visitor(self) -> httpx.AsyncClient:
        """A service that calls hooks, without a key."""
        return httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False)


@asynccontextmanager
async def serving(folder: Path, **settings: str) -> AsyncIterator[HubProcess]:
    """Serve from ``folder`` until the context ends, then stop in an orderly way."""
    port = free_port()
    output = folder.parent / f"{folder.name}-{port}.out"
    with output.open("wb") as file:
        process = await _start(folder, file.fileno(), "--port", str(port), **settings)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

            async def look() -> bool:
                assert process.returncode is None, f"the hub did not start:\n{output.read_text()}"
                try:
                    return (await http.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(look, bool)
        await until(lambda: _text(output), lambda text: "Patchbay serves" in text)
        found = _KEY.search(output.read_text())
        yield HubProcess(url=url, key=found[1] if found else "")
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(START_SECONDS):
            code = await process.wait()
    said = output.read_text()
    assert code == 0, said
    assert "Traceback" not in said, said


async def refused(folder: Path, **settings: str) -> Ended:
    """Start a hub that cannot start and return what it said."""
    process = await _start(folder, asyncio.subprocess.PIPE, "--port", str(free_port()), **settings)
    async with asyncio.timeout(START_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(code=process.returncode, output=output.decode(), errors=errors.decode())


async def _start(folder: Path, output: int, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    given: Mapping[str, str] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PATCHBAY_DATA_DIR": str(folder),
        **{f"PATCHBAY_{name.upper()}": value for name, value in settings.items()},
    }
    program = str(Path(sys.executable).with_name("patchbay"))
    errors = asyncio.subprocess.PIPE if output == asyncio.subprocess.PIPE else asyncio.subprocess.STDOUT
    return await asyncio.create_subprocess_exec(
        program, "serve", *arguments, env=given, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=errors
    )


async def _text(path: Path) -> str:
    return path.read_text()
