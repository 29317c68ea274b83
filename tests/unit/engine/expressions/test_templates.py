"""Templates: holes in texts, inside mappings and lists."""

from typing import Any

import pytest

from engine.errors import ExpressionError
from engine.expressions import compile_template

SCOPE: dict[str, Any] = {
    "trigger": {
        "data": {"amount": 5000, "name": "ada", "flag": True, "nothing": None, "lines": [1, "é"], "map": {"a": 1.0}}
    },
    "steps": {"shape": {"customer": "Ada", "total": 50.0}},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ trigger.data.amount }}", 5000),
        ("{{trigger.data.flag}}", True),
        ("{{ trigger.data.nothing }}", None),
        ("{{ trigger.data.lines }}", [1, "é"]),
        ("{{ trigger.data.amount / 100 }}", 50.0),
    ],
)
def test_a_text_that_is_exactly_one_hole_yields_the_typed_value(template: str, expected: object) -> None:
    found = compile_template(template).render(SCOPE)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ steps.shape.customer }} paid {{ steps.shape.total }}", "Ada paid 50"),
        (" {{ trigger.data.amount }}", " 5000"),
        ("{{ trigger.data.amount }}\n", "5000\n"),
        ("{{ trigger.data.flag }}{{ trigger.data.nothing }}{{ trigger.missing }}", "true"),
        ("lines: {{ trigger.data.lines }}", 'lines: [1,"é"]'),
        ("map: {{ trigger.data.map }}", 'map: {"a":1.0}'),
        ("{{ '{{' }} and {{ '}}' }}", "{{ and }}"),
        ("a {{ {'a': {'b': 1}}.a.b }} z", "a 1 z"),
        ("a {{ {'a': {'b': '}}'}} }} z", 'a {"a":{"b":"}}"}} z'),
        ('{{ "it\'s" }}!', "it's!"),
        ("{{ 1.5 }} {{ 1e20 }} {{ 12345678901234567890 }}", "1.5 1e+20 12345678901234567890"),
        ("}} is text, { too, and {}", "}} is text, { too, and {}"),
        ("{{ 1 }} } }}", "1 } }}"),
    ],
)
def test_other_texts_with_holes_yield_text(template: str, expected: str) -> None:
    assert compile_template(template).render(SCOPE) == expected


def test_holes_are_filled_at_any_depth_and_keys_never() -> None:
    template = compile_template({"{{ x }}": ["{{ trigger.data.name | title }}", {"deep": "{{ 1 + 1 }}", "n": 7}, None]})

    assert template.render(SCOPE) == {"{{ x }}": ["Ada", {"deep": 2, "n": 7}, None]}


def test_references_are_those_of_all_holes() -> None:
    template = compile_template({"a": "{{ steps.shape.total }}", "b": ["{{ vars.x }} {{ item }}"]})

    assert template.references == {"steps.shape", "vars.x", "item"}
    assert not template.is_constant


@pytest.mark.parametrize("value", ["text", 5, None, True, [1, "a"], {"a": {"b": "}}"}}, "{ {", ""])
def test_what_has_no_hole_is_constant_and_renders_to_itself(value: object) -> None:
    template = compile_template(value)

    assert template.is_constant
    assert template.references == frozenset()
    assert template.render({}) is value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{% if x %}", "write {{ '{%' }}"),
        ("a {# note #}", 'character 3: "{#" opens a statement or comment'),
        ("a {{ 1", "character 3: the hole is not closed"),
        ("{{ 'a }}", "character 4: the quote ' is not closed"),
        ("{{ {'a': 1 }}", "not closed"),
        ("{{- 1 }}", "white-space control"),
        ("{{ 1 -}}", "white-space control"),
        ("{{ }}", "the expression is empty"),
        ("{{" + "1" * 5000 + "}}", "within 4,000 characters"),
        ({"a": [{"b": "{{ nobody }}"}]}, 'a.0.b: column 1: unknown name "nobody"'),
    ],
)
def test_a_mistake_is_told_with_its_place(value: object, said: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_template(value)

    assert said in str(raised.value)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Any = "{{ 1 }}"
    for _ in range(60):
        value = [value]

    with pytest.raises(ExpressionError, match="nested deeper than 40 levels"):
        compile_template(value)


def test_a_hole_that_fails_is_named() -> None:
    template = compile_template({"good": "{{ 1 }}", "bad": "x {{ trigger.data.name > 1 }}"})

    with pytest.raises(ExpressionError, match=r'in "trigger\.data\.name > 1"'):
        template.render(SCOPE)


def test_strict_reaches_every_hole() -> None:
    with pytest.raises(ExpressionError, match=r'"trigger\.data\.absent" is missing'):
        compile_template(["{{ trigger.data.absent }}"]).render(SCOPE, strict=True)


def test_all_holes_share_one_bound_of_work() -> None:
    template = compile_template(["{{ input | upper | lower }}"] * 10)

    with pytest.raises(ExpressionError, match="units of work"):
        template.render({"input": "a" * 100_000})


def test_a_text_longer_than_the_bound_is_refused() -> None:
    template = compile_template("{{ input }}{{ input }}")

    with pytest.raises(ExpressionError, match="1,048,576"):
        template.render({"input": "a" * 600_000})
