"""The allow-list of filters, one file per group."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.expressions.filters import dates, encoding, lists, mappings, numbers, queries, texts, values
from engine.expressions.filters.table import FilterDoc

FILTERS: Mapping[str, FilterDoc] = MappingProxyType(
    {
        **values.TABLE.entries,
        **texts.TABLE.entries,
        **lists.TABLE.entries,
        **queries.TABLE.entries,
        **mappings.TABLE.entries,
        **numbers.TABLE.entries,
        **dates.TABLE.entries,
        **encoding.TABLE.entries,
    }
)
"""Every filter by its name."""
