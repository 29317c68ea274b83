"""One workflow under load, and what each of its events must have done outside and in history when all is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

DEDUPE_HEADER: Final = "X-Sender-Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One workflow with one webhook.

    ``steps`` are the nodes that must be in history as succeeded, exactly once each; ``effects`` maps those that call
    outside to the path they call. ``cancelled`` are the steps that must be recorded as given up, ``children`` says how
    many executions it starts, ``child_effects`` maps their steps to what they call. ``share`` is how many of 100 events go to it; ``answers_output``: its hook answers with
    the result.
    """

    name: str
    share: int
    text: str
    steps: frozenset[str]
    effects: Mapping[str, str] = field(default_factory=dict)
    cancelled: frozenset[str] = frozenset()
    children: int = 0
    child_effects: Mapping[str, str] = field(default_factory=dict)
    answers_output: bool = False


def text_of(name: str, body: str, *, respond: str = "accepted") -> str:
    return f"""
name: {name}
triggers:
  hook: {{type: webhook, verify: none, path: {name}, dedupe: {{header: {DEDUPE_HEADER}}}, respond: {respond}}}
{body}
"""


def call_of(path: str, echo: str, *more: str) -> str:
    lines = [
        "    type: connector",
        "    use: http.request",
        f'    with: {{method: POST, url: "{echo}{path}", json: {{id: "{{{{ trigger.data.id }}}}"}}}}',
        *(f"    {line}" for line in more),
    ]
    return "\n".join(lines)
