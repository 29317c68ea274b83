"""A/B splits: some of a workflow's events run another version than the published one, and both are compared.

Which version an event runs is decided by its dedupe key (or id) alone, and stands in its execution. The split ends when
a version is published, the winner for instance, or when somebody ends it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.audit import Act, audit
from engine.definition import load_document
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.base import VersionId, new_id
from engine.model.split import Split, SplitOutcome
from engine.model.workflow import Definition, Version, Workflow, WorkflowStatus
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.publishing import CHANGED, Publishing
from engine.versions import find_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A split with the numbers of its versions and what came of both."""

    split: Split
    base: Version
    challenger: Version
    outcomes: Mapping[VersionId, SplitOutcome]


class Splitting:
    """People's acts on splits. Each is one transaction with an audit row; the signal comes after the commit."""

    def __init__(self, *, database: Database, broker: Broker, publishing: Publishing, clock: Clock) -> None:
        self._database = database
        self._broker = broker
        self._publishing = publishing
        self._clock = clock

    async def put(self, act: Act, key: str, *, which: str, percent: int) -> Comparison:
        """Send ``percent`` of the events to a version from now on; a split that there was ends, its counts begin anew.

        Raises:
            NotFound: No such workflow or version.
            Conflict: The workflow takes no events, or the version is the published one.
            InvalidRequest: The version lacks a trigger that the published one has, or has it as another kind.
            InvalidDefinition: The version names secrets or connections that are not there.
        """
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(act.project, key)
            base, challenger = await _versions(uow, workflow, which)
            definition = load_document(challenger.document)
            _require_triggers(load_document(base.document), definition, challenger)
            await self._publishing.check_bindings(uow, act.project, definition)
            split = Split(
                id=new_id(),
                workflow_id=workflow.id,
                base_id=base.id,
                version_id=challenger.id,
                percent=percent,
                began_at=self._clock.now(),
                began_by=act.actor,
            )
            await uow.splits.put(act.project, split)
            await uow.triggers.touch()
            details = {"version": challenger.number, "percent": percent, "base": base.number}
            await audit(uow, self._clock, act, "workflow.split", target=workflow.id, details=details)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())
        return await self.compare(act, key)

    async def end(self, act: Act, key: str) -> None:
        """Let all events run the published version again. Raises NotFound: there is no split."""
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(act.project, key)
            if not await uow.splits.end(workflow.id):
                raise NotFound(f'the events of "{workflow.name}" are not split')
            await uow.triggers.touch()
            await audit(uow, self._clock, act, "workflow.split_end", target=workflow.id)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())

    async def compare(self, act: Act, key: str) -> Comparison:
        """Say what came of both versions since the split began. Raises NotFound: there is no split."""
        async with self._database.read() as uow:
            workflow = await uow.workflows.get(act.project, key)
            split = await uow.splits.find(workflow.id)
            if split is None:
                raise NotFound(f'the events of "{workflow.name}" are not split')
            return Comparison(
                split=split,
                base=await uow.workflows.version(split.base_id),
                challenger=await uow.workflows.version(split.version_id),
                outcomes=await uow.splits.outcomes(split),
            )


async def _versions(uow: UnitOfWork, workflow: Workflow, which: str) -> tuple[Version, Version]:
    if workflow.published is None or workflow.status not in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
        raise Conflict(f'the workflow "{workflow.name}" is {workflow.status.value}; publish a version first')
    challenger = await find_version(uow, workflow, which)
    if challenger.id == workflow.published:
        raise Conflict(f"version {challenger.number} is the published one; name another version")
    return await uow.workflows.version(workflow.published), challenger


def _require_triggers(base: Definition, other: Definition, version: Version) -> None:
    for key, trigger in base.triggers.items():
        found = other.triggers.get(key)
        if found is None or found.kind is not trigger.kind:
            what = "lacks" if found is None else f"has as {found.kind.value}"
            raise InvalidRequest(
                f'version {version.number} {what} the {trigger.kind.value} trigger "{key}" of the published version; '
                "only versions with the same triggers can share events"
            )
