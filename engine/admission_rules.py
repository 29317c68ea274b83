"""The rules of a workflow's admission, compiled: which gates an event's execution has to pass. Pure.

Keys see the event as it came in, like a trigger's ``filter``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions import Template, compile_template
from engine.model.admission import AdmissionRules, Stage
from engine.model.base import Json, JsonObject, WorkflowId
from engine.model.gate import Gate

LONGEST_KEY = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What one version says about admission. ``templates`` has an entry per gate, ``None`` where there is no key."""

    rules: AdmissionRules
    templates: Mapping[Stage, Template | None]

    def keyed(self, workflow_id: WorkflowId, scope: JsonObject, *, collect: bool = True) -> dict[Stage, Gate]:
        """Return the gates for an event, in the order in which they are passed.

        Args:
            scope: ``trigger``, ``workflow`` and ``now``.
            collect: Whether it may be collected with others: a rerun is not.

        Raises:
            ExpressionError: A key cannot be evaluated for this event.
        """
        stages = [stage for stage in Stage if stage in self.templates and (collect or stage is not Stage.COLLECT)]
        return {stage: Gate(workflow_id=workflow_id, stage=stage, key=self._key(stage, scope)) for stage in stages}

    def _key(self, stage: Stage, scope: JsonObject) -> str:
        template = self.templates[stage]
        return "" if template is None else as_key(template.render(scope))


def compile_gates(rules: AdmissionRules) -> Gates | None:
    """Compile the keys; ``None``: there is no gate. Raises ExpressionError."""
    if not rules.gated:
        return None
    collecting = rules.debounce or rules.batch
    by_stage = {Stage.COLLECT: collecting, Stage.SLOT: rules.concurrency, Stage.RATE: rules.throttle}
    templates = {
        stage: None if rule.key is None else compile_template(rule.key)
        for stage, rule in by_stage.items()
        if rule is not None
    }
    return Gates(rules=rules, templates=templates)


def as_key(value: Json) -> str:
    """Return a key as text: texts as they are, ``null`` as nothing, others as JSON; a long one as its digest."""
    key = value if isinstance(value, str) else "" if value is None else json.dumps(value, sort_keys=True)
    key = key.encode(errors="replace").decode().replace("\0", "\ufffd")
    if len(key.encode()) <= LONGEST_KEY:
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
