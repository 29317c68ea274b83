"""What expressions see: the names of the scope, built from an event, an execution and its state."""

from datetime import datetime

from engine.graph import Graph
from engine.model.base import EventId, Json, JsonObject
from engine.model.execution import Claimed


def trigger_scope(event_id: EventId, occurred_at: datetime, envelope: JsonObject, data: Json) -> JsonObject:
    """The name ``trigger``: ``data``, ``id``, ``time`` and, for webhooks, ``headers``, ``query``, ``method``, ``path``.

    The mapping is new, so the caller may replace ``data``.
    """
    return {**envelope, "data": data, "id": event_id, "time": occurred_at.isoformat()}


def execution_scope(claimed: Claimed, graph: Graph, trigger: JsonObject) -> JsonObject:
    """All names but ``steps``, ``vars`` and ``input``, which belong to the state."""
    return {
        "trigger": trigger,
        "execution": {"id": claimed.id, "started_at": claimed.created_at.isoformat()},
        "workflow": {"id": claimed.workflow_id, "name": graph.name, "version_id": claimed.version_id},
        "now": claimed.woken_at.isoformat(),
    }
