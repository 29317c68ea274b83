"""Patterns 6 to 9, 28 to 33, 37, 38, 41 and 42: ways that part and come together again."""

import pytest

from tests.unit.engine.patterns.stage import hang, play

CHOOSE = """
nodes:
  which:
    type: switch
    mode: all
    cases:
      - {when: '"a" in trigger.data', port: a}
      - {when: '"b" in trigger.data', port: b}
      - {when: '"c" in trigger.data', port: c}
  a: {type: delay, for: 1h}
  b: {type: delay, for: 2h}
  c: {type: delay, for: 3h}
  done: {type: connector, use: a.b%s}
edges: [which.a -> a, which.b -> b, which.c -> c, a -> done, b -> done, c -> done]
"""


async def test_wcp_06_multi_choice() -> None:
    played = await play(CHOOSE % "", data=["a", "c"])
    assert played.ran == ["which", "a", "c", "done"]


async def test_wcp_07_structured_synchronizing_merge() -> None:
    for chosen, hour in ((["b"], 2), (["a", "b"], 2), (["a", "b", "c"], 3)):
        played = await play(CHOOSE % "", data=chosen)
        assert (played.calls, played.hour("done")) == (["done"], hour), "once, after all that were chosen"


async def test_wcp_08_multi_merge() -> None:
    played = await play(CHOOSE % ", join: each", data=["a", "c"])

    assert played.ran == ["which", "a", "done", "c", "done#2"]
    assert (played.hour("done"), played.hour("done#2")) == (1, 3)


async def test_wcp_09_structured_discriminator() -> None:
    played = await play(CHOOSE % ", join: any", data=["a", "b", "c"])

    assert played.calls == ["done"], "the ways that come later change nothing"
    assert played.hour("done") == 1
    assert played.ran == ["which", "a", "done", "b", "c"]


async def test_a_discriminator_is_ready_again_in_the_next_pass() -> None:
    played = await play("""
variables: {passes: {type: integer, default: 0, merge: add}}
nodes:
  split: {type: transform, value: 1, assign: {passes: 1}}
  a: {type: delay, for: 1h}
  b: {type: delay, for: 2h}
  first: {type: connector, use: a.b, join: any}
  both: {type: merge}
  again: {type: condition, if: vars.passes < 3}
edges: [split -> a, split -> b, a -> first, b -> first, a -> both, b -> both, both -> again, again.true -> split]
""")

    assert played.calls == ["first", "first#2", "first#3"]
    assert [played.hour(path) for path in played.calls] == [1, 3, 5]


async def test_wcp_30_structured_partial_join() -> None:
    played = await play(CHOOSE % ", join: {count: 2}", data=["a", "b", "c"])

    assert played.calls == ["done"]
    assert played.hour("done") == 2
    assert played.ran == ["which", "a", "b", "done", "c"], "the third way still runs, and changes nothing"


TWICE = """
nodes:
  p: {type: delay, for: 1h}
  q: {type: delay, for: 2h}
  r: {type: delay, for: 10h}
  a: &each {type: transform, value: "{{ input }}", join: each}
  b: {type: delay, for: 4h, join: each}
  c: {type: delay, for: 8h, join: each}
  gate: {type: connector, use: a.b, join: %s}
edges: [p -> a, q -> a, p -> b, q -> b, p -> c, q -> c, a -> gate, b -> gate, c -> gate]
""".replace("  r: {type: delay, for: 10h}\n", "")
"""``a`` arrives at 1 and 2, ``b`` at 5 and 6, ``c`` at 9 and 10 o'clock."""


async def test_wcp_28_blocking_discriminator() -> None:
    played = await play(TWICE % "any")

    assert played.calls == ["gate", "gate#2"]
    assert [played.hour(path) for path in played.calls] == [1, 9], "what comes twice waits until all came once"


async def test_wcp_31_blocking_partial_join() -> None:
    played = await play(TWICE % "{count: 2}")

    assert played.calls == ["gate", "gate#2"]
    assert [played.hour(path) for path in played.calls] == [5, 9]


async def test_wcp_33_generalised_and_join() -> None:
    played = await play(TWICE % "all")

    assert played.calls == ["gate", "gate#2"], "each arrival is used once, and none is lost"
    assert [played.hour(path) for path in played.calls] == [9, 10]


RACE = """
nodes:
  race:
    type: parallel
    wait_for: %s
    branches:
      a: {nodes: {wait_a: {type: delay, for: 1h}, a: &task {type: connector, use: a.b}}, edges: [wait_a -> a]}
      b: {nodes: {wait_b: {type: delay, for: 2h}, b: *task}, edges: [wait_b -> b]}
      c: {nodes: {wait_c: {type: delay, for: 3h}, c: *task}, edges: [wait_c -> c]}
      d: {nodes: {wait_d: {type: delay, for: 9h}, d: *task}, edges: [wait_d -> d]}
  next: *task
edges: [race -> next]
"""


async def test_wcp_29_cancelling_discriminator() -> None:
    played = await play(RACE % "any")

    assert played.ran == ["race.a.wait_a", "race.a.a", "race", "next"]
    assert set(played.cancelled) == {"race.b.wait_b", "race.c.wait_c", "race.d.wait_d"}
    assert played.hour("next") == 1


async def test_wcp_32_cancelling_partial_join() -> None:
    played = await play(RACE % "{count: 2}")

    assert played.ran == ["race.a.wait_a", "race.a.a", "race.b.wait_b", "race.b.b", "race", "next"]
    assert set(played.cancelled) == {"race.c.wait_c", "race.d.wait_d"}
    assert played.hour("next") == 2


@pytest.mark.parametrize("needed", ["any", "{count: 2}"])
async def test_calls_under_way_in_the_other_branches_are_broken_off(needed: str) -> None:
    text = f"""
nodes:
  race:
    type: parallel
    wait_for: {needed}
    branches:
      a: {{nodes: {{ask: {{type: connector, use: a.b}}}}}}
      b: {{nodes: {{stuck: {{type: connector, use: a.b}}}}}}
      c: {{nodes: {{other: {{type: connector, use: a.b}}}}}}
"""
    played = await play(text, actions={"stuck": hang, "other": hang if needed == "any" else 1})

    assert "race.b.stuck" in played.cancelled
    assert ("race.c.other" in played.cancelled) is (needed == "any")


UNSTRUCTURED = """
nodes:
  one: {type: switch, mode: all, cases: [{when: trigger.data.x, port: x}, {when: trigger.data.y, port: y}]}
  two: {type: switch, mode: all, cases: [{when: trigger.data.z, port: z}]}
  a: {type: delay, for: 1h}
  b: {type: delay, for: 2h}
  mid: &task {type: connector, use: a.b}
  end: *task
edges: [one.x -> a, one.y -> two, two.z -> b, a -> mid, b -> mid, mid -> end, two.default -> end, one.default -> end]
"""


async def test_wcp_37_acyclic_synchronizing_merge() -> None:
    cases = {
        (True, False, False): (["mid", "end"], 1),
        (True, True, True): (["mid", "end"], 2),
        (False, True, True): (["mid", "end"], 2),
        (True, True, False): (["mid", "end"], 1),
        (False, True, False): (["end"], 0),
        (False, False, False): (["end"], 0),
    }
    for (x, y, z), (calls, hour) in cases.items():
        played = await play(UNSTRUCTURED, data={"x": x, "y": y, "z": z})
        assert (played.calls, played.hour("end")) == (calls, hour), (x, y, z)


async def test_wcp_38_general_synchronizing_merge() -> None:
    played = await play(
        """
variables: {passes: {type: integer, default: 0, merge: add}}
nodes:
  look: {type: delay, for: 1h}
  more: {type: condition, if: vars.passes < trigger.data - 1, assign: {passes: 1}}
  rare: {type: switch, cases: [{when: vars.passes == 2, port: hit}]}
  beside: {type: delay, for: 90m}
  hit: {type: transform, value: hit}
  done: {type: connector, use: a.b}
edges: [look -> more, more.true -> rare, rare.default -> look, rare.hit -> hit, hit -> done, more.false -> done,
        beside -> done]
""",
        data=2,
    )
    assert (played.calls, played.hour("done")) == (["done"], 2), "it waits while the cycle may still send something"
    assert "hit" not in played.ran


async def test_wcp_41_thread_merge() -> None:
    played = await play("""
variables: {arrived: {type: integer, default: 0, merge: add}}
nodes:
  a: {type: delay, for: 1h}
  b: {type: delay, for: 2h}
  c: {type: delay, for: 3h}
  work: {type: connector, use: a.b, join: each}
  last: {type: condition, if: vars.arrived == 2, assign: {arrived: 1}}
  merged: {type: connector, use: a.b}
edges: [a -> work, b -> work, c -> work, work -> last, last.true -> merged]
""")

    assert played.calls == ["work", "work#2", "work#3", "merged"]
    assert played.hour("merged") == 3


async def test_threads_that_end_together_are_merged_once() -> None:
    played = await play("""
variables: {arrived: {type: integer, default: 0, merge: add}}
nodes:
  a: &start {type: transform, value: 1}
  b: *start
  c: *start
  work: {type: connector, use: a.b, join: each}
  last: {type: condition, if: vars.arrived == 1, assign: {arrived: 1}}
  merged: {type: connector, use: a.b}
edges: [a -> work, b -> work, c -> work, work -> last, last.true -> merged]
""")

    assert played.calls.count("merged") == 1, "the second of three"


async def test_wcp_42_thread_split() -> None:
    played = await play("""
variables: {made: {type: integer, default: 0, merge: add}}
nodes:
  split: {type: condition, if: vars.made < 3, assign: {made: 1}}
  work: {type: connector, use: a.b}
  more: {type: transform, value: 1}
edges: [split.true -> work, split.true -> more, more -> split]
""")

    assert sorted(played.calls) == ["work", "work#2", "work#3"]
