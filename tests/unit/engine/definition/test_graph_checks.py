"""Edges, joins, error routes, start nodes and reachability are checked across the whole graph."""

import pytest

from tests.unit.engine.definition.texts import STEP, only, problems, workflow


def _graph(edges: str, *, start: str = "{}", triggers: str = "{}", **nodes: str) -> str:
    kinds = dict.fromkeys("abcd", STEP) | nodes
    listed = ", ".join(f"{key}: {node}" for key, node in kinds.items())
    return workflow(nodes=f"{{{listed}}}", edges=edges, start=start, triggers=triggers)


CALL = "{type: connector, use: http.request"
QUESTION = "{type: condition, if: 'true'}"
SWITCH = "{type: switch, cases: [{when: 'true', port: left}, {when: 'false', port: right}]}"


@pytest.mark.parametrize(
    ("edge", "message", "fix"),
    [
        ("a -> bb", 'there is no node "bb"', 'did you mean "b"?'),
        ("x -> a", 'there is no node "x"', "known: a, b, c, d, n"),
        ("a -> a", "the cycle a -> a, which nothing can end", "condition or switch"),
        ("a.done -> b", 'the transform node "a" has no port "done"', "known: a.main"),
        ("a.error -> b", "only where it says on_error: route", "nodes.a"),
    ],
)
def test_a_wrong_edge_is_explained(edge: str, message: str, fix: str | None) -> None:
    found = only(_graph(f"['{edge}']", n=STEP))

    assert found.place == "edges[0]"
    assert message in found.message
    assert fix is None or fix in str(found.fix)


@pytest.mark.parametrize(
    ("node", "edge", "fix"),
    [
        (QUESTION, "n -> a", "known: n.true, n.false"),
        (QUESTION, "n.ture -> a", 'did you mean "true"?'),
        (SWITCH, "n.lef -> a", 'did you mean "left"?'),
        (SWITCH, "n -> a", "known: n.left, n.right, n.default"),
        ("{type: stop}", "n -> a", "remove the edge"),
    ],
)
def test_every_kind_has_its_own_ports(node: str, edge: str, fix: str) -> None:
    assert fix in str(only(_graph(f"['{edge}']", n=node)).fix)


@pytest.mark.parametrize("edge", ["n.true -> a", "n.false -> a"])
def test_a_condition_leaves_by_true_and_false(edge: str) -> None:
    assert problems(_graph(f"['{edge}']", n=QUESTION)) == []


@pytest.mark.parametrize("edge", ["n.left -> a", "n.right -> a", "n.default -> a"])
def test_a_switch_leaves_by_its_cases_and_default(edge: str) -> None:
    assert problems(_graph(f"['{edge}']", n=SWITCH)) == []


def test_nothing_is_said_about_the_ports_of_a_node_that_is_wrong() -> None:
    assert only(_graph("['n.body -> a']", n="{type: agent}")).place == "nodes.n.type"
    assert only(_graph("['n.mid -> a']", n="{type: switch, cases: [{when: 'true', port: Mid}]}")).place.endswith(
        ".port"
    )


def test_an_edge_that_stands_twice_names_the_first() -> None:
    found = only(_graph("[a -> b, {from: a, to: b}]"))
    assert found.place == "edges[1]"
    assert "edges[0]" in found.message


def test_two_ports_may_lead_to_the_same_node() -> None:
    assert problems(_graph("[n.true -> a, n.false -> a]", n=QUESTION)) == []


def test_a_routed_error_needs_an_edge() -> None:
    found = only(_graph("[n -> a]", n=f"{CALL}, on_error: route}}"))
    assert (found.place, found.fix) == ("nodes.n.on_error", 'add "n.error -> …" to edges')


def test_a_routed_error_with_an_edge_is_fine() -> None:
    assert problems(_graph("[n -> a, n.error -> b]", n=f"{CALL}, on_error: route}}")) == []


@pytest.mark.parametrize("node", [QUESTION, SWITCH, "{type: stop}"])
def test_a_node_without_main_cannot_continue_after_an_error(node: str) -> None:
    found = only(_graph("[]", n=node[:-1] + ", on_error: continue}"))
    assert found.place == "nodes.n.on_error"


def test_a_cycle_is_named_where_it_closes() -> None:
    found = only(_graph("[a -> b, b -> c, c -> a, c -> d]"))
    assert found.place == "edges[2]"
    assert "a -> b -> c -> a, which nothing can end" in found.message


def test_every_separate_cycle_is_named_once() -> None:
    found = problems(_graph("[a -> b, b -> a, c -> d, d -> c]"))
    assert [problem.place for problem in found] == ["edges[1]", "edges[3]"]


@pytest.mark.parametrize("join", ["any", "all", "each", "{count: 1}"])
def test_a_join_needs_two_inbound_edges(join: str) -> None:
    found = only(_graph("[a -> n]", n=f"{{type: merge, join: {join}}}"))
    assert (found.place, found.fix) == ("nodes.n.join", "leave join out")


def test_a_count_above_the_inbound_edges_is_refused() -> None:
    found = only(_graph("[a -> n, b -> n]", n="{type: merge, join: {count: 3}}"))
    assert found.place == "nodes.n.join.count"
    assert "2 inbound edges" in found.message


def test_a_count_up_to_the_inbound_edges_is_fine() -> None:
    assert problems(_graph("[a -> n, b -> n]", n="{type: merge, join: {count: 2}}")) == []


CLOCK = "{t: {type: schedule, every: 1m}, u: {type: manual}}"


def test_start_names_nodes_and_triggers_that_exist() -> None:
    found = problems(_graph("[]", triggers=CLOCK, start="{v: [a], u: [e]}"))
    assert [problem.place for problem in found] == ["start.v", "start.u[0]"]


def test_a_node_that_no_trigger_starts_is_unreachable() -> None:
    found = problems(_graph("[a -> b, c -> d]", triggers=CLOCK, start="{t: [a], u: [a]}"))
    assert [(problem.place, problem.fix) for problem in found] == [
        ("nodes.c", "name it in start"),
        ("nodes.d", "name it in start"),
    ]


def test_a_trigger_without_start_starts_every_start_node() -> None:
    assert problems(_graph("[a -> b, c -> d]", triggers=CLOCK, start="{t: [a]}")) == []


def test_a_webhook_that_waits_for_a_respond_node_needs_one() -> None:
    hook = "{t: {type: webhook, verify: none, respond: node}}"

    found = only(_graph("[]", triggers=hook))

    assert found.place == "triggers.t.respond"
    assert problems(_graph("[]", triggers=hook, n="{type: respond}")) == []


def test_a_respond_node_without_such_a_webhook_is_fine() -> None:
    assert problems(_graph("[]", n="{type: respond}")) == []


def test_a_thousand_nodes_in_a_row_are_fine() -> None:
    nodes = ", ".join(f"n{index}: {STEP}" for index in range(1000))
    edges = ", ".join(f"n{index} -> n{index + 1}" for index in range(999))
    assert problems(workflow(nodes=f"{{{nodes}}}", edges=f"[{edges}]")) == []
