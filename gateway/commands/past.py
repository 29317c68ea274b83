"""Executions of a hub, read over its API as the trace that people see."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.errors import Unavailable
from engine.model.base import JsonObject, format_duration
from engine.model.debugging import marked_path
from engine.model.execution import Note, Status, StepStatus
from gateway.client import HubClient, segment
from gateway.commands.unfolding import every_step, more_steps
from gateway.trace import Trace
from gateway.trace_steps import TraceStep

LOOK_EVERY_SECONDS = 0.05
MOST_CHILDREN = 50


def read_trace(hub: HubClient, execution_id: str) -> Trace:
    """Return the trace of an execution as it stands."""
    return trace_of(hub, hub.get(f"/executions/{segment(execution_id)}"))


def trace_of(hub: HubClient, execution: JsonObject, *, whole: bool = False) -> Trace:
    """Return the trace of an execution that was read; asks what its workflow is called and what its nodes are.

    Of a long history some of what is inside loops is read too, or all of it if it is to be ``whole``.
    """
    workflow = hub.get(f"/workflows/{execution['workflow_id']}")
    version = hub.get(f"/workflows/{execution['workflow_id']}/versions/{execution['version']}")
    nodes = nodes_by_place(version["document"])
    if execution["more_steps"]:
        steps = every_step(hub, execution) if whole else more_steps(hub, execution, nodes)
        execution = {**execution, "steps": steps}
    children = hub.get("/executions", {"parent": execution["id"], "limit": MOST_CHILDREN})["items"]
    told = make_trace(execution, name=workflow["name"], nodes=nodes, children=children[::-1])
    return replace(told, whole=whole)


def make_trace(
    execution: JsonObject, *, name: str, nodes: Mapping[str, JsonObject], children: Sequence[JsonObject] = ()
) -> Trace:
    """Build a trace from the API's answer about an execution and the nodes of its version by place."""
    return Trace(
        id=execution["id"],
        workflow=name,
        trigger=execution["trigger_key"],
        status=execution["status"],
        steps=[_step(step, nodes) for step in execution["steps"]],
        created_at=_time(execution["created_at"]),
        finished_at=_time(execution["finished_at"]),
        due_at=_time(execution["due_at"]),
        wait_reason=execution["wait_reason"],
        output=execution["output"],
        error=_failure(execution["error"]),
        parent=f"{execution['parent_path']} of {execution['parent_id']}" if execution.get("parent_id") else "",
        children=[(child["parent_path"], child["status"], child["id"]) for child in children],
        skipped=execution["progress"]["skipped"],
        ahead=execution["progress"]["ahead"],
    )


def nodes_by_place(document: JsonObject) -> dict[str, JsonObject]:
    """Return the nodes of a definition by place: ``charge``, ``orders.charge``, ``orders.charge.undo``."""
    found: dict[str, JsonObject] = {}
    closing = document.get("finally")
    todo = [("", document), ("finally.", closing if isinstance(closing, dict) else {})]
    while todo:
        around, flow = todo.pop()
        for key, node in flow.get("nodes", {}).items():
            place = f"{around}{key}"
            found[place] = node
            if "undo" in node:
                found[f"{place}.undo"] = node["undo"]
            if "body" in node:
                todo.append((f"{place}.", node["body"]))
            todo += [(f"{place}.{name}.", branch) for name, branch in node.get("branches", {}).items()]
    return found


def wait_for_end(hub: HubClient, execution_id: str, *, within: timedelta) -> JsonObject:
    """Return an execution when it has ended.

    Raises:
        Unavailable: It has not, within the time; the message says how it stands.
    """
    execution: JsonObject = {}
    for execution in follow(hub, execution_id, within=within):
        if Status(execution["status"]).is_final:
            return execution
    raise Unavailable(
        f"the execution {execution_id} is still {execution.get('status', 'unknown')} after {format_duration(within)}"
    )


def follow(hub: HubClient, execution_id: str, *, within: timedelta | None = None) -> Iterator[JsonObject]:
    """Yield an execution now and after every change, until it has ended or the time is over."""
    last: JsonObject | None = None
    until = None if within is None else time.monotonic() + within.total_seconds()
    while True:
        asked = time.monotonic()
        execution: JsonObject = hub.get(f"/executions/{segment(execution_id)}")
        took = time.monotonic() - asked
        if execution != last:
            yield execution
            last = execution
        if Status(execution["status"]).is_final or (until is not None and time.monotonic() >= until):
            return
        time.sleep(max(LOOK_EVERY_SECONDS, took))


def _mark(step: JsonObject) -> TraceStep:
    """What a debugger left: a stop, or an edit with who made it."""
    stopped = step["note"] == Note.STOPPED.value
    return TraceStep(
        path=marked_path(step["path"]),
        kind=f"stopped {step['wait_reason']}" if stopped else "; ".join(step["log"]),
        status=Status.PAUSED.value if stopped else Note.EDITED.value,
        output=None if stopped else step["assigned"] or step["output"],
    )


def _step(step: JsonObject, nodes: Mapping[str, JsonObject]) -> TraceStep:
    if step["note"] in (Note.STOPPED.value, Note.EDITED.value):
        return _mark(step)
    node = nodes.get(step["node"], {})
    inside = step["inside"]
    return TraceStep(
        path=step["path"],
        kind=node.get("use") or node.get("type", ""),
        status=step["status"],
        attempt=step["attempt"],
        started_at=_time(step["started_at"]),
        finished_at=_time(step["finished_at"]),
        ports=tuple(step["ports"]),
        output=step["output"] if step["status"] == StepStatus.SUCCEEDED.value else None,
        error=_failure(step["error"], own=True),
        due_at=_time(step["due_at"]),
        wait_reason=step["wait_reason"],
        note=step["note"],
        inside="" if inside is None else _told(inside, node, is_open=step["attempt"] == 0),
        begun=0 if inside is None else inside["begun"],
        first=0 if inside is None else inside["first"],
        inner=tuple(_inner(node)),
    )


def _inner(node: JsonObject) -> Iterator[str]:
    """The nodes of the branches of a parallel node."""
    for name, branch in node.get("branches", {}).items():
        yield from (f"{name}.{key}" for key in branch.get("nodes", {}))


def _told(inside: JsonObject, node: JsonObject, *, is_open: bool) -> str:
    """Say how far a loop or parallel node is, or what became of it."""
    what = "branches" if "branches" in node else "items" if "over" in node and "batch" not in node else "rounds"
    done, total, failed = inside["done"], inside["total"], inside["failed"]
    if total and not inside["begun"]:  # spread: they run in executions of their own
        done, is_open = total, False
    if is_open:
        text = f"{done:,} of {total:,} {what} done" if total is not None else f"{done:,} {what} done"
    else:
        text = f"{done:,} {what if done != 1 else what.removesuffix('es' if what == 'branches' else 's')}"
    return f"{text}, {failed:,} failed" if failed else text


def _failure(error: JsonObject | None, *, own: bool = False) -> str:
    """Return an error in one line; a step's ``own`` need not say at which step."""
    if not error:
        return ""
    where = f"{error['step']}: " if error.get("step") and not own else ""
    return f"{where}{error.get('code', 'error')}: {error.get('message', '')}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
