"""What a definition without cycles comes to, worked out from its text alone, as the format is described to people.

Nothing of the engine is used: nodes are taken in an order in which those before come first, and each runs if any edge
to it was taken. For definitions that do not depend on the order in which steps end.
"""

from dataclasses import dataclass, field
from typing import Any

from engine.model.base import Json, JsonObject
from tests.unit.engine.properties.oracle import Oracle

Ran = tuple[tuple[str, ...], Json]


@dataclass
class Reference:
    """``ran`` is what ran, by path: the ports that were taken and the output."""

    oracle: Oracle
    ran: dict[str, Ran] = field(default_factory=dict)

    def flow(self, flow: JsonObject, prefix: str, data: Json) -> Json:
        """Run a flow; return what it gives."""
        edges = [_edge(text) for text in flow.get("edges", [])]
        taken: dict[str, Ran] = {}
        ends: JsonObject = {}
        for key, node in flow["nodes"].items():
            inbound = [(source, port) for source, port, target in edges if target == key]
            arrived = [source for source, port in inbound if port in taken.get(source, ((), None))[0]]
            if inbound and not arrived:
                continue
            arrivals = [(source, taken[source][1]) for source in arrived]
            ports, output = self._node(node, f"{prefix}{key}", arrivals, data)
            taken[key] = self.ran[f"{prefix}{key}"] = ports, output
            leads_on = any(source == key and port in ports for source, port, _ in edges)
            if not leads_on and node["type"] not in ("condition", "switch"):
                ends[key] = output
        return next(iter(ends.values())) if len(ends) == 1 else ends or None

    def _node(self, node: JsonObject, path: str, arrivals: list[tuple[str, Json]], data: Json) -> Ran:
        given = data if not arrivals else arrivals[0][1] if len(arrivals) == 1 else dict(arrivals)
        if node.get("disabled"):
            return ("main",), given
        if "pin" in node:
            return ("main",), node["pin"]
        match node["type"]:
            case "condition":
                return ("true",) if _get(given, "yes") else ("false",), given
            case "switch":
                return self._switch(node, given), given
            case "transform":
                return ("main",), given if "value" in node else {"yes": _get(given, "yes"), "a": True}
            case "merge":
                values = [value for _, value in arrivals] or [given]
                return ("main",), values[0] if node["combine"] == "first" else values
            case "delay":
                return ("main",), given
            case "loop":
                return ("main",), self._loop(node, path)
            case "parallel":
                branches = node["branches"].items()
                return ("main",), {name: self.flow(body, f"{path}.{name}.", given) for name, body in branches}
        return self._call(node, path)

    def _switch(self, node: JsonObject, given: Json) -> tuple[str, ...]:
        holding = [port for name, port in (("yes", "a"), ("more", "b")) if _get(given, name)]
        return tuple(holding if node["mode"] == "all" else holding[:1]) or ("default",)

    def _loop(self, node: JsonObject, path: str) -> list[Json]:
        results: list[Json] = []
        if "over" in node:
            size, over = node.get("batch"), node["over"]
            items = over if size is None else [over[at : at + size] for at in range(0, len(over), size)]
        else:
            items = [0, 1]
        for index, item in enumerate(items):
            before = results[-1] if results else None
            results.append(self.flow(node["body"], f"{path}[{index}].", before if "while" in node else item))
        return results

    def _call(self, node: JsonObject, path: str) -> Ran:
        error: JsonObject | None = None
        if self.oracle.is_unknown(path):
            error = {"code": "outcome_unknown", "message": "lost", "category": "permanent", "step": path}
        for attempt in range(1, node.get("retry", {}).get("max_attempts", 1) + 1):
            if error is not None and error["category"] == "permanent":
                break
            category = self.oracle.failure_of(path, attempt)
            if category is None:
                return ("main",), self.oracle.output(path)
            error = {"code": "refused", "message": f"no, {category}", "category": category.value, "step": path}
        return ("main",) if node["on_error"] == "continue" else ("error",), {"error": error}


def _edge(text: str) -> tuple[str, str, str]:
    source, _, target = text.partition(" -> ")
    key, _, port = source.partition(".")
    return key, port, target


def _get(value: Any, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None
