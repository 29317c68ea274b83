"""From a record to the model, for the kinds that wait for something from outside."""

from engine.definition.shapes import Record
from engine.model.arrival import Awaited
from engine.model.node import NodeKind
from engine.model.waiting import ApprovalSpec, ChildSpec, WaitSpec


def outside_spec(record: Record) -> WaitSpec | ChildSpec | ApprovalSpec:
    """Return the spec of a node of one of these kinds."""
    if record["type"] == NodeKind.WAIT:
        return WaitSpec(
            awaited=Awaited(record["for"]),
            limit=record.get("timeout"),
            trigger=record.get("trigger"),
            workflow=record.get("workflow"),
            match=record.get("match"),
            execution=record.get("execution", ""),
        )
    if record["type"] == NodeKind.APPROVAL:
        return _approval(record)
    return ChildSpec(
        workflow=record["workflow"],
        version=record["version"],
        inputs=record.get("with"),
        awaited=record["wait"],
        limit=record.get("timeout"),
    )


def _approval(record: Record) -> ApprovalSpec:
    required = record["required"]
    form, order = record.get("form", (None, ()))
    return ApprovalSpec(
        assignees=record["assignees"],
        title=record.get("title", ""),
        message=record.get("message", ""),
        form=form,
        order=order,
        needed=required["count"] if isinstance(required, dict) else None if required == "all" else 1,
        rejected_by_first=record["reject_on"] == "first",
        limit=record.get("timeout"),
        on_timeout=record["on_timeout"],
    )
