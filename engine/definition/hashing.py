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
    executable = {name: value for name, value in document.items() if name not in FOR_PEOPLE}
    text = json.dumps(_flow(executable), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _flow(flow: JsonObject) -> JsonObject:
    """A flow without what is for people in its nodes, in the bodies inside them and in ``finally``."""
    changed = dict(flow)
    if isinstance(flow.get("nodes"), dict):
        changed["nodes"] = {key: _node(node) for key, node in flow["nodes"].items()}
    if isinstance(flow.get("finally"), dict):
        changed["finally"] = _flow(flow["finally"])
    if "edges" in flow:
        changed["edges"] = canonical_edges(flow["edges"])
    return changed


def _node(node: object) -> object:
    if not isinstance(node, dict):
        return node
    left = {name: value for name, value in node.items() if name not in FOR_PEOPLE}
    if isinstance(left.get("body"), dict):
        left["body"] = _flow(left["body"])
    if isinstance(left.get("branches"), dict):
        left["branches"] = {k: _flow(each) if isinstance(each, dict) else each for k, each in left["branches"].items()}
    return left
