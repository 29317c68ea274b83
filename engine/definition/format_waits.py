"""The nodes that wait for something from outside, as data."""

from datetime import timedelta
from typing import Final

from engine.definition.shapes import Field, Section
from engine.definition.types import Choice, Duration
from engine.model.arrival import Awaited

LONGEST_WAIT: Final = timedelta(days=366)

LIMIT: Final = Field(
    "timeout",
    Duration(positive=True, maximum=LONGEST_WAIT),
    "how long to wait before leaving by the port `timeout`; as long as the execution may take when absent",
)

WAIT: Final = Section(
    noun="a wait node",
    doc="Wait for something from outside, without holding an executor.",
    fields=(
        Field(
            "for",
            Choice(options=(Awaited.CALLBACK,), later=("event", "execution")),
            "what to wait for: a `callback` is a call to the address `execution.callbacks.<node>`",
            required=True,
        ),
        LIMIT,
    ),
)
