"""Loops that cannot do what they say are refused, and what reaches further than it seems is pointed at."""

import pytest

from engine.definition import parse_definition
from engine.definition.cautions import cautions
from engine.errors import InvalidDefinition

BODY = "body: {nodes: {x: {type: transform, value: 1}}}"


def problem(fields: str) -> str:
    with pytest.raises(InvalidDefinition) as error:
        parse_definition(f"name: a\nnodes:\n  all: {{type: loop, {fields}, {BODY}}}\n")
    (found,) = error.value.problems
    return f"{found.place}: {found.message} ({found.fix})"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("while: index < 3, concurrency: 4", "nodes.all.concurrency: the rounds of a while loop follow one another, so none can run at once with others (leave concurrency out)"),
        ("while: index < 3, batch: 4", "nodes.all.batch: a while loop has no list to give out in batches (leave batch out)"),
        ("times: 3, batch: 4", "nodes.all.batch: a loop that counts has no list to give out in batches (leave batch out)"),
        ("over: 5", "nodes.all.over: must give a list or a mapping, and 5 is neither (None)"),
        ("over: orders", 'nodes.all.over: must give a list or a mapping, and "orders" is neither (write "{{ orders }}" if it is an expression)'),
        ("over: 'a {{ input }}'", "nodes.all.over: must give a list or a mapping, and a hole within other text gives a text (write nothing before and after the hole)"),
        ("over: [1], retry: {max_attempts: 2}", 'nodes.all.retry: "retry" is not a field of a loop node (put it on the steps inside)'),
        ("over: [1], cache: {key: 1, for: 1h}", 'nodes.all.cache: "cache" is not a field of a loop node (put it on the steps inside)'),
    ],
)  # fmt: skip
def test_a_loop_that_cannot_work_is_refused_with_a_fix(fields: str, expected: str) -> None:
    assert problem(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        "over: [1, 2]",
        "over: {a: 1}",
        "over: '{{ input }}', concurrency: 4, batch: 2",
        "over: '{{ input }}{{ input }}'",
        "times: 3, concurrency: 2",
        "while: index < 3, concurrency: 1",
    ],
)
def test_a_loop_that_may_work_is_taken(fields: str) -> None:
    parse_definition(f"name: a\nnodes:\n  all: {{type: loop, {fields}, {BODY}}}\n")


TEXT = """
name: a
nodes:
  all:
    type: loop
    over: [1]
    body:
      nodes:
        end: {type: stop}
        both:
          type: parallel
          branches:
            left: {nodes: {halt: {type: stop}, answer: {type: respond, body: 1}}}
  beside:
    type: parallel
    branches:
      one: {nodes: {say: {type: respond, body: 1}}}
  last: {type: stop}
  call:
    type: connector
    use: http.request
    on_error: continue
    with: {method: POST, url: "https://shop.example"}
    undo: {use: http.request, with: {method: POST, url: "https://shop.example/undo"}}
"""


def test_what_reaches_further_than_it_seems_is_pointed_at() -> None:
    inner = "nodes.all.body.nodes.both.branches.left.nodes"
    assert [(each.place, each.message) for each in cautions(parse_definition(TEXT)[0])] == [
        ("nodes.all.body.nodes.end", "this ends the whole execution, and not only the iteration it is in"),
        (f"{inner}.halt", "this ends the whole execution, and not only the branch it is in"),
        (
            f"{inner}.answer",
            "the caller gets one answer, that of the iteration which is first; the others are not sent",
        ),
        ("nodes.call.undo", "a call that failed is not taken back, and with on_error: continue the execution goes on"),
    ]
