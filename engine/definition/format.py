"""The whole definition as data, put together from triggers and nodes."""

from typing import Final

from engine.definition.edges import MAX_EDGES, EdgeText
from engine.definition.format_admission import ADMISSION
from engine.definition.format_nodes import BODY, DESCRIPTION, NODES
from engine.definition.format_triggers import TRIGGERS
from engine.definition.shapes import Either, Field, ListOf, MapOf, Section
from engine.definition.types import Anything, Choice, Duration, Number, Text
from engine.model.workflow import Lane, Merge, WhilePaused

VARIABLE_TYPES: Final = ("any", "text", "number", "integer", "boolean", "list", "mapping")

VARIABLE: Final = Section(
    noun="a variable",
    doc="A variable of each execution.",
    fields=(
        Field("type", Choice(options=VARIABLE_TYPES), "what it may hold", default="any"),
        Field("default", Anything(), "its value when an execution begins; `null` when absent"),
        Field(
            "merge",
            Choice(options=tuple(Merge)),
            "how assignments combine: the `last` wins, numbers `add` up, values `append` to a list, "
            "lists form a `union`",
            default="last",
        ),
    ),
)

RETAIN: Final = Section(
    noun="retain",
    doc="Which finished executions are kept; what either bound does not keep is removed.",
    fields=(
        Field("age", Duration(positive=True), "how long; as the hub says where it is absent"),
        Field(
            "count", Number(minimum=1, maximum=1_000_000), "how many of the newest; as the hub says where it is absent"
        ),
    ),
)

SETTINGS: Final = Section(
    noun="settings",
    doc="Bounds and habits of the workflow's executions.",
    fields=(
        Field("timeout", Duration(positive=True), "the longest an execution may take, waiting included", default="30d"),
        Field(
            "max_iterations",
            Number(minimum=1, maximum=1_000_000),
            "the most passes of one cycle, and rounds of one `while` loop",
            default=10_000,
        ),
        Field("priority", Choice(options=tuple(Lane)), "which executions go first", default="normal"),
        Field(
            "retain",
            Either(word=Duration(positive=True), section=RETAIN),
            "how long finished executions are kept, and how many; as the hub says where it is absent",
        ),
        Field(
            "while_paused",
            Choice(options=tuple(WhilePaused)),
            "keep events while the workflow is paused, or reject them",
            default="hold",
        ),
        Field(
            "on_failure",
            Text(min_length=1, max_length=200),
            "the name or id of a workflow that gets each failed execution as its event",
        ),
        *ADMISSION,
    ),
)

WORKFLOW: Final = Section(
    noun="a workflow",
    doc="A Patchbay workflow: triggers, nodes, and the edges between them.",
    fields=(
        Field(
            "name",
            Text(pattern=r"^\S(.*\S)?$", max_length=100, min_length=1, says="a name: one line, no space at its ends"),
            "what the workflow is called, unique in its project",
            required=True,
        ),
        Field("description", DESCRIPTION, "what the workflow is for"),
        Field("variables", MapOf(type=VARIABLE, noun="variable"), "variables of each execution, by key", default={}),
        Field("triggers", MapOf(type=TRIGGERS, noun="trigger"), "what starts it, by key", default={}),
        Field("nodes", MapOf(type=NODES, noun="node", minimum=1), "what it does, by key", required=True),
        Field("edges", ListOf(type=EdgeText(), maximum=MAX_EDGES), "how the nodes follow each other", default=[]),
        Field(
            "start",
            MapOf(type=ListOf(type=Text(max_length=63, label="node keys"), minimum=1, unique=True), noun="trigger"),
            "the nodes a trigger starts, by the trigger's key, where it is not all start nodes",
            default={},
        ),
        Field("finally", BODY, "what runs when all else is over, however it ended"),
        Field("settings", SETTINGS, "bounds and habits of its executions", default={}),
        Field("layout", Section(noun="layout", fields=(), open=True), "for an editor; it changes nothing"),
    ),
)
