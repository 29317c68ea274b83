"""The nodes that wait for something from outside, as data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from engine.definition.report import INVALID, Path, Report
from engine.definition.shapes import Field, Section
from engine.definition.types import (
    KEY_PATTERN,
    Boolean,
    Choice,
    Duration,
    Expression,
    Number,
    Template,
    TemplateOr,
    Text,
)
from engine.model.arrival import Awaited
from engine.model.base import Json, JsonObject

LONGEST_WAIT: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOrText:
    """A version: its number, or a text that names it; read as text."""

    label: str = "integer, label or template"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            checked = Number(minimum=1, maximum=999_999_999).read(value, at, report)
            return checked if checked is INVALID else str(checked)
        return TemplateOr(type=Text(min_length=1, max_length=64)).read(value, at, report)

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}]}


LIMIT: Final = Field(
    "timeout",
    Duration(positive=True, maximum=LONGEST_WAIT),
    "how long to wait before leaving by the port `timeout`; as long as the execution may take when absent",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitSection(Section):
    """A wait node: which fields stand there depends on what it waits for."""

    def read(self, value: Json, at: Path, report: Report) -> Any:
        record = Section.read(self, value, at, report)
        if not isinstance(record, dict) or "for" not in record:
            return record
        own = _OWN[record["for"]]
        for name in own[:1]:
            if name not in value:
                report.wrong((*at, name), f'"{name}" is missing', fix=f"it says which {record['for']} to wait for")
        for name in ("trigger", "workflow", "match", "execution"):
            if name in value and name not in own:
                text = f'"{name}" has no meaning with for: {record["for"]}'
                report.wrong((*at, name), text, fix="leave it out", key=True)
        return record


_OWN: Final = {
    Awaited.CALLBACK: (),
    Awaited.EVENT: ("trigger", "workflow", "match"),
    Awaited.EXECUTION: ("execution",),
}

WAIT: Final = WaitSection(
    noun="a wait node",
    doc="Wait for something from outside, without holding an executor.",
    fields=(
        Field(
            "for",
            Choice(options=(Awaited.CALLBACK, Awaited.EVENT, Awaited.EXECUTION)),
            "what to wait for: a `callback` is a call to the address `execution.callbacks.<node>`, an `event` one of a "
            "trigger, an `execution` the end of one",
            required=True,
        ),
        Field(
            "trigger",
            Text(label="key", pattern=KEY_PATTERN, max_length=63, says="the key of a trigger"),
            "for an event: the key of the trigger it comes by",
        ),
        Field("workflow", Text(min_length=1, max_length=200), "for an event: whose trigger; this one's when absent"),
        Field(
            "match",
            Expression(),
            "for an event: which one, where `trigger` is the event that comes; the first one when absent",
        ),
        Field("execution", TemplateOr(type=Text(min_length=1, max_length=200)), "for an execution: its id"),
        LIMIT,
    ),
)

VERSION: Final = NumberOrText()

WORKFLOW: Final = Section(
    noun="a workflow node",
    doc="Start an execution of another workflow, and wait for its result.",
    fields=(
        Field(
            "workflow",
            TemplateOr(type=Text(min_length=1, max_length=200)),
            "the name or the id of the workflow to start",
            required=True,
        ),
        Field("version", VERSION, "its version: `published`, a number or a label", default="published"),
        Field("with", Template(), "the child's input, its `trigger.data`"),
        Field("wait", Boolean(), "wait for its end; else only start it", default=True),
        Field(
            "timeout",
            Duration(positive=True, maximum=LONGEST_WAIT),
            "how long the child may take; one that takes longer is cancelled, and the step fails. "
            "As long as the execution may take when absent",
        ),
    ),
)
