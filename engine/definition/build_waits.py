"""From a record to the model, for the kinds that wait for something from outside."""

from engine.definition.shapes import Record
from engine.model.arrival import Awaited
from engine.model.node import NodeKind
from engine.model.waiting import ChildSpec, WaitSpec


def outside_spec(record: Record) -> WaitSpec | ChildSpec:
    """Return the spec of a node of one of these kinds."""
    if record["type"] == NodeKind.WAIT:
        return WaitSpec(awaited=Awaited(record["for"]), limit=record.get("timeout"))
    return ChildSpec(
        workflow=record["workflow"],
        version=record["version"],
        inputs=record.get("with"),
        awaited=record["wait"],
        limit=record.get("timeout"),
    )
