"""The nodes of a workflow as data: the fields of every kind and the ones all kinds share.

The parser, the JSON Schema and the tables of docs/reference/workflow-format.md are made from this.
"""

from datetime import timedelta
from typing import Final

from engine.definition.format_approval import APPROVAL
from engine.definition.format_bodies import Body, loop_section, parallel_section
from engine.definition.format_steps import ListSteps
from engine.definition.format_waits import WAIT, WORKFLOW
from engine.definition.json_schemas import JsonSchema
from engine.definition.shapes import Either, Field, Kinds, ListOf, Section
from engine.definition.types import (
    KEY_PATTERN,
    Anything,
    Boolean,
    Choice,
    Duration,
    Expression,
    Number,
    Size,
    Template,
    TemplateOr,
    Text,
)
from engine.errors import Category
from engine.model.node import NodeKind, OnError

NAME: Final = Text(max_length=200, label="text")
DESCRIPTION: Final = Text(max_length=10_000, label="text")

LONGEST_DELAY: Final = timedelta(days=366)
LONGEST_CACHE: Final = timedelta(days=30)

CASE: Final = Section(
    noun="a case",
    fields=(
        Field("when", Expression(), "the case holds when this is true", required=True),
        Field(
            "port",
            Text(label="port", pattern=KEY_PATTERN, max_length=63, says="a port: a to z first, then a to z, 0 to 9, _"),
            "the port to leave by, a name of your own; several cases may share one",
            required=True,
        ),
    ),
)

RETRY: Final = Section(
    noun="retry",
    doc="When a failed attempt is followed by another.",
    fields=(
        Field("max_attempts", Number(minimum=1, maximum=100), "attempts in all, the first one included", required=True),
        Field("delay", Duration(), "wait before the second attempt", default="1s"),
        Field("factor", Number(minimum=1, maximum=100, whole=False), "each wait is this much longer", default=2),
        Field("max_delay", Duration(), "no wait is longer than this", default="5m"),
        Field("jitter", Boolean(), "take a random part of up to half off each wait", default=True),
        Field(
            "on",
            ListOf(type=Choice(options=tuple(Category)), minimum=1, unique=True),
            "which categories of failure are tried again",
            default=["transient", "timeout", "capacity"],
        ),
    ),
)

CACHE: Final = Section(
    noun="cache",
    doc="When an earlier output stands in for a call.",
    fields=(
        Field(
            "key",
            Template(),
            "calls with the same key have the same result; with the key `null` none is kept",
            required=True,
        ),
        Field(
            "for",
            Duration(positive=True, maximum=LONGEST_CACHE),
            "how long a result is kept, at most `30d`",
            required=True,
        ),
    ),
)

JOIN: Final = Either(
    word=Choice(options=("all", "any", "each")),
    section=Section(
        noun="join",
        fields=(Field("count", Number(minimum=1, maximum=10_000), "run at the n-th arrival", required=True),),
    ),
)

COMMON: Final = (
    Field("name", NAME, "what people call the node; the key when absent"),
    Field("description", DESCRIPTION, "what the node is for"),
    Field("input", Template(), "what `input` means inside the node; the output of the one node before it when absent"),
    Field("assign", Template(mapping=True), "variables to set after success, by name"),
    Field("strict", Boolean(), "make a missing key in an expression an error and not `null`", default=False),
    Field("join", JOIN, "when a node with several inbound edges runs", default="all"),
    Field("retry", RETRY, "when a failed attempt is followed by another; never when absent"),
    Field("timeout", Duration(positive=True), "the longest one attempt may take", default="5m"),
    Field(
        "on_error",
        Choice(options=tuple(OnError)),
        "what the final failure does: `fail` ends the execution, `continue` goes on with the error as output, "
        "`route` leaves by the port `error`",
        default="fail",
    ),
    Field("disabled", Boolean(), "do nothing and pass the input on through `main`", default=False),
    Field("pin", Anything(), "a fixed output, as it stands, instead of running the node"),
    Field("input_schema", JsonSchema(bounded=True), "what `input` must satisfy, or the step fails before it runs"),
    Field("output_schema", JsonSchema(bounded=True), "what the output must satisfy, or the step fails after it ran"),
)

_CALL: Final = (
    Field(
        "use",
        Text(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=200, says="connector.action"),
        "the action, `connector.action`",
        required=True,
    ),
    Field("connection", Text(min_length=1, max_length=200), "the name of the connection to call it with"),
    Field("with", Template(mapping=True), "the action's inputs", default={}),
)

UNDO: Final = Section(
    noun="undo",
    doc="The call that takes back what the node did, when the execution fails later.",
    fields=(
        *_CALL,
        Field("retry", RETRY, "when a failed attempt is followed by another; never when absent"),
        Field("timeout", Duration(positive=True), "the longest one attempt may take", default="5m"),
    ),
)

_CONNECTOR: Final = Section(
    noun="a connector node",
    doc="Call one action of a connector.",
    fields=(
        *_CALL,
        Field("cache", CACHE, "when an earlier output stands in for the call; never when absent"),
        Field("undo", UNDO, "the call that takes back what this one did, made when the execution fails later"),
    ),
)

_TRANSFORM: Final = Section(
    noun="a transform node",
    doc="Build a value.",
    exactly_one=("set", "value", "steps"),
    fields=(
        Field("set", Template(mapping=True), "a mapping to build, field by field"),
        Field("value", Template(), "any value to build, often one hole"),
        Field("steps", ListSteps(), "what to do with the list that is the node's input, one after another"),
    ),
)

_CONDITION: Final = Section(
    noun="a condition node",
    doc="Leave by `true` or by `false`.",
    fields=(Field("if", Expression(), "the question", required=True),),
)

_SWITCH: Final = Section(
    noun="a switch node",
    doc="Leave by the port of a case that holds, or by `default`.",
    fields=(
        Field("cases", ListOf(type=CASE, minimum=1, maximum=200), "the cases, asked in this order", required=True),
        Field(
            "mode",
            Choice(options=("first", "all")),
            "leave by the first case that holds, or by all of them",
            default="first",
        ),
    ),
)

_MERGE: Final = Section(
    noun="a merge node",
    doc="Combine what arrives on several edges.",
    fields=(
        Field(
            "combine",
            Choice(options=("list", "object", "first", "concat")),
            "what comes out: a `list` of what arrived in the order of the edges, one `object` of all mappings (where "
            "two share a key the later edge wins), the `first` alone, or one list that is the `concat` of lists",
            default="list",
        ),
    ),
)

_DELAY: Final = Section(
    noun="a delay node",
    doc="Wait, without holding an executor.",
    exactly_one=("for", "until"),
    fields=(
        Field("for", TemplateOr(type=Duration(maximum=LONGEST_DELAY), keep_text=True), "how long, at most `366d`"),
        Field("until", Expression(), "an expression that gives the time to go on at, with its zone"),
    ),
)

_RESPOND: Final = Section(
    noun="a respond node",
    doc="Answer the caller of a webhook with `respond: node`; the execution goes on.",
    fields=(
        Field("status", TemplateOr(type=Number(minimum=200, maximum=599)), "HTTP status", default=200),
        Field("headers", Template(mapping=True), "HTTP headers", default={}),
        Field("body", Template(), "the body: a mapping or a list is sent as JSON"),
    ),
)

_STOP: Final = Section(
    noun="a stop node",
    doc="End the execution at once, also its other branches.",
    fields=(
        Field("as", Choice(options=("succeeded", "failed")), "how the execution ends", default="succeeded"),
        Field("output", Template(), "the execution's result"),
        Field("message", TemplateOr(type=Text(max_length=4000)), "why, for people"),
    ),
)

LIMITS: Final = Section(
    noun="limits",
    doc="What one run of a source may use.",
    fields=(
        Field(
            "time",
            Duration(minimum=timedelta(seconds=1), maximum=timedelta(seconds=10)),
            "how long it may run, `1s` to `10s`",
            default="5s",
        ),
        Field(
            "memory", Size(maximum=256 * 1024 * 1024), "how much memory it may use, at most `256MiB`", default="64MiB"
        ),
        Field("output", Size(maximum=4 * 1024 * 1024), "how large its result may be, at most `4MiB`", default="1MiB"),
        Field(
            "console", Size(maximum=256 * 1024), "how much console output is kept, at most `256KiB`", default="64KiB"
        ),
    ),
)

_CODE: Final = Section(
    noun="a code node",
    doc="Run JavaScript or Python of your own, in a process without files and network.",
    fields=(
        Field("language", Choice(options=("javascript", "python")), "what the source is written in", required=True),
        Field("source", Text(min_length=1, max_length=100_000), "what to run; it is no template", required=True),
        Field("limits", LIMITS, "what one run may use", default={}),
    ),
)


def _nodes() -> Kinds:
    return NODES


BODY: Final = Body(kinds=_nodes)

NODES: Final = Kinds(
    noun="node",
    common=COMMON,
    later=("prompt", "agent", "task"),
    kinds={
        NodeKind.CONNECTOR: _CONNECTOR,
        NodeKind.TRANSFORM: _TRANSFORM,
        NodeKind.CONDITION: _CONDITION,
        NodeKind.SWITCH: _SWITCH,
        NodeKind.MERGE: _MERGE,
        NodeKind.DELAY: _DELAY,
        NodeKind.RESPOND: _RESPOND,
        NodeKind.STOP: _STOP,
        NodeKind.CODE: _CODE,
        NodeKind.WAIT: WAIT,
        NodeKind.LOOP: loop_section(BODY),
        NodeKind.PARALLEL: parallel_section(BODY),
        NodeKind.WORKFLOW: WORKFLOW,
        NodeKind.APPROVAL: APPROVAL,
    },
)
