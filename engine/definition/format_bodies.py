"""Nodes inside nodes, as data: the bodies of loops, the branches of parallel nodes, and ``finally``.

A body may hold further bodies, so it is put together with the kinds of node only when one of them is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from engine.definition.edges import MAX_EDGES, EdgeText
from engine.definition.places import nodes_on
from engine.definition.report import Path, Report
from engine.definition.shapes import Either, Field, Kinds, ListOf, MapOf, Section
from engine.definition.types import KEY_PATTERN, Choice, Duration, Expression, Number, Template, TemplateOr, Text
from engine.model.base import Json, JsonObject
from engine.model.node import OnItemError

DEEPEST: Final = 8
"""How many bodies may lie in one another."""

WITHOUT: Final = ("retry", "cache", "undo")
"""What a node with nodes inside does not have: each of those has its own."""

INSTEAD: Final = "put it on the steps inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The type of a body; ``kinds`` gives the kinds of node there are."""

    kinds: Callable[[], Kinds]
    label: str = "`{nodes, edges}`"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if len(nodes_on(at)) > DEEPEST:
            return report.wrong(at, f"more than {DEEPEST} bodies lie in one another", fix="call another workflow")
        return self.section(self.kinds()).read(value, at, report)

    def schema(self) -> JsonObject:
        return {"$ref": "#/$defs/body"}

    def section(self, nodes: Kinds) -> Section:
        """Return the body as a section."""
        return Section(
            noun="a body",
            doc="Nodes, and the edges between them.",
            fields=(
                Field("nodes", MapOf(type=nodes, noun="node", minimum=1), "what it does, by key", required=True),
                Field(
                    "edges", ListOf(type=EdgeText(), maximum=MAX_EDGES), "how the nodes follow each other", default=[]
                ),
            ),
        )


_TIMEOUT: Final = Field("timeout", Duration(positive=True), "the longest all of it may take; no limit when absent")

_SPREAD_OVER: Final = Field(
    "spread_over",
    Number(minimum=1, maximum=100_000),
    "above so many items, child executions with up to so many each run them, on any executor; never when absent",
)

_ON_ITEM_ERROR: Final = Field(
    "on_item_error",
    Choice(options=tuple(OnItemError)),
    "what a failed iteration does: `fail` fails the loop, `skip` leaves its result out, `collect` puts `{error: …}` in "
    "its place",
    default="fail",
)


def loop_section(body: Body) -> Section:
    """Return the section of a loop."""
    return Section(
        noun="a loop node",
        doc="Run nodes again and again: for each item of a list, a number of times, or while something holds.",
        exactly_one=("over", "while", "times"),
        without=WITHOUT,
        instead=INSTEAD,
        fields=(
            Field("over", Template(), "the list to go through; a mapping gives `{key, value}` for each of its entries"),
            Field("while", Expression(), "go on as long as this is true, asked before each iteration"),
            Field("times", TemplateOr(type=Number(minimum=0, maximum=1_000_000)), "how often to run"),
            Field(
                "as",
                Text(pattern=KEY_PATTERN, max_length=63, says="a name: a to z first, then a to z, 0 to 9, _"),
                "another name for `item`",
            ),
            Field(
                "concurrency",
                Number(minimum=1, maximum=1000),
                "how many iterations run at once",
                default=1,
            ),
            Field(
                "batch",
                Number(minimum=1, maximum=100_000),
                "give each iteration a list of up to so many items; one item, and not as a list, when absent",
            ),
            Field("body", body, "what each iteration runs", required=True),
            _SPREAD_OVER,
            _ON_ITEM_ERROR,
            Field(
                "wait_for",
                _wait_for("iterations", maximum=1_000_000),
                "go on when `all` iterations ended, or `any` one succeeded, or so many; the others are then cancelled",
                default="all",
            ),
            _TIMEOUT,
        ),
    )


def _wait_for(what: str, *, maximum: int) -> Either:
    count = Field("count", Number(minimum=1, maximum=maximum), f"go on when so many {what} succeeded", required=True)
    return Either(word=Choice(options=("all", "any")), section=Section(noun="wait_for", fields=(count,)))


def parallel_section(body: Body) -> Section:
    """Return the section of a parallel node."""
    return Section(
        noun="a parallel node",
        doc="Run several branches at once.",
        without=WITHOUT,
        instead=INSTEAD,
        fields=(
            Field("branches", MapOf(type=body, noun="branch", minimum=1), "what runs at once, by name", required=True),
            Field(
                "wait_for",
                _wait_for("branches", maximum=1000),
                "go on when `all` branches succeeded, or `any` one, or so many; the others are then cancelled",
                default="all",
            ),
            _TIMEOUT,
        ),
    )
