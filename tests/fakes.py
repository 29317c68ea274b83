"""Doubles that really work, shared by the unit tests: a clock that stands still, a database that can be switched off."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.migrate import migrate
from db.session import open_database
from db.vault import Vault, generate_key
from engine.errors import Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import Clock, Database, Message, Signal, UnitOfWork

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` that shows the same instant until ``advance`` or ``set`` moves it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        """The same as a steady clock, in seconds."""
        return self._now.timestamp()

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a duration, or by a number of seconds; return the new instant."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._now

    def set(self, instant: datetime) -> None:
        """Jump to an instant, forwards or backwards."""
        self._now = instant


class SwitchedDatabase:
    """A real database that can be switched off, and that counts the transactions it was asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.away = False
        self.reads = 0
        self.writes = 0

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        self.writes += 1
        self._require_present()
        async with self._database.write() as uow:
            yield uow

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        self.reads += 1
        self._require_present()
        async with self._database.read() as uow:
            yield uow

    async def check(self) -> None:
        self._require_present()
        await self._database.check()

    def _require_present(self) -> None:
        if self.away:
            raise Unavailable("the database is switched off")


class RecordingAnnouncements:
    """Keeps what it was told to announce, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[Lane, ExecutionId]] = []
        self.signalled: list[tuple[str, bytes]] = []

    def announce(self, ids_by_lane: Mapping[Lane, Sequence[ExecutionId]]) -> None:
        self.told += [(lane, execution_id) for lane, ids in ids_by_lane.items() for execution_id in ids]

    def signal(self, topic: str, body: bytes) -> None:
        self.signalled.append((topic, body))


@asynccontextmanager
async def sqlite_database(folder: Path, clock: Clock) -> AsyncIterator[SwitchedDatabase]:
    """A fresh SQLite database in ``folder``, with all tables."""
    url = f"sqlite+aiosqlite:///{folder / 'patchbay.db'}"
    await migrate(url)
    async with open_database(url, vault=Vault([generate_key()]), clock=clock) as database:
        yield SwitchedDatabase(database)


class FakeBroker:
    """A broker of lists that can be switched off. Messages stay until the test takes them."""

    def __init__(self) -> None:
        self.away = False
        self.published: list[tuple[Lane, list[ExecutionId]]] = []
        self.waiting: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self.dead: list[ExecutionId] = []

    def ids(self) -> list[ExecutionId]:
        """All ids ever published, in order."""
        return [execution_id for _, ids in self.published for execution_id in ids]

    async def publish(self, lane: Lane, ids: Sequence[ExecutionId]) -> None:
        await self.check()
        self.published.append((lane, list(ids)))
        self.waiting[lane] += 1

    async def depth(self, lane: Lane) -> int:
        await self.check()
        return self.waiting[lane]

    async def take_dead(self, *, limit: int) -> Sequence[ExecutionId]:
        await self.check()
        taken, self.dead = self.dead[:limit], self.dead[limit:]
        return taken

    async def check(self) -> None:
        if self.away:
            raise Unavailable("the broker is switched off")

    def consume(self, *, prefetch: dict[Lane, int]) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        raise AssertionError("nobody listens to this broker")

    async def signal(self, topic: str, body: bytes) -> None:
        """Nobody listens."""

    def signals(self, *patterns: str) -> AbstractAsyncContextManager[AsyncIterator[Signal]]:
        raise AssertionError("nobody listens to this broker")
