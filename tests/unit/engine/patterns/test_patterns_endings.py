"""Patterns 10, 11, 19, 21, 25 and 43: cycles, and the ways in which things end."""

import pytest

from engine.model.execution import Status, StepStatus
from tests.unit.engine.patterns.stage import Call, play


async def test_wcp_10_arbitrary_cycles() -> None:
    """A cycle with two ways in and two ways out."""
    text = """
variables: {passes: {type: integer, default: 0, merge: add}}
nodes:
  begin: {type: condition, if: trigger.data.top}
  a: {type: connector, use: a.b, assign: {passes: 1}}
  leave_a: {type: condition, if: vars.passes < trigger.data.a}
  b: {type: connector, use: a.b, join: each, assign: {passes: 1}}
  leave_b: {type: condition, if: vars.passes < trigger.data.b}
  out_a: &task {type: connector, use: a.b}
  out_b: *task
edges: [begin.true -> a, begin.false -> b, a -> leave_a, leave_a.true -> b, leave_a.false -> out_a,
        b -> leave_b, leave_b.true -> a, leave_b.false -> out_b]
"""
    top = await play(text, data={"top": True, "a": 3, "b": 99})
    middle = await play(text, data={"top": False, "a": 99, "b": 3})

    assert top.calls == ["a", "b", "a#2", "out_a"]
    assert middle.calls == ["b", "a", "b#2", "out_b"]


async def test_wcp_11_implicit_termination() -> None:
    played = await play("""
nodes:
  a: {type: delay, for: 1h}
  b: {type: delay, for: 5h}
  c: {type: connector, use: a.b}
edges: [a -> c]
""")

    assert (played.end.status, played.ran) == (Status.SUCCEEDED, ["a", "c", "b"])
    assert played.end.finished_at is not None
    assert played.hour("b") == 5, "it is over when nothing is left to do, and no node has to say so"


WITHDRAW = """
nodes:
  before: &task {type: connector, use: a.b}
  task:
    type: parallel
    wait_for: any
    branches:
      work: {nodes: {WORK}, edges: [EDGES]}
      withdraw: {nodes: {withdraw: {type: wait, for: callback}}}
  after: *task
edges: [before -> task, task -> after]
"""


@pytest.mark.parametrize("work", ["{type: delay, for: 9h}", "{type: wait, for: callback}"])
async def test_wcp_19_cancel_a_task(work: str) -> None:
    text = WITHDRAW.replace("WORK", f"work: {work}").replace("EDGES", "")

    played = await play(text, calls=[Call(path="task.withdraw.withdraw", hours=2)])

    assert played.cancelled == ["task.work.work"]
    assert (played.calls, played.hour("after")) == (["before", "after"], 2)


async def test_wcp_25_cancel_a_region() -> None:
    work = (
        "one: {type: delay, for: 1h}, two: {type: delay, for: 9h}, three: {type: delay, for: 8h}, "
        "loop: {type: loop, times: 2, body: {nodes: {four: {type: delay, for: 7h}}}}"
    )
    text = WITHDRAW.replace("WORK", work).replace("EDGES", "one -> two")

    played = await play(text, calls=[Call(path="task.withdraw.withdraw", hours=2)])

    expected = {"task.work.two", "task.work.three", "task.work.loop[0].four", "task.work.loop"}
    assert set(played.cancelled) == expected
    assert played.ran == ["before", "task.work.one", "task.withdraw.withdraw", "task", "after"]


async def test_wcp_21_structured_loop() -> None:
    """With its test before the body, and after it."""
    before = """
variables: {left: {type: integer, default: 0}}
nodes:
  begin: {type: transform, value: 1, assign: {left: "{{ trigger.data }}"}}
  repeat: {type: loop, while: vars.left > 0, body: {nodes: {
    work: {type: connector, use: a.b, assign: {left: "{{ vars.left - 1 }}"}}}}}
edges: [begin -> repeat]
"""
    after = """
variables: {left: {type: integer, default: 0}}
nodes:
  begin: {type: transform, value: 1, assign: {left: "{{ trigger.data }}"}}
  work: {type: connector, use: a.b, assign: {left: "{{ vars.left - 1 }}"}}
  again: {type: condition, if: vars.left > 0}
edges: [begin -> work, work -> again, again.true -> work]
"""

    assert (await play(before, data=2)).calls == ["repeat[0].work", "repeat[1].work"]
    assert (await play(before, data=0)).calls == []
    assert (await play(after, data=2)).calls == ["work", "work#2"]
    assert (await play(after, data=0)).calls == ["work"]


@pytest.mark.parametrize(("how", "status"), [("succeeded", Status.SUCCEEDED), ("failed", Status.FAILED)])
async def test_wcp_43_explicit_termination(how: str, status: Status) -> None:
    played = await play(f"""
nodes:
  long: {{type: delay, for: 9h}}
  short: {{type: delay, for: 1h}}
  end: {{type: stop, as: {how}, output: 7}}
  never: {{type: connector, use: a.b}}
edges: [short -> end, long -> never]
""")

    assert played.end.status is status
    assert played.calls == []
    assert [step.path for step in played.steps if step.status is StepStatus.CANCELLED] == ["long"]
    assert played.hour("long") == 1
