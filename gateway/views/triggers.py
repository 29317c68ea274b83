"""Triggers, their hooks and their balances."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.model.base import JsonObject
from engine.model.trigger import Balance
from engine.model.workflow import TriggerDefinition, TriggerKind, WebhookSpec, WorkflowStatus
from engine.repositories import StoredRoute

UNVERIFIED = "none"  # the same word, whether written alone or as a scheme


class TriggerState(Struct, frozen=True, kw_only=True):
    """What a trigger remembers: its last event, and a schedule's last nominal and next due time."""

    last_event_at: datetime | None
    cursor: str | None
    next_due_at: datetime | None


class TriggerView(Struct, frozen=True, kw_only=True):
    """A trigger. ``active`` is false for one that the published version no longer has; ``hook_url`` is a webhook's."""

    id: str
    key: str
    type: TriggerKind
    workflow_id: str
    workflow: str
    workflow_status: WorkflowStatus
    active: bool
    enabled: bool
    hook_url: str | None
    state: TriggerState


class TriggerDetail(TriggerView, frozen=True, kw_only=True):
    """A trigger with its definition as it stands in version ``version``; ``null`` for the implicit manual one."""

    version: int
    definition: dict[str, Any] | None


class TriggerList(Struct, frozen=True, kw_only=True):
    """Triggers, oldest first."""

    items: list[TriggerView]


class BalanceView(Struct, frozen=True, kw_only=True):
    """What became of the events a trigger accepted. ``difference`` is 0, or something was lost.

    ``accepted`` counts the events that started an execution, ``by_status`` those executions, ``by_fate`` all events.
    """

    accepted: int
    by_status: dict[str, int]
    by_fate: dict[str, int]
    difference: int


class WebhookView(Struct, frozen=True, kw_only=True):
    """A hook. ``url`` is its secret-like address, ``path_url`` the readable one; ``unverified`` lets everybody in."""

    trigger_id: str
    key: str
    workflow_id: str
    workflow: str
    workflow_status: WorkflowStatus
    active: bool
    enabled: bool
    url: str | None
    path_url: str | None
    scheme: str
    unverified: bool
    methods: list[str]


class WebhookList(Struct, frozen=True, kw_only=True):
    """Hooks, oldest first."""

    items: list[WebhookView]


def trigger_view(route: StoredRoute, *, public_url: str) -> TriggerView:
    trigger = route.trigger
    return TriggerView(
        id=trigger.id,
        key=trigger.key,
        type=trigger.kind,
        workflow_id=trigger.workflow_id,
        workflow=route.workflow_name,
        workflow_status=route.workflow_status,
        active=trigger.active,
        enabled=trigger.enabled,
        hook_url=_hook_url(route, public_url),
        state=TriggerState(last_event_at=trigger.last_event_at, cursor=trigger.cursor, next_due_at=trigger.next_due_at),
    )


def trigger_detail(
    route: StoredRoute, *, public_url: str, version: int, definition: JsonObject | None
) -> TriggerDetail:
    view = trigger_view(route, public_url=public_url)
    shared = {name: getattr(view, name) for name in TriggerView.__struct_fields__}
    return TriggerDetail(**shared, version=version, definition=definition)


def webhook_view(route: StoredRoute, declared: TriggerDefinition, *, public_url: str) -> WebhookView | None:
    """``None``: it is no webhook."""
    spec = declared.spec
    if not isinstance(spec, WebhookSpec):
        return None
    scheme = str((spec.verify or {}).get("scheme", UNVERIFIED))
    trigger = route.trigger
    return WebhookView(
        trigger_id=trigger.id,
        key=trigger.key,
        workflow_id=trigger.workflow_id,
        workflow=route.workflow_name,
        workflow_status=route.workflow_status,
        active=trigger.active,
        enabled=trigger.enabled,
        url=_hook_url(route, public_url),
        path_url=f"{public_url}/webhooks/{spec.path}" if spec.path and trigger.active else None,
        scheme=scheme,
        unverified=scheme == UNVERIFIED,
        methods=list(spec.methods),
    )


def balance_view(balance: Balance) -> BalanceView:
    return BalanceView(
        accepted=balance.accepted,
        by_status=dict(balance.by_status),
        by_fate=dict(balance.by_fate),
        difference=balance.difference,
    )


def _hook_url(route: StoredRoute, public_url: str) -> str | None:
    return f"{public_url}/hooks/{route.trigger.hook_id}" if route.trigger.hook_id else None
