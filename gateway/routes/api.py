"""The list of all API routes. It is mounted at ``/api/v1`` and, as an alias, at ``/api``."""

from gateway.endpoints import Endpoint
from gateway.routes import (
    access,
    approvals,
    connections,
    dead_letters,
    debugging,
    events,
    executing,
    executions,
    reference,
    replays,
    secrets,
    splits,
    steps,
    trials,
    triggers,
    versions,
    webhooks,
    workflows,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *workflows.endpoints,
    *versions.endpoints,
    *splits.endpoints,
    *executing.endpoints,
    *trials.endpoints,
    *triggers.endpoints,
    *executions.endpoints,
    *debugging.endpoints,
    *steps.endpoints,
    *replays.endpoints,
    *webhooks.endpoints,
    *events.endpoints,
    *connections.endpoints,
    *secrets.endpoints,
    *dead_letters.endpoints,
    *approvals.endpoints,
    *access.endpoints,
    *reference.endpoints,
)
