"""Filters for JSON, base64, URLs and hashes. Texts are encoded as UTF-8."""

# ruff: noqa: FBT002  every filter takes the budget and JSON arguments, whether it needs them or not

import base64
import binascii
import hashlib
import json
import re

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_TEXT, Budget
from engine.expressions.filters.arguments import text
from engine.expressions.filters.table import Table
from engine.expressions.values import to_json as write_json
from engine.expressions.values import to_text
from engine.model.base import Json

TABLE = Table("JSON, encodings and hashes")
_PARSED = 36  # units for one character of JSON: "[]," becomes an object of 56 bytes and a place in a list


@TABLE.add("Write as compact JSON.", ("{'a': [1, null]} | to_json", '{"a":[1,null]}'), null=True)
def to_json(budget: Budget, value: Json) -> Json:
    return write_json(budget, value)


@TABLE.add("Read a JSON text.", ("'{\"a\": [1, 2]}' | parse_json", {"a": [1, 2]}))
def parse_json(budget: Budget, value: Json) -> Json:
    budget.spend(_PARSED * len(text(value, "parse_json")))
    try:
        return _DECODER.decode(value)
    except RecursionError:
        raise ExpressionError("parse_json: the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ExpressionError(
            f"parse_json: line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
        ) from None
    except ValueError as error:
        raise ExpressionError(f"parse_json: {str(error)[:100]}") from None


@TABLE.add("Encode as base64.", ("'hello' | base64_encode", "aGVsbG8="), ("'a?>' | base64_encode(url=true)", "YT8-"))
def base64_encode(budget: Budget, value: Json, url: Json = False) -> Json:
    raw = _bytes(budget, value, "base64_encode")
    budget.make_text(len(raw) * 4 // 3 + 4)
    return (base64.urlsafe_b64encode(raw) if url else base64.b64encode(raw)).decode("ascii")


@TABLE.add(
    "Decode base64 to text; the URL-safe form and missing padding are understood.",
    ("'aGVsbG8=' | base64_decode", "hello"),
    ("'YT8-' | base64_decode", "a?>"),
)
def base64_decode(budget: Budget, value: Json) -> Json:
    raw = _bytes(budget, value, "base64_decode").rstrip(b"=\n\r ")
    budget.spend(6 * len(raw))
    try:
        padded = raw.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(raw) % 4)
        return base64.b64decode(padded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise ExpressionError("base64_decode: this is not base64 of a UTF-8 text") from None


@TABLE.add("Encode for a URL's query or path.", ("'a b&c/d' | url_encode", "a%20b%26c%2Fd"))
def url_encode(budget: Budget, value: Json) -> Json:
    raw = _bytes(budget, to_text(budget, value), "url_encode")
    budget.spend(80 * len(raw))
    unsafe = len(raw) - len(raw.translate(None, _UNRESERVED))
    budget.make_text(len(raw) + 2 * unsafe)
    return "".join(map(_QUOTED.__getitem__, raw))


@TABLE.add(
    "Decode what a URL holds; `plus` reads + as a space.",
    ("'a%20b' | url_decode", "a b"),
    ("'a+b' | url_decode(plus=true)", "a b"),
)
def url_decode(budget: Budget, value: Json, plus: Json = False) -> Json:
    known = text(value, "url_decode")
    budget.make_text(min(len(known), MAX_TEXT))
    budget.spend(100 * len(known))
    try:
        return _ESCAPES.sub(_unescaped, known.replace("+", " ") if plus else known)
    except UnicodeDecodeError:
        raise ExpressionError("url_decode: the decoded bytes are not UTF-8") from None


@TABLE.add(
    "MD5 as hexadecimal digits, for checksums; not a protection.", ("'a' | md5", "0cc175b9c0f1b6a831c399e269772661")
)
def md5(budget: Budget, value: Json) -> Json:
    return hashlib.md5(_bytes(budget, value, "md5"), usedforsecurity=False).hexdigest()


@TABLE.add(
    "SHA-1 as hexadecimal digits, for checksums; not a protection.",
    ("'a' | sha1", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
)
def sha1(budget: Budget, value: Json) -> Json:
    return hashlib.sha1(_bytes(budget, value, "sha1"), usedforsecurity=False).hexdigest()


@TABLE.add(
    "SHA-256 as hexadecimal digits.",
    ("'a' | sha256", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
)
def sha256(budget: Budget, value: Json) -> Json:
    return hashlib.sha256(_bytes(budget, value, "sha256")).hexdigest()


@TABLE.add(
    "SHA-512 as hexadecimal digits; the example shows the first 16.",
    ("'a' | sha512 | slice(0, 16)", "1f40fc92da241694"),
)
def sha512(budget: Budget, value: Json) -> Json:
    return hashlib.sha512(_bytes(budget, value, "sha512")).hexdigest()


def _bytes(budget: Budget, value: Json, where: str) -> bytes:
    known = text(value, where)
    budget.make_text(len(known))
    budget.spend(6 * len(known))
    try:
        return known.encode("utf-8")
    except UnicodeEncodeError:
        raise ExpressionError(f"{where}: the text holds half of a surrogate pair, which UTF-8 cannot encode") from None


def _unescaped(run: re.Match[str]) -> str:
    return bytes.fromhex(run.group().replace("%", "")).decode("utf-8")


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:20]} is too large")
    return value


_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"  # RFC 3986, 2.3
_QUOTED = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
