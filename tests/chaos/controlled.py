"""The workflows under load whose course is under control: loops, cycles, races, waits for calls from outside, undo."""

from tests.chaos.echo import CALLS_BACK
from tests.chaos.flow import Flow, call_of, text_of

ROUNDS = 3


def controlled(echo: str) -> tuple[Flow, ...]:
    """Return them all, calling the server at ``echo``."""
    return (
        _looped(echo),
        _cycled(echo),
        _raced(echo),
        _waited(echo),
        _approved(echo),
        _child(echo),
        _parent(),
        _spread(echo),
    )


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _looped(echo: str) -> Flow:
    """Iterations side by side, one waiting in each, with a parallel node inside, and what comes in any case."""
    item = "/looped/{{ index }}"
    body = f"""
nodes:
  each:
    type: loop
    times: {ROUNDS}
    concurrency: 2
    body:
      nodes:
        call:
{indented(call_of(item, echo), 6)}
        pause: {{type: delay, for: 200ms}}
        both:
          type: parallel
          branches:
            left: {{nodes: {{shape: {{type: transform, value: "{{{{ index }}}}"}}}}}}
            right:
              nodes:
                tell:
{indented(call_of("/looped/right/{{ index }}", echo), 14)}
      edges: [call -> pause, pause -> both]
  sum: {{type: transform, value: "{{{{ steps.each | length }}}}"}}
edges: [each -> sum]
finally:
  nodes:
    last:
{indented(call_of("/looped/last", echo), 2)}
"""
    effects = {"finally.last": "/looped/last"}
    steps = {"each", "sum", "finally.last"}
    for index in range(ROUNDS):
        effects[f"each[{index}].call"] = f"/looped/{index}"
        effects[f"each[{index}].both.right.tell"] = f"/looped/right/{index}"
        inner = ("call", "pause", "both", "both.left.shape", "both.right.tell")
        steps |= {f"each[{index}].{name}" for name in inner}
    return Flow(name="looped", share=8, text=text_of("looped", body), steps=frozenset(steps), effects=effects)


def _cycled(echo: str) -> Flow:
    """A cycle that is passed several times, counted in a variable, and a join behind it."""
    body = f"""
variables:
  passes: {{type: integer, default: 0, merge: add}}
nodes:
  call:
{call_of("/cycled/{{ vars.passes }}", echo, "assign: {passes: 1}")}
  again: {{type: condition, if: "vars.passes < {ROUNDS}"}}
  side: {{type: transform, value: 1}}
  both: {{type: merge, combine: list}}
edges: [call -> again, again.true -> call, again.false -> both, side -> both]
"""
    calls = ["call", *(f"call#{number}" for number in range(2, ROUNDS + 1))]
    steps = {"side", "both", *calls, *(name.replace("call", "again") for name in calls)}
    effects = {name: f"/cycled/{number}" for number, name in enumerate(calls)}
    return Flow(name="cycled", share=6, text=text_of("cycled", body), steps=frozenset(steps), effects=effects)


def _raced(echo: str) -> Flow:
    """The branch that waits for an hour loses."""
    body = f"""
nodes:
  race:
    type: parallel
    wait_for: any
    branches:
      quick:
        nodes:
          call:
{indented(call_of("/raced/quick", echo), 8)}
      slow: {{nodes: {{pause: {{type: delay, for: 1h}}}}}}
  after: {{type: transform, value: "{{{{ steps.race.quick.status }}}}"}}
edges: [race -> after]
"""
    return Flow(
        name="raced",
        share=6,
        text=text_of("raced", body),
        steps=frozenset({"race", "race.quick.call", "after"}),
        effects={"race.quick.call": "/raced/quick"},
        cancelled=frozenset({"race.slow.pause"}),
    )


def _waited(echo: str) -> Flow:
    """The server that is called calls back, soon or late, once or twice."""
    path = f"{CALLS_BACK}waited"
    body = f"""
nodes:
  ask:
    type: connector
    use: http.request
    with:
      method: POST
      url: "{echo}{path}"
      json: {{id: "{{{{ trigger.data.id }}}}", callback: "{{{{ execution.callbacks.answer }}}}"}}
  answer: {{type: wait, for: callback, timeout: 5m}}
  after: {{type: transform, value: "{{{{ steps.answer }}}}"}}
edges: [ask -> answer, answer -> after]
"""
    return Flow(
        name="waited",
        share=8,
        text=text_of("waited", body),
        steps=frozenset({"ask", "answer", "after"}),
        effects={"ask": path},
    )


def _approved(echo: str) -> Flow:
    """Two people are asked by link; each answers soon or late, once or twice."""
    path = f"{CALLS_BACK}approved"
    body = f"""
nodes:
  ask:
    type: connector
    use: http.request
    with:
      method: POST
      url: "{echo}{path}"
      json: {{id: "{{{{ trigger.data.id }}}}", approvals: "{{{{ execution.approvals.may_we }}}}"}}
  may_we: {{type: approval, assignees: [ann, bob], required: all, timeout: 5m}}
  after: {{type: transform, value: "{{{{ steps.may_we.decision }}}}"}}
edges: [ask -> may_we, may_we.approved -> after]
"""
    return Flow(
        name="approved",
        share=6,
        text=text_of("approved", body),
        steps=frozenset({"ask", "may_we", "after"}),
        effects={"ask": path},
    )


def _child(echo: str) -> Flow:
    """No event starts it; ``parent`` does."""
    text = f"""
name: child
nodes:
  tell:
{call_of("/child/tell", echo)}
  pause: {{type: delay, for: 300ms}}
edges: [tell -> pause]
"""
    return Flow(name="child", share=0, text=text, steps=frozenset())


def _parent() -> Flow:
    """It waits for its child, and passes on what that gave."""
    body = """
nodes:
  start: {type: workflow, workflow: child, with: {id: "{{ trigger.data.id }}"}}
  after: {type: transform, value: "{{ steps.start }}"}
edges: [start -> after]
"""
    return Flow(
        name="parent",
        share=6,
        text=text_of("parent", body),
        steps=frozenset({"start", "after"}),
        children=1,
        child_effects={"tell": "/child/tell"},
    )


def _spread(echo: str) -> Flow:
    """A loop whose iterations run in two executions of their own."""
    body = f"""
nodes:
  each:
    type: loop
    times: {ROUNDS}
    spread_over: 2
    body:
      nodes:
        call:
{indented(call_of("/spread/{{ index }}", echo), 6)}
  sum: {{type: transform, value: "{{{{ steps.each | length }}}}"}}
edges: [each -> sum]
"""
    return Flow(
        name="spread",
        share=5,
        text=text_of("spread", body),
        steps=frozenset({"each", "sum"}),
        children=2,
        child_effects={f"each[{index}].call": f"/spread/{index}" for index in range(ROUNDS)},
    )
