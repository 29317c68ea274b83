"""An execution as a person reads it in a terminal: one line per attempt, its outlet, its time, and what came out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console
from rich.text import Text

from engine.model.base import Json
from engine.model.execution import Status, StepStatus
from engine.model.node import MAIN
from gateway.trace_steps import TraceStep
from gateway.trace_tree import Line, lines

EXCERPT: Final = 60

MARKS: Final = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "retrying": ("↻", "yellow"),
    "waiting": ("◷", "yellow"),
    "running": ("▸", "cyan"),
    "queued": ("…", "cyan"),
    "paused": ("‖", "yellow"),
    "cancelled": ("⊘", "yellow"),
    "skipped": ("○", "bright_black"),
    "unknown": ("?", "red"),
    "edited": ("✎", "yellow"),
}
PLAIN: Final = {
    "✓": "+",
    "✗": "x",
    "↻": "~",
    "◷": "@",
    "▸": ">",
    "…": ".",
    "‖": "|",
    "⊘": "/",
    "○": "o",
    "?": "?",
    "✎": "*",
}
"""What stands for a mark where the terminal's encoding lacks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One execution with its steps; ``skipped`` and ``ahead`` are the nodes that did not, or did not yet, run.

    ``parent`` names the step that started it, ``children`` have the step that started each, its status and its id.
    ``whole``: long loops are not folded.
    """

    id: str
    workflow: str
    trigger: str
    status: str
    steps: Sequence[TraceStep]
    created_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime | None = None
    wait_reason: str | None = None
    output: Json = None
    error: str = ""
    parent: str = ""
    children: Sequence[tuple[str, str, str]] = ()
    skipped: Sequence[str] = ()
    ahead: Sequence[str] = ()
    whole: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return Status(self.status).is_final


def show_trace(trace: Trace, console: Console, *, unfold: str = "") -> None:
    """Print an execution: a head line, its steps in order and indented, and its result or error.

    ``unfold`` is what shows long loops whole, if it is not a look at the stored execution.
    """
    _print(console, _head(trace, console))
    if trace.parent:
        _print(console, Text(f"  started by {trace.parent}", "bright_black"))
    told = lines(trace.steps, whole=trace.whole)
    rows = [_row(line, console) for line in told]
    rows += [_absent(key, "not on the path", _mark("skipped", console)) for key in trace.skipped]
    later = "did not run" if trace.is_final else "still to come"
    rows += [_absent(key, later, _mark("queued", console)) for key in trace.ahead]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (1, 2, 3)]
    for mark, name, kind, took, came_out in rows:
        line = Text.assemble("  ", mark, "  ", name, " " * (widths[0] - len(name) + 2))
        line.append_text(kind).append(" " * (widths[1] - len(kind) + 2))
        line.append(" " * (widths[2] - len(took))).append_text(took).append("  ")
        _print(console, line.append_text(came_out))
    for path, status, child in trace.children:
        line = Text.assemble("  ", _mark(status, console), f"  {path} started ", (child, "bright_black"), f" {status}")
        _print(console, line)
    if any(line.more for line in told):
        how = unfold or f"patchbay executions show {trace.id} --all"
        _print(console, Text(f"  long loops are folded; {how} shows every iteration", "bright_black"))
    if trace.error:
        console.print(Text.assemble("  ", (f"error: {trace.error}", "red")), overflow="fold")
    elif trace.output is not None and Status(trace.status) is Status.SUCCEEDED:
        _print(console, Text.assemble("  result ", excerpt(trace.output, 400)))


def excerpt(value: Json, limit: int = EXCERPT) -> str:
    """Return a value as JSON on one line, cut to ``limit`` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def span(started: datetime | None, finished: datetime | None) -> str:
    """Return how long something took, as short as it can be read; nothing if it has not ended."""
    if started is None or finished is None:
        return ""
    took = (finished - started) / timedelta(milliseconds=1)
    if took < 1000:
        return f"{took:.0f} ms" if took >= 1 else "<1 ms"
    return f"{took / 1000:.1f} s" if took < 120_000 else f"{took / 60_000:.0f} min"


def _head(trace: Trace, console: Console) -> Text:
    head = Text.assemble(_mark(trace.status, console), " ", (trace.workflow, "bold"), " ", _standing(trace))
    return head.append(f"  {trace.trigger} · {trace.id}" if _has_marks(console) else f"  {trace.trigger} {trace.id}")


def _standing(trace: Trace) -> str:
    took = span(trace.created_at, trace.finished_at)
    if took:
        return f"{trace.status} in {took}"
    if trace.status == Status.WAITING.value:
        return f"waiting {_until(trace.due_at, trace.wait_reason)}"
    return trace.status


Row = tuple[Text, Text, Text, Text, Text]


def _row(line: Line, console: Console) -> Row:
    indent = "  " * line.depth
    if line.more:
        dots = "…" if _has_marks(console) else "..."
        return Text(" "), Text(f"{indent}{dots} {line.more:,} more", "bright_black"), Text(), Text(), Text()
    step = line.step
    if step is None:
        status = "queued" if line.absent == "still to come" else "skipped"
        return _absent(indent + line.label, line.absent, _mark(status, console))
    name = Text(indent + line.label, "bold" if step.status == StepStatus.FAILED.value else "")
    if step.attempt > 1:
        name.append(f" attempt {step.attempt}", "yellow")
    kind = Text(step.kind, "bright_black")
    taken = [port for port in step.ports if port != MAIN]
    if taken:
        kind.append(f" {'→' if _has_marks(console) else '->'} {', '.join(taken)}", "cyan")
    if step.note:
        kind.append(f" ({step.note})", "yellow")
    took = Text(span(step.started_at, step.finished_at))
    return _mark(step.status, console), name, kind, took, _came_out(step)


def _absent(key: str, why: str, mark: Text) -> Row:
    """Make the row of a node that has no step."""
    return mark, Text(key, "bright_black"), Text(), Text(), Text(why, "bright_black")


def _print(console: Console, line: Text) -> None:
    """Print one line, cut where the terminal ends."""
    line.truncate(console.width, overflow="ellipsis" if _has_marks(console) else "crop")
    console.print(line, no_wrap=True, overflow="crop")


def _came_out(step: TraceStep) -> Text:
    told = _told(step)
    return Text.assemble((step.inside, "yellow"), "  ", told) if step.inside and told else Text(step.inside) + told


def _told(step: TraceStep) -> Text:
    if step.status in (StepStatus.WAITING.value, StepStatus.RETRYING.value) and step.due_at is not None:
        text = f"waits {_until(step.due_at, step.wait_reason)}"
        return Text(f"{step.error}; {text}" if step.error else text, "yellow")
    if step.error:
        return Text(step.error, "red")
    return Text("" if step.output is None else excerpt(step.output, 400), "bright_black")


def _until(due: datetime | None, reason: str | None) -> str:
    when = f"until {due.astimezone():%H:%M:%S}" if due else ""
    why = f"({reason})" if reason else ""
    return " ".join(part for part in (when, why) if part)


def _mark(status: str, console: Console) -> Text:
    mark, style = MARKS.get(status, ("?", "red"))
    return Text(mark if _has_marks(console) else PLAIN[mark], style)


def _has_marks(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
