"""What operators see of a process: its metrics in Prometheus' text format, and its log."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine.model.execution import Status
from engine.routes import Route
from gateway.readings import Reading

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process. What happens at a hook is counted as it happens; the rest is read when asked for."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._refused = Counter(
            "patchbay_hook_refused_total",
            "Hook calls refused before an event existed.",
            ["code"],
            registry=registry,
        )
        self._hook_seconds = Histogram(
            "patchbay_hook_seconds",
            "From the arrival of a hook call to its answer.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._requests = Counter(
            "patchbay_http_requests_total", "Answered requests, hooks and API.", ["area", "status"], registry=registry
        )
        self._busy = Gauge("patchbay_executor_busy", "Executions this process is driving.", registry=registry)
        self._known_statuses: dict[tuple[str, int], Counter] = {}

    def refused(self, route: Route, code: str) -> None:
        """A call to a known hook failed its check."""
        del route
        self._refused.labels(code=code).inc()

    def answered(self, area: str, status: int, *, seconds: float | None = None) -> None:
        """A request was answered. ``area``: ``hook``, ``link`` or ``api``."""
        counter = self._known_statuses.get((area, status))
        if counter is None:
            counter = self._known_statuses[area, status] = self._requests.labels(area=area, status=str(status))
        counter.inc()
        if seconds is not None:
            self._hook_seconds.observe(seconds)

    def page(self, totals: Mapping[Status, int], *, busy: int, reading: Reading | None = None) -> bytes:
        """The page that Prometheus reads; with a ``reading``, all its figures as well."""
        self._busy.set(busy)
        return generate_latest(self._registry) + _figures(reading or Reading(totals=totals))


def _figures(reading: Reading) -> bytes:
    """What the database and the broker say. A part that is away has no figures, which is not the same as zero."""
    registry = CollectorRegistry()
    up = Gauge("patchbay_up", "Whether this process reaches it.", ["part"], registry=registry)
    for part, is_up in (("database", reading.database_is_up), ("broker", reading.broker_is_up)):
        if is_up is not None:
            up.labels(part=part).set(is_up)
    executions = Gauge("patchbay_executions", "Executions by status.", ["status"], registry=registry)
    for status, number in reading.totals.items():
        executions.labels(status=status.value).set(number)
    depth = Gauge("patchbay_queue_depth", "Messages that wait or are not acknowledged.", ["lane"], registry=registry)
    for lane, number in reading.depths.items():
        depth.labels(lane=lane.value).set(number)
    names = ["workflow", "trigger"]
    events = Gauge("patchbay_events", "Stored events by fate.", [*names, "fate"], registry=registry)
    difference = Gauge(
        "patchbay_balance_difference",
        "Accepted events minus what became of them; anything but 0 is a defect.",
        names,
        registry=registry,
    )
    for item in reading.balances:
        for fate, number in item.balance.by_fate.items():
            events.labels(item.workflow, item.trigger, fate).set(number)
        difference.labels(item.workflow, item.trigger).set(item.balance.difference)
    return generate_latest(registry)


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
    # It logs each connection that is refused or lost as an error; our link says the same once, as the warning it is.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
