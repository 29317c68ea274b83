"""How a property is asked of a definition, and how a failure is shown: by the smallest definition that fails so."""

import json
import traceback
from collections.abc import Callable
from typing import Final

import pytest

from engine.errors import InvalidDefinition, PatchbayError
from engine.model.base import JsonObject
from tests.unit.engine.properties.definitions import Sample, sample, smaller

Check = Callable[[Sample, int], None]

BROKEN: Final = (AssertionError, ArithmeticError, AttributeError, LookupError, PatchbayError, TypeError, ValueError)
"""How a property fails: it does not hold, or something of ours breaks down."""

MOST_TRIES: Final = 1500


def holds(check: Check, flow: Sample, *seeds: int) -> None:
    """Ask a property of a definition under each seed."""
    for seed in seeds:
        try:
            check(flow, seed)
        except BROKEN as exc:
            pytest.fail(_explained(check, flow, seed, exc), pytrace=False)


def _explained(check: Check, flow: Sample, seed: int, error: Exception) -> str:
    document, error = _smallest(check, flow.document, seed, error)
    shown = json.dumps(document, indent=1)
    where = "".join(traceback.format_exception(error)[-6:])
    return f"{type(error).__name__}: {error}"[:3000] + f"\nwith the seed {seed} of the definition\n{shown}\n{where}"


def _smallest(check: Check, document: JsonObject, seed: int, error: Exception) -> tuple[JsonObject, Exception]:
    tries, found = 0, True
    while found:
        found = False
        for less in smaller(document):
            tries += 1
            if tries > MOST_TRIES:
                return document, error
            try:
                flow = sample(less)
            except InvalidDefinition:
                continue
            try:
                check(flow, seed)
            except type(error) as exc:
                document, error, found = less, exc, True
                break
    return document, error
