"""Where the engine finds actions: built-in connectors, and those of installed plugins.

A plugin is a distribution with an entry point in the group ``patchbay.connectors``. One that cannot be loaded is
reported by name and left out; it never keeps the hub from starting.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from string import Formatter
from typing import Any

from connectors.auth import Proof, credential_fields
from connectors.builtin import http
from connectors.connector import Action, ActionContext, Connector
from connectors.http import HttpClient, parse_url
from connectors.inputs import check_values, fields_schema, parse_values
from connectors.session import Http, Reach
from engine.errors import InvalidInput, OutcomeUnknown, PermanentError, Problem, StepTimeout
from engine.model.action import ActionCall, ActionInfo, Effect
from engine.model.base import Json, JsonObject, format_duration
from engine.model.connection import Credentials

log = logging.getLogger(__name__)

GROUP = "patchbay.connectors"
BUILTIN = (http.connector,)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlugin:
    """A plugin that could not be used, and why."""

    name: str
    distribution: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Known:
    connector: Connector
    action: Action
    info: ActionInfo


class Registry:
    """Every connector that can be used. Implements ``engine.ports.Actions``."""

    def __init__(
        self,
        client: HttpClient,
        *,
        connectors: Iterable[Connector] = BUILTIN,
        broken: Iterable[BrokenPlugin] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._now = now
        self.connectors = {connector.key: connector for connector in connectors}
        self.broken = tuple(broken)
        self._known = {
            f"{connector.key}.{action.key}": _Known(connector, action, _describe(connector, action))
            for connector in self.connectors.values()
            for action in connector.actions.values()
        }

    def describe(self, use: str) -> ActionInfo | None:
        """Return what is known of an action, ``None`` if there is none of that name."""
        known = self._known.get(use)
        return known.info if known else None

    def all(self) -> list[ActionInfo]:
        """Return what is known of every action, by name."""
        return [self._known[use].info for use in sorted(self._known)]

    def effect(self, use: str, inputs: JsonObject) -> Effect:
        """Return what a call with these inputs does to the world. Wrong inputs do nothing, as they are refused."""
        known = self._find(use)
        if isinstance(known.action.effect, Effect):
            return known.action.effect
        parsed, problems = check_values(known.action.inputs, inputs)
        return Effect.PURE if problems else known.action.effect_of(parsed)

    def check(self, use: str, inputs: Mapping[str, Json]) -> list[Problem]:
        """Return what is wrong with the ``with`` of a definition, before any template in it is rendered."""
        known = self._known.get(use)
        if known is None:
            return [Problem(place="use", message=f'unknown action "{use}"', fix=self.nearest(use))]
        _, problems = check_values(known.action.inputs, inputs)
        return [
            Problem(place=f"with.{place}", message=message)
            for place, message in problems.items()
            if not _has_hole(inputs.get(place.partition(".")[0].partition("[")[0]))
        ]

    def nearest(self, use: str) -> str:
        """Return a hint at what somebody may have meant."""
        close = get_close_matches(use, self._known, n=1, cutoff=0.5)
        return f'did you mean "{close[0]}"?' if close else "install the plugin that offers it, or choose another action"

    def check_connection(self, key: str, *, config: JsonObject, credentials: Mapping[str, str]) -> None:
        """Check a connection before it is stored.

        Raises:
            InvalidInput: The connector is unknown, or a value is wrong; the message names all and shows no credential.
        """
        connector = self.connectors.get(key)
        if connector is None:
            raise InvalidInput(f'unknown connector "{key}"; known are {", ".join(sorted(self.connectors))}')
        fields = credential_fields(connector.auth, credentials)
        parse_values(fields, credentials, what="credential")
        _reach(connector, parse_values(connector.config, config, what="setting"))

    async def perform(self, use: str, call: ActionCall) -> Json:
        """Make one attempt at an action and return what it returns.

        Raises:
            StepError: The attempt failed; the class says what to do. Nothing was sent when it is an InvalidInput.
        """
        known = self._find(use)
        inputs = parse_values(known.action.inputs, call.inputs)
        effect = known.action.effect_of(inputs)
        context = self._context(known.connector, call, effect)
        try:
            async with asyncio.timeout(call.timeout.total_seconds()) as scope:
                return await known.action.run(context, **inputs)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            after = f'"{use}" took longer than {format_duration(call.timeout)}'
            if effect is Effect.UNREPEATABLE and context.http.sent:
                raise OutcomeUnknown(
                    f"{after}; the call may have happened, and it must not be repeated blindly"
                ) from exc
            raise StepTimeout(after) from exc

    def _find(self, use: str) -> _Known:
        known = self._known.get(use)
        if known is None:
            raise PermanentError(f'there is no action "{use}"; {self.nearest(use)}')
        return known

    def _context(self, connector: Connector, call: ActionCall, effect: Effect) -> ActionContext:
        if call.credentials is None and connector.auth.required:
            raise InvalidInput(f'"{connector.key}" needs a connection; name one in "connection"')
        config = parse_values(connector.config, call.config, what="setting")
        started_at = self._now()
        session = Http(
            client=self._client,
            reach=_reach(connector, config),
            effect=effect,
            timeout=call.timeout,
            now=self._now,
            proof=_proof(connector, call.credentials),
            authorised=bool(call.credentials),
        )
        return ActionContext(
            http=session,
            credentials=call.credentials or Credentials({}),
            config=config,
            idempotency_key=call.idempotency_key,
            started_at=started_at,
            deadline=started_at + call.timeout,
            log=logging.getLogger(f"connectors.{connector.key}"),
        )


def find_plugins(*, builtin: Iterable[Connector] = BUILTIN) -> tuple[list[Connector], list[BrokenPlugin]]:
    """Load every installed plugin; return all connectors, built-in ones first, and the plugins that are broken."""
    found = {connector.key: connector for connector in builtin}
    broken = []
    for entry_point in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        connector, reason = _load(entry_point)
        if connector is not None and connector.key not in found:
            found[connector.key] = connector
            continue
        if connector is not None:
            reason = f'its connector key "{connector.key}" is taken already'
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        broken.append(BrokenPlugin(name=entry_point.name, distribution=distribution, reason=reason))
        log.error("plugin left out", extra={"plugin": entry_point.name, "distribution": distribution, "reason": reason})
    return list(found.values()), broken


def _load(entry_point: EntryPoint) -> tuple[Connector | None, str]:
    try:
        loaded = entry_point.load()
    except Exception as exc:  # noqa: BLE001 - somebody else's module may raise anything; it must not stop the hub
        return None, f"it cannot be imported: {type(exc).__name__}: {exc}"
    if not isinstance(loaded, Connector):
        return None, f"{entry_point.value} is not a Connector but a {type(loaded).__name__}"
    return loaded, ""


def _describe(connector: Connector, action: Action) -> ActionInfo:
    has_credentials = bool(connector.auth.fields)
    return ActionInfo(
        use=f"{connector.key}.{action.key}",
        connector=connector.key,
        label=action.label,
        description=action.description,
        effect=action.usual_effect,
        inputs_schema=fields_schema(action.inputs),
        connection="required" if connector.auth.required else "optional" if has_credentials else "none",
    )


def _proof(connector: Connector, credentials: Credentials | None) -> Proof:
    if not credentials:
        return Proof()
    parse_values(credential_fields(connector.auth, credentials), credentials, what="credential")
    return connector.auth.proof(credentials)


def _reach(connector: Connector, config: Mapping[str, Any]) -> Reach:
    base_url = config.get("base_url") or connector.base_url
    if base_url is not None:
        names = {name for _, name, _, _ in Formatter().parse(base_url) if name}
        base_url = base_url.format_map({name: config.get(name, "") for name in names}) if names else base_url
        parse_url(base_url)
    return Reach(base_url=base_url, hosts=tuple(config.get("hosts") or connector.hosts))


def _has_hole(value: Json) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(_has_hole, value.values()))
    return isinstance(value, list) and any(map(_has_hole, value))
