"""How values become column values, and back: JSON, instants and texts that both databases can hold."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from engine.errors import LimitExceeded
from engine.model.base import Json
from engine.model.execution import Failure, Response

_SURROGATES = re.compile("[\ud800-\udfff]")
_encoder = msgspec.json.Encoder()
_ordered_encoder = msgspec.json.Encoder(order="sorted")
_decode = msgspec.json.Decoder().decode
_decode_failure = msgspec.json.Decoder(Failure).decode
_decode_response = msgspec.json.Decoder(Response).decode


def encode_json(value: Json, *, ordered: bool = False) -> str:
    """Write a JSON value as compact text.

    Lone surrogates, which no database text can hold, become U+FFFD; NaN and infinities become null.

    Raises:
        LimitExceeded: It is nested too deeply to be written.
    """
    encoder = _ordered_encoder if ordered else _encoder
    try:
        return encoder.encode(value).decode()
    except UnicodeEncodeError:
        return encoder.encode(_without_surrogates(value)).decode()
    except RecursionError:
        raise LimitExceeded("the value is nested too deeply to be stored; flatten it") from None


def decode_json(text: str) -> Json:
    """Read what ``encode_json`` wrote."""
    return _decode(text)


def optional_json(value: Json) -> str | None:
    """Write a value whose ``None`` is stored as NULL."""
    return None if value is None else encode_json(value)


def read_optional(text: str | None) -> Json:
    """Read a value whose ``None`` was stored as NULL."""
    return None if text is None else _decode(text)


@lru_cache(maxsize=1024)
def encode_ports(ports: tuple[str, ...]) -> str | None:
    """Write the outlets a step took; none is NULL. The same few come again and again."""
    return encode_json(ports) if ports else None


@lru_cache(maxsize=1024)
def decode_ports(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(_decode(text))


def encode_failure(failure: Failure | None) -> str | None:
    return None if failure is None else encode_json(failure.as_json())


def decode_failure(text: str | None) -> Failure | None:
    return None if text is None else _decode_failure(text)


def encode_response(response: Response | None) -> str | None:
    return None if response is None else encode_json(response)


def decode_response(text: str | None) -> Response | None:
    return None if text is None else _decode_response(text)


def clean_text(text: str | None) -> str | None:
    """Replace what no text column can hold (NUL, lone surrogates) by U+FFFD."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return _SURROGATES.sub("\ufffd", text).replace("\0", "\ufffd")


def time_text(value: datetime) -> str:
    """Write an instant as SQLite keeps it: ISO 8601 in UTC with microseconds, always 32 characters.

    Raises:
        ValueError: It is naive, so nobody can know which instant it means.
    """
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError(f"the time {value.isoformat()} has no zone")
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")


def read_time(value: datetime | str) -> datetime:
    """Read an instant as either driver gives it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def read_optional_time(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(inner) for inner in value]
    return _without_surrogates(msgspec.to_builtins(value)) if isinstance(value, Response) else value
