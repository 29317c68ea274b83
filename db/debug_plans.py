"""How the plan of a debugged execution is stored: as JSON in its row."""

from engine.model.base import Json, JsonObject
from engine.model.debugging import Breakpoint, DebugPlan, When


def write_plan(plan: DebugPlan) -> JsonObject:
    points = [{"node": each.node, "when": each.when.value, "if": each.condition} for each in plan.breakpoints]
    return {"breakpoints": points, "stepping": plan.stepping, "since": plan.since}


def read_plan(stored: Json) -> DebugPlan | None:
    """Return a stored plan; ``None`` for the column of an execution that nobody debugs."""
    if stored is None:
        return None
    points = [
        Breakpoint(node=each["node"], when=When(each["when"]), condition=each["if"]) for each in stored["breakpoints"]
    ]
    return DebugPlan(breakpoints=tuple(points), stepping=stored["stepping"], since=stored["since"])
