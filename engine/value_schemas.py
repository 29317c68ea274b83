"""The JSON Schemas that authors give for a node's input and output: compiled once per version, with bounded cost.

Patterns run in linear time, nothing is fetched, and ``engine.definition.schema_bounds`` has refused what could take
endless time. A value that does not fit is refused by its first problem, because finding all of them may take minutes.
"""

import jsonschema_rs

from engine.model.base import Json, JsonObject

_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20)
_MASK = "the value"
"""What stands in messages for the value, which may be large or secret."""


class ValueSchema:
    """A schema of draft 2020-12.

    Raises:
        ValueError: It cannot be used; the message says why, in one line.
    """

    def __init__(self, schema: JsonObject) -> None:
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                schema, mask=_MASK, offline=True, pattern_options=_PATTERNS
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise ValueError(str(error).partition("\n")[0]) from error

    def problem(self, value: Json, name: str) -> str | None:
        """Say at which place inside ``value``, which is called ``name``, something else was expected, and what."""
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return f"{name}{_path(error.instance_path)}: {error.message}"
        except ValueError as error:
            return f"{name}: {error}"
        return None


def _path(parts: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
