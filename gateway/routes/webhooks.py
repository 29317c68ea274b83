"""The hooks of all workflows: where the outside may call, and how it proves who it is."""

from engine.model.access import Scope
from engine.model.workflow import TriggerKind
from engine.routes import IMPLICIT_MANUAL
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Query
from gateway.views.triggers import WebhookList, webhook_view


async def list_webhooks(call: Call[Query, None]) -> WebhookList:
    """List hooks, oldest first.

    ``unverified`` marks those that let everybody in.
    """
    items = []
    async with call.hub.database.read() as uow:
        for route in await uow.triggers.list(call.caller.project, kind=TriggerKind.WEBHOOK):
            definition = await call.hub.graphs.definition(route.trigger.version_id, within=uow)
            declared = definition.triggers.get(route.trigger.key, IMPLICIT_MANUAL)
            view = webhook_view(route, declared, public_url=call.hub.settings.public_url)
            if view is not None:
                items.append(view)
    return WebhookList(items=items)


endpoints = [Endpoint(method="GET", path="/webhooks", handler=list_webhooks, scope=Scope.READ)]
