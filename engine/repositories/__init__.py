"""What the database promises, one protocol per aggregate. ``db.repositories`` implements them, for both databases.

All methods run inside the unit of work's transaction; nothing is visible to others before its commit. Lists page by
key: ``after`` is the last id of the previous page (ids sort by creation), newest first unless said otherwise.
"""

from engine.repositories.access import Access as Access
from engine.repositories.access import Connections as Connections
from engine.repositories.access import Liveness as Liveness
from engine.repositories.admissions import Admissions as Admissions
from engine.repositories.arrivals import Arrivals as Arrivals
from engine.repositories.blobs import Blobs as Blobs
from engine.repositories.children import Children as Children
from engine.repositories.definitions import StoredRoute as StoredRoute
from engine.repositories.definitions import Triggers as Triggers
from engine.repositories.definitions import Workflows as Workflows
from engine.repositories.history import DeadLetters as DeadLetters
from engine.repositories.history import Events as Events
from engine.repositories.history import Executions as Executions
from engine.repositories.jobs import Jobs as Jobs
from engine.repositories.paging import EventFilter as EventFilter
from engine.repositories.paging import ExecutionFilter as ExecutionFilter
from engine.repositories.paging import Page as Page
from engine.repositories.paging import PartCounts as PartCounts
from engine.repositories.paging import StepFilter as StepFilter
from engine.repositories.partitions import Partitions as Partitions
from engine.repositories.publications import Publications as Publications
from engine.repositories.results import Results as Results
from engine.repositories.splits import Splits as Splits
