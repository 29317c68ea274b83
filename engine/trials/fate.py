"""Whether a version would take a stored event at all: its trigger, and the filter of that trigger."""

from engine.errors import ExpressionError
from engine.expressions import compile_expression, truthy
from engine.model.base import JsonObject
from engine.model.workflow import Definition
from engine.scope import trigger_scope
from engine.trials.recording import Occasion


def why_not_started(definition: Definition, occasion: Occasion) -> str:
    """Return why a version would start nothing for an event; empty if it would start an execution."""
    trigger = definition.triggers.get(occasion.trigger_key)
    if trigger is None or not trigger.filter:
        return ""
    scope: JsonObject = {
        "trigger": trigger_scope(occasion.event_id, occasion.occurred_at, occasion.envelope, occasion.data),
        "workflow": {"id": occasion.workflow_id, "name": definition.name},
        "now": occasion.occurred_at.isoformat(),
    }
    try:
        passes = truthy(compile_expression(trigger.filter).evaluate(scope))
    except ExpressionError as exc:
        return f"the trigger's filter failed: {exc}"
    return "" if passes else f"the filter is false: {trigger.filter}"


def cautions(definition: Definition, occasion: Occasion) -> tuple[str, ...]:
    """Return what a reader of a trial should know about how the version fits the event."""
    declared = definition.triggers
    if not declared or occasion.trigger_key in declared:
        return ()
    known = ", ".join(declared)
    return (f'the version has no trigger "{occasion.trigger_key}" (it has {known}); all start nodes run',)
