"""The workflows under load, and what each event must have done outside and in history when all is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.echo import FIRST_FAILS

DEDUPE_HEADER: Final = "X-Sender-Id"
CONNECTION: Final = "echo_account"

_RETRY: Final = "{max_attempts: 8, delay: 300ms, factor: 2, max_delay: 2s, jitter: true}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One workflow with one webhook.

    ``steps`` are the nodes that must be in history as succeeded, exactly once each; ``effects`` maps those that call
    outside to the path they call. ``share`` is how many of 100 events go to it; ``answers_output``: its hook answers
    with the result.
    """

    name: str
    share: int
    text: str
    steps: frozenset[str]
    effects: Mapping[str, str] = field(default_factory=dict)
    answers_output: bool = False


def _text(name: str, body: str, *, respond: str = "accepted") -> str:
    return f"""
name: {name}
triggers:
  hook: {{type: webhook, verify: none, path: {name}, dedupe: {{header: {DEDUPE_HEADER}}}, respond: {respond}}}
{body}
"""


def _call(path: str, echo: str, *more: str) -> str:
    lines = [
        "    type: connector",
        "    use: http.request",
        f'    with: {{method: POST, url: "{echo}{path}", json: {{id: "{{{{ trigger.data.id }}}}"}}}}',
        *(f"    {line}" for line in more),
    ]
    return "\n".join(lines)


def flows(echo: str) -> tuple[Flow, ...]:
    """Return them all, calling the server at ``echo``."""
    return (_pure(), _answering(), _chain(echo), _branches(echo), _delayed(echo), _retried(echo), _connected(echo))


def _pure() -> Flow:
    body = """
nodes:
  is_big: {type: condition, if: "trigger.data.amount >= 0"}
  shape: {type: transform, set: {id: "{{ trigger.data.id }}", half: "{{ trigger.data.amount / 2 }}"}}
edges: [is_big.true -> shape]
"""
    return Flow(name="pure", share=25, text=_text("pure", body), steps=frozenset({"is_big", "shape"}))


def _answering() -> Flow:
    body = """
nodes:
  shape: {type: transform, set: {id: "{{ trigger.data.id }}"}}
"""
    text = _text("answering", body, respond="{when: finished, timeout: 2s}")
    return Flow(name="answering", share=10, text=text, steps=frozenset({"shape"}), answers_output=True)


def _chain(echo: str) -> Flow:
    body = f"""
nodes:
  first:
{_call("/chain/first", echo)}
  shape: {{type: transform, set: {{status: "{{{{ steps.first.status }}}}"}}}}
  second:
{_call("/chain/second", echo)}
edges: [first -> shape, shape -> second]
"""
    effects = {"first": "/chain/first", "second": "/chain/second"}
    return Flow(
        name="chain",
        share=25,
        text=_text("chain", body),
        steps=frozenset({"first", "shape", "second"}),
        effects=effects,
    )


def _branches(echo: str) -> Flow:
    body = f"""
nodes:
  left:
{_call("/branches/left", echo)}
  right:
{_call("/branches/right", echo)}
  both: {{type: merge, combine: list}}
  last: {{type: transform, set: {{id: "{{{{ trigger.data.id }}}}"}}}}
edges: [left -> both, right -> both, both -> last]
"""
    effects = {"left": "/branches/left", "right": "/branches/right"}
    steps = frozenset({"left", "right", "both", "last"})
    return Flow(name="branches", share=15, text=_text("branches", body), steps=steps, effects=effects)


def _delayed(echo: str) -> Flow:
    body = f"""
nodes:
  before:
{_call("/delayed/before", echo)}
  pause: {{type: delay, for: 1s}}
  after:
{_call("/delayed/after", echo)}
edges: [before -> pause, pause -> after]
"""
    effects = {"before": "/delayed/before", "after": "/delayed/after"}
    return Flow(
        name="delayed",
        share=10,
        text=_text("delayed", body),
        steps=frozenset({"before", "pause", "after"}),
        effects=effects,
    )


def _retried(echo: str) -> Flow:
    path = f"{FIRST_FAILS}retried"
    body = f"""
nodes:
  call:
{_call(path, echo, f"retry: {_RETRY}")}
  shape: {{type: transform, set: {{status: "{{{{ steps.call.status }}}}"}}}}
edges: [call -> shape]
"""
    return Flow(
        name="retried", share=7, text=_text("retried", body), steps=frozenset({"call", "shape"}), effects={"call": path}
    )


def _connected(echo: str) -> Flow:
    body = f"""
nodes:
  call:
{_call("/connected/call", echo, f"connection: {CONNECTION}")}
"""
    effects = {"call": "/connected/call"}
    return Flow(name="connected", share=8, text=_text("connected", body), steps=frozenset({"call"}), effects=effects)
