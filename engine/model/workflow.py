"""A workflow's definition: what people write, after it was read and checked (see docs/reference/workflow-format.md).

Texts that hold expressions stay texts here; ``engine.graph`` compiles them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from engine.model.admission import OPEN, AdmissionRules
from engine.model.base import Json, JsonObject, VersionId, WorkflowId
from engine.model.node import Body, Edge, Node

EMPTY: Mapping[str, Json] = MappingProxyType({})


class Lane(StrEnum):
    """The queue an execution waits in, from the workflow's ``priority``."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class WhilePaused(StrEnum):
    """What a paused workflow does with events."""

    HOLD = "hold"
    REJECT = "reject"


class WorkflowStatus(StrEnum):
    """draft → active ⇄ paused → archived."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Merge(StrEnum):
    """How assignments to one variable combine, so that their order does not matter (but for ``last``)."""

    LAST = "last"
    ADD = "add"
    APPEND = "append"
    UNION = "union"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of each execution. ``type``: any | text | number | integer | boolean | list | mapping."""

    type: str = "any"
    default: Json = None
    merge: Merge = Merge.LAST


class TriggerKind(StrEnum):
    """The kinds of trigger this release runs."""

    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class RespondWhen(StrEnum):
    """When a webhook is answered."""

    ACCEPTED = "accepted"
    FINISHED = "finished"
    NODE = "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpec:
    """``verify`` is ``None`` for ``verify: none``, else the scheme's data as written, checked by ``webhooks.schemes``.

    ``dedupe_header`` or ``dedupe_expression`` gives the sender's id where the scheme has none.
    """

    verify: JsonObject | None
    methods: tuple[str, ...] = ("POST",)
    path: str | None = None
    max_body_bytes: int = 1_048_576
    dedupe_header: str | None = None
    dedupe_expression: str | None = None
    respond: RespondWhen = RespondWhen.ACCEPTED
    respond_timeout: timedelta = timedelta(seconds=30)
    respond_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """Exactly one of ``cron``, ``every`` and ``at`` (one or more times) is set.

    ``missed`` says what happens to due times that passed while nothing could fire: skip | last | all.
    """

    cron: str | None = None
    every: timedelta | None = None
    at: tuple[datetime, ...] = ()
    timezone: str = "UTC"
    missed: str = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualSpec:
    """Started by API, CLI or UI. ``input_schema`` is a JSON Schema the input must satisfy."""

    input_schema: JsonObject | None = None


TriggerSpec: TypeAlias = WebhookSpec | ScheduleSpec | ManualSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDefinition:
    """What starts a workflow. ``filter`` is a bare expression, ``map`` a template for ``trigger.data``."""

    key: str
    kind: TriggerKind
    spec: TriggerSpec
    filter: str | None = None
    map: Json = None
    enabled: bool = True
    expect_every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long finished executions are kept, and how many of the newest; ``None``: as the hub says, or no bound there.

    What either bound does not keep is removed.
    """

    age: timedelta | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """Bounds and habits of a workflow's executions. ``on_failure`` names the workflow that is told of failed ones."""

    timeout: timedelta = timedelta(days=30)
    max_iterations: int = 10_000
    priority: Lane = Lane.NORMAL
    retain: Retention = Retention()
    while_paused: WhilePaused = WhilePaused.HOLD
    admission: AdmissionRules = OPEN
    on_failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One checked definition.

    ``start`` narrows the start nodes per trigger key. ``closing`` (the section ``finally``) runs when all else is over.
    """

    name: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...] = ()
    triggers: Mapping[str, TriggerDefinition] = field(default_factory=lambda: EMPTY)
    variables: Mapping[str, Variable] = field(default_factory=lambda: EMPTY)
    start: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    settings: WorkflowSettings = WorkflowSettings()
    closing: Body | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The named thing; ``published`` is the version new executions use, ``latest`` the newest saved number."""

    id: WorkflowId
    name: str
    status: WorkflowStatus
    published: VersionId | None
    latest: int
    description: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable definition. ``text`` is what the author sent; ``document`` its JSON form.

    ``hash`` is over the executable part (no layout, no descriptions' order), so equal hashes run alike.
    """

    id: VersionId
    workflow_id: WorkflowId
    number: int
    text: str
    document: JsonObject
    hash: str
    created_at: datetime
    created_by: str
    note: str = ""
