"""Patterns 1 to 5: one after the other, side by side, and choices."""

from engine.errors import RemoteRejected
from engine.model.execution import Status
from tests.unit.engine.patterns.stage import play


async def test_wcp_01_sequence() -> None:
    played = await play("""
nodes:
  a: &task {type: connector, use: a.b}
  b: *task
  c: *task
edges: [a -> b, b -> c]
""")

    assert played.calls == played.ran == ["a", "b", "c"]


async def test_a_sequence_ends_where_a_task_fails() -> None:
    played = await play(
        "nodes: {a: &task {type: connector, use: a.b}, b: *task, c: *task}\nedges: [a -> b, b -> c]",
        actions={"b": RemoteRejected("no")},
    )

    assert (played.ran, played.calls, played.end.status) == (["a"], ["a", "b"], Status.FAILED)


SPLIT = """
nodes:
  first: &task {type: connector, use: a.b}
  slow: {type: delay, for: 2h}
  quick: {type: delay, for: 1h}
  left: *task
  right: *task
  last: *task
edges: [first -> slow, first -> quick, slow -> left, quick -> right, left -> last, right -> last]
"""


async def test_wcp_02_parallel_split() -> None:
    played = await play(SPLIT)

    assert played.ran == ["first", "quick", "right", "slow", "left", "last"]
    assert (played.hour("right"), played.hour("left")) == (1, 2), "both ways went on at once"


async def test_wcp_03_synchronization() -> None:
    played = await play(SPLIT)

    assert played.ran.count("last") == 1
    assert played.hour("last") == 2, "it waited for the slower way"


CHOICE = """
nodes:
  kind:
    type: switch
    cases: [{when: trigger.data == 1, port: one}, {when: trigger.data <= 2, port: two}]
  a: &task {type: connector, use: a.b}
  b: *task
  c: *task
  after: *task
edges: [kind.one -> a, kind.two -> b, kind.default -> c, a -> after, b -> after, c -> after]
"""


async def test_wcp_04_exclusive_choice() -> None:
    ran = [(await play(CHOICE, data=data)).ran for data in (1, 2, 3)]

    assert ran == [["kind", chosen, "after"] for chosen in ("a", "b", "c")]


async def test_wcp_05_simple_merge() -> None:
    for data in (1, 2, 3):
        played = await play(CHOICE, data=data)
        assert played.calls.count("after") == 1, "once, and it does not wait for the ways that were not taken"
