"""What each kind of node does, for the reference: its ports, its output, what it costs, and what it fails with.

What every node may fail with stands once on the page: a bad expression, an output that is too large, its schemas.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from engine.model.node import NodeKind

PURE: Final = "changes nothing outside; recorded with the next commit, and run again after a crash before it"
CALLS: Final = "an effect: what it gave is committed before the next effect begins"
WAITS: Final = "an effect that only waits; the execution holds no executor meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """``ports`` and ``output`` are Markdown for a table's cell, ``fails`` says by error code when that is."""

    ports: str
    output: str
    runs: str = PURE
    fails: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


_CALL_FAILS: Final = MappingProxyType(
    {
        "invalid_input": "the inputs do not satisfy the action",
        "remote_rejected": "the other side refused",
        "remote_unavailable": "it was away or failed",
        "rate_limited": "it had too much to do",
        "connection_revoked": "it no longer takes the connection's credentials",
        "address_refused": "the address is one that Patchbay may not call",
        "step_timeout": "the call took longer than `timeout`",
        "outcome_unknown": "an unrepeatable call was under way when its executor died",
    }
)

KINDS: Final[Mapping[NodeKind, KindFacts]] = MappingProxyType(
    {
        NodeKind.CONNECTOR: KindFacts(ports="`main`", output="what the action returns", runs=CALLS, fails=_CALL_FAILS),
        NodeKind.TRANSFORM: KindFacts(ports="`main`", output="the new value"),
        NodeKind.CONDITION: KindFacts(ports="`true`, `false`", output="its input, unchanged"),
        NodeKind.SWITCH: KindFacts(ports="those of its cases, `default`", output="its input, unchanged"),
        NodeKind.MERGE: KindFacts(
            ports="`main`",
            output="the combination",
            fails={"invalid_input": "`object` met something that is no mapping, or `concat` something that is no list"},
        ),
        NodeKind.DELAY: KindFacts(
            ports="`main`",
            output="its input, unchanged",
            runs="changes nothing outside; the execution holds no executor while it waits",
            fails={"invalid_input": "what `for` or `until` gave is no duration or time, or too far ahead"},
        ),
        NodeKind.RESPOND: KindFacts(
            ports="`main`",
            output="what was sent: `{status, headers, body}`",
            runs="changes nothing outside; the caller is answered when the step is committed",
            fails={"invalid_input": "the status or a header is not one that HTTP can carry"},
        ),
        NodeKind.STOP: KindFacts(ports="none", output="the execution ends", fails={"stopped": "`as` is `failed`"}),
        NodeKind.CODE: KindFacts(
            ports="`main`",
            output="what the source returns",
            runs="an effect in a process of its own, which may be repeated",
            fails={
                "code_failed": "the source cannot be read, threw an error, or returned something that is not JSON",
                "invalid_input": "what it is to see cannot be handed over",
                "limit_exceeded": "it used more than its `limits`",
                "step_timeout": "it took longer than its `limits` allow",
                "worker_lost": "its process died",
            },
        ),
        NodeKind.WAIT: KindFacts(
            ports="`main`, `timeout`",
            output="what arrived: the call's body, the event, or how the execution ended",
            runs=WAITS,
            fails={
                "invalid_input": "there is no such workflow, trigger or execution",
                "limit_exceeded": "what `match` names is larger than 64 KiB",
            },
        ),
        NodeKind.WORKFLOW: KindFacts(
            ports="`main`",
            output="the child's result",
            runs="an effect: one attempt starts one child, whatever dies in between",
            fails={
                "invalid_input": "there is no such workflow or version, or the input does not suit it",
                "child_refused": "it takes no executions now",
                "child_cancelled": "a person cancelled the child",
                "step_timeout": "the child took longer than `timeout`",
                "limit_exceeded": "too many executions would stand below one another",
            },
        ),
        NodeKind.APPROVAL: KindFacts(
            ports="`approved`, `rejected`, `timeout`",
            output="the decision: `{decision, by, comment, data, decisions, timed_out}`",
            runs="an effect: the question is put once, whatever dies in between",
            fails={
                "invalid_input": "`assignees` names nobody or too many, or more must approve than are asked",
                "step_timeout": "the time is up and `on_timeout` is `fail`",
            },
        ),
        NodeKind.LOOP: KindFacts(
            ports="`main`",
            output="the list of what its iterations gave, in order",
            runs="changes nothing outside; what its body does counts as if it stood outside",
            fails={
                "invalid_input": "`over` gave no list or mapping, or `times` no number",
                "limit_exceeded": "there are more than 1,000,000 iterations, or more rounds than "
                "`settings.max_iterations`",
                "step_timeout": "all of it took longer than `timeout`",
            },
        ),
        NodeKind.PARALLEL: KindFacts(
            ports="`main`",
            output="a mapping of what its branches gave, by name",
            runs="changes nothing outside; what its branches do counts as if it stood outside",
            fails={"step_timeout": "all of it took longer than `timeout`"},
        ),
    }
)
