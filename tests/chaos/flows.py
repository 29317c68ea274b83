"""The workflows under load that only call, branch, wait and try again; ``controlled`` has those that loop and wait."""

from typing import Final

from tests.chaos.controlled import controlled
from tests.chaos.echo import FIRST_FAILS
from tests.chaos.flow import Flow, call_of, text_of

CONNECTION: Final = "echo_account"

_RETRY: Final = "{max_attempts: 8, delay: 300ms, factor: 2, max_delay: 2s, jitter: true}"


def flows(echo: str) -> tuple[Flow, ...]:
    """Return them all, calling the server at ``echo``."""
    return (
        _pure(),
        _answering(),
        _chain(echo),
        _branches(echo),
        _delayed(echo),
        _retried(echo),
        _connected(echo),
        *controlled(echo),
    )


def _pure() -> Flow:
    body = """
nodes:
  is_big: {type: condition, if: "trigger.data.amount >= 0"}
  shape: {type: transform, set: {id: "{{ trigger.data.id }}", half: "{{ trigger.data.amount / 2 }}"}}
edges: [is_big.true -> shape]
"""
    return Flow(name="pure", share=15, text=text_of("pure", body), steps=frozenset({"is_big", "shape"}))


def _answering() -> Flow:
    body = """
nodes:
  shape: {type: transform, set: {id: "{{ trigger.data.id }}"}}
"""
    text = text_of("answering", body, respond="{when: finished, timeout: 2s}")
    return Flow(name="answering", share=8, text=text, steps=frozenset({"shape"}), answers_output=True)


def _chain(echo: str) -> Flow:
    body = f"""
nodes:
  first:
{call_of("/chain/first", echo)}
  shape: {{type: transform, set: {{status: "{{{{ steps.first.status }}}}"}}}}
  second:
{call_of("/chain/second", echo)}
edges: [first -> shape, shape -> second]
"""
    effects = {"first": "/chain/first", "second": "/chain/second"}
    return Flow(
        name="chain",
        share=15,
        text=text_of("chain", body),
        steps=frozenset({"first", "shape", "second"}),
        effects=effects,
    )


def _branches(echo: str) -> Flow:
    body = f"""
nodes:
  left:
{call_of("/branches/left", echo)}
  right:
{call_of("/branches/right", echo)}
  both: {{type: merge, combine: list}}
  last: {{type: transform, set: {{id: "{{{{ trigger.data.id }}}}"}}}}
edges: [left -> both, right -> both, both -> last]
"""
    effects = {"left": "/branches/left", "right": "/branches/right"}
    steps = frozenset({"left", "right", "both", "last"})
    return Flow(name="branches", share=10, text=text_of("branches", body), steps=steps, effects=effects)


def _delayed(echo: str) -> Flow:
    body = f"""
nodes:
  before:
{call_of("/delayed/before", echo)}
  pause: {{type: delay, for: 1s}}
  after:
{call_of("/delayed/after", echo)}
edges: [before -> pause, pause -> after]
"""
    effects = {"before": "/delayed/before", "after": "/delayed/after"}
    return Flow(
        name="delayed",
        share=10,
        text=text_of("delayed", body),
        steps=frozenset({"before", "pause", "after"}),
        effects=effects,
    )


def _retried(echo: str) -> Flow:
    path = f"{FIRST_FAILS}retried"
    body = f"""
nodes:
  call:
{call_of(path, echo, f"retry: {_RETRY}")}
  shape: {{type: transform, set: {{status: "{{{{ steps.call.status }}}}"}}}}
edges: [call -> shape]
"""
    return Flow(
        name="retried",
        share=7,
        text=text_of("retried", body),
        steps=frozenset({"call", "shape"}),
        effects={"call": path},
    )


def _connected(echo: str) -> Flow:
    body = f"""
nodes:
  call:
{call_of("/connected/call", echo, f"connection: {CONNECTION}")}
"""
    effects = {"call": "/connected/call"}
    return Flow(name="connected", share=8, text=text_of("connected", body), steps=frozenset({"call"}), effects=effects)
