"""The tables, as SQLAlchemy Core sees them; ``db/migrations`` creates them, and a test holds the two equal.

Every table of a tenant has ``project_id``. ``events``, ``executions``, ``steps`` and ``dead_letters`` have no foreign
keys: a check per row would cost more than the insert, and their repositories delete them together. Their indexes are as
few as can be, because every change of a status writes each of them anew.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from db.types import Id, JsonText, LargeJson, PathText, PlainText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _project() -> Column[str]:
    return Column("project_id", Id, ForeignKey("projects.id"), nullable=False)


projects = Table(
    "projects",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("name", PlainText, nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scopes", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", PlainText, nullable=False),
    Column("action", PlainText, nullable=False),
    Column("target", PlainText, nullable=False),
    Column("details", JsonText, nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("name", PlainText, nullable=False),
    Column("status", String(16), nullable=False),
    Column("published", Id),
    Column("latest", Integer, nullable=False),
    Column("description", PlainText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("project_id", "name"),
)

workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("text", PlainText, nullable=False),
    Column("document", JsonText, nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", PlainText, nullable=False),
    Column("note", PlainText, nullable=False),
    UniqueConstraint("workflow_id", "number"),
)

triggers = Table(
    "triggers",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
    Column("version_id", Id, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("cursor", PlainText),
    Column("next_due_at", UtcDateTime),
    Column("awaited", Boolean),
    UniqueConstraint("workflow_id", "key"),
)

hooks = Table(
    "hooks",
    metadata,
    Column("id", PlainText, primary_key=True),
    _project(),
    Column("trigger_id", Id, ForeignKey("triggers.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("path", PlainText, unique=True),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("trigger_id", Id, nullable=False),
    Column("dedupe_key", PlainText),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("envelope", JsonText),
    Column("data", LargeJson),
    Column("fate", String(16), nullable=False),
    Column("reason", PlainText),
    Column("execution_id", Id),
    Column("first_event_id", Id),
)

_HAS_KEY = text("dedupe_key IS NOT NULL")
_HELD = text("fate = 'held'")
_REPEATS = text("first_event_id IS NOT NULL")
Index(
    "uq_events_trigger_id_dedupe_key",
    events.c.trigger_id,
    events.c.dedupe_key,
    unique=True,
    postgresql_where=_HAS_KEY,
    sqlite_where=_HAS_KEY,
)
Index("ix_events_workflow", events.c.workflow_id, events.c.id)
Index("ix_events_held", events.c.workflow_id, events.c.id, postgresql_where=_HELD, sqlite_where=_HELD)
Index("ix_events_repeats", events.c.first_event_id, postgresql_where=_REPEATS, sqlite_where=_REPEATS)

executions = Table(
    "executions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("version_id", Id, nullable=False),
    Column("trigger_id", Id),
    Column("trigger_key", Text, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("rerun_of", Id),
    Column("parent_id", Id),
    Column("parent_path", PlainText),
    Column("parent_slot", PlainText),
    Column("depth", Integer),
    Column("watched", Boolean),
    Column("entry", PlainText),
    Column("status", String(16), nullable=False),
    Column("lane", String(8), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("woken_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("wait_reason", PlainText),
    Column("reply_to", PlainText),
    Column("pause_asked_at", UtcDateTime),
    Column("debug", JsonText),
    Column("output", LargeJson),
    Column("error", JsonText),
    Column("response", LargeJson),
)

_QUEUED = text("status = 'queued'")
_RUNNING = text("status = 'running'")
_WAITING = text("status = 'waiting'")
_RERUN = text("rerun_of IS NOT NULL")
_PAUSING = text("pause_asked_at IS NOT NULL")
_RESTING = text("status IN ('queued', 'waiting', 'paused')")
Index("ix_executions_workflow", executions.c.workflow_id, executions.c.id)
Index(
    "ix_executions_queued",
    executions.c.lane,
    executions.c.queued_at,
    postgresql_where=_QUEUED,
    sqlite_where=_QUEUED,
)
Index("ix_executions_running", executions.c.owner, postgresql_where=_RUNNING, sqlite_where=_RUNNING)
Index("ix_executions_waiting", executions.c.due_at, postgresql_where=_WAITING, sqlite_where=_WAITING)
Index("ix_executions_pausing", executions.c.status, postgresql_where=_PAUSING, sqlite_where=_PAUSING)
Index("ix_executions_deadline", executions.c.deadline_at, postgresql_where=_RESTING, sqlite_where=_RESTING)
_CHILD = text("parent_id IS NOT NULL")
Index("ix_executions_children", executions.c.parent_id, postgresql_where=_CHILD, sqlite_where=_CHILD)
_LIVE_CHILD = text("parent_slot IS NOT NULL AND finished_at IS NULL")
Index("ix_executions_live_children", executions.c.id, postgresql_where=_LIVE_CHILD, sqlite_where=_LIVE_CHILD)
Index("ix_executions_reruns", executions.c.event_id, postgresql_where=_RERUN, sqlite_where=_RERUN)

steps = Table(
    "steps",
    metadata,
    Column("execution_id", Id, primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("node", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("ports", Text),
    Column("output", LargeJson),
    Column("assigned", LargeJson),
    Column("error", JsonText),
    Column("due_at", UtcDateTime),
    Column("wait_reason", PlainText),
    Column("note", String(16)),
    Column("log", JsonText),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("execution_id", Id, nullable=False),
    Column("step", PlainText),
    Column("code", PlainText, nullable=False),
    Column("message", PlainText, nullable=False),
    Column("fingerprint", PlainText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("resolved_by", PlainText),
    Column("notify", PlainText),
    Column("notice", PlainText),
)

Index("ix_dead_letters_execution_id", dead_letters.c.execution_id)

connections = Table(
    "connections",
    metadata,
    Column("id", Id, primary_key=True),
    _project(),
    Column("name", PlainText, nullable=False),
    Column("connector", PlainText, nullable=False),
    Column("config", JsonText, nullable=False),
    Column("credentials", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("project_id", "name"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

encryption_keys = Table(
    "encryption_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("canary", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# One row that says how often publications, triggers, hooks, secrets or connections changed.
stamps = Table("stamps", metadata, Column("id", Integer, primary_key=True), Column("value", BigInteger, nullable=False))
