"""From text to definition: read the text, read the document by the format, then check what goes across its parts."""

from engine.definition.admission_checks import check_admission
from engine.definition.build import build_definition
from engine.definition.expression_checks import check_expressions, check_variables
from engine.definition.format import WORKFLOW
from engine.definition.graph_checks import check_graphs
from engine.definition.hashing import canonical
from engine.definition.json_text import read_json
from engine.definition.outline import outlines
from engine.definition.outside import Outside, check_record
from engine.definition.report import Report
from engine.definition.shapes import Record
from engine.definition.source import Source, Tree, refuse_unreadable, require_mapping
from engine.definition.yaml_text import read_yaml
from engine.errors import InvalidDefinition
from engine.model.base import JsonObject
from engine.model.workflow import Definition


def parse_definition(text: str | Source, *, outside: Outside | None = None) -> tuple[Definition, JsonObject]:
    """Read and check a definition.

    Takes about a millisecond per node, nearly all of it for compiling expressions; a large text belongs in a thread.

    Args:
        text: YAML or JSON; a ``Source`` says which, else it is detected.
        outside: What actions and schemes there are; without it, references to them are not checked.

    Returns:
        The definition, and its document as plain JSON in the canonical form.

    Raises:
        InvalidDefinition: With every problem that was found, in the order of the text. Nothing after the place where a
            text stops to be YAML or JSON can be found.
    """
    source = text if isinstance(text, Source) else Source.detect(text)
    tree = _read(source)
    document = require_mapping(tree)
    report = tree.report
    record = _check(document, report)
    if outside is not None:
        check_record(record, outside, report)
    if report.findings:
        raise InvalidDefinition(report.problems(tree.positions))
    return build_definition(record), canonical(document)


def load_document(document: JsonObject) -> Definition:
    """Read a canonical document that was checked when it was saved.

    The format and the graph are looked at again, because another release may have saved it; expressions are left to
    whoever compiles them.

    Raises:
        InvalidDefinition: This release does not understand the document; places have no positions.
    """
    report = Report()
    record = WORKFLOW.read(document, (), report)
    if isinstance(record, dict):
        check_graphs(outlines(document, record), report)
    if report.findings:
        raise InvalidDefinition(report.problems())
    return build_definition(record)


def _read(source: Source) -> Tree:
    refuse_unreadable(source.text)
    return read_json(source.text) if source.media == "json" else read_yaml(source.text)


def _check(document: JsonObject, report: Report) -> Record:
    record: Record = WORKFLOW.read(document, (), report)
    graphs = outlines(document, record)
    check_graphs(graphs, report)
    check_admission(record, report)
    check_variables(graphs, report)
    check_expressions(graphs, report)
    return record
