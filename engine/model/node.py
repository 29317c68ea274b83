"""Nodes as people write them: what all kinds share, the fields of each kind, and the edges between them.

Texts that hold expressions stay texts here; ``engine.graph`` compiles them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from engine.errors import Category
from engine.model.base import Json, JsonObject
from engine.model.list_steps import ListStep
from engine.model.waiting import ApprovalSpec, ChildSpec, WaitSpec

MAIN = "main"
ERROR = "error"
TIMEOUT = "timeout"

ATTEMPT_LIMIT = timedelta(minutes=5)
"""How long one attempt may take where the node does not say it."""


class NodeKind(StrEnum):
    """The kinds of node this release runs."""

    CONNECTOR = "connector"
    TRANSFORM = "transform"
    CONDITION = "condition"
    SWITCH = "switch"
    MERGE = "merge"
    DELAY = "delay"
    RESPOND = "respond"
    STOP = "stop"
    CODE = "code"
    WAIT = "wait"
    WORKFLOW = "workflow"
    APPROVAL = "approval"
    LOOP = "loop"
    PARALLEL = "parallel"


CONTAINERS = frozenset({NodeKind.LOOP, NodeKind.PARALLEL})
"""Kinds with nodes inside."""

OUTSIDE = frozenset({NodeKind.WAIT, NodeKind.WORKFLOW, NodeKind.APPROVAL})
"""Kinds whose time limit is for what they wait for, not for a call of theirs."""


class JoinKind(StrEnum):
    """When a node with several inbound edges runs."""

    ALL = "all"
    ANY = "any"
    COUNT = "count"
    EACH = "each"


class OnError(StrEnum):
    """What a step's final failure does."""

    FAIL = "fail"
    CONTINUE = "continue"
    ROUTE = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is followed by another.

    ``max_attempts`` counts the first one (1: never retry). The wait before attempt n+1 is
    ``delay * factor ** (n - 1)``, at most ``max_delay``; with ``jitter`` a random part of up to half is taken off.
    """

    max_attempts: int = 1
    delay: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    max_delay: timedelta = timedelta(minutes=5)
    jitter: bool = True
    on: frozenset[Category] = frozenset({Category.TRANSIENT, Category.TIMEOUT, Category.CAPACITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """``count`` is the n of ``join: {count: n}`` and 0 otherwise."""

    kind: JoinKind = JoinKind.ALL
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """For how long a node's output stands in for further calls with the same ``key``, a template."""

    key: Json
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """Call one action (``use: connector.action``) with ``inputs`` (the field ``with``)."""

    use: str
    connection: str | None = None
    inputs: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformSpec:
    """Build a value: from ``template`` (the field ``set`` or ``value``), or by ``steps`` from the node's input."""

    template: Json = None
    steps: tuple[ListStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionSpec:
    """Leave by ``true`` or ``false``."""

    test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a switch."""

    when: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSpec:
    """Leave by the port of the first case that holds, or of all (``mode: all``); by ``default`` if none does."""

    cases: tuple[Case, ...]
    all_matching: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSpec:
    """Combine what arrived: list | object | first | concat."""

    combine: str = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelaySpec:
    """Wait ``duration`` (a text, or a template giving one or a number of seconds) or ``until`` (an expression)."""

    duration: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondSpec:
    """Answer the synchronous caller; ``status`` may be a template."""

    status: Json = 200
    headers: JsonObject = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSpec:
    """End the execution. ``output`` and ``message`` may hold templates."""

    succeeded: bool = True
    output: Json = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLimits:
    """What one run of a source may use; memory, output and console in bytes."""

    time: timedelta = timedelta(seconds=5)
    memory: int = 64 * 1024 * 1024
    output: int = 1024 * 1024
    console: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """Run a ``source`` in ``javascript`` or ``python``."""

    language: str
    source: str
    limits: CodeLimits = CodeLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Nodes and edges inside a node, or of ``finally``: a flow of its own."""

    nodes: "Mapping[str, Node]"
    edges: "tuple[Edge, ...]" = ()


class OnItemError(StrEnum):
    """What the failure of one iteration does to its loop."""

    FAIL = "fail"
    SKIP = "skip"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSpec:
    """Run ``body`` once per item of ``over``, ``times`` times, or ``while`` an expression holds: one of the three.

    ``alias`` (the field ``as``) is another name for ``item``. ``concurrency`` is how many iterations run at once,
    ``batch`` how many items each of them gets (``None``: one, and not as a list). ``needed`` is how many must succeed
    until the others are cancelled (``None``: none is). Above ``spread_over`` iterations
    they run as child executions.
    """

    body: Body
    over: Json = None
    times: Json = None
    test: str | None = None
    alias: str | None = None
    concurrency: int = 1
    batch: int | None = None
    needed: int | None = None
    on_item_error: OnItemError = OnItemError.FAIL
    spread_over: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelSpec:
    """Run several branches at once. ``needed`` is how many must succeed (``None``: all); the others are cancelled."""

    branches: Mapping[str, Body]
    needed: int | None = None


NodeSpec: TypeAlias = (
    ConnectorSpec
    | TransformSpec
    | ConditionSpec
    | SwitchSpec
    | MergeSpec
    | DelaySpec
    | RespondSpec
    | StopSpec
    | CodeSpec
    | WaitSpec
    | LoopSpec
    | ParallelSpec
    | ChildSpec
    | ApprovalSpec
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A vertex: what all kinds share, and the ``spec`` of its own kind.

    ``pin`` is the output to give instead of running, where ``has_pin``; a ``disabled`` node passes its input on.
    ``input_schema`` and ``output_schema`` are JSON Schemas; ``None``: any value will do. ``timeout`` is the longest one
    attempt may take, and for a node with a body the longest all of it may take; ``None``: only the execution's limit
    counts. ``undo`` is the call that takes back what the node did.
    """

    key: str
    kind: NodeKind
    spec: NodeSpec
    name: str = ""
    description: str = ""
    join: Join = Join()
    retry: RetryPolicy = RetryPolicy()
    timeout: timedelta | None = ATTEMPT_LIMIT
    on_error: OnError = OnError.FAIL
    input: Json = None
    has_input: bool = False
    assign: JsonObject = field(default_factory=dict)
    strict: bool = False
    disabled: bool = False
    pin: Json = None
    has_pin: bool = False
    input_schema: JsonObject | None = None
    output_schema: JsonObject | None = None
    cache: CachePolicy | None = None
    undo: "Node | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An arrow from ``source``'s ``port`` to ``target``."""

    source: str
    port: str
    target: str
