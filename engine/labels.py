"""Labels: names that people give to versions. Each change is one transaction with an audit row."""

from engine.audit import Act, audit
from engine.errors import NotFound
from engine.model.publication import Label
from engine.model.workflow import Version, Workflow
from engine.ports import Clock, Database
from engine.versions import find_version


async def put_label(
    database: Database, clock: Clock, act: Act, *, workflow: str, which: str, name: str
) -> tuple[Workflow, Version]:
    """Give a version a label; it is taken off the version of this workflow that had it.

    Raises:
        NotFound: There is no such workflow or version.
    """
    async with database.write() as uow:
        found = await uow.workflows.get(act.project, workflow)
        version = await find_version(uow, found, which)
        label = Label(workflow_id=found.id, version_id=version.id, name=name, set_at=clock.now(), set_by=act.actor)
        await uow.publications.label(act.project, label)
        details = {"label": name, "version": version.number}
        await audit(uow, clock, act, "workflow.label", target=found.id, details=details)
        await uow.commit()
    return found, version


async def remove_label(database: Database, clock: Clock, act: Act, *, workflow: str, which: str, name: str) -> None:
    """Take a label off a version. Raises NotFound: that version does not have it."""
    async with database.write() as uow:
        found = await uow.workflows.get(act.project, workflow)
        version = await find_version(uow, found, which)
        if not await uow.publications.unlabel(version.id, name, workflow_id=found.id):
            raise NotFound(f'version {version.number} of "{found.name}" has no label "{name}"')
        details = {"label": name, "version": version.number}
        await audit(uow, clock, act, "workflow.unlabel", target=found.id, details=details)
        await uow.commit()
