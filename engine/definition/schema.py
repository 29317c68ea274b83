"""The JSON Schema (2020-12) of the format, for editors and for other programs; made from the format's data.

It accepts whatever the parser accepts. The parser checks more: expressions, the graph, zones, cron lines.
"""

from pathlib import Path
from typing import Final

from engine.definition.format import WORKFLOW
from engine.definition.format_nodes import BODY, NODES
from engine.definition.format_triggers import TRIGGERS
from engine.model.base import JsonObject

SCHEMA_FILE: Final = Path(__file__).with_name("workflow.schema.json")


def workflow_schema() -> JsonObject:
    """Return the JSON Schema of a definition."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Patchbay workflow",
        **WORKFLOW.schema(),
        "$defs": {**TRIGGERS.definitions(), **NODES.definitions(), "body": BODY.section(NODES).schema()},
    }
