"""The record of what people did, written in the transaction that does it."""

from dataclasses import dataclass

from engine.model.access import AuditEntry
from engine.model.base import JsonObject, ProjectId, new_id
from engine.ports import Clock, UnitOfWork


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something in which project: ``actor`` is ``key:<prefix>``, ``cli`` or ``system``."""

    project: ProjectId
    actor: str


async def audit(
    uow: UnitOfWork, clock: Clock, act: Act, action: str, *, target: str, details: JsonObject | None = None
) -> None:
    """Add one row, such as ``workflow.publish``."""
    await uow.access.audit(
        AuditEntry(
            id=new_id(),
            project_id=act.project,
            at=clock.now(),
            actor=act.actor,
            action=action,
            target=target,
            details=details or {},
        )
    )
