"""Patterns 16 to 18, 23, 24 and 40: what the world decides, and what may run only one after another."""

from collections.abc import Sequence

from tests.unit.engine.patterns.stage import Call, play

DEFERRED = """
nodes:
  either:
    type: parallel
    wait_for: any
    branches:
      paid: {nodes: {paid: {type: wait, for: callback}}}
      cancelled: {nodes: {cancelled: {type: wait, for: callback}}}
      time_up: {nodes: {time_up: {type: delay, for: 8h}}}
  which:
    type: switch
    cases: [{when: steps.either.paid != null, port: paid}, {when: steps.either.cancelled != null, port: cancelled}]
  ship: &task {type: connector, use: a.b}
  refund: *task
  remind: *task
edges: [either -> which, which.paid -> ship, which.cancelled -> refund, which.default -> remind]
"""


async def test_wcp_16_deferred_choice() -> None:
    for name, task in (("paid", "ship"), ("cancelled", "refund")):
        late = Call(path=f"either.{'cancelled' if name == 'paid' else 'paid'}.late", payload=1, hours=3)
        played = await play(DEFERRED, calls=[Call(path=f"either.{name}.{name}", payload=True, hours=2), late])
        assert played.calls == [task], "the first that happens chooses, and the others are withdrawn"
        assert len(played.cancelled) == 2
        assert played.hour(task) == 2
    assert (await play(DEFERRED)).calls == ["remind"]


async def test_a_wait_chooses_between_what_comes_and_its_time() -> None:
    text = """
nodes:
  ask: {type: wait, for: callback, timeout: 2h}
  told: &task {type: connector, use: a.b}
  not_told: *task
edges: [ask -> told, ask.timeout -> not_told]
"""
    assert (await play(text, calls=[Call(path="ask", hours=1)])).calls == ["told"]
    assert (await play(text, calls=[Call(path="ask", hours=3)])).calls == ["not_told"]


INTERLEAVED = """
variables: {done: {type: list, default: [], merge: append}}
nodes:
  tasks:
    type: loop
    while: vars.done | length < 3
    body:
      nodes:
        ask: {type: wait, for: callback}
        which:
          type: switch
          cases:
            - {when: steps.ask == "a" and "a" not in vars.done, port: a}
            - {when: steps.ask == "b" and "b" not in vars.done AND, port: b}
            - {when: steps.ask == "c" and "c" not in vars.done, port: c}
        a: {type: delay, for: 90m, assign: {done: a}}
        b: {type: delay, for: 90m, assign: {done: b}}
        c: {type: delay, for: 90m, assign: {done: c}}
      edges: [ask -> which, which.a -> a, which.b -> b, which.c -> c]
"""


def asked(names: str) -> Sequence[Call]:
    """So many people come at the same hours, each with the name of a task."""
    return [Call(path=f"tasks[{n}].ask", payload=name, hours=n) for n, name in enumerate(names)]


async def test_wcp_17_interleaved_parallel_routing() -> None:
    text = INTERLEAVED.replace("AND", 'and "a" in vars.done')

    played = await play(text, calls=asked("bcab"))

    worked = [path.rpartition(".")[2] for path in played.ran if path[-1] in "abc"]
    assert worked == ["c", "a", "b"], "b is refused until a is done"
    assert [played.hour(f"tasks[{n}].{key}") for n, key in ((1, "c"), (2, "a"), (3, "b"))] == [2.5, 4, 5.5]


async def test_wcp_40_interleaved_routing() -> None:
    text = INTERLEAVED.replace("AND", "")
    for names in ("abc", "cba", "bac"):
        played = await play(text, calls=asked(names))
        worked = [path.rpartition(".")[2] for path in played.ran if path[-1] in "abc"]
        assert worked == list(names), "in any order, and never two at once"


async def test_wcp_18_milestone() -> None:
    text = """
nodes:
  order: &task {type: connector, use: a.b}
  open:
    type: parallel
    wait_for: any
    branches:
      pack: {nodes: {pack: {type: delay, for: 5h}}}
      change:
        nodes: {change: {type: wait, for: callback}, again: {type: condition, if: "true"}, change_order: *task}
        edges: [change -> change_order, change_order -> again, again.true -> change]
  ship: *task
edges: [order -> open, open -> ship]
"""
    calls = [Call(path=f"open.change.change{n}", hours=hour) for n, hour in (("", 1), ("#2", 2), ("#3", 6))]

    played = await play(text, calls=calls)

    assert played.calls == ["order", "open.change.change_order", "open.change.change_order#2", "ship"]
    assert played.hour("ship") == 5, "the third change came when the order was packed"
    assert played.cancelled == ["open.change.change#3"]


async def test_wcp_24_persistent_trigger() -> None:
    text = """
nodes:
  before: {type: delay, for: 4h}
  told: {type: wait, for: callback}
  after: {type: connector, use: a.b}
edges: [before -> told, told -> after]
"""
    early = await play(text, calls=[Call(path="told", payload="early", hours=1)])
    later = await play(text, calls=[Call(path="told", payload="later", hours=6)])

    assert (early.hour("after"), later.hour("after")) == (4, 6), "what came too early is kept until somebody waits"
    assert [step.output for step in early.steps if step.path == "told"] == ["early"]
