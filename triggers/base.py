"""What a trigger adapter is: it notices something outside, and hands it to intake as a ``NewEvent``.

Adapters that wait for callers (webhooks, manual calls) are routes of the gateway. Those that act by themselves
(schedules, polling) are services of the scheduler process: see ``engine.service``.
"""

from collections.abc import Sequence
from typing import Protocol

from engine.model.base import VersionId
from engine.model.event import NewEvent, Receipt
from engine.model.workflow import Definition
from engine.ports import UnitOfWork


class Accepts(Protocol):
    """What adapters need of intake. The events and the adapter's own cursor belong into one transaction."""

    async def accept_in(self, uow: UnitOfWork, events: Sequence[NewEvent]) -> Sequence[Receipt]:
        """Store events whose dedupe key is new, with their executions, in the caller's transaction."""

    def announce(self, receipts: Sequence[Receipt]) -> None:
        """After the commit: tell the executors."""


class Definitions(Protocol):
    """What adapters need to read a published version."""

    async def definition(self, version_id: VersionId, *, within: UnitOfWork | None = None) -> Definition:
        """Raises NotFound, Unavailable, DefinitionError."""


class TriggerAdapter(Protocol):
    """An adapter that acts by itself. It also is a ``Service``: every tick reconciles and hands over what is due.

    Several processes may run the same adapter. The leader lease keeps that rare; that each happening becomes one event
    is the work of dedupe keys and of the compare-and-set on the trigger's cursor.
    """

    def stand_down(self) -> None:
        """Stop acting, because another process leads now; keep nothing that could be out of date later."""
