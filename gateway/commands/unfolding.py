"""The steps of a long history that people see first: of each loop some iterations, the failed ones among them."""

import re
from collections.abc import Mapping
from typing import Final

from engine.model.base import Json, JsonObject
from engine.model.node import NodeKind
from gateway.client import HubClient, segment
from gateway.trace_tree import FAILED, FIRST, chosen

MOST_UNFOLDED: Final = 20
"""How many loops and parallel nodes are looked into."""

MOST_INSIDE: Final = 100
"""How many steps are read of one iteration, or of all branches."""

CLOSING: Final = "finally"
"""What the paths of the nodes of ``finally`` are within."""

EVERY: Final = 10_000_000
_INDEX: Final = re.compile(r"\[(\d+)\]")


def more_steps(hub: HubClient, execution: JsonObject, nodes: Mapping[str, JsonObject]) -> list[JsonObject]:
    """Return the steps of a long history to show: those read with it, some inside them, and the last ones."""
    found = {(step["path"], step["attempt"]): step for step in execution["steps"]}
    outermost = [step for step in execution["steps"] if step["inside"] is not None]
    for step in outermost[:MOST_UNFOLDED]:
        if nodes.get(step["node"], {}).get("type") == NodeKind.LOOP.value:
            within = [f"{step['path']}[{index}]" for index in _indexes(hub, execution, step)]
        else:
            within = [step["path"]]
        for each in within:
            for inner in _steps(hub, execution, MOST_INSIDE, within=each):
                found[inner["path"], inner["attempt"]] = inner
    for last in _steps(hub, execution, MOST_INSIDE, within=CLOSING):
        found[last["path"], last["attempt"]] = last
    return sorted(found.values(), key=lambda step: int(step["seq"]))


def every_step(hub: HubClient, execution: JsonObject) -> list[JsonObject]:
    """Return all steps, in the order in which they were recorded."""
    return sorted(_steps(hub, execution, EVERY), key=lambda step: int(step["seq"]))


def _indexes(hub: HubClient, execution: JsonObject, step: JsonObject) -> list[int]:
    first = int(step["inside"]["first"])
    broken = []
    if step["inside"]["failed"]:
        for failed in _steps(hub, execution, FAILED, within=step["path"], status="failed,unknown"):
            match = _INDEX.match(failed["path"], len(step["path"]))
            broken += [int(match[1])] if match else []
    some = range(first, first + int(step["inside"]["begun"]))
    return chosen([*some[:FIRST], *some[-1:]], broken)


def _steps(hub: HubClient, execution: JsonObject, limit: int, **where: Json) -> list[JsonObject]:
    return list(hub.pages(f"/executions/{segment(execution['id'])}/steps", where, limit=limit))
