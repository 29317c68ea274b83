"""What one can look up while writing a workflow: its JSON Schema and the actions there are."""

import msgspec
from starlette.responses import Response

from engine.definition import workflow_schema
from engine.model.access import Scope
from gateway.endpoints import JSON, Call, Endpoint
from gateway.inputs import Query
from gateway.views.reference import ActionList, BrokenPluginView, action_view


async def get_workflow_schema(call: Call[Query, None]) -> Response:
    """Get the JSON Schema of workflows, for editors."""
    del call
    return Response(msgspec.json.encode(workflow_schema()), media_type=JSON)


async def list_actions(call: Call[Query, None]) -> ActionList:
    """List the actions of all connectors, with the schemas of their inputs."""
    registry = call.hub.registry
    return ActionList(
        items=[action_view(info) for info in registry.all()],
        broken_plugins=[
            BrokenPluginView(name=plugin.name, distribution=plugin.distribution, reason=plugin.reason)
            for plugin in registry.broken
        ],
    )


endpoints = [
    Endpoint(
        method="GET",
        path="/schemas/workflow",
        handler=get_workflow_schema,
        scope=Scope.READ,
        others={200: {"description": "A JSON Schema.", "content": {JSON: {"schema": {"type": "object"}}}}},
    ),
    Endpoint(method="GET", path="/actions", handler=list_actions, scope=Scope.READ),
]
