"""The canonical form of a document, and the hash over the part of it that runs."""

import hashlib
import json
from typing import Final

from engine.definition.edges import canonical_edges
from engine.model.base import JsonObject

FOR_PEOPLE: Final = ("name", "description", "layout")
"""The fields of a document and of its nodes that change nothing that runs."""


def canonical(document: JsonObject) -> JsonObject:
    """Return the document with every edge written as ``source.port -> target``, and all else as the author wrote it."""
    return {**document, "edges": canonical_edges(document["edges"])} if "edges" in document else document


def definition_hash(document: JsonObject) -> str:
    """Return the SHA-256 of the executable part, in hex: equal hashes run alike.

    Names, descriptions and the layout are left out, and the order of keys does not count. The order of edges and of
    cases does, because it decides what comes first.
    """
    executable = {name: value for name, value in canonical(document).items() if name not in FOR_PEOPLE}
    nodes = executable.get("nodes")
    if isinstance(nodes, dict):
        executable["nodes"] = {key: _without_texts(node) for key, node in nodes.items()}
    text = json.dumps(executable, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_texts(node: object) -> object:
    return {name: value for name, value in node.items() if name not in FOR_PEOPLE} if isinstance(node, dict) else node
