"""What one can look up: actions, and whether the hub is well."""

from typing import Any

from msgspec import Struct

from engine.model.action import ActionInfo, Effect


class ActionView(Struct, frozen=True, kw_only=True):
    """An action for ``use``; ``inputs_schema`` describes ``with``, ``connection`` is required, optional or none."""

    use: str
    connector: str
    label: str
    description: str
    effect: Effect
    connection: str
    inputs_schema: dict[str, Any]


class BrokenPluginView(Struct, frozen=True, kw_only=True):
    """A plugin that was left out, and why."""

    name: str
    distribution: str
    reason: str


class ActionList(Struct, frozen=True, kw_only=True):
    """All actions, by name, and the plugins that could not be used."""

    items: list[ActionView]
    broken_plugins: list[BrokenPluginView]


def action_view(info: ActionInfo) -> ActionView:
    return ActionView(**{name: getattr(info, name) for name in ActionView.__struct_fields__})
