"""What a request says, checked: its query, its body and its path become typed values, or one answer names all mistakes.

The types are msgspec Structs; the OpenAPI description is made from the same ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from engine.errors import InvalidRequest, Problem
from engine.model.base import Json, JsonObject

T = TypeVar("T", bound=Struct)

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
IdText = Annotated[str, Meta(pattern=f"^{UUID}$", extra_json_schema={"format": "uuid"})]
Instant = Annotated[datetime, Meta(tz=True)]
Limit = Annotated[int, Meta(ge=1, le=200, description="how many entries to return, from 1 to 200")]
Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$", description="letters, digits, `_`, `.` and `-`")
]

_PLACE = re.compile(r" - at `\$?\.?(?P<place>.*)`$")


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of a route without parameters; those of others extend it."""


class PageQuery(Query, frozen=True, kw_only=True):
    """The query of a list: newest first; ``after`` is ``next`` of the page before."""

    limit: Limit = 50
    after: Annotated[IdText, Meta(description="`next` of the page before")] | None = None


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body."""


def read_query(pairs: Sequence[tuple[str, str]], kind: type[T]) -> T:
    """Read query parameters. A list is a parameter given several times, or once with commas.

    Raises:
        InvalidRequest: Parameters are unknown, repeated or malformed.
    """
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    problems = _unknown({name for name, _ in pairs}, hints, what="query parameter")
    for name, value in pairs:
        if name not in hints:
            continue
        if _is_list(hints[name]):
            given.setdefault(name, []).extend(part for part in value.split(",") if part)
        elif name in given:
            problems.append(Problem(place=name, message="is given twice"))
        else:
            given[name] = value
    return _convert(given, kind, strict=False, problems=problems)


def read_object(value: Json, kind: type[T]) -> T:
    """Read a JSON body that must be an object.

    Raises:
        InvalidRequest: It is none, or fields are unknown, missing or malformed.
    """
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return _convert(
        value, kind, strict=True, problems=_unknown(value, dict.fromkeys(kind.__struct_encode_fields__), what="field")
    )


def _convert(given: JsonObject, kind: type[T], *, strict: bool, problems: list[Problem]) -> T:
    problems += [Problem(place=place, message="holds NUL, which cannot be stored") for place in _with_nul(given)]
    known = {name: value for name, value in given.items() if name in kind.__struct_encode_fields__}
    try:
        converted = msgspec.convert(known, kind, strict=strict)
    except msgspec.ValidationError as exc:
        raise InvalidRequest("the request is malformed", problems=(*problems, _problem(str(exc)))) from exc
    for name in kind.__struct_fields__:
        problems += _not_an_instant(name, getattr(converted, name))
    if problems:
        raise InvalidRequest("the request is malformed", problems=tuple(problems))
    return converted


def _problem(text: str) -> Problem:
    match = _PLACE.search(text)
    message = text[: match.start()] if match else text
    place = match["place"] if match else ""
    missing = re.fullmatch(r"Object missing required field `(.+)`", message)
    if missing:
        return Problem(place=f"{place}.{missing[1]}".lstrip("."), message="is missing")
    return Problem(place=place or "body", message=message[:1].lower() + message[1:])


def _unknown(given: Mapping[str, Any] | set[str], known: Mapping[str, Any], *, what: str) -> list[Problem]:
    return [
        Problem(place=name[:100], message=f"is not a {what} here", fix=_nearest(name, list(known)))
        for name in given
        if name not in known
    ]


def _nearest(name: str, known: list[str]) -> str | None:
    close = get_close_matches(name[:100].lower(), known, n=1, cutoff=0.5)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known: {', '.join(known)}" if known else None


def _is_list(hint: Any) -> bool:
    return get_origin(hint) in (tuple, list, frozenset)


def _with_nul(value: Json, at: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if "\x00" in value:
            yield at
    elif isinstance(value, list | dict):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from _with_nul(str(key), at or "name")
            yield from _with_nul(entry, f"{at}.{key}".lstrip("."))


def _not_an_instant(name: str, value: object) -> list[Problem]:
    """A time near the end of the calendar may have no form in UTC."""
    if isinstance(value, datetime):
        try:
            value.astimezone(UTC)
        except (OverflowError, ValueError):
            return [Problem(place=name, message="is out of range")]
    return []
