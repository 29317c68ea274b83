"""The steps of a transform: what each operation makes of a list, on the rules of the filters, and what it refuses."""

import re

import pytest

from engine.definition import parse_definition
from engine.errors import ExpressionError
from engine.graph import compile_graph
from engine.list_steps import run_steps
from engine.model.base import Json, VersionId
from tests.unit.engine.definition.texts import problems

ORDERS: Json = [
    {"id": 1, "by": "ann", "n": 5, "lines": ["x", "y"]},
    {"id": 2, "by": "bob", "n": None, "lines": []},
    {"id": 3, "by": "ann", "n": 2, "lines": ["z"]},
    {"id": 4, "by": None, "n": 9},
]


def text(steps: str) -> str:
    return f'name: steps\nvariables: {{others: {{}}}}\nnodes: {{t: {{type: transform, input: "{{{{ trigger.data }}}}", steps: [{steps}]}}}}\n'


def run(steps: str, value: Json = ORDERS, *, strict: bool = False, **scope: Json) -> Json:
    definition, _ = parse_definition(text(steps))
    compiled = compile_graph(definition, VersionId("v")).nodes["t"].steps
    return run_steps(compiled, value, {"trigger": {"data": {"most": 2, "names": NAMES}}, **scope}, strict=strict)


NAMES: Json = [{"key": "ann", "name": "Ann"}, {"key": "ann", "name": "Anna"}, {"key": 7, "name": "Seven"}]


def ids(value: Json) -> Json:
    return [item["id"] for item in value]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("{filter: (item.n or 0) > 3}", [1, 4]),
        ("{filter: index >= 1 and item.by}", [2, 3]),
        ("{sort: item.n}", [3, 1, 4, 2]),
        ("{sort: item.n, descending: true}", [4, 1, 3, 2]),
        ("{sort: item.by}", [1, 3, 2, 4]),
        ("{unique: item.by}", [1, 2, 4]),
        ("{limit: 2}", [1, 2]),
        ("{limit: 2, from: 3}", [4]),
        ("{limit: 0}", []),
        ('{limit: "{{ trigger.data.most }}", from: "{{ 1 }}"}', [2, 3]),
        ("{filter: item.n != null}, {sort: item.n}, {limit: 1}", [3]),
    ],
)
def test_the_items_that_are_left_and_their_order(steps: str, expected: Json) -> None:
    assert ids(run(steps)) == expected


def test_groups_keep_the_kind_of_their_key_and_the_order_of_their_first_items() -> None:
    groups = run("{group: item.by}")
    assert [(group["key"], ids(group["items"])) for group in groups] == [("ann", [1, 3]), ("bob", [2]), (None, [4])]


def test_an_aggregate_of_a_group_stands_beside_its_key() -> None:
    steps = '{group: item.by, aggregate: {total: "{{ items | sum(\'n\') }}", first: "{{ items[0].id }} of {{ key }}"}}'
    assert run(steps) == [
        {"key": "ann", "total": 7, "first": "1 of ann"},
        {"key": "bob", "total": 0, "first": "2 of bob"},
        {"key": None, "total": 9, "first": "4 of "},
    ]


def test_an_aggregate_makes_one_mapping_of_the_list() -> None:
    steps = '{filter: item.n}, {aggregate: {count: "{{ items | length }}", mean: "{{ items | average(\'n\') | round(1) }}"}}'
    assert run(steps) == {"count": 3, "mean": 5.3}
    assert run('{aggregate: {n: "{{ items | length }}"}}', []) == {"n": 0}


def test_split_makes_items_of_inner_lists() -> None:
    assert run("{split: item.lines}") == ["x", "y", "z"], "null and an empty list give none"
    split = run("{split: item.lines, as: line}")
    assert [(item["id"], item["line"]) for item in split] == [(1, "x"), (1, "y"), (3, "z")]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("", [(1, "Ann"), (2, None), (3, "Ann"), (4, None)]),
        (", unmatched: drop", [(1, "Ann"), (3, "Ann")]),
        (", matches: all", [(1, ["Ann", "Anna"]), (2, []), (3, ["Ann", "Anna"]), (4, [])]),
    ],
)
def test_join_finds_what_belongs_to_an_item_in_another_list(how: str, expected: Json) -> None:
    found = run(f"{{join: trigger.data.names, on: item.by, to: item.key, as: who{how}}}")

    def name(who: Json) -> Json:
        return [each["name"] for each in who] if isinstance(who, list) else who and who["name"]

    assert [(item["id"], name(item["who"])) for item in found] == expected


def test_join_compares_by_text_and_uses_one_expression_for_both_sides() -> None:
    found = run("{join: vars.others, on: item.id, as: other}", [{"id": 7}], vars={"others": [{"id": "7", "x": 1}]})
    assert found == [{"id": 7, "other": {"id": "7", "x": 1}}]


@pytest.mark.parametrize("value", [[3, 1, 2, None], ["b", "a", "b"], [1, 1.0, "1", True]])
@pytest.mark.parametrize("operation", ["sort", "unique"])
def test_an_operation_agrees_with_the_filter_of_its_name(operation: str, value: Json) -> None:
    def outcome(steps: str) -> Json:
        try:
            return run(steps, value)
        except ExpressionError as error:
            return "numbers only" in str(error)

    whole = f'{{aggregate: {{all: "{{{{ items | {operation} }}}}"}}}}'
    by_filter = outcome(whole)
    assert outcome(f"{{{operation}: item}}") == (by_filter["all"] if isinstance(by_filter, dict) else by_filter)


@pytest.mark.parametrize(
    ("steps", "value", "says"),
    [
        ("{filter: item.n}", {"a": 1}, "steps[0].filter: filter needs a list, not mapping"),
        ("{filter: item.n}, {sort: item / 0}", ORDERS, "steps[1].sort: item 0: "),
        ("{sort: item}", [1, "a"], "steps[0].sort: sort needs numbers only or texts only, not number and text"),
        ("{split: item}", [[1], 5], "steps[0].split: item 1: split needs a list, not number"),
        ("{split: item, as: x}", [[1]], 'steps[0].split: item 0: split with "as" needs a mapping, not list'),
        ("{group: item}", [{}], "steps[0].group: group needs attributes that are texts"),
        ("{join: trigger.data.most, on: item, as: x}", [{}], "steps[0].join: join needs a list, not number"),
        (
            "{join: trigger.data.names, on: item.key, as: x}",
            [1],
            "steps[0].join: item 0: join needs a mapping, not number",
        ),
        ('{limit: "{{ trigger.nothing }}"}', [1], "steps[0].limit: limit needs a whole number from 0"),
        ('{limit: 1, from: "{{ -1 }}"}', [1], 'steps[0].limit: "from" needs a whole number from 0'),
    ],
)
def test_an_error_names_the_step_and_the_item(steps: str, value: Json, says: str) -> None:
    with pytest.raises(ExpressionError, match="^" + re.escape(says)):
        run(steps, value)


def test_in_a_strict_node_a_missing_field_is_an_error() -> None:
    with pytest.raises(ExpressionError, match=r"^steps\[0\]\.filter: item 3: .*lines"):
        run("{filter: item.lines}", strict=True)


@pytest.mark.parametrize(
    "steps",
    [
        "{sort: item.n}",
        "{split: trigger.data.names}",
        "{join: trigger.data.names, on: item.n, as: x}",
        '{group: index, aggregate: {n: "{{ items | length }}"}}',
    ],
)
def test_the_work_of_a_step_is_bounded(steps: str) -> None:
    with pytest.raises(ExpressionError, match=r"^steps\[0\]\.\w+: .*(units of work|bound is)"):
        run(steps, [{"n": n} for n in range(100_000)])


def test_thousands_of_items_go_through_several_steps() -> None:
    steps = "{filter: item.n >= 3000}, {sort: item.n, descending: true}, {group: item.n % 7}, {limit: 3}"
    assert len(run(steps, [{"n": n} for n in range(6_000)])) == 3


@pytest.mark.parametrize(
    ("steps", "at", "says"),
    [
        ("{filtr: item.n}", "nodes.t.steps[0]", "a step must say what it does"),
        ("3", "nodes.t.steps[0]", "a step must be a mapping"),
        ("{filter: item.n, sort: item.n}", "nodes.t.steps[0].sort", '"sort" is not a field of a filter step'),
        ("{sort: item.n, descending: maybe}", "nodes.t.steps[0].descending", "must be true or false"),
        ("{filter: item.}", "nodes.t.steps[0].filter", "column"),
        ("{filter: items}", "nodes.t.steps[0].filter", "items"),
        ("{join: item, on: item.a, as: a}", "nodes.t.steps[0].join", '"item" has a value only inside a loop'),
        ("{join: trigger.data, on: item.a}", "nodes.t.steps[0].as", '"as" is missing'),
        ("{limit: -1}", "nodes.t.steps[0].limit", "must be from 0"),
        ("{filter: steps.t}", "nodes.t.steps[0].filter", "can never have run before it"),
        ("{aggregate: {}}, {limit: 1}", "nodes.t.steps[0]", "no step can follow an aggregate"),
        (", ".join(["{limit: 1}"] * 21), "nodes.t.steps", "must have 1 to 20 entries"),
    ],
)
def test_what_is_wrong_with_a_step_is_said_when_it_is_saved(steps: str, at: str, says: str) -> None:
    found = problems(text(steps))
    assert [(one.place, says in one.message) for one in found][:1] == [(at, True)], found


def test_a_node_builds_its_value_in_one_way() -> None:
    (found,) = problems("name: x\nnodes: {t: {type: transform, value: 1, steps: [{limit: 1}]}}\n")
    assert "exactly one of set, value or steps" in found.message
