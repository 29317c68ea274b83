"""Equal hashes mean that two documents run alike."""

import pytest

from engine.definition import definition_hash, parse_definition
from engine.model.base import JsonObject

TEXT = """\
name: a
description: one
nodes:
  one: {type: transform, name: First, set: {name: kept, x: 1}}
  two: {type: stop}
edges: [one -> two]
layout: {one: {x: 1}}
"""


def _hash(text: str) -> str:
    return definition_hash(parse_definition(text)[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: a", "name: b"),
        ("description: one", "description: two"),
        ("name: First", "name: Second"),
        ("layout: {one: {x: 1}}", "layout: {one: {x: 2}}"),
        ("[one -> two]", "[{from: one.main, to: two}]"),
        ("{name: kept, x: 1}", "{x: 1, name: kept}"),
    ],
)
def test_what_does_not_run_does_not_count(old: str, new: str) -> None:
    assert _hash(TEXT.replace(old, new)) == _hash(TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [("x: 1}}\n  two", "x: 2}}\n  two"), ("name: kept", "name: other"), ("{type: stop}", "{type: stop, as: failed}")],
)
def test_what_runs_does_count(old: str, new: str) -> None:
    assert TEXT.replace(old, new) != TEXT
    assert _hash(TEXT.replace(old, new)) != _hash(TEXT)


def test_the_order_of_edges_counts() -> None:
    one: JsonObject = {"edges": ["a -> c", "b -> c"]}
    two: JsonObject = {"edges": ["b -> c", "a -> c"]}
    assert definition_hash(one) != definition_hash(two)


def test_the_hash_is_a_sha256() -> None:
    assert len(_hash(TEXT)) == 64
