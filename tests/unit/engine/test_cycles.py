"""Cycles: where they are found, and that nodes in and behind them run as often as they should."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from engine.cycles import find_cycles
from engine.model.execution import StepRecord
from engine.model.node import Edge, Join, JoinKind, NodeKind
from engine.model.outcome import Outcome, Succeeded
from engine.planner import apply, begin, result
from engine.state import Visit
from tests.unit.engine.flows import graph, node, play


def edges(*texts: str) -> tuple[Edge, ...]:
    pairs = [text.split(" -> ") for text in texts]
    return tuple(Edge(source=source, port="main", target=target) for source, target in pairs)


def by_ports(ports: dict[str, list[str]]) -> "Choose":
    return Choose({key: iter(each) for key, each in ports.items()})


class Choose:
    """Conditions leave by the listed ports, one after another."""

    def __init__(self, ports: dict[str, Iterator[str]]) -> None:
        self._ports = ports

    def __call__(self, visit: Visit) -> Outcome:
        following = self._ports.get(visit.node.key)
        return Succeeded(output=visit.path, ports=(next(following) if following else "main",))


def paths(records: list[StepRecord]) -> list[str]:
    return [record.path for record in records]


def test_a_cycle_is_cut_at_its_entrance() -> None:
    found = find_cycles(["a", "b", "c", "d"], edges("a -> b", "b -> c", "c -> b", "c -> d"))

    assert found.closing == {2}
    assert found.regions == (frozenset("bc"),)
    assert found.exits == {3: (0,)}
    assert found.entries == (frozenset({0}),)


def test_a_cycle_in_a_cycle_is_a_region_of_its_own() -> None:
    found = find_cycles(["a", "b", "c", "d", "e"], edges("a -> b", "b -> c", "c -> b", "c -> d", "d -> a", "d -> e"))

    assert found.closing == {2, 4}
    assert found.regions == (frozenset("bc"), frozenset("abcd"))
    assert found.around["c"] == (0, 1)
    assert found.exits == {3: (0,), 5: (1,)}


def test_a_cycle_that_nothing_leads_into_begins_where_its_first_edge_does() -> None:
    for keys in (["a", "b"], ["b", "a"]):
        assert find_cycles(keys, edges("b -> a", "a -> b")).closing == {1}, "the order of nodes does not count"


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_without_its_closing_edges_no_flow_has_a_cycle(pairs: list[tuple[int, int]]) -> None:
    keys = [f"n{number}" for number in range(8)]
    every = [Edge(source=keys[a], port="main", target=keys[b]) for a, b in pairs]
    found = find_cycles(keys, every)

    left = [edge for index, edge in enumerate(every) if index not in found.closing]
    alive = set(keys)
    while ends := {k for k in alive if not any(e.source == k and e.target in alive for e in left)}:
        alive -= ends
    assert not alive
    assert all(any(every[i].target in region for region in found.regions) for i in found.closing)


def test_each_pass_of_a_cycle_is_a_visit_of_its_own_and_what_follows_runs_once() -> None:
    again = node("again", NodeKind.CONDITION)
    flow = graph("ask", again, "end", edges=("ask -> again", "again.true -> ask", "again.false -> end"))

    state, records = play(flow, by_ports({"again": ["true", "true", "false"]}))

    assert paths(records) == ["ask", "again", "ask#2", "again#2", "ask#3", "again#3", "end"]
    assert not state.pending
    assert result(state) == "end"


def test_a_join_behind_a_cycle_waits_until_the_cycle_is_left() -> None:
    again = node("again", NodeKind.CONDITION)
    flow = graph(
        "ask", again, "other", "both",
        edges=("ask -> again", "again.true -> ask", "again.false -> both", "other -> both"),
    )  # fmt: skip

    _, records = play(flow, by_ports({"again": ["true", "true", "false"]}))

    assert paths(records).count("both") == 1
    assert paths(records)[-1] == "both"
    assert not any(path.startswith("both#") for path in paths(records))


def test_what_no_pass_led_to_is_skipped_when_the_cycle_stands_still() -> None:
    again = node("again", NodeKind.SWITCH)
    flow = graph(
        "ask", again, "good", "bad", "end",
        edges=("ask -> again", "again.a -> ask", "again.b -> good", "again.default -> bad", "good -> end", "bad -> end"),
    )  # fmt: skip

    state, records = play(flow, by_ports({"again": ["a", "b"]}))

    assert paths(records) == ["ask", "again", "ask#2", "again#2", "good", "end"]
    assert state.root.skipped == {"bad"}


def test_a_cycle_that_is_never_entered_is_skipped_with_what_follows() -> None:
    first, again = node("first", NodeKind.CONDITION), node("again", NodeKind.CONDITION)
    flow = graph(
        first, "ask", again, "end",
        edges=("first.true -> ask", "ask -> again", "again.true -> ask", "again.false -> end"),
    )  # fmt: skip

    state, records = play(flow, by_ports({"first": ["false"]}))

    assert paths(records) == ["first"]
    assert state.root.skipped == {"ask", "again", "end"}


def test_a_cycle_in_a_cycle_begins_anew_in_each_pass_of_the_outer_one() -> None:
    inner, outer = node("inner", NodeKind.CONDITION), node("outer", NodeKind.CONDITION)
    flow = graph(
        "a", inner, outer, "end",
        edges=("a -> inner", "inner.true -> inner", "inner.false -> outer", "outer.true -> a", "outer.false -> end"),
    )  # fmt: skip

    state, records = play(
        flow, by_ports({"inner": ["true", "false", "true", "true", "false"], "outer": ["true", "false"]})
    )

    assert [path.partition("#")[0] for path in paths(records)] == [
        "a", "inner", "inner", "outer", "a", "inner", "inner", "inner", "outer", "end",
    ]  # fmt: skip
    assert not state.pending


def test_a_join_inside_the_outer_cycle_waits_for_the_inner_one_in_every_pass() -> None:
    inner, outer = node("inner", NodeKind.CONDITION), node("outer", NodeKind.CONDITION)
    flow = graph(
        "a", inner, "side", node("both", join=Join(kind=JoinKind.ALL)), outer,
        edges=(
            "a -> inner", "a -> side", "inner.true -> inner", "inner.false -> both", "side -> both", "both -> outer",
            "outer.true -> a",
        ),
    )  # fmt: skip

    _, records = play(flow, by_ports({"inner": ["true", "true", "false", "true", "false"], "outer": ["true", "false"]}))

    assert [path for path in paths(records) if path.startswith("both")] == ["both", "both#2"]


def test_every_point_of_a_cycle_can_be_rebuilt_from_the_records() -> None:
    again = node("again", NodeKind.CONDITION)
    flow = graph(
        "ask", again, "other", "both",
        edges=("ask -> again", "again.true -> ask", "again.false -> both", "other -> both"),
    )  # fmt: skip
    _, records = play(flow, by_ports({"again": ["true", "false"]}))

    for cut in range(len(records)):
        folded = begin(flow, "t", None)
        for record in records[:cut]:
            apply(folded, record)
        assert records[cut].path in folded.pending
