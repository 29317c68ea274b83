"""A diff says every change that runs, says it where it is, and says it as people would."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definition import definition_hash, parse_definition
from engine.definition.hashing import canonical
from engine.diff import diff, summary
from engine.model.base import Json, JsonObject

TEXT = """\
name: paid-orders
description: one
variables:
  threshold: {type: number, default: 100}
triggers:
  paid: {type: webhook, verify: none, filter: "trigger.data.amount > 1"}
  tick: {type: schedule, every: 1h}
nodes:
  is_big: {type: condition, if: "trigger.data.amount > vars.threshold"}
  shape: {type: transform, name: Shape it, set: {total: 1, tax: "{{ trigger.data.tax }}"}}
  charge:
    type: connector
    use: http.request
    with: {method: POST, url: "https://shop.example/charges"}
    retry: {max_attempts: 3}
    timeout: 30s
  refund: {type: connector, use: http.request, with: {method: POST, url: "https://shop.example/refunds"}}
  route:
    type: switch
    cases: [{when: "input > 1", port: big}, {when: "input > 0", port: small}]
edges: [is_big.true -> charge, is_big.false -> refund, shape -> route]
start: {tick: [shape]}
settings: {timeout: 2h}
layout: {is_big: {x: 1}}
"""
EXAMPLES = sorted(Path("examples").glob("*.yaml"))


def document(text: str = TEXT) -> JsonObject:
    return parse_definition(text)[1]


def said(old: str, new: str) -> list[str]:
    assert old in TEXT
    return [change.text for change in diff(document(), document(TEXT.replace(old, new)))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{max_attempts: 3}", "{max_attempts: 5}", "retry of `charge` went from 3 to 5 attempts"),
        ("    retry: {max_attempts: 3}\n", "", "retry of `charge` removed: 1 attempt instead of 3"),
        ("{max_attempts: 3}", "{max_attempts: 3, delay: 9s}", "delay of the retry of `charge` went from 1s (the default) to 9s"),
        ("timeout: 30s", "timeout: 1m", "timeout of `charge` went from 30s to 1m"),
        ("timeout: 30s", "on_error: continue\n    timeout: 30s", "on_error of `charge` went from fail (the default) to continue"),
        ("timeout: 30s", "on_error: fail\n    timeout: 30s", "on_error of `charge` is now written out as fail, which is the default"),
        ("shop.example/charges", "shop.example/c", "with.url of `charge` went from https://shop.example/charges to https://shop.example/c"),
        ("timeout: 30s", "connection: team\n    timeout: 30s", "the connection of `charge` added: team"),
        ("total: 1, ", "", "set.total of `shape` removed; it was 1"),
        ("name: Shape it", "name: Build", 'name of `shape` went from "Shape it" to Build'),
        ("port: small", "port: tiny", "cases.1.port of `route` went from small to tiny"),
        ("is_big.true -> charge, ", "is_big.true -> charge, is_big.true -> shape, ", "edge is_big.true -> shape added"),
        (", shape -> route]", "]", "edge shape -> route removed"),
        ("is_big.true -> charge, is_big.false -> refund", "is_big.false -> refund, is_big.true -> charge", "the order of the edges changed, which decides what comes first"),
        ("every: 1h", "every: 5m", "schedule `tick` now fires every 5m instead of every 1h"),
        ("every: 1h", 'cron: "0 9 * * *"', 'schedule `tick` now fires by the cron line "0 9 * * *" instead of every 1h'),
        ("every: 1h", "every: 1h, enabled: false", "schedule `tick` is now disabled"),
        ("every: 1h", "every: 1h, missed: all", "missed of schedule `tick` went from last (the default) to all"),
        ('amount > 1"', 'amount > 2"', 'filter of webhook `paid` went from "trigger.data.amount > 1" to "trigger.data.amount > 2"'),
        ("default: 100", "default: 200", "default of variable `threshold` went from 100 to 200"),
        ("settings: {timeout: 2h}", "settings: {timeout: 3h}", "the workflow's timeout went from 2h to 3h"),
        ("{tick: [shape]}", "{tick: [is_big]}", "trigger `tick` now starts `is_big`"),
        ("name: paid-orders", "name: orders", "the workflow is now called orders instead of paid-orders"),
        ("{x: 1}", "{x: 2}", "the layout changed"),
    ],
)  # fmt: skip
def test_a_change_is_said_as_people_would(old: str, new: str, expected: str) -> None:
    assert said(old, new) == [expected]


def test_nodes_triggers_and_variables_come_and_go_as_a_whole() -> None:
    old, new = document(), document()
    del new["nodes"]["refund"], new["triggers"]["tick"], new["variables"]["threshold"]
    new["nodes"]["tell"] = {"type": "connector", "use": "slack.post_message"}
    new["triggers"]["by_hand"] = {"type": "manual"}

    assert [change.text for change in diff(old, new)] == [
        "variable `threshold` removed",
        "trigger `tick` removed",
        "trigger `by_hand` added (manual)",
        "node `refund` removed",
        "node `tell` added (slack.post_message)",
    ]


def test_a_node_of_another_type_is_said_to_be_one() -> None:
    new = document()
    new["nodes"]["shape"] = {"type": "stop", "name": "Shape it"}

    texts = [change.text for change in diff(document(), new)]

    assert texts[0] == "node `shape` is now of type stop instead of transform"
    assert texts[1].startswith("set of `shape` removed")


def test_a_change_inside_a_loop_names_the_loop_first() -> None:
    old: JsonObject = {
        "nodes": {"orders": {"type": "loop", "body": {"nodes": {"charge": {"timeout": "1s"}}, "edges": []}}}
    }
    new = copy.deepcopy(old)
    new["nodes"]["orders"]["body"]["nodes"]["charge"]["timeout"] = "2s"
    new["nodes"]["orders"]["body"]["edges"] = ["charge -> tell"]

    assert [(change.place, change.text) for change in diff(old, new)] == [
        ("nodes.orders.body.nodes.charge.timeout", "in the loop `orders`: timeout of `charge` went from 1s to 2s"),
        ("nodes.orders.body.edges[0]", "in the loop `orders`: edge charge -> tell added"),
    ]


def test_a_key_called_edges_is_a_node_like_any_other() -> None:
    old: JsonObject = {"nodes": {"edges": {"type": "transform", "value": 1}}}
    new: JsonObject = {"nodes": {"edges": {"type": "transform", "value": 2}}}

    assert [change.text for change in diff(old, new)] == ["value of `edges` went from 1 to 2"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: paid-orders", "name: paid-orders", "no changes"),
        ("{x: 1}", "{x: 2}", "only layout or texts changed"),
        ("every: 1h", "every: 2h", "1 change"),
        ("{max_attempts: 3}", "{max_attempts: 4, delay: 2s}", "2 changes"),
    ],
)
def test_the_summary_counts_what_runs(old: str, new: str, expected: str) -> None:
    assert summary(diff(document(), document(TEXT.replace(old, new)))) == expected


def test_the_notation_of_edges_and_the_order_of_keys_are_no_change() -> None:
    new = (
        TEXT.replace("shape -> route", "{from: shape.main, to: route}")
        .replace("{total: 1, tax", "{tax")
        .replace('.tax }}"}', '.tax }}", total: 1}')
    )

    assert new != TEXT
    assert diff(document(), document(new)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_does_not_differ_from_itself(path: Path) -> None:
    one = document(path.read_text(encoding="utf-8"))

    assert diff(one, copy.deepcopy(one)) == []


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([1.0, -0.0, "a", "{{ b }}", "30s", ""])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=4,
)
sources = st.sampled_from([document(), *(document(path.read_text(encoding="utf-8")) for path in EXAMPLES)])


def paths(value: Json, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, entry in entries:
        yield (*at, name)
        yield from paths(entry, (*at, name))


@st.composite
def mutations(draw: st.DrawFn) -> tuple[JsonObject, JsonObject]:
    """A document, and the same with one thing replaced, removed or put in."""
    old = draw(sources)
    new = copy.deepcopy(old)
    *way, last = draw(st.sampled_from(sorted(paths(old), key=str)))
    holder: Json = new
    for part in way:
        holder = holder[part]
    match draw(st.sampled_from(["replace", "remove", "insert"])):
        case "remove":
            del holder[last]
        case "insert" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["type", "name", "edges", "body", "retry", "zzz"]))] = draw(values)
        case "insert":
            holder.insert(last, draw(values))
        case _:
            holder[last] = draw(values)
    return old, new


@given(mutations())
def test_a_diff_finds_a_change_that_runs_exactly_where_the_hashes_differ(pair: tuple[JsonObject, JsonObject]) -> None:
    old, new = pair

    changes = diff(old, new)

    assert any(change.runs for change in changes) == (definition_hash(old) != definition_hash(new))


@given(mutations())
def test_every_change_names_a_place_that_is_there(pair: tuple[JsonObject, JsonObject]) -> None:
    old, new = (canonical(one) for one in pair)

    for change in diff(old, new):
        assert stands(change.place, old if change.kind == "removed" else new), change


@given(values, values)
def test_any_two_documents_can_be_compared(one: Json, other: Json) -> None:
    old, new = {"nodes": one, "edges": other}, {"nodes": other, "edges": one}

    assert (diff(old, new) == []) == (definition_hash(old) == definition_hash(new))


def stands(place: str, document: Json) -> bool:
    for part in re.findall(r"[^.\[\]]+", place):
        key = int(part) if isinstance(document, list) else part
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
