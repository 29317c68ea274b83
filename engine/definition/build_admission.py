"""From the settings that were read to the rules of admission. Nothing is checked here."""

from engine.definition.shapes import Record
from engine.model.admission import AdmissionRules, Batch, Concurrency, Debounce, Mode, Throttle
from engine.model.base import Json

LONGEST_DEBOUNCE = 10
"""How many times ``for`` a debounce without ``max`` may take."""


def build_admission(settings: Record) -> AdmissionRules:
    """Return the rules of a workflow's settings."""
    return AdmissionRules(
        concurrency=_concurrency(settings["concurrency"]) if "concurrency" in settings else None,
        throttle=_throttle(settings["throttle"]) if "throttle" in settings else None,
        debounce=_debounce(settings["debounce"]) if "debounce" in settings else None,
        batch=_batch(settings["batch"]) if "batch" in settings else None,
    )


def _concurrency(record: Record) -> Concurrency | None:
    mode = Mode(record["mode"])
    limit = record.get("limit")
    if mode is Mode.PARALLEL and limit is None:
        return None
    return Concurrency(limit=limit or 1, mode=mode, key=_key(record))


def _throttle(record: Record) -> Throttle:
    return Throttle(limit=record["limit"], per=record["per"], key=_key(record))


def _debounce(record: Record) -> Debounce:
    quiet = record["for"]
    return Debounce(quiet=quiet, longest=record.get("max", quiet * LONGEST_DEBOUNCE), key=_key(record))


def _batch(record: Record) -> Batch:
    return Batch(size=record["size"], wait=record["for"], key=_key(record))


def _key(record: Record) -> Json:
    return record.get("key")
