r"""Column types that mean the same on both databases: ids, aware times, JSON as text, and lists as one parameter.

JSON is kept as text, not as ``jsonb``: that refuses ``\u0000``, which senders do send, and parses what we never query.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Dialect, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from db.encoding import clean_text, decode_json, encode_json, time_text
from db.large_values import read_large
from engine.errors import InvalidRequest
from engine.model.base import is_id


class Id(TypeDecorator[str]):
    """A UUID, as text to us: a native ``uuid`` on PostgreSQL, 36 characters on SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(UUID(as_uuid=False) if dialect.name == "postgresql" else String(36))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is not None and not is_id(value):
            raise InvalidRequest(f'"{value[:80]}" is not an id')
        return value


class PlainText(TypeDecorator[str]):
    """Text written by people or machines outside; what no database can hold in a text is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return clean_text(value)


class PathText(PlainText):
    """A plain text that compares byte by byte, whatever the database's language is, so that prefixes are ranges."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC; a naive one is refused. SQLite keeps it as text of one width, so it sorts."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        text = time_text(value)
        return value if dialect.name == "postgresql" else text

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None or isinstance(value, datetime):
            return value
        return datetime.fromisoformat(value).astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """A JSON value as compact text; ``None`` is NULL. Keys are sorted, so that equal values are equal texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else encode_json(value, ordered=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else decode_json(value)


class LargeJson(JsonText):
    """A JSON value that may be kept in ``blobs``: comes back as the value, or as a ``Reference`` for ``db.blobs``."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        return read_large(value)


class _Texts(TypeDecorator[Any]):
    """Any number of texts as one parameter: an array on PostgreSQL, a JSON list on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, *, ids: bool = False) -> None:
        super().__init__()
        self.ids = ids

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(UUID(as_uuid=False) if self.ids else Text()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else encode_json(value)


class _OneOf(FunctionElement[bool]):
    """``column = any of these``, the same statement text whatever their number, so that it is prepared once."""

    type = Boolean()
    inherit_cache = True
    name = "one_of"

    def self_group(self, against: OperatorType | None = None) -> "_OneOf":  # noqa: ARG002 - SQLAlchemy's signature
        """It is a comparison already: as ``… = 1``, which SQLite would get otherwise, it could use no index."""
        return self


def one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Say that the column holds one of ``values``; one parameter, however many there are."""
    parameter: BindParameter[Any] = BindParameter(
        None, list(values), type_=_Texts(ids=isinstance(column.type, Id)), unique=True
    )
    return _OneOf(column, parameter)


@compiles(_OneOf, "postgresql")
def _one_of_postgres(element: _OneOf, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **kwargs)} = ANY ({compiler.process(values, **kwargs)})"


@compiles(_OneOf, "sqlite")
def _one_of_sqlite(element: _OneOf, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, values = element.clauses
    sought = compiler.process(column, **kwargs)
    return f"{sought} IN (SELECT value FROM json_each({compiler.process(values, **kwargs)}))"  # noqa: S608 - bound
