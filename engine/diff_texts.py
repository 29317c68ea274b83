"""The sentences of a diff: what a change of a definition means, in the words of those who wrote it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from engine.definition.format import SETTINGS, VARIABLE
from engine.definition.format_nodes import NODES, RETRY
from engine.definition.format_triggers import TRIGGERS
from engine.definition.report import Path, place
from engine.definition.shapes import Kinds, Section
from engine.model.base import Json, JsonObject

RULES: Final = ("cron", "every", "at")
"""The fields of a schedule that say when it fires; it has one of them."""

LONGEST: Final = 60
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][\w.:/@+-]*")


class Absent(Enum):
    """The value that stands for a field that is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two values of one place, either of them perhaps ``ABSENT``."""

    at: Path
    before: Json
    after: Json


def sentence(found: Difference, old: JsonObject, new: JsonObject) -> str:
    """Say what a difference between two documents means."""
    if are_edges(found.at) or are_edges(found.at[:-1]):
        return _edge(found)
    writer = _WRITERS.get(str(found.at[0])) if len(found.at) > 1 else None
    return writer(found, old, new) if writer else _whole(found)


def are_edges(at: Path) -> bool:
    """Whether a path leads to the edges of a workflow or of a loop's body."""
    return at == ("edges",) or (at[:1] == ("nodes",) and at[-2:] == ("body", "edges"))


def _edge(found: Difference) -> str:
    inside = f" in `{_subject(found.at)[0]}`" if found.at[0] == "nodes" else ""
    gone = found.after is ABSENT
    if isinstance(found.at[-1], int):
        return f"edge {_edge_text(found.before if gone else found.after)} {'removed' if gone else 'added'}{inside}"
    if gone or found.before is ABSENT:
        return f"the list of edges is {'no longer' if gone else 'now'} written out{inside}; there are none"
    return f"the order of the edges changed{inside}, which decides what comes first"


def _edge_text(edge: Json) -> str:
    return edge if isinstance(edge, str) else _value(edge)


def _node(found: Difference, old: JsonObject, new: JsonObject) -> str:
    key, rest = _subject(found.at)
    if not rest:
        gone = found.after is ABSENT
        return f"node `{key}` removed" if gone else f"node `{key}` added{_in_brackets(found.after, 'use', 'type')}"
    name = ".".join(str(part) for part in rest)
    if name == "type":
        return f"node `{key}` is now of type {_value(found.after)} instead of {_value(found.before)}"
    if name == "use":
        return f"`{key}` now calls {_value(found.after)} instead of {_value(found.before)}"
    if name in ("retry", "retry.max_attempts"):
        return _retry(key, found)
    if rest[0] == "retry":
        return _went(f"{name.removeprefix('retry.')} of the retry of `{key}`", found, _default(RETRY, name[6:]))
    if name == "connection":
        return _went(f"the connection of `{key}`", found, None)
    kind = _at(new, found.at[: -len(rest)]) or _at(old, found.at[: -len(rest)])
    return _went(f"{name} of `{key}`", found, _default_of_kind(NODES, kind, name))


def _retry(key: str, found: Difference) -> str:
    before, after = _attempts(found.before), _attempts(found.after)
    if found.at[-1] == "retry" and ABSENT not in (found.before, found.after):
        return f"retry of `{key}` changed"
    if found.before is ABSENT:
        return f"retry of `{key}` added: {after} attempts instead of 1"
    if found.after is ABSENT:
        return f"retry of `{key}` removed: 1 attempt instead of {before}"
    return f"retry of `{key}` went from {before} to {after} attempts"


def _attempts(value: Json) -> str:
    return _value(value.get("max_attempts", 1) if isinstance(value, dict) else value)


def _trigger(found: Difference, old: JsonObject, new: JsonObject) -> str:
    key, rest = str(found.at[1]), found.at[2:]
    both = _at(new, found.at[:2]) or _at(old, found.at[:2])
    kind = str(both.get("type", "trigger")) if isinstance(both, dict) else "trigger"
    if not rest:
        gone = found.after is ABSENT
        return f"trigger `{key}` removed" if gone else f"trigger `{key}` added{_in_brackets(found.after, 'type')}"
    name = ".".join(str(part) for part in rest)
    if name in RULES and kind == "schedule" and isinstance(found.before, dict) and isinstance(found.after, dict):
        return f"schedule `{key}` now fires {_rule(found.after)} instead of {_rule(found.before)}"
    if name == "type":
        return f"trigger `{key}` is now of type {_value(found.after)} instead of {_value(found.before)}"
    if name == "enabled":
        return f"{kind} `{key}` is now {'disabled' if found.after is False else 'enabled'}"
    return _went(f"{name} of {kind} `{key}`", found, _default_of_kind(TRIGGERS, both, name))


def _rule(rule: Mapping[str, Json]) -> str:
    name, value = next(iter(rule.items()))
    if name == "at":
        return f"at {', '.join(map(str, value)) if isinstance(value, list) else value}"
    return f'by the cron line "{value}"' if name == "cron" else f"{name} {value}"


def _variable(found: Difference, _old: JsonObject, _new: JsonObject) -> str:
    key, rest = found.at[1], found.at[2:]
    if not rest:
        return f"variable `{key}` {'removed' if found.after is ABSENT else 'added'}"
    name = ".".join(str(part) for part in rest)
    return _went(f"{name} of variable `{key}`", found, _default(VARIABLE, name))


def _setting(found: Difference, _old: JsonObject, _new: JsonObject) -> str:
    name = ".".join(str(part) for part in found.at[1:])
    return _went(f"the workflow's {name}", found, _default(SETTINGS, name))


def _start(found: Difference, _old: JsonObject, _new: JsonObject) -> str:
    key = ".".join(str(part) for part in found.at[1:])
    if found.after is ABSENT:
        return f"trigger `{key}` now starts all start nodes"
    nodes = found.after if isinstance(found.after, list) else [found.after]
    return f"trigger `{key}` now starts {', '.join(f'`{node}`' for node in nodes)}"


_WRITERS: Final[Mapping[str, Callable[[Difference, JsonObject, JsonObject], str]]] = {
    "nodes": _node,
    "triggers": _trigger,
    "variables": _variable,
    "settings": _setting,
    "start": _start,
}


def _whole(found: Difference) -> str:
    name = place(found.at)
    if name in ("layout", "description"):
        return f"the {'layout' if name == 'layout' else 'description of the workflow'} changed"
    if name == "name":
        return f"the workflow is now called {_value(found.after)} instead of {_value(found.before)}"
    given = found.before if found.after is ABSENT else found.after
    if ABSENT in (found.before, found.after) and isinstance(given, dict):
        verb = "removed" if found.after is ABSENT else "added"
        return f"{name} {verb}: {', '.join(f'`{key}`' for key in given) or 'none'}"
    return _went(name, found, None)


def _went(what: str, found: Difference, default: Json) -> str:
    """Say that a value became another; a field that is left out has its default."""
    before, after = found.before, found.after
    if before is ABSENT and default is not None and after == default:
        return f"{what} is now written out as {_value(after)}, which is the default"
    if after is ABSENT and default is not None and before == default:
        return f"{what} is no longer written out; it stays at {_value(before)}, the default"
    if before is ABSENT and default is None:
        return f"{what} added: {_value(after)}"
    if after is ABSENT and default is None:
        return f"{what} removed; it was {_value(before)}"
    one, other = (f"{_value(default)} (the default)" if each is ABSENT else _value(each) for each in (before, after))
    return f"{what} went from {one} to {other}" if one != other else f"{what} changed"


def _value(value: Json) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and len(value) <= LONGEST:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _in_brackets(value: Json, *names: str) -> str:
    found = [value[name] for name in names if isinstance(value, dict) and isinstance(value.get(name), str)]
    return f" ({found[0]})" if found else ""


def _subject(at: Path) -> tuple[str, Sequence[str | int]]:
    """Split a path inside ``nodes`` into the node's name, ``orders.charge`` inside a loop, and the rest."""
    names, rest = [str(at[1])] if len(at) > 1 else [], at[2:]
    while len(rest) > 2 and rest[:2] == ("body", "nodes"):
        names, rest = [*names, str(rest[2])], rest[3:]
    return ".".join(names), rest


def _default_of_kind(kinds: Kinds, record: Json, name: str) -> Json:
    kind = record.get("type") if isinstance(record, dict) else None
    return _default(kinds.section(kind), name) if isinstance(kind, str) and kind in kinds.kinds else None


def _default(section: Section, name: str) -> Json:
    return next((each.default for each in section.fields if each.name == name), None)


def _at(document: Json, at: Path) -> Json:
    for part in at:
        document = document.get(part) if isinstance(document, dict) else None
    return document
