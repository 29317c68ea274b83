"""The settings that decide when an accepted event's execution may begin, as data."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from engine.definition.shapes import Field, Section
from engine.definition.types import Choice, Duration, Number, Template
from engine.model.admission import MAX_MERGED, Mode

_SECOND: Final = timedelta(seconds=1)


def _key(what: str) -> Field:
    return Field("key", Template(), f"{what} per value of this; absent: one for the whole workflow")


CONCURRENCY: Final = Section(
    noun="concurrency",
    doc="How many executions may be alive at once: queued, running, waiting or paused.",
    fields=(
        _key("one limit"),
        Field("limit", Number(minimum=1, maximum=10_000), "how many; `1` when absent, with `parallel` any number"),
        Field(
            "mode",
            Choice(options=tuple(Mode)),
            "what becomes of an event without a free slot: `parallel` and `queue` let it wait in order, `skip` leaves "
            "it out, `restart` cancels the oldest execution for it, `coalesce` lets one wait and merges the others "
            "into it",
            default="queue",
        ),
    ),
)

THROTTLE: Final = Section(
    noun="throttle",
    doc="How many executions may begin within a time; the others wait in order.",
    fields=(
        _key("one limit"),
        Field("limit", Number(minimum=1, maximum=100_000), "how many", required=True),
        Field("per", Duration(minimum=_SECOND, maximum=timedelta(days=7)), "in any time of this length", required=True),
    ),
)

DEBOUNCE: Final = Section(
    noun="debounce",
    doc="One execution, with the newest event, once events have stopped coming.",
    fields=(
        _key("one execution"),
        Field("for", Duration(positive=True), "how long no event may come before it begins", required=True),
        Field("max", Duration(positive=True), "the longest it waits after the first event; ten times `for` if absent"),
    ),
)

BATCH: Final = Section(
    noun="batch",
    doc="One execution for several events; `trigger.data` is the list of their data.",
    fields=(
        _key("one batch"),
        Field("size", Number(minimum=2, maximum=MAX_MERGED), "how many events it takes at most", required=True),
        Field("for", Duration(positive=True), "how long it waits for them after the first one", required=True),
    ),
)

ADMISSION: Final = (
    Field("concurrency", CONCURRENCY, "how many executions may be alive at once"),
    Field("throttle", THROTTLE, "how many executions may begin within a time"),
    Field("debounce", DEBOUNCE, "one execution once events have stopped coming"),
    Field("batch", BATCH, "one execution for several events"),
)


def tables() -> dict[str, Iterable[Field]]:
    """Return the tables of the reference page, by name."""
    sections = (CONCURRENCY, THROTTLE, DEBOUNCE, BATCH)
    return {section.noun: section.fields for section in sections}
