"""YAML is read by the rules of YAML 1.2, within bounds, and every value knows where it stands."""

import time

import pytest

from engine.definition.report import Mark
from engine.definition.yaml_text import plain_scalar, read_yaml
from engine.errors import InvalidDefinition, Problem


def _problem(text: str) -> Problem:
    with pytest.raises(InvalidDefinition) as caught:
        read_yaml(text)
    return caught.value.problems[-1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("2026-03-01", "2026-03-01"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_the_key_on_stays_a_text() -> None:
    assert read_yaml("retry: {on: [timeout]}\n").document == {"retry": {"on": ["timeout"]}}


def test_a_quoted_number_stays_a_text() -> None:
    assert read_yaml("a: '1'\nb: \"true\"\nc: |\n  7\n").document == {"a": "1", "b": "true", "c": "7\n"}


def test_keys_that_look_like_numbers_are_texts() -> None:
    assert read_yaml("200: ok\ntrue: yes\n").document == {"200": "ok", "true": "yes"}


def test_every_key_and_value_has_its_position() -> None:
    tree = read_yaml("a:\n  - x\n  - bb: [1, 2]\n")

    assert tree.positions.values[("a", 0)] == Mark(line=2, column=5)
    assert tree.positions.keys[("a", 1, "bb")] == Mark(line=3, column=5)
    assert tree.positions.values[("a", 1, "bb", 1)] == Mark(line=3, column=13)


def test_a_key_that_stands_twice_is_found_at_its_second_place() -> None:
    tree = read_yaml("a: 1\nb: 2\na: 3\n")

    [problem] = tree.report.problems(tree.positions)
    assert (problem.place, problem.line, problem.column) == ("a", 3, 1)
    assert "twice" in problem.message


def test_an_alias_is_replaced_by_a_copy() -> None:
    tree = read_yaml("a: &it {x: [1, 2]}\nb: *it\nc: *it\n")

    assert tree.document == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": {"x": [1, 2]}}
    assert tree.document["a"] is not tree.document["b"]
    assert tree.positions.values[("b", "x", 1)] == Mark(line=2, column=4)


def test_aliases_that_multiply_end_at_a_bound() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    began = time.perf_counter()

    assert "more than 50000 values" in _problem(text).message
    assert time.perf_counter() - began < 5


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    assert "refers to what it is part of" in _problem("a: &it [1, *it]\n").message


def test_an_alias_without_an_anchor_is_refused() -> None:
    assert "nothing is named" in _problem("a: *it\n").message


@pytest.mark.parametrize("opener", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opener: str) -> None:
    assert "more than 50 deep" in _problem(opener * 100_000).message


@pytest.mark.parametrize("text", ["a: !!python/object:os.system {}\n", "a: !!str 1\n", "a: !mine x\n"])
def test_tags_are_refused(text: str) -> None:
    problem = _problem(text)
    assert "tag" in problem.message
    assert (problem.line, problem.column, problem.place) == (1, 4, "a")


def test_a_second_document_is_refused() -> None:
    problem = _problem("a: 1\n---\nb: 2\n")
    assert problem.line == 2
    assert "second document" in problem.message


def test_a_list_as_a_key_is_refused() -> None:
    assert "key must be a text" in _problem("? [a, b]\n: 1\n").message


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert "empty" in _problem(text).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 99999999999999999999\n", "64 bits"),
        ("a: 1e999\n", "not finite"),
        ("a: .inf\n", "not finite"),
        ("a: .nan\n", "not finite"),
        ('a: "\\0"\n', "NUL"),
    ],
)
def test_values_that_cannot_be_stored_are_refused(text: str, message: str) -> None:
    problem = _problem(text)
    assert message in problem.message
    assert problem.place == "a"


def test_a_syntax_error_is_found_with_its_line() -> None:
    problem = _problem("name: x\nnodes:\n  a: [1, 2\nedges: []\n")
    assert problem.line == 4
    assert "no YAML" in problem.message


def test_a_tab_as_indentation_is_explained() -> None:
    problem = _problem("nodes:\n\ta: 1\n")
    assert (problem.line, problem.fix) == (2, "indent with spaces, not tabs")


def test_a_hole_without_quotes_is_explained() -> None:
    problem = _problem("a:\n  b: {{ trigger.data }}: x\n")
    assert problem.line == 2
    assert "quotes" in str(problem.fix)


def test_a_control_character_is_found_with_its_line() -> None:
    problem = _problem("a: 1\nb: \x07\n")
    assert (problem.line, problem.column) == (2, 4)
