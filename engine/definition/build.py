"""From a record that was read without a problem to the model. Nothing is checked here."""

from datetime import timedelta
from typing import Any

from engine.definition.build_admission import build_admission
from engine.definition.build_waits import outside_spec
from engine.definition.shapes import Record
from engine.errors import Category
from engine.model.base import JsonObject
from engine.model.list_steps import ListOperation, ListStep
from engine.model.node import (
    ATTEMPT_LIMIT,
    CONTAINERS,
    OUTSIDE,
    Body,
    CachePolicy,
    Case,
    CodeLimits,
    CodeSpec,
    ConditionSpec,
    ConnectorSpec,
    DelaySpec,
    Join,
    JoinKind,
    LoopSpec,
    MergeSpec,
    Node,
    NodeKind,
    NodeSpec,
    OnError,
    OnItemError,
    ParallelSpec,
    RespondSpec,
    RetryPolicy,
    StopSpec,
    SwitchSpec,
    TransformSpec,
)
from engine.model.workflow import (
    Definition,
    Lane,
    ManualSpec,
    Merge,
    RespondWhen,
    Retention,
    ScheduleSpec,
    TriggerDefinition,
    TriggerKind,
    TriggerSpec,
    Variable,
    WebhookSpec,
    WhilePaused,
    WorkflowSettings,
)


def build_definition(record: Record) -> Definition:
    """Return the model of a whole definition."""
    return Definition(
        name=record["name"],
        description=record.get("description", ""),
        nodes={key: _node(key, node) for key, node in record["nodes"].items()},
        edges=tuple(record["edges"]),
        closing=_body(record["finally"]) if "finally" in record else None,
        triggers={key: _trigger(key, trigger) for key, trigger in record["triggers"].items()},
        variables={key: _variable(variable) for key, variable in record["variables"].items()},
        start={key: tuple(nodes) for key, nodes in record["start"].items()},
        settings=_settings(record["settings"]),
    )


def _settings(record: Record) -> WorkflowSettings:
    return WorkflowSettings(
        timeout=record["timeout"],
        max_iterations=record["max_iterations"],
        priority=Lane(record["priority"]),
        retain=_retention(record.get("retain")),
        while_paused=WhilePaused(record["while_paused"]),
        admission=build_admission(record),
        on_failure=record.get("on_failure"),
    )


def _retention(given: timedelta | Record | None) -> Retention:
    if isinstance(given, dict):
        return Retention(age=given.get("age"), count=given.get("count"))
    return Retention(age=given)


def _variable(record: Record) -> Variable:
    return Variable(type=record["type"], default=record.get("default"), merge=Merge(record["merge"]))


def _body(record: Record) -> Body:
    nodes = {key: _node(key, node) for key, node in record["nodes"].items()}
    return Body(nodes=nodes, edges=tuple(record["edges"]))


def _undo(record: Record) -> Node:
    spec = ConnectorSpec(use=record["use"], connection=record.get("connection"), inputs=record["with"])
    retry = _retry(record["retry"]) if "retry" in record else RetryPolicy()
    return Node(key="undo", kind=NodeKind.CONNECTOR, spec=spec, retry=retry, timeout=record["timeout"])


def _node(key: str, record: Record) -> Node:
    return Node(
        key=key,
        kind=NodeKind(record["type"]),
        spec=_node_spec(record),
        name=record.get("name", ""),
        description=record.get("description", ""),
        join=read_join(record["join"]),
        retry=_retry(record["retry"]) if "retry" in record else RetryPolicy(),
        timeout=None
        if record["type"] in OUTSIDE
        else record.get("timeout", None if record["type"] in CONTAINERS else ATTEMPT_LIMIT),
        on_error=OnError(record["on_error"]),
        input=record.get("input"),
        has_input="input" in record,
        assign=record.get("assign", {}),
        strict=record["strict"],
        disabled=record["disabled"],
        pin=record.get("pin"),
        has_pin="pin" in record,
        input_schema=record.get("input_schema"),
        output_schema=record.get("output_schema"),
        cache=CachePolicy(key=record["cache"]["key"], lifetime=record["cache"]["for"]) if "cache" in record else None,
        undo=_undo(record["undo"]) if "undo" in record else None,
    )


def _time_limit(record: Record) -> timedelta | None:
    """The longest one attempt may take; ``None`` for kinds that only wait, or have nodes inside and no limit."""
    kind = record["type"]
    if kind in OUTSIDE:
        return None
    limit: timedelta | None = record.get("timeout", None if kind in CONTAINERS else ATTEMPT_LIMIT)
    return limit


def read_join(join: str | Record) -> Join:
    """Return the join that a word or ``{count: n}`` means."""
    return Join(kind=JoinKind(join)) if isinstance(join, str) else Join(kind=JoinKind.COUNT, count=join["count"])


def _retry(record: Record) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=record["max_attempts"],
        delay=record["delay"],
        factor=record["factor"],
        max_delay=record["max_delay"],
        jitter=record["jitter"],
        on=frozenset(Category(name) for name in record["on"]),
    )


def _node_spec(record: Record) -> NodeSpec:
    match record["type"]:
        case NodeKind.CONNECTOR:
            return ConnectorSpec(use=record["use"], connection=record.get("connection"), inputs=record["with"])
        case NodeKind.TRANSFORM:
            return _transform(record)
        case NodeKind.CONDITION:
            return ConditionSpec(test=record["if"])
        case NodeKind.SWITCH:
            cases = tuple(Case(when=case["when"], port=case["port"]) for case in record["cases"])
            return SwitchSpec(cases=cases, all_matching=record["mode"] == "all")
        case NodeKind.MERGE:
            return MergeSpec(combine=record["combine"])
        case NodeKind.DELAY:
            return DelaySpec(duration=record.get("for"), until=record.get("until"))
        case NodeKind.RESPOND:
            return RespondSpec(status=record["status"], headers=record["headers"], body=record.get("body"))
        case NodeKind.CODE:
            limits = CodeLimits(**record["limits"])
            return CodeSpec(language=record["language"], source=record["source"], limits=limits)
        case NodeKind.WAIT | NodeKind.WORKFLOW | NodeKind.APPROVAL:
            return outside_spec(record)
        case NodeKind.LOOP:
            return _loop(record)
        case NodeKind.PARALLEL:
            branches = {name: _body(body) for name, body in record["branches"].items()}
            return ParallelSpec(branches=branches, needed=_needed(record["wait_for"]))
        case _:
            return StopSpec(
                succeeded=record["as"] == "succeeded", output=record.get("output"), message=record.get("message", "")
            )


def _transform(record: Record) -> TransformSpec:
    if "steps" in record:
        return TransformSpec(steps=tuple(_list_step(step) for step in record["steps"]))
    return TransformSpec(template=record["set"] if "set" in record else record["value"])


def _list_step(record: Record) -> ListStep:
    operation = record["operation"]
    return ListStep(
        operation=operation,
        by=record[operation],
        descending=record.get("descending", False),
        aggregate=record.get("aggregate") if operation is ListOperation.GROUP else None,
        alias=record.get("as"),
        on=record.get("on", ""),
        to=record.get("to"),
        several=record.get("matches") == "all",
        drop=record.get("unmatched") == "drop",
        start=record.get("from", 0),
    )


def _needed(wait_for: str | Record) -> int | None:
    return wait_for["count"] if isinstance(wait_for, dict) else 1 if wait_for == "any" else None


def _loop(record: Record) -> LoopSpec:
    return LoopSpec(
        body=_body(record["body"]),
        over=record.get("over"),
        times=record.get("times"),
        test=record.get("while"),
        alias=record.get("as"),
        concurrency=record["concurrency"],
        batch=record.get("batch"),
        needed=_needed(record["wait_for"]),
        on_item_error=OnItemError(record["on_item_error"]),
        spread_over=record.get("spread_over"),
    )


def _trigger(key: str, record: Record) -> TriggerDefinition:
    return TriggerDefinition(
        key=key,
        kind=TriggerKind(record["type"]),
        spec=_trigger_spec(record),
        filter=record.get("filter"),
        map=record.get("map"),
        enabled=record["enabled"],
        expect_every=record.get("expect_every"),
    )


def _trigger_spec(record: Record) -> TriggerSpec:
    match record["type"]:
        case TriggerKind.WEBHOOK:
            return _webhook(record)
        case TriggerKind.SCHEDULE:
            return ScheduleSpec(
                cron=record.get("cron"),
                every=record.get("every"),
                at=tuple(sorted(record.get("at", ()))),
                timezone=record["timezone"],
                missed=record["missed"],
            )
        case _:
            return ManualSpec(input_schema=record.get("input_schema"))


def _webhook(record: Record) -> WebhookSpec:
    dedupe: JsonObject = record.get("dedupe", {})
    given = record["respond"]
    respond: dict[str, Any] = {"when": given} if isinstance(given, str) else given
    defaults = WebhookSpec(verify=None)
    return WebhookSpec(
        verify=None if record["verify"] == "none" else record["verify"],
        methods=tuple(record["methods"]),
        path=record.get("path"),
        max_body_bytes=record["max_body"],
        dedupe_header=dedupe.get("header"),
        dedupe_expression=dedupe.get("expression"),
        respond=RespondWhen(respond["when"]),
        respond_timeout=respond.get("timeout", defaults.respond_timeout),
        respond_status=respond.get("status"),
    )
