"""What definitions are checked against when they are saved: the actions of installed connectors, and the schemes."""

from connectors.registry import Registry
from engine.definition import ActionInputs, Outside
from engine.model.base import Json
from webhooks.building import check_scheme


def outside_of(registry: Registry) -> Outside:
    """Describe every action, and check literal inputs by its fields."""
    actions = {}
    for info in registry.all():
        schema = info.inputs_schema
        actions[info.use] = ActionInputs(
            names=None if schema.get("additionalProperties", False) else tuple(schema.get("properties", {})),
            required=tuple(schema.get("required", ())),
            needs_connection=info.connection == "required",
        )

    def check_input(use: str, name: str, value: Json) -> str | None:
        place = f"with.{name}"
        problems = [problem for problem in registry.check(use, {name: value}) if problem.place.startswith(place)]
        return problems[0].message if problems else None

    return Outside(actions=actions, check_verify=check_scheme, check_input=check_input)
