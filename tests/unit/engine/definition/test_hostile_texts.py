"""Whatever a text holds, the parser answers with a definition or with problems, and soon."""

import copy
import json
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definition import Source, load_document, parse_definition, workflow_schema
from engine.errors import InvalidDefinition
from engine.model.base import JsonObject
from tests.unit.engine.definition.texts import problems

pytestmark = pytest.mark.security

EXAMPLES = Path(__file__).parents[4] / "examples"
DOCUMENTS = [parse_definition(path.read_text(encoding="utf-8"))[1] for path in sorted(EXAMPLES.glob("*.yaml"))]
SCHEMA = jsonschema_rs.validator_for(workflow_schema())

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 500)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [
            "",
            "a",
            "loop",
            "route",
            "continue",
            "each",
            "1h",
            "0s",
            "{{ steps.shape }}",
            "{{",
            "a.b -> c",
            "error",
            "none",
        ]
    )
    | st.text(max_size=8)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", "count"]), inner),
    max_leaves=5,
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, entry in entries for place in ((*at, key), *_places(entry, (*at, key)))]


@st.composite
def _changed_documents(draw: st.DrawFn) -> JsonObject:
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        *around, last = draw(st.sampled_from(_places(document)))
        holder: Any = document
        for key in around:
            holder = holder[key]
        if draw(st.booleans()) or not isinstance(holder, dict):
            holder[last] = draw(_JSON)
        else:
            del holder[last]
    return document


@settings(max_examples=300, deadline=None)
@given(_changed_documents())
def test_a_changed_document_is_refused_or_sound(document: JsonObject) -> None:
    source = Source(text=json.dumps(document), media="json")

    if found := problems(source):
        assert all(problem.line is not None and problem.message for problem in found)
    else:
        definition, canonical = parse_definition(source)
        assert load_document(canonical) == definition
        assert SCHEMA.is_valid(canonical)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#% \n\t,?@`\\\x00\ud800é01."), max_size=60), st.booleans())
def test_a_random_text_is_refused(text: str, as_json: bool) -> None:
    with pytest.raises(InvalidDefinition):
        parse_definition(Source(text=text, media="json" if as_json else "yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "name: x\nnodes:\n" + "  a: {type: transform, value: 1}\n" * 20_000,
        "name: x\nnodes: {a: {type: stop}}\nedges: [" + "a -> b, " * 40_000 + "]\n",
        "name: x\nnodes: {" + "".join(f"n{n}: {{type: loop}}, " for n in range(15_000)) + "}\n",
        '{"a": "' + "x" * 1_000_000 + '"}',
        '{"a": ' + "[" * 500_000,
        "a: " + "{" * 500_000,
        "a: " + "&b " * 300_000,
        "? " * 300_000,
        "a: |\n" + "  x\n" * 200_000,
        "x: " + "'" * 1_000_001,
    ],
    ids=["twice", "edges", "nodes", "text", "deep-json", "deep-yaml", "anchors", "keys", "block", "quotes"],
)
def test_a_large_hostile_text_is_refused_soon(text: str) -> None:
    began = time.perf_counter()

    with pytest.raises(InvalidDefinition):
        parse_definition(text)
    assert time.perf_counter() - began < 10
