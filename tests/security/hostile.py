"""Data an attacker may send: several megabytes of them, chosen to be costly. The probes name them as ``input``."""

import json
from typing import Any


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _itself() -> list[Any]:
    value: list[Any] = [1]
    value.append(value)
    return value


def _itself_mapped() -> dict[str, Any]:
    value: dict[str, Any] = {"n": 1}
    value["self"] = value
    return value


def _doubling() -> list[Any]:
    """Sixty lists, each holding the one before twice: small in memory, beyond all bounds when written."""
    value: list[Any] = [1]
    for _ in range(60):
        value = [value, value]
    return value


_M61 = 2**61 - 1  # Python hashes every multiple of this number to 0

DATA: dict[str, Any] = {
    "text": "abc",
    "words": "aB c-" * 200_000,
    "big": "a" * 1_000_000,
    "huge": "a" * 4_000_000,
    "wide": "\U0001f600" * 1_000_000,
    "sharp": "ßŉǰ" * 300_000,
    "digits": "9" * 100_000,
    "quotes": "'" * 500_000,
    "controls": "\x00\x01" * 250_000,
    "half": "\ud800" * 10,
    "null_byte": "a\x00b",
    "spaces": " " * 1_000_000,
    "stars": "a" * 29_000,
    "lines": "\n" * 1_000_000,
    "percent": "%41" * 300_000,
    "ints": list(range(100_000)),
    "down": list(range(100_000, 0, -1)),
    "floats": [n * 1.1e-7 for n in range(100_000)],
    "colliding": [n * _M61 for n in range(50_000)],
    "colliding_items": [{"k": n * _M61} for n in range(50_000)],
    "prefixed": ["x" * 20_000 + str(n) for n in range(200)],
    "same_text": ["a" * 100_000] * 10_000,
    "mixed": [1, "a", None, [1], {"a": 1}, True] * 1_000,
    "items": [{"k": f"v{n}", "n": n, "d": {"e": n}} for n in range(100_000)],
    "items_too": [{"k": f"v{n}", "n": n, "d": {"e": n}} for n in range(100_000)],
    "empties": [{} for _ in range(100_000)],
    "lists": [[n, [n]] for n in range(50_000)],
    "map": {f"k{n}": n for n in range(100_000)},
    "deep": _nested(5_000),
    "deep_too": _nested(5_000),
    "itself": _itself(),
    "itself_too": _itself(),
    "itself_mapped": _itself_mapped(),
    "doubling": _doubling(),
    "doubling_too": _doubling(),
    "nan": float("nan"),
    "inf": float("inf"),
    "long_int": 10**4_200,
    "longer_int": 10**100_000,
    "json_nested": "[" * 100_000,
    "json_closed": "[" * 50_000 + "]" * 50_000,
    "json_wide": "[" + "[]," * 300_000 + "[]]",
    "json_maps": "[" + '{"a":1},' * 100_000 + "{}]",
    "json_int": "9" * 5_000,
    "json_half": '"\\ud800"',
    "json_keys": json.dumps({f"{n}": n for n in range(40_000)}),
    "base64": "QUJD" * 250_000,
    "class": "__class__.__mro__",
}

SCOPE: dict[str, Any] = {
    "trigger": {"data": DATA},
    "input": DATA,
    "steps": {"shape": DATA},
    "vars": {},
    "execution": {},
    "workflow": {},
    "now": "2026-01-31T12:00:00Z",
    "item": "abc",
    "index": 0,
}
