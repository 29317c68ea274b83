"""What the database tells of executions that people debug."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.debugging import DebugPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Debugged:
    """How an execution is debugged (``None``: it is not), and until when it may take."""

    plan: DebugPlan | None
    deadline_at: datetime
