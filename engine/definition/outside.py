"""Checks that need to know what there is outside the definition: actions, webhook schemes, secrets, connections."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.definition.report import Path, Report, nearest
from engine.definition.shapes import Record
from engine.errors import Problem
from engine.model.base import Json, JsonObject
from engine.model.node import ConnectorSpec, NodeKind
from engine.model.workflow import Definition, TriggerKind, WebhookSpec
from engine.placed_nodes import placed_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInputs:
    """The inputs of one action. ``names`` ``None``: it takes whatever it is given."""

    names: Collection[str] | None = None
    required: Collection[str] = ()
    needs_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a definition may refer to; ``None`` leaves a part unchecked.

    Secrets and connections may be bound later than a definition is saved, so saving leaves them out and publishing
    does not. ``check_verify`` gets the mapping of a webhook's ``verify`` and says what is wrong with it.
    ``check_input`` gets an action, the name of an input and a value without holes, and does the same.
    """

    actions: Mapping[str, ActionInputs] | None = None
    check_verify: Callable[[JsonObject], Sequence[str]] | None = None
    check_input: Callable[[str, str, Json], str | None] | None = None
    secrets: Collection[str] | None = None
    connections: Collection[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    at: Path
    use: str | None
    connection: str | None
    inputs: JsonObject


def check_references(definition: Definition, outside: Outside) -> list[Problem]:
    """Return every reference of a definition to something that is not there, without positions."""
    report = Report()
    for at, node in placed_nodes(definition):
        for part, call in ((at, node), ((*at, "undo"), node.undo)):
            if call is not None and isinstance(call.spec, ConnectorSpec):
                spec = call.spec
                found = _Call(at=part, use=spec.use, connection=spec.connection, inputs=spec.inputs)
                _check_call(found, outside, report)
    for trigger in definition.triggers.values():
        if isinstance(trigger.spec, WebhookSpec) and trigger.spec.verify is not None:
            _check_verify(("triggers", trigger.key, "verify"), trigger.spec.verify, outside, report=report)
    return report.problems()


def check_record(record: Record, outside: Outside, report: Report) -> None:
    """Report the same for what could be read of a document."""
    for at, node in _records((), record):
        calls = [(at, node)] if node["type"] == NodeKind.CONNECTOR else []
        if isinstance(node.get("undo"), dict):
            calls.append(((*at, "undo"), node["undo"]))
        for part, written in calls:
            inputs: Any = written.get("with", {})
            call = _Call(at=part, use=written.get("use"), connection=written.get("connection"), inputs=inputs)
            _check_call(call, outside, report)
    for key, trigger in record.get("triggers", {}).items():
        if trigger["type"] == TriggerKind.WEBHOOK and isinstance(trigger.get("verify"), dict):
            _check_verify(("triggers", key, "verify"), trigger["verify"], outside, report=report)


def _records(at: Path, record: Record) -> Iterator[tuple[Path, Record]]:
    """Every node that could be read, with its path, those inside others included."""
    for key, node in record.get("nodes", {}).items():
        place = (*at, "nodes", key)
        yield place, node
        if isinstance(node.get("body"), dict):
            yield from _records((*place, "body"), node["body"])
        for name, branch in (node.get("branches") or {}).items():
            yield from _records((*place, "branches", name), branch)
    if isinstance(record.get("finally"), dict):
        yield from _records(("finally",), record["finally"])


def _check_call(call: _Call, outside: Outside, report: Report) -> None:
    at = call.at
    if outside.connections is not None and call.connection is not None and call.connection not in outside.connections:
        fix = nearest(call.connection, outside.connections) or "create it first"
        report.wrong((*at, "connection"), f'there is no connection "{call.connection}"', fix=fix)
    if outside.actions is None or call.use is None:
        return
    action = outside.actions.get(call.use)
    if action is None:
        close = nearest(call.use, outside.actions)
        report.wrong((*at, "use"), f'there is no action "{call.use}"', fix=close)
        return
    if action.needs_connection and call.connection is None:
        fix = "name one of the project's connections"
        report.wrong((*at, "connection"), f'"{call.use}" needs a connection', fix=fix)
    for name in action.required:
        if name not in call.inputs:
            report.wrong((*at, "with", name), f'the input "{name}" of {call.use} is missing', fix="add it to with")
    for name, value in call.inputs.items():
        if action.names is not None and name not in action.names:
            text = f'"{name}" is not an input of {call.use}'
            report.wrong((*at, "with", name), text, fix=nearest(name, action.names), key=True)
        elif message := _literal_problem(outside, call.use, name, value=value):
            report.wrong((*at, "with", name), message)


def _literal_problem(outside: Outside, use: str, name: str, *, value: Json) -> str | None:
    if outside.check_input is None or _has_holes(value):
        return None
    return outside.check_input(use, name, value)


def _has_holes(value: Json) -> bool:
    if isinstance(value, dict | list):
        return any(_has_holes(entry) for entry in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and "{{" in value


def _check_verify(at: Path, verify: JsonObject, outside: Outside, *, report: Report) -> None:
    for message in outside.check_verify(verify) if outside.check_verify else ():
        report.wrong((*at, *_named(message, verify)), message)
    for name in _secret_names(verify):
        if outside.secrets is not None and name not in outside.secrets:
            fix = nearest(name, outside.secrets) or "store it first"
            report.wrong((*at, *_named(f'"{name}"', verify)), f'there is no secret "{name}"', fix=fix)


def _secret_names(verify: JsonObject) -> Iterator[str]:
    several = verify.get("secrets")
    for name in (verify.get("secret"), *(several if isinstance(several, list) else ())):
        if isinstance(name, str):
            yield name


def _named(message: str, verify: JsonObject) -> Path:
    """Return the field of ``verify`` that a message quotes, by its name or by its value."""
    for name, value in verify.items():
        if f'"{name}"' in message or (isinstance(value, str) and f'"{value}"' in message):
            return (name,)
    return ()
