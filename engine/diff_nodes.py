"""The sentences of a diff about nodes and edges, wherever they lie: in a loop, a branch, ``finally`` or an undo."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from engine.definition.format_nodes import NODES, RETRY, UNDO
from engine.definition.places import NodePlace, nodes_on
from engine.definition.report import Path
from engine.diff_words import ABSENT, Difference, default_in, default_of_kind, in_brackets, shown, value_at, went
from engine.model.base import Json, JsonObject


def are_edges(at: Path) -> bool:
    """Whether a path leads to the edges of a workflow, of a body, of a branch or of ``finally``."""
    if at[-1:] != ("edges",):
        return False
    flow, nodes = at[:-1], nodes_on(at)
    if not nodes:
        return flow in ((), ("finally",))
    inside = flow[len(nodes[-1].at) :]
    return inside == ("body",) or (len(inside) == 2 and inside[0] == "branches")


def node_sentence(found: Difference, old: JsonObject, new: JsonObject) -> str:
    """Say what a difference at or inside a node means."""
    place = nodes_on(found.at)[-1]
    return _where(place.flow) + _Node(found, place, old=old, new=new).sentence()


def edge_sentence(found: Difference) -> str:
    """Say what a difference in a list of edges means."""
    one = isinstance(found.at[-1], int)
    where, gone = _where(found.at[: -1 if are_edges(found.at) else -2]), found.after is ABSENT
    if one:
        return f"{where}edge {_edge(found.before if gone else found.after)} {'removed' if gone else 'added'}"
    if gone or found.before is ABSENT:
        return f"{where}the list of edges is {'no longer' if gone else 'now'} written out; there are none"
    return f"{where}the order of the edges changed, which decides what comes first"


def _edge(edge: Json) -> str:
    return edge if isinstance(edge, str) else shown(edge)


def _where(flow: Path) -> str:
    """Name the flow that something lies in: nothing for the workflow's own."""
    if not flow:
        return ""
    if flow == ("finally",):
        return "in finally: "
    nodes = nodes_on(flow)
    branches = [str(flow[len(each.at) + 1]) if flow[len(each.at)] == "branches" else "" for each in nodes]
    names = ["finally"] if flow[0] == "finally" else []
    for each, branch in zip(nodes[:-1], branches[:-1], strict=True):
        names += [each.key, branch] if branch else [each.key]
    container = ".".join([*names, nodes[-1].key])
    return f"in the branch `{branches[-1]}` of `{container}`: " if branches[-1] else f"in the loop `{container}`: "


class _Node:
    """One difference at a node; ``rest`` is its path inside the node, ``record`` the node as far as it is known."""

    def __init__(self, found: Difference, place: NodePlace, *, old: JsonObject, new: JsonObject) -> None:
        self.found, self.key = found, place.key
        self.rest = rest = found.at[len(place.at) :]
        self.name = ".".join(str(part) for part in rest)
        self.record = value_at(new, place.at) or value_at(old, place.at)
        self.gone = found.after is ABSENT

    def sentence(self) -> str:
        found, key, name = self.found, f"`{self.key}`", self.name
        if not self.rest:
            return f"node {key} removed" if self.gone else f"node {key} added{in_brackets(found.after, 'use', 'type')}"
        if name == "type":
            return f"node {key} is now of type {shown(found.after)} instead of {shown(found.before)}"
        if self.rest[0] == "undo":
            return self._undo(self.rest[1:])
        special = _SPECIAL.get(str(self.rest[0])) if len(self.rest) == 1 or self.rest[0] == "wait_for" else None
        if special is not None and ABSENT not in (self.before_or_default(), self.after_or_default()):
            return special(self)
        if self.rest[0] == "branches" and len(self.rest) == 2:
            return f"branch `{self.rest[1]}` of {key} {'removed' if self.gone else 'added'}"
        return self._field(key, self.rest, default_of_kind(NODES, self.record, name))

    def before_or_default(self) -> Json:
        return self._or_default(self.found.before)

    def after_or_default(self) -> Json:
        return self._or_default(self.found.after)

    def _or_default(self, value: Json) -> Json:
        """A value, or what counts where there is none; ``ABSENT`` if the node has no such field."""
        if value is not ABSENT:
            return value
        kind = self.record.get("type") if isinstance(self.record, dict) else None
        if not isinstance(kind, str) or kind not in NODES.kinds:
            return ABSENT
        names = {field.name for field in NODES.section(kind).fields}
        return default_of_kind(NODES, self.record, str(self.rest[0])) if self.rest[0] in names else ABSENT

    def _undo(self, rest: Path) -> str:
        key = f"`{self.key}`"
        if rest:
            return self._field(f"the undo of {key}", rest, default_in(UNDO, ".".join(str(part) for part in rest)))
        if self.gone:
            return f"undo of {key} removed: what it did is no longer taken back"
        if self.found.before is ABSENT:
            return f"undo of {key} added: what it did is taken back{in_brackets(self.found.after, 'use')}"
        return f"undo of {key} changed"

    def _field(self, subject: str, rest: Path, default: Json) -> str:
        found, name = self.found, ".".join(str(part) for part in rest)
        if name == "use":
            return f"{subject} now calls {shown(found.after)} instead of {shown(found.before)}"
        if name in ("retry", "retry.max_attempts"):
            return _retry(subject, found)
        if rest[0] == "retry":
            return went(f"{name[6:]} of the retry of {subject}", found, default_in(RETRY, name[6:]))
        if name == "connection":
            return went(f"the connection of {subject}", found, None)
        return went(f"{name} of {subject}", found, default)


def _retry(subject: str, found: Difference) -> str:
    before, after = _attempts(found.before), _attempts(found.after)
    if found.at[-1] == "retry" and ABSENT not in (found.before, found.after):
        return f"retry of {subject} changed"
    if found.before is ABSENT:
        return f"retry of {subject} added: {after} attempts instead of 1"
    if found.after is ABSENT:
        return f"retry of {subject} removed: 1 attempt instead of {before}"
    return f"retry of {subject} went from {before} to {after} attempts"


def _attempts(value: Json) -> str:
    return shown(value.get("max_attempts", 1) if isinstance(value, dict) else value)


def _concurrency(node: _Node) -> str:
    before, after = node.before_or_default(), node.after_or_default()
    if before == after:
        return f"`{node.key}` still runs {_count(after, 'iteration')} at once, which is the default"
    return f"`{node.key}` now runs {_count(after, 'iteration')} at once instead of {shown(before)}"


def _batch(node: _Node) -> str:
    before, after = (
        "one item, and not as a list," if value is None else f"a list of up to {_count(value, 'item')}"
        for value in (node.before_or_default(), node.after_or_default())
    )
    return f"each iteration of `{node.key}` now gets {after.rstrip(',')} instead of {before.rstrip(',')}"


def _on_item_error(node: _Node) -> str:
    before, after = node.before_or_default(), node.after_or_default()
    texts = {
        "fail": f"makes `{node.key}` fail",
        "skip": f"is left out of the results of `{node.key}`",
        "collect": f"leaves its error in the results of `{node.key}`",
    }
    one, other = (
        texts.get(value, shown(value)) if isinstance(value, str) else shown(value) for value in (before, after)
    )
    if before == after:
        return f"a failed iteration still {other}, which is the default"
    return f"a failed iteration now {other}; before, it {one}".replace("before, it makes", "before, it made")


def _wait_for(node: _Node) -> str:
    what = "branch" if isinstance(node.record, dict) and "branches" in node.record else "iteration"
    before, after = (_awaited(value, what) for value in (node.before_or_default(), node.after_or_default()))
    if before == after:
        return f"`{node.key}` still waits for {after}, which is the default"
    return f"`{node.key}` now waits for {after} instead of {before}"


def _awaited(value: Json, what: str) -> str:
    plural = f"{what}es" if what == "branch" else f"{what}s"
    if value in ("all", "any"):
        return f"all {plural}" if value == "all" else f"any {what}"
    count = value.get("count") if isinstance(value, dict) else value
    return f"{shown(count)} {what if count == 1 else plural}"


def _spread_over(node: _Node) -> str:
    before, after = node.before_or_default(), node.after_or_default()
    if after is None:
        return f"`{node.key}` is no longer spread over child executions"
    instead = "" if before is None else f" instead of {shown(before)}"
    return f"`{node.key}` is now spread over child executions above {_count(after, 'item')}{instead}"


def _count(value: Json, what: str) -> str:
    return f"{shown(value)} {what}{'' if value == 1 else 's'}"


Writer: TypeAlias = Callable[[_Node], str]

_SPECIAL: Final[Mapping[str, Writer]] = {
    "concurrency": _concurrency,
    "batch": _batch,
    "on_item_error": _on_item_error,
    "wait_for": _wait_for,
    "spread_over": _spread_over,
}
