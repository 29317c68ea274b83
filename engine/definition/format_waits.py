"""The nodes that wait for something from outside, as data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from engine.definition.report import INVALID, Path, Report
from engine.definition.shapes import Field, Section
from engine.definition.types import Boolean, Choice, Duration, Number, Template, TemplateOr, Text
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

WAIT: Final = Section(
    noun="a wait node",
    doc="Wait for something from outside, without holding an executor.",
    fields=(
        Field(
            "for",
            Choice(options=(Awaited.CALLBACK,), later=("event", "execution")),
            "what to wait for: a `callback` is a call to the address `execution.callbacks.<node>`",
            required=True,
        ),
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
