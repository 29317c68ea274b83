"""What operators see of a process: its metrics in Prometheus' text format, and its log."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from engine.model.event import Fate
from engine.model.execution import Status
from engine.routes import Route

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._refused = Counter(
            "patchbay_hook_refused_total",
            "Hook calls refused before an event existed.",
            ["code"],
            registry=self._registry,
        )
        self._events = Counter("patchbay_events_total", "Stored events by fate.", ["fate"], registry=self._registry)
        self._executions = Gauge(
            "patchbay_executions", "Executions in the database by status.", ["status"], registry=self._registry
        )
        self._busy = Gauge("patchbay_executor_busy", "Executions this process is driving.", registry=self._registry)

    def refused(self, route: Route, code: str) -> None:
        """A call to a known hook failed its check."""
        del route
        self._refused.labels(code=code).inc()

    def stored(self, fate: Fate) -> None:
        """An event was stored."""
        self._events.labels(fate=fate.value).inc()

    def page(self, totals: Mapping[Status, int], *, busy: int) -> bytes:
        """The page that Prometheus reads."""
        for status in Status:
            self._executions.labels(status=status.value).set(totals.get(status, 0))
        self._busy.set(busy)
        return generate_latest(self._registry)


class _Text(logging.Formatter):
    """One line for people: time, level, message, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()}"
        text = f"{line}  {facts}" if facts else line
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    """One JSON object per line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure_logging(*, level: str, form: str) -> None:
    """Send the log to standard error. ``form``: ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("aio_pika", "aiormq", "httpx", "httpcore", "apscheduler", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
