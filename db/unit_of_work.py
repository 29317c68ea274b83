"""One transaction with every repository on it."""

from db.repositories.access import AccessRepository
from db.repositories.admissions import AdmissionRepository
from db.repositories.arrivals import ArrivalRepository
from db.repositories.blobs import BlobRepository
from db.repositories.children import ChildRepository
from db.repositories.connections import ConnectionRepository
from db.repositories.dead_letters import DeadLetterRepository
from db.repositories.events import EventRepository
from db.repositories.executions import ExecutionRepository
from db.repositories.jobs import JobRepository
from db.repositories.liveness import LivenessRepository
from db.repositories.partitions import PartitionRepository
from db.repositories.publications import PublicationRepository
from db.repositories.results import ResultRepository
from db.repositories.splits import SplitRepository
from db.repositories.triggers import TriggerRepository
from db.repositories.workflows import WorkflowRepository
from db.transaction import Transaction
from db.vault import Vault
from engine.repositories import (
    Access,
    Admissions,
    Arrivals,
    Blobs,
    Children,
    Connections,
    DeadLetters,
    Events,
    Executions,
    Jobs,
    Liveness,
    Partitions,
    Publications,
    Results,
    Splits,
    Triggers,
    Workflows,
)


class SqlUnitOfWork:
    """Implements ``engine.ports.UnitOfWork``. ``transaction`` is for the modules of ``db`` only."""

    def __init__(self, transaction: Transaction, vault: Vault) -> None:
        self.transaction = transaction
        self.workflows: Workflows = WorkflowRepository(transaction)
        self.publications: Publications = PublicationRepository(transaction)
        self.splits: Splits = SplitRepository(transaction)
        self.triggers: Triggers = TriggerRepository(transaction)
        self.events: Events = EventRepository(transaction)
        self.executions: Executions = ExecutionRepository(transaction)
        self.arrivals: Arrivals = ArrivalRepository(transaction)
        self.admissions: Admissions = AdmissionRepository(transaction)
        self.children: Children = ChildRepository(transaction)
        self.results: Results = ResultRepository(transaction)
        self.blobs: Blobs = BlobRepository(transaction)
        self.partitions: Partitions = PartitionRepository(transaction)
        self.dead_letters: DeadLetters = DeadLetterRepository(transaction)
        self.jobs: Jobs = JobRepository(transaction)
        self.connections: Connections = ConnectionRepository(transaction, vault)
        self.access: Access = AccessRepository(transaction)
        self.liveness: Liveness = LivenessRepository(transaction)

    async def commit(self) -> None:
        """Make all of it durable and visible at once. Raises Unavailable: it may not have been."""
        await self.transaction.commit()
