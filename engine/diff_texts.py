"""The sentences of a diff: what a change of a definition means, in the words of those who wrote it."""

from collections.abc import Callable, Mapping
from typing import Final

from engine.definition.format import SETTINGS, VARIABLE
from engine.definition.format_triggers import TRIGGERS
from engine.definition.places import nodes_on
from engine.definition.report import place
from engine.diff_nodes import are_edges, edge_sentence, node_sentence
from engine.diff_words import ABSENT, Difference, default_in, default_of_kind, in_brackets, shown, value_at, went
from engine.model.base import Json, JsonObject

RULES: Final = ("cron", "every", "at")
"""The fields of a schedule that say when it fires; it has one of them."""


def sentence(found: Difference, old: JsonObject, new: JsonObject) -> str:
    """Say what a difference between two documents means."""
    if are_edges(found.at) or are_edges(found.at[:-1]):
        return edge_sentence(found)
    if nodes_on(found.at):
        return node_sentence(found, old, new)
    writer = _WRITERS.get(str(found.at[0])) if len(found.at) > 1 else None
    return writer(found, old, new) if writer else _whole(found)


def _trigger(found: Difference, old: JsonObject, new: JsonObject) -> str:
    key, rest = str(found.at[1]), found.at[2:]
    both = value_at(new, found.at[:2]) or value_at(old, found.at[:2])
    kind = str(both.get("type", "trigger")) if isinstance(both, dict) else "trigger"
    if not rest:
        gone = found.after is ABSENT
        return f"trigger `{key}` removed" if gone else f"trigger `{key}` added{in_brackets(found.after, 'type')}"
    name = ".".join(str(part) for part in rest)
    if name in RULES and kind == "schedule" and isinstance(found.before, dict) and isinstance(found.after, dict):
        return f"schedule `{key}` now fires {_rule(found.after)} instead of {_rule(found.before)}"
    if name == "type":
        return f"trigger `{key}` is now of type {shown(found.after)} instead of {shown(found.before)}"
    if name == "enabled":
        return f"{kind} `{key}` is now {'disabled' if found.after is False else 'enabled'}"
    return went(f"{name} of {kind} `{key}`", found, default_of_kind(TRIGGERS, both, name))


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
    return went(f"{name} of variable `{key}`", found, default_in(VARIABLE, name))


def _setting(found: Difference, _old: JsonObject, _new: JsonObject) -> str:
    name = ".".join(str(part) for part in found.at[1:])
    return went(f"the workflow's {name}", found, default_in(SETTINGS, name))


def _start(found: Difference, _old: JsonObject, _new: JsonObject) -> str:
    key = ".".join(str(part) for part in found.at[1:])
    if found.after is ABSENT:
        return f"trigger `{key}` now starts all start nodes"
    nodes = found.after if isinstance(found.after, list) else [found.after]
    return f"trigger `{key}` now starts {', '.join(f'`{node}`' for node in nodes)}"


_WRITERS: Final[Mapping[str, Callable[[Difference, JsonObject, JsonObject], str]]] = {
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
        return f"the workflow is now called {shown(found.after)} instead of {shown(found.before)}"
    given = found.before if found.after is ABSENT else found.after
    if name == "finally" and isinstance(given, dict) and isinstance(given.get("nodes"), dict):
        given = given["nodes"]
    if ABSENT in (found.before, found.after) and isinstance(given, dict):
        verb = "removed" if found.after is ABSENT else "added"
        return f"{name} {verb}: {', '.join(f'`{key}`' for key in given) or 'none'}"
    return went(name, found, None)
