"""Filters for numbers. Halves are rounded away from zero, as people do it."""

# ruff: noqa: ARG001  every filter takes the budget and JSON arguments, whether it needs them or not

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_INTEGER, Budget
from engine.expressions.filters import arguments
from engine.expressions.filters.arguments import text, whole
from engine.expressions.filters.table import Table
from engine.expressions.operators import checked
from engine.expressions.values import kind
from engine.model.base import Json

TABLE = Table("Numbers")
_WRITTEN = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")


@TABLE.add(
    "Read a number from a text; a number stays as it is. What is no number is an error, or `fallback` if one is given.",
    ("' 12.50 ' | number", 12.5),
    ("'12' | number", 12),
    ("'n/a' | number(0)", 0),
)
def number(budget: Budget, value: Json, fallback: Json = None) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return checked(value)
    if isinstance(value, str) and len(value) < 100 and _WRITTEN.fullmatch(value.strip()):
        written = value.strip()
        return checked(int(written) if written.lstrip("+-").isdecimal() else float(written))
    if fallback is not None:
        return fallback
    raise ExpressionError(f'number cannot read this {kind(value)} as a number; give a fallback: "value | number(0)"')


@TABLE.add(
    "Read a whole number; a fraction is cut off.",
    ("'12' | int", 12),
    ("-2.7 | int", -2),
    ("'n/a' | int(0)", 0),
)
def int_(budget: Budget, value: Json, fallback: Json = None) -> Json:
    found = number(budget, value, fallback)
    return checked(math.trunc(found)) if isinstance(found, float) else found


@TABLE.add("Read a number as one with a fraction.", ("'12' | float", 12.0))
def float_(budget: Budget, value: Json, fallback: Json = None) -> Json:
    found = number(budget, value, fallback)
    return checked(float(found)) if isinstance(found, int | float) else found


@TABLE.add(
    "Round to `digits` decimals; without, to a whole number.",
    ("2.5 | round", 3),
    ("2.345 | round(2)", 2.35),
    ("1234 | round(-2)", 1200),
)
def round_(budget: Budget, value: Json, digits: Json = 0) -> Json:
    places = whole(digits, "round", low=-30, high=15)
    known = checked(arguments.number(value, "round"))
    if isinstance(known, int) and places >= 0:
        return known
    rounded = _quantized(known, places)
    return checked(int(rounded)) if places <= 0 else checked(float(rounded))


@TABLE.add("Round down to a whole number.", ("2.7 | floor", 2), ("-2.1 | floor", -3))
def floor(budget: Budget, value: Json) -> Json:
    return checked(math.floor(checked(arguments.number(value, "floor"))))


@TABLE.add("Round up to a whole number.", ("2.1 | ceil", 3))
def ceil(budget: Budget, value: Json) -> Json:
    return checked(math.ceil(checked(arguments.number(value, "ceil"))))


@TABLE.add("Leave out the sign.", ("-5 | abs", 5))
def abs_(budget: Budget, value: Json) -> Json:
    return checked(abs(arguments.number(value, "abs")))


@TABLE.add(
    "Write a number with a fixed count of decimals and separators.",
    ("1234567.891 | format_number(2)", "1,234,567.89"),
    ("1234.5 | format_number(2, thousands='.', point=',')", "1.234,50"),
    ("0.5 | format_number", "1"),
)
def format_number(budget: Budget, value: Json, digits: Json = 0, *, thousands: Json = ",", point: Json = ".") -> Json:
    places = whole(digits, "format_number", low=0, high=20)
    known = checked(arguments.number(value, "format_number"))
    if len(text(thousands, "format_number")) > 5 or len(text(point, "format_number")) > 5:
        raise ExpressionError("format_number takes separators of at most 5 characters")
    if abs(known) > MAX_INTEGER:
        raise ExpressionError("format_number takes numbers up to 10**30")
    integer, _, fraction = f"{_quantized(known, places):,f}".partition(".")
    return integer.replace(",", thousands) + (point + fraction if fraction else "")


def _quantized(value: float, places: int) -> Decimal:
    """Round what the number looks like when written: 2.345 is a little less than that in binary."""
    written = Decimal(repr(value))
    exponent = Decimal(1).scaleb(-places)
    if written.adjusted() + places > 60:
        return written  # beyond any fraction: nothing to round
    return written.quantize(exponent, ROUND_HALF_UP, _CONTEXT)


_CONTEXT = Context(prec=100)
