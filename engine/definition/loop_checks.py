"""Checks of loops that could never do what they say: settings that need a list, and lists that are none."""

from collections.abc import Mapping
from typing import Final

from engine.definition.outline import Outline
from engine.definition.report import Path, Report, describe
from engine.model.base import Json
from engine.model.node import NodeKind

_OF_A_LIST: Final = {"while": ("concurrency", "batch"), "times": ("batch",)}
"""The settings that make no sense without a list, by how a loop goes on."""


def check_loops(graphs: Mapping[Path, Outline], report: Report) -> None:
    """Report settings of loops that cannot work together, and what is certainly no list."""
    for graph in graphs.values():
        for key, record in graph.records.items():
            if record["type"] == NodeKind.LOOP:
                _check_loop((*graph.at, "nodes", key), graph.document["nodes"][key], report)


def _check_loop(at: Path, written: Mapping[str, Json], report: Report) -> None:
    for how, fields in _OF_A_LIST.items():
        for name in fields:
            if how in written and "over" not in written and written.get(name, 1) not in (1, None):
                report.wrong((*at, name), _TEXTS[how, name], fix=f"leave {name} out")
    over = written.get("over")
    if isinstance(over, list | dict) or over is None:
        return
    if not isinstance(over, str) or "{{" not in over:
        fix = f'write "{{{{ {over} }}}}" if it is an expression' if isinstance(over, str) and len(over) < 80 else None
        report.wrong((*at, "over"), f"must give a list or a mapping, and {describe(over)} is neither", fix=fix)
    elif not (over.startswith("{{") and over.endswith("}}")):
        text = "must give a list or a mapping, and a hole within other text gives a text"
        report.wrong((*at, "over"), text, fix="write nothing before and after the hole")


_TEXTS: Final = {
    ("while", "concurrency"): "the rounds of a while loop follow one another, so none can run at once with others",
    ("while", "batch"): "a while loop has no list to give out in batches",
    ("times", "batch"): "a loop that counts has no list to give out in batches",
}
