"""A connector: everything Patchbay knows about one service, declared in one place by its author."""

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from connectors.auth import Auth, NoAuth
from connectors.fields import Field
from connectors.session import Http
from engine.model.action import Effect
from engine.model.base import Json
from engine.model.connection import Credentials

EffectOf = Callable[[Mapping[str, Any]], Effect]
ActionFunction = Callable[..., Awaitable[Json]]
F = TypeVar("F", bound=ActionFunction)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContext:
    """What one attempt at an action is given besides its inputs.

    Attributes:
        http: Calls the service, with the connection's credentials.
        credentials: The connection's secret content, for services that want it in a body; empty without a connection.
        config: The connection's part that is no secret, parsed by the connector's ``config`` fields.
        idempotency_key: The same for every attempt at this step, different for any other; send it where it is known.
        started_at: When the attempt began, by the hub's clock; aware, UTC.
        deadline: When the attempt is cut off.
        log: For flow and facts; never for bodies, headers or credentials.
    """

    http: Http
    credentials: Credentials
    config: Mapping[str, Any]
    idempotency_key: str
    started_at: datetime
    deadline: datetime
    log: logging.Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One call that a connector offers."""

    key: str
    label: str
    description: str
    inputs: Mapping[str, Field]
    effect: Effect | EffectOf
    run: ActionFunction

    def effect_of(self, inputs: Mapping[str, Any]) -> Effect:
        """Return what a call with these inputs, already parsed, does to the world."""
        return self.effect if isinstance(self.effect, Effect) else self.effect(inputs)

    @property
    def usual_effect(self) -> Effect:
        """What a call does when nothing is known of its inputs."""
        return self.effect if isinstance(self.effect, Effect) else Effect.KEYED


@dataclass(frozen=True, kw_only=True)
class Connector:
    """One service.

    Attributes:
        key: Names it in definitions, ``use: <key>.<action>``.
        base_url: Where relative addresses begin. ``{name}`` stands for the field of ``config`` with that name.
        auth: How calls are authorised.
        hosts: Where calls may go besides the base URL's host: names, ``*.acme.example``, or ``*`` for anywhere.
        config: What a connection says besides its credentials. A field called ``hosts`` (a list of texts) narrows
            ``hosts`` for that connection, and one called ``base_url`` replaces the base URL.
    """

    key: str
    label: str
    description: str = ""
    base_url: str | None = None
    auth: Auth = field(default_factory=NoAuth)
    hosts: tuple[str, ...] = ()
    config: Mapping[str, Field] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise TypeError(f'the connector key "{self.key}" must match {_KEY.pattern}')

    def action(
        self,
        *,
        label: str,
        inputs: Mapping[str, Field] | None = None,
        effect: Effect | EffectOf = Effect.KEYED,
        key: str | None = None,
    ) -> Callable[[F], F]:
        """Declare an async function as an action; it stays callable as it was.

        Its first parameter is the ``ActionContext``; the others are keyword-only and named like ``inputs``, or are
        taken together as ``**inputs``. Its docstring is the description.

        Args:
            effect: What repeating a call does. A function of the parsed inputs where that depends on them.
            key: Names the action; by default the function's name.

        Raises:
            TypeError: The function and the inputs do not fit, so the plugin cannot work.
        """

        def declare(function: F) -> F:
            name = key if key is not None else str(getattr(function, "__name__", ""))
            action = Action(
                key=name,
                label=label,
                description=inspect.getdoc(function) or "",
                inputs=dict(inputs or {}),
                effect=effect,
                run=function,
            )
            _check_action(self, action)
            self.actions[name] = action
            return function

        return declare


def _check_action(connector: Connector, action: Action) -> None:
    use = f"{connector.key}.{action.key}"
    if not _KEY.fullmatch(action.key):
        raise TypeError(f'the action key "{use}" must match {_KEY.pattern}')
    if action.key in connector.actions:
        raise TypeError(f'the action "{use}" is declared twice')
    if not inspect.iscoroutinefunction(action.run):
        raise TypeError(f'the action "{use}" must be an async function')
    _, *others = inspect.signature(action.run).parameters.values()
    if [one.kind for one in others] == [inspect.Parameter.VAR_KEYWORD]:
        return
    if any(one.kind is not one.KEYWORD_ONLY for one in others) or {one.name for one in others} != set(action.inputs):
        raise TypeError(f'the action "{use}" must take the context and, by keyword only, {sorted(action.inputs)}')
