"""Checks of settings that contradict each other about when an execution may begin."""

from datetime import timedelta
from typing import Any, Final

from engine.definition.build_admission import LONGEST_DEBOUNCE
from engine.definition.report import Path, Report
from engine.definition.shapes import Record
from engine.model.admission import Mode
from engine.model.workflow import RespondWhen

_AT: Final[Path] = ("settings",)


def check_admission(record: Record, report: Report) -> None:
    """Report every combination of settings that could not do what it says. Fields that were wrong are left out."""
    settings: Record = record.get("settings", {})
    if "debounce" in settings and "batch" in settings:
        text = "debounce and batch both decide when events become one execution"
        report.wrong((*_AT, "batch"), text, fix="keep one of the two", key=True)
    _check_mode(settings, report)
    _check_times(settings, report)
    _check_answers(record, settings, report)


def _check_mode(settings: Record, report: Report) -> None:
    concurrency: Record = settings.get("concurrency", {})
    mode, at = concurrency.get("mode"), (*_AT, "concurrency")
    if mode == Mode.PARALLEL and "limit" not in concurrency and "key" in concurrency:
        text = "mode: parallel without a limit bounds nothing, so the key has no meaning"
        report.wrong((*at, "key"), text, fix="add limit, or leave key out", key=True)
    collecting = next((name for name in ("debounce", "batch") if name in settings), None)
    if collecting is None:
        return
    if mode == Mode.COALESCE:
        text = f"mode: coalesce and {collecting} both merge events into one execution"
        report.wrong((*at, "mode"), text, fix=f"write mode: queue, or leave {collecting} out")
    elif mode == Mode.SKIP:
        text = f"mode: skip would drop what {collecting} has collected already"
        report.wrong((*at, "mode"), text, fix="write mode: queue or mode: restart")


def _check_times(settings: Record, report: Report) -> None:
    timeout = settings.get("timeout")
    debounce: Record = settings.get("debounce", {})
    quiet, longest = debounce.get("for"), debounce.get("max")
    if quiet is not None and longest is not None and longest < quiet:
        text = "max is shorter than for, so no event could ever extend the wait"
        report.wrong((*_AT, "debounce", "max"), text, fix="make max longer, or leave it out")
    elif quiet is not None:
        _check_limit(longest or quiet * LONGEST_DEBOUNCE, timeout, (*_AT, "debounce"), report=report)
    _check_limit(settings.get("batch", {}).get("for"), timeout, (*_AT, "batch"), report=report)
    _check_kept(settings.get("throttle", {}), settings.get("retain"), report)


def _check_kept(throttle: Record, retain: Any, report: Report) -> None:
    """Starts are counted from the executions that are still there."""
    kept: Record = retain if isinstance(retain, dict) else {"age": retain}
    per, age = throttle.get("per"), kept.get("age")
    if per is not None and age is not None and age < per:
        text = "executions that began are counted for `per`, and would be deleted before"
        report.wrong((*_AT, "throttle", "per"), text, fix="make retain at least as long")
    limit, count = throttle.get("limit"), kept.get("count")
    if limit is not None and count is not None and count < limit:
        text = "executions that began are counted, and fewer than `limit` of them are kept"
        report.wrong((*_AT, "throttle", "limit"), text, fix="make the count of retain at least as large")


def _check_limit(wait: timedelta | None, timeout: timedelta | None, at: Path, *, report: Report) -> None:
    """The time limit of an execution counts from the first event on."""
    if wait is not None and timeout is not None and wait >= timeout:
        text = f"events may be collected for {wait}, and settings.timeout ends the execution after {timeout}"
        report.wrong(at, text, fix="make timeout longer")


def _check_answers(record: Record, settings: Record, report: Report) -> None:
    mode = settings.get("concurrency", {}).get("mode")
    collecting: str | None = next((name for name in ("debounce", "batch") if name in settings), None)
    merging = collecting or ("concurrency mode: coalesce" if mode == Mode.COALESCE else None)
    for key, trigger in record.get("triggers", {}).items():
        respond = trigger.get("respond")
        when = respond.get("when") if isinstance(respond, dict) else respond
        if merging is not None and when in (RespondWhen.FINISHED, RespondWhen.NODE):
            text = f"with {merging} several events share one execution, which can answer only one caller"
            report.wrong(("triggers", key, "respond"), text, fix="write respond: accepted")
