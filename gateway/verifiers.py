"""The verifiers of webhooks, built once per published definition and kept until something changes."""

from engine.model.base import TriggerId
from engine.model.workflow import WebhookSpec
from engine.ports import Database
from engine.routes import Route, Routes
from webhooks.building import build_verifier, secret_names
from webhooks.signatures import OpenVerifier, Verifier


class Verifiers:
    """Finds the verifier of a route; ``Routes.stamp`` tells when secrets or definitions have changed."""

    def __init__(self, database: Database, routes: Routes) -> None:
        self._database = database
        self._routes = routes
        self._known: dict[TriggerId, Verifier] = {}
        self._stamp = -1

    async def get(self, route: Route) -> Verifier:
        """Raises DefinitionError: a secret that the published definition names is gone. Raises Unavailable."""
        if self._stamp != self._routes.stamp:
            self._known.clear()
            self._stamp = self._routes.stamp
        known = self._known.get(route.trigger.id)
        return known if known is not None else await self._build(route)

    async def _build(self, route: Route) -> Verifier:
        spec = route.definition.spec
        verifier: Verifier = OpenVerifier(id_header=None)
        stamp = self._stamp
        if isinstance(spec, WebhookSpec) and spec.verify is not None:
            async with self._database.read() as uow:
                secrets = await uow.connections.reveal(route.trigger.project_id, secret_names(spec.verify))
            verifier = build_verifier(spec.verify, secrets)
        if stamp == self._stamp:
            self._known[route.trigger.id] = verifier
        return verifier
