"""One process of a hub, from its socket to its last commit: the same for every role.

The socket is bound first, so that a taken port is known before anything starts; it listens when the hub is open. At
SIGTERM or SIGINT the server stops accepting and answers what it has begun, then the hub comes to rest. A second SIGINT
ends the process at once; what was running is taken over after the heartbeat's time.
"""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import uvicorn
from starlette.applications import Starlette

from engine.errors import ConfigurationError, Unavailable
from gateway.api import open_api
from gateway.app import create_app
from gateway.bootstrap import Hub, Role, open_hub
from gateway.reaching import Stopped, Waiting, broker_place, named, patiently
from gateway.routes import health
from gateway.settings import Settings

Ready = Callable[[Hub, str], Awaitable[None]]
"""Called once with the open hub and its own URL, when the hub takes calls."""


async def serve_role(
    settings: Settings,
    roles: frozenset[Role],
    *,
    listener: socket.socket,
    patience: timedelta = timedelta(0),
    ready: Ready | None = None,
) -> None:
    """Run the roles until a signal ends the process; every role answers health checks on ``listener``.

    Raises:
        Unavailable: The database or the broker was away for ``patience``.
        ConfigurationError: The settings do not fit what is stored.
    """
    stop = asyncio.Event()
    with _signals(stop):
        async with AsyncExitStack() as stack:
            stack.callback(listener.close)
            waiting = Waiting(patience=patience, stop=stop)
            try:
                hub = await _open(stack, with_port(settings, listener), roles, waiting=waiting)
            except Stopped:
                return
            app = create_app(hub) if Role.GATEWAY in roles else _probes(hub)
            await run_server(app, listener, stop, started=_announcement(hub, listener, ready), grace=settings.grace)


async def run_server(
    app: Starlette,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    started: Callable[[], Awaitable[None]] | None = None,
    grace: timedelta,
) -> None:
    """Serve until ``stop`` is set; answers under way get ``grace``."""
    listening = asyncio.Event()
    server = _Server(
        listening,
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(grace.total_seconds())),
        ),
    )

    async def watch() -> None:
        await listening.wait()
        if started is not None:
            await started()
        await stop.wait()
        server.should_exit = True

    _calm_collector()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await server.serve(sockets=[listener])
        watching.cancel()


def _calm_collector() -> None:
    """Let the garbage collector leave alone what is there now, and look less often at what comes.

    Nearly all that a request makes is freed by reference counts. With the defaults the collector took a fifth of the
    processor time, looking again and again at modules and definitions that stay (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def bind(settings: Settings) -> socket.socket:
    """Take the address to serve on, without listening yet.

    Raises:
        ConfigurationError: It is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not_bound(settings, error)) from error
    listener.setblocking(False)
    return listener


def with_port(settings: Settings, listener: socket.socket) -> Settings:
    """Return the settings with the port that was taken, for the hub's own addresses."""
    return replace(settings, port=listener.getsockname()[1])


def url_of(listener: socket.socket) -> str:
    """Return the URL that reaches a listener from this machine."""
    host, port = listener.getsockname()[:2]
    own = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{own}:{port}"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they would raise the signal again once the server has ended."""

    def __init__(self, listening: asyncio.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        try:
            await super().startup(sockets)
        except OSError as error:  # two processes may bind one port; only one may listen
            raise ConfigurationError(f"the port is taken meanwhile: {error.strerror or error}") from error
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _probes(hub: Hub) -> Starlette:
    """What a process without an API answers: that it is alive, whether it is ready, and its metrics."""
    app = Starlette(routes=health.routes)
    app.state.hub = hub
    app.state.api = open_api(hub)
    return app


def _announcement(hub: Hub, listener: socket.socket, ready: Ready | None) -> Callable[[], Awaitable[None]] | None:
    if ready is None:
        return None
    url = url_of(listener)

    async def announce() -> None:
        await ready(hub, url)

    return announce


async def _open(stack: AsyncExitStack, settings: Settings, roles: frozenset[Role], *, waiting: Waiting) -> Hub:
    async def attempt() -> Hub:
        with named(settings):
            return await stack.enter_async_context(open_hub(settings, roles=roles))

    hub = await patiently(attempt, waiting)

    async def connected() -> None:
        try:
            await hub.broker.check()
        except Unavailable as error:
            raise Unavailable(
                f"{broker_place(settings)} cannot be used: {error}; start it, or correct PATCHBAY_BROKER_URL"
            ) from error

    await patiently(connected, waiting)
    return hub


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` at a signal; a second SIGINT, from somebody who does not want to wait, is left to the system."""
    loop = asyncio.get_running_loop()

    def on_interrupt() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if stop.is_set():  # the process ends anyway, and a supervisor that asks again must not spoil its exit code
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _why_not_bound(settings: Settings, error: OSError) -> str:
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"the port {settings.port} of {settings.host} is taken; set PATCHBAY_PORT, or end what uses it"
    if error.errno == errno.EACCES:
        return f"this user may not serve on {place}; set PATCHBAY_PORT to a number over 1023"
    return f"{place} cannot be served: {error.strerror or error}; correct PATCHBAY_HOST"
