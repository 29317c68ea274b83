"""Random definitions: what people could write, small enough to read when a property fails.

Outcomes follow from paths (see ``oracle``), and conditions look only at what arrives, so that what an execution does
can be foretold. ``STEADY`` leaves out what depends on the order in which steps end.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st

from engine.definition import load_document, parse_definition
from engine.errors import InvalidDefinition
from engine.graph import Graph, compile_graph
from engine.model.base import Json, JsonObject, VersionId

CALL: Final = "connector"
CONTAINERS: Final = ("loop", "parallel")
VARIABLES: Final[JsonObject] = {
    "total": {"type": "number", "default": 0, "merge": "add"},
    "log": {"type": "list", "default": [], "merge": "append"},
    "seen": {"type": "list", "default": [], "merge": "union"},
    "last": {"type": "any"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What definitions may hold; ``undo`` is how many calls there are for one that can be taken back.

    ``steady``: the order in which steps end changes nothing. ``tidy``: a cycle has one entrance and one way back.
    """

    kinds: tuple[str, ...] = (CALL, CALL, "transform", "condition", "switch", "merge", "delay", "stop", *CONTAINERS)
    joins: tuple[Json, ...] = ("all", "any", "each", {"count": 2})
    depth: int = 2
    size: int = 6
    steady: bool = False
    tidy: bool = False
    cycles: bool = True
    closing: bool = True
    limits: bool = True
    undo: int = 2


ANY: Final = Shape()
STEADY: Final = Shape(
    kinds=(CALL, CALL, "transform", "condition", "switch", "merge", "delay", *CONTAINERS),
    joins=("all",),
    steady=True,
    tidy=True,
    closing=False,
    limits=False,
)
SAGA: Final = replace(ANY, kinds=(*[CALL] * 8, "loop", "parallel", "stop"), joins=("all",), cycles=False, undo=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """A definition that was checked, as text and compiled. Its ``repr`` is the text, for failures."""

    document: JsonObject
    graph: Graph

    def __repr__(self) -> str:
        return f"sample({json.dumps(self.document, indent=1)})"


def sample(document: JsonObject) -> Sample:
    """Read and compile a document, as if a person had written it. Raises InvalidDefinition."""
    definition, _ = parse_definition(json.dumps(document))
    return Sample(document, compile_graph(definition, VersionId("v")))


def samples(shape: Shape = ANY) -> st.SearchStrategy[Sample]:
    """Definitions of a shape. Hypothesis draws how large they are and a seed; drawing every part would be slow."""
    return st.builds(
        make, st.just(shape), st.integers(1, shape.size), st.integers(0, shape.depth), st.integers(0, 2**40)
    )


def make(shape: Shape, size: int, depth: int, seed: int) -> Sample:
    """The definition of a shape that belongs to these numbers."""
    maker = _Maker(random.Random(seed), replace(shape, size=size, depth=depth))
    document: JsonObject = {"name": "random", "variables": VARIABLES, **maker.flow(0)}
    if shape.closing and maker.chance(3):
        document["finally"] = maker.flow(depth)
    document["settings"] = {"max_iterations": 5}
    if shape.limits and maker.chance(4):
        document["settings"]["timeout"] = "90s"
    return sample(document)


class _Maker:
    """Makes one definition; keys are numbered through, as a body's may not hide those around it."""

    def __init__(self, dice: random.Random, shape: Shape) -> None:
        self._dice = dice
        self._shape = shape
        self._count = 0

    def chance(self, one_in: int) -> bool:
        """True once in so many times."""
        return self._dice.randint(1, one_in) == one_in

    def one(self, *choices: Json) -> Json:
        return self._dice.choice(choices)

    def flow(self, depth: int) -> JsonObject:
        """A flow of up to ``size`` nodes; those further in are smaller."""
        shape = self._shape
        kinds = [kind for kind in shape.kinds if depth < shape.depth or kind not in CONTAINERS]
        size = self._dice.randint(1, max(shape.size - 2 * depth, 2))
        nodes = {}
        for _ in range(size):
            kind = self.one(*kinds)
            self._count += 1
            key = f"{kind[:2]}{self._count}"
            nodes[key] = self._node(kind, depth)
        edges = self._edges(nodes)
        self._routes(nodes, edges)
        back = self._back(nodes, edges) if shape.cycles else []
        self._joins(nodes, edges)
        return _valid(nodes, edges, back)

    def _node(self, kind: str, depth: int) -> JsonObject:
        node: JsonObject = {"type": kind, **getattr(self, f"_{kind}")(depth)}
        if kind not in ("condition", "switch", "stop"):
            if self.chance(12):
                node["disabled"] = True
            elif self.chance(12):
                node["pin"] = {"yes": True, "pinned": True}
        if kind in (CALL, "transform", "merge", "loop") and self.chance(4):
            node["assign"] = {"total": 1, "log": "{{ input.at }}", "seen": ["{{ input.yes }}"]}
            if not self._shape.steady:
                node["assign"]["last"] = "{{ input.at }}"
        return node

    def _connector(self, _: int) -> JsonObject:
        node: JsonObject = {"use": self.one("keyed.call", "pure.call", "unrepeatable.call"), "with": {}}
        if self.chance(2):
            node["retry"] = {"max_attempts": self.one(1, 2, 3), "delay": "1s", "jitter": False}
        node["on_error"] = self.one("continue", "route") if self._shape.steady else self._policy()
        if self._shape.closing and self.chance(self._shape.undo):
            node["undo"] = {"use": self.one("keyed.undo", "unrepeatable.undo")}
        return node

    def _transform(self, _: int) -> JsonObject:
        return dict(self.one({"value": "{{ input }}"}, {"set": {"yes": "{{ input.yes }}", "a": True}}))

    def _condition(self, _: int) -> JsonObject:
        return {"if": "input.yes"}

    def _switch(self, _: int) -> JsonObject:
        cases = [{"when": "input.yes", "port": "a"}, {"when": "input.more", "port": "b"}]
        return {"cases": cases, "mode": self.one("first", "all")}

    def _merge(self, _: int) -> JsonObject:
        return {"combine": self.one("list", "first")}

    def _delay(self, _: int) -> JsonObject:
        return {"for": self.one("1s", "20s", "1m")}

    def _stop(self, _: int) -> JsonObject:
        return dict(self.one({"output": "stopped"}, {"as": "failed", "message": "stopped"}))

    def _loop(self, depth: int) -> JsonObject:
        items = [{"yes": True, "at": "item"}, {"yes": False, "more": True}, {"yes": True, "more": True}]
        node = self.one({"over": items}, {"over": items[:1]}, {"over": []}, {"times": 2}, {"while": "index < 2"})
        node = dict(node)
        steady = self._shape.steady
        if not steady and self.chance(4):
            node = {"while": "vars.total < 3"}
        if "while" not in node:
            node["concurrency"] = self.one(1, 2, 3)
        if "over" in node and self.chance(3):
            node["batch"] = 2
        if not steady and self.chance(4):
            node["wait_for"] = self.one("any", {"count": 2})
        node["on_item_error"] = self.one("skip", "collect") if steady else self.one("fail", "skip", "collect")
        return node | {"body": self.flow(depth + 1)} | self._around()

    def _parallel(self, depth: int) -> JsonObject:
        branches = {name: self.flow(depth + 1) for name in ("left", "right", "third")[: self.one(2, 1, 3)]}
        wait_for = "all" if self._shape.steady else self.one("all", "any", {"count": min(2, len(branches))})
        return {"branches": branches, "wait_for": wait_for} | self._around()

    def _around(self) -> JsonObject:
        """What nodes with others inside may have besides."""
        node: JsonObject = {}
        if not self._shape.steady:
            node["on_error"] = self._policy()
        if self._shape.limits and self.chance(4):
            node["timeout"] = self.one("500ms", "30s")
        return node

    def _policy(self) -> Json:
        return self.one("fail", "continue", "route")

    def _edges(self, nodes: JsonObject) -> list[str]:
        keys, edges = list(nodes), []
        for index in range(1, len(keys)):
            fewest = 0 if self.chance(4) else 1
            for _ in range(self.one(fewest, 1, 1, 2, 3)):
                source = self.one(*keys[:index])
                ports = _ports(nodes[source])
                if ports:
                    edges.append(f"{source}.{self.one(*ports)} -> {keys[index]}")
        return list(dict.fromkeys(edges))

    def _routes(self, nodes: JsonObject, edges: list[str]) -> None:
        """Where nothing follows the port for errors, go on without it."""
        for key, node in nodes.items():
            if node.get("on_error") == "route" and not any(edge.startswith(f"{key}.error ") for edge in edges):
                node["on_error"] = "continue"

    def _back(self, nodes: JsonObject, edges: list[str]) -> list[str]:
        keys, back = list(nodes), []
        for index, key in enumerate(keys):
            if nodes[key]["type"] in ("condition", "switch") and self.chance(2):
                port = "true" if nodes[key]["type"] == "condition" else "a"
                target = self._dice.randint(0, index)
                if nodes[keys[target]]["type"] != CALL and not self.chance(4):  # nothing new would come in each pass
                    continue
                back.append(f"{key}.{port} -> {keys[target]}")
                if self._shape.tidy:
                    if not _is_tidy(keys[target : index + 1], edges, back):
                        back.pop()
                    return [edge for edge in back if edge not in edges]
        return [edge for edge in back if edge not in edges]

    def _joins(self, nodes: JsonObject, edges: list[str]) -> None:
        for key, node in nodes.items():
            if sum(edge.endswith(f" -> {key}") for edge in edges) > 1 and self.chance(2):
                node["join"] = self.one(*self._shape.joins)


def _ports(node: JsonObject) -> tuple[str, ...]:
    error = ("error",) if node.get("on_error") == "route" else ()
    match node["type"]:
        case "stop":
            return ()
        case "condition":
            return ("true", "false")
        case "switch":
            return ("a", "b", "default")
        case _:
            return ("main", *error)


def _is_tidy(members: list[str], edges: list[str], back: list[str]) -> bool:
    """Whether what lies between the ends of a way back is entered at its head alone, and led through by every way."""
    head = members[0]
    ends = [tuple(edge.replace(".", " ").split()[0::3]) for edge in edges]
    inner = [(source, target) for source, target in ends if source in members and target in members]
    entered = [target for source, target in ends if source not in members and target in members]
    reached = {head} | {target for _, target in inner}
    return len(back) == 1 and set(entered) <= {head} and reached == set(members)


def _valid(nodes: JsonObject, edges: list[str], back: list[str]) -> JsonObject:
    """The flow with the ways back that are allowed; a join that has nothing to join with them is left out."""
    for end in range(len(back), -1, -1):
        flow: JsonObject = {"nodes": nodes, "edges": edges + back[:end]}
        for _ in range(2):
            try:
                load_document({"name": "part", "variables": VARIABLES, **flow})
            except InvalidDefinition as error:
                if end == 0 or not all(problem.place.endswith("join") for problem in error.problems):
                    break
                flow = {"nodes": {key: _without_join(node) for key, node in nodes.items()}, "edges": flow["edges"]}
            else:
                return flow
    raise AssertionError(f"the generator made something that is not allowed: {flow}")


def smaller(document: JsonObject) -> Iterator[JsonObject]:
    """The documents with one thing less, for finding the smallest that shows a failure; some are not allowed."""
    for path, less in _less(document):
        yield _with(document, path, less)


def _less(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Every mapping or list inside, with one entry less. A node goes with its edges."""
    if isinstance(value, dict):
        for key in value:
            if key not in ("settings", "max_iterations"):  # without them an execution may be long
                yield path, {name: each for name, each in value.items() if name != key}
            if key == "nodes":
                for gone in value["nodes"]:
                    nodes = {name: each for name, each in value["nodes"].items() if name != gone}
                    edges = [e for e in value.get("edges", []) if gone not in e.replace(".", " ").split()]
                    yield path, {**value, "nodes": nodes, "edges": edges}
            yield from _less(value[key], (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield path, value[:index] + value[index + 1 :]
            yield from _less(each, (*path, index))


def _with(value: Json, path: tuple[str | int, ...], less: Json) -> Json:
    if not path:
        return less
    copy = value.copy()
    copy[path[0]] = _with(copy[path[0]], path[1:], less)
    return copy


def _without_join(node: JsonObject) -> JsonObject:
    return {name: value for name, value in node.items() if name != "join"}
