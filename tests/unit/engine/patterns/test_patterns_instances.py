"""Patterns 12 to 15, 26, 27, 34 to 36: many instances of the same task."""

from tests.unit.engine.patterns.stage import Call, hang, play


async def test_wcp_12_instances_without_synchronization() -> None:
    played = await play(
        """
nodes:
  list: {type: transform, value: [3, 1, 2]}
  each:
    type: loop
    over: "{{ steps.list }}"
    concurrency: 3
    body:
      nodes: {pause: {type: delay, for: "{{ item * 3600 }}"}, work: &task {type: connector, use: a.b}}
      edges: [pause -> work]
  next: *task
edges: [list -> each, list -> next]
"""
    )

    assert played.calls == ["next", "each[1].work", "each[2].work", "each[0].work"]
    assert played.hour("next") == 0, "nothing waits for the instances, and none of them for another"


KNOWN = """
nodes:
  each: {type: loop, times: TIMES, concurrency: 10, body: {nodes: {work: &task {type: connector, use: a.b}}}}
  next: *task
edges: [each -> next]
"""


async def test_wcp_13_instances_known_when_designing() -> None:
    played = await play(KNOWN.replace("TIMES", "3"), actions={"work": 7})

    assert sorted(played.calls[:3]) == ["each[0].work", "each[1].work", "each[2].work"]
    assert played.calls[3:] == ["next"]
    assert [step.output for step in played.steps if step.path == "each" and step.attempt] == [[7, 7, 7]]


async def test_wcp_14_instances_known_when_running() -> None:
    for number in (0, 1, 4):
        played = await play(KNOWN.replace("TIMES", '"{{ trigger.data }}"'), data=number)
        assert sorted(played.calls[:-1]) == [f"each[{n}].work" for n in range(number)]
        assert played.calls[-1] == "next"


SPAWN = """
variables:
  open: {type: boolean, default: true}
  finished: {type: integer, default: 0, merge: add}
nodes:
  instances:
    type: parallel
    branches:
      all:
        nodes:
          ask: {type: wait, for: callback}
          more: {type: condition, if: steps.ask != "enough"}
          work: {type: delay, for: 3h}
          count: {type: transform, value: 1, assign: {finished: 1}}
        edges: [ask -> more, more.true -> work, more.true -> ask, work -> count]
  next: {type: connector, use: a.b}
edges: [instances -> next]
"""


async def test_wcp_15_instances_that_nobody_knew_beforehand() -> None:
    paths = ["instances.all.ask", "instances.all.ask#2", "instances.all.ask#3"]
    outside = [Call(path=path, payload=what, hours=n + 1)
               for n, (path, what) in enumerate(zip(paths, ["one", "two", "enough"], strict=True))]  # fmt: skip

    played = await play(SPAWN, calls=outside)

    begun = [path for path in played.ran if path.startswith("instances.all.work")]
    assert begun == ["instances.all.work", "instances.all.work#2"], "the second began while the first was under way"
    assert played.calls == ["next"]
    assert played.hour("next") == 5, "and all of them were waited for"


WITHDRAWN = """
variables: {done: {type: list, default: [], merge: append}}
nodes:
  instances:
    type: parallel
    wait_for: any
    branches:
      all:
        nodes:
          each:
            type: loop
            over: [1, 2, 8, 9]
            concurrency: 3
            body:
              nodes:
                pause: {type: delay, for: "{{ item * 3600 }}"}
                note: {type: transform, value: "{{ item }}", assign: {done: "{{ item }}"}}
              edges: [pause -> note]
      end: {nodes: {told: {type: wait, for: callback}}}
  which: {type: condition, if: steps.instances.all != null}
  next: &task {type: connector, use: a.b}
  withdrawn: *task
edges: [instances -> which, which.true -> next, which.false -> withdrawn]
"""


async def test_wcp_26_cancel_the_instances_of_a_task() -> None:
    played = await play(WITHDRAWN, calls=[Call(path="instances.end.told", hours=4)])

    each = "instances.all.each"
    assert set(played.cancelled) == {f"{each}[2].pause", f"{each}[3].pause", each}
    assert played.calls == ["withdrawn"]
    assert f"{each}[1].note" in played.ran, "what had finished stays"


async def test_wcp_27_complete_the_instances_of_a_task() -> None:
    text = WITHDRAWN.replace("if: steps.instances.all != null", "if: vars.done | length > 0")
    played = await play(text, calls=[Call(path="instances.end.told", hours=4)])

    assert played.calls == ["next"], "it goes on as if all were done, with what the finished ones gave"
    assert played.hour("next") == 4


COUNTED = """
variables:
  begun: {type: integer, default: 0, merge: add}
  finished: {type: integer, default: 0, merge: add}
nodes:
  another: {type: condition, if: vars.begun < trigger.data.instances, assign: {begun: 1}}
  on: {type: transform, value: "{{ vars.begun }}"}
  work: {type: delay, for: "{{ input * 3600 }}"}
  enough: {type: condition, if: ENOUGH, assign: {finished: 1}}
  next: {type: connector, use: a.b}
edges: [another.true -> on, on -> another, on -> work, work -> enough, enough.true -> next]
"""


async def test_wcp_34_static_partial_join_for_instances() -> None:
    played = await play(COUNTED.replace("ENOUGH", "vars.finished == 2"), data={"instances": 5})

    assert [path for path in played.ran if path.startswith("work")] == ["work", *(f"work#{n}" for n in range(2, 6))]
    assert played.calls == ["next"]
    assert (played.hour("next"), played.hour("work#5")) == (3, 5), "the others run to their ends, and change nothing"


async def test_wcp_36_dynamic_partial_join_for_instances() -> None:
    text = COUNTED.replace("ENOUGH", "vars.finished + 1 == (vars.begun - 1 if vars.begun < 5 else 2)")
    few = await play(text, data={"instances": 2})
    many = await play(text, data={"instances": 5})

    assert (few.calls, many.calls) == (["next"], ["next"])
    assert (few.hour("next"), many.hour("next")) == (2, 2), "how many are enough is worked out when one of them ends"


ENOUGH = """
nodes:
  each:
    type: loop
    over: [1, 2, 3, 9, 9]
    concurrency: 3
    WAIT
    body: {nodes: {pause: {type: delay, for: "{{ item * 3600 }}"}, work: &task {type: connector, use: a.b}},
           edges: [pause -> work]}
  next: *task
edges: [each -> next]
"""


async def test_wcp_35_cancelling_partial_join_for_instances() -> None:
    played = await play(ENOUGH.replace("WAIT", "wait_for: {count: 2}"), actions={"work": "done"})

    assert played.calls == ["each[0].work", "each[1].work", "next"]
    assert set(played.cancelled) == {"each[2].pause", "each[3].pause"}, "and the fifth never began"
    assert [step.output for step in played.steps if step.path == "each" and step.attempt] == [["done", "done"]]
    assert played.hour("next") == 2


async def test_the_first_iteration_that_succeeds_breaks_off_calls_under_way() -> None:
    played = await play(
        """
nodes:
  each:
    type: loop
    over: [1, 2, 3]
    concurrency: 3
    wait_for: any
    on_item_error: collect
    body:
      nodes:
        which: {type: switch, cases: [{when: item == 1, port: bad}, {when: item == 2, port: stuck}]}
        bad: {type: transform, value: "{{ item / 0 }}"}
        stuck: &task {type: connector, use: a.b}
        good: *task
      edges: [which.bad -> bad, which.stuck -> stuck, which.default -> good]
""",
        actions={"good": 3, "stuck": hang},
    )

    assert played.cancelled == ["each[1].stuck"]
    assert isinstance(played.end.output, list)
    assert [sorted(each) if isinstance(each, dict) else each for each in played.end.output] == [["error"], 3]
