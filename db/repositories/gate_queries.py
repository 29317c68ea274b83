"""The statements that look at gates, for both databases, and how their rows are read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from db.admission_tables import AT_A_GATE, HAS_BEGUN, HOLDS_A_SLOT
from db.encoding import read_optional_time, read_time
from db.large_values import STORED_BYTES
from engine.model.base import EventId, ExecutionId, ProjectId, VersionId, WorkflowId
from engine.model.gate import Standing, Waiting
from engine.model.workflow import Lane

_FIELDS = (
    "id",
    "project_id",
    "workflow_id",
    "version_id",
    "event_id",
    "rerun_of",
    "created_at",
    "deadline_at",
    "position",
    "lane",
    "slot",
    "slot_at",
    "rate",
    "due_at",
)


def _listed(alias: str) -> str:
    return ", ".join(f"{alias}.{field}" for field in _FIELDS)


_AT_THIS = AT_A_GATE.replace("gate", "w.gate", 1).replace("status", "w.status")

# The one placeholder is for the gates that are asked about, with the time from which starts are counted.
LOOK = f"""
SELECT s.gate, s.held, s.starts, s.oldest, {_listed("h")}, {_listed("l")}
FROM (
    SELECT g.gate,
        (SELECT count(*) FROM executions WHERE slot = g.gate AND {HOLDS_A_SLOT}) AS held,
        (SELECT count(*) FROM executions WHERE rate = g.gate AND {HAS_BEGUN} AND admitted_at > g.since) AS starts,
        (SELECT min(admitted_at) FROM executions
         WHERE rate = g.gate AND {HAS_BEGUN} AND admitted_at > g.since) AS oldest,
        (SELECT id FROM executions AS w WHERE w.gate = g.gate AND {_AT_THIS} ORDER BY position LIMIT 1) AS head,
        (SELECT id FROM executions AS w WHERE w.gate = g.gate AND {_AT_THIS} ORDER BY position DESC LIMIT 1) AS last
    FROM {{source}}
) AS s
LEFT JOIN executions AS h ON h.id = s.head
LEFT JOIN executions AS l ON l.id = s.last
"""  # noqa: S608 - our own names

SOURCES = {
    True: "unnest($1::varchar[], $2::timestamptz[]) AS g(gate, since)",
    False: """
        (SELECT json_extract(value, '$[0]') AS gate, json_extract(value, '$[1]') AS since FROM json_each(?)) AS g
    """,
}
"""By whether it is PostgreSQL."""

COLLECTED = {
    postgres: f"""
        SELECT first_event_id, count(*), sum({length}), max(position) FROM events
        WHERE first_event_id {chosen} AND first_event_id IS NOT NULL AND fate = 'merged'
        GROUP BY first_event_id
    """  # noqa: S608 - our own names
    for postgres, length, chosen in (
        (True, STORED_BYTES[True].format("data"), "= ANY ($1::uuid[])"),
        (False, STORED_BYTES[False].format("data"), "IN (SELECT value FROM json_each(?))"),
    )
}

# Jumps from gate to gate along the index, however many executions wait at each.
GATES = {
    postgres: f"""
        WITH RECURSIVE found(gate) AS (
            SELECT min(gate) FROM executions WHERE {AT_A_GATE} AND gate > {after}
            UNION ALL
            SELECT (SELECT min(e.gate) FROM executions AS e
                    WHERE e.gate IS NOT NULL AND e.status = 'waiting' AND e.gate > found.gate)
            FROM found WHERE found.gate IS NOT NULL
        )
        SELECT gate FROM found WHERE gate IS NOT NULL LIMIT {limit}
    """  # noqa: S608 - our own names
    for postgres, after, limit in ((True, "$1", "$2"), (False, "?", "?"))
}


def read_standing(row: Sequence[Any]) -> Standing:
    """Read a row of ``LOOK``."""
    width = len(_FIELDS)
    return Standing(
        held=row[1],
        starts=row[2],
        oldest_start=read_optional_time(row[3]),
        head=_read_waiting(row[4 : 4 + width]),
        last=_read_waiting(row[4 + width :]),
    )


def waiting_of(row: Row[Any]) -> Waiting:
    """Read a row of ``executions``."""
    return Waiting(
        id=ExecutionId(row.id),
        project_id=ProjectId(row.project_id),
        workflow_id=WorkflowId(row.workflow_id),
        version_id=VersionId(row.version_id),
        event_id=EventId(row.event_id),
        mergeable=row.rerun_of is None,
        created_at=row.created_at,
        deadline_at=row.deadline_at,
        position=row.position,
        lane=Lane(row.lane),
        slot=row.slot,
        slot_at=row.slot_at,
        rate=row.rate,
        due_at=row.due_at,
    )


def _read_waiting(values: Sequence[Any]) -> Waiting | None:
    found = dict(zip(_FIELDS, values, strict=True))
    if found["id"] is None:
        return None
    return Waiting(
        id=ExecutionId(str(found["id"])),
        project_id=ProjectId(str(found["project_id"])),
        workflow_id=WorkflowId(str(found["workflow_id"])),
        version_id=VersionId(str(found["version_id"])),
        event_id=EventId(str(found["event_id"])),
        mergeable=found["rerun_of"] is None,
        created_at=read_time(found["created_at"]),
        deadline_at=read_time(found["deadline_at"]),
        position=found["position"],
        lane=Lane(found["lane"]),
        slot=found["slot"],
        slot_at=read_optional_time(found["slot_at"]),
        rate=found["rate"],
        due_at=read_optional_time(found["due_at"]),
    )
