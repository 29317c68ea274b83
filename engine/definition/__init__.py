"""Definitions: from YAML or JSON to the model, with every problem reported at once and where it is.

The format is data (``format``, ``format_nodes``, ``format_triggers``); the parser, the JSON Schema and the reference's
tables are made from it. ``python -m engine.definition`` writes the files that are generated.
"""

from engine.definition.hashing import definition_hash as definition_hash
from engine.definition.outside import ActionInputs as ActionInputs
from engine.definition.outside import Outside as Outside
from engine.definition.outside import check_references as check_references
from engine.definition.parse import load_document as load_document
from engine.definition.parse import parse_definition as parse_definition
from engine.definition.schema import workflow_schema as workflow_schema
from engine.definition.source import Source as Source
