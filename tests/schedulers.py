"""A scheduler process in miniature: real schedules and intake, and a timetable that stands still with the clock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from engine.definition import load_document
from engine.graphs import Graphs
from engine.intake import Intake
from engine.ports import Clock, Database
from engine.routes import Routes
from tests.fakes import RecordingAnnouncements
from triggers.schedule import POLL_EVERY, Schedules


class FakeTimetable:
    """A timetable by a clock that stands still until the test moves it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: dict[str, datetime] = {}

    def put(self, key: str, due: datetime) -> None:
        self.entries[key] = due

    def remove(self, key: str) -> None:
        self.entries.pop(key, None)

    def take_due(self) -> Sequence[str]:
        due = [key for key, at in self.entries.items() if at <= self._clock.now()]
        for key in due:
            del self.entries[key]
        return due

    def look(self) -> None:
        """It always looks."""

    @contextmanager
    def bulk(self) -> Iterator[None]:
        yield


class Scheduler:
    """One scheduler process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.leads = True
        self.announcements = RecordingAnnouncements()
        self.timetable = FakeTimetable(clock)
        graphs = Graphs(database, load_document)
        intake = Intake(
            database=database, routes=Routes(database, graphs), announcements=self.announcements, clock=clock
        )
        self.service = Schedules(
            database=database,
            intake=intake,
            definitions=graphs,
            timetable=self.timetable,
            clock=clock,
            leads=lambda: self.leads,
        )

    async def settle(self) -> None:
        """Tick until there is nothing to do at once."""
        for _ in range(1000):
            if await self.service.tick() >= POLL_EVERY:
                return
        raise AssertionError("the schedules never come to rest")
