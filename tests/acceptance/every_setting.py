"""What the format has, by name, and one small workflow for each: run by ``test_every_setting`` on both backends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.definition import format_nodes, format_steps, format_triggers
from engine.definition.format import VARIABLE, WORKFLOW
from engine.definition.shapes import Either, Field, Section


def names() -> set[str]:
    """Every kind of node and of trigger, and every field: ``loop``, ``loop.over``, ``node.retry``, ``whole.edges``."""
    found = set(format_nodes.NODES.kinds) | set(format_triggers.TRIGGERS.kinds)
    found |= set(_fields("whole", WORKFLOW.fields)) | set(_fields("variable", VARIABLE.fields))
    found |= set(_fields("node", format_nodes.COMMON)) | set(_fields("trigger", format_triggers.COMMON))
    found |= set(_fields("case", format_nodes.CASE.fields)) | set(_fields("step", format_steps.FIELDS))
    for kinds in (format_nodes.NODES, format_triggers.TRIGGERS):
        for kind, section in kinds.kinds.items():
            found |= set(_fields(kind, section.fields))
    return found


def _fields(prefix: str, fields: Sequence[Field]) -> Iterator[str]:
    for each in fields:
        name = f"{prefix}.{each.name}"
        yield name
        inner = each.type.section if isinstance(each.type, Either) else each.type
        if isinstance(inner, Section):
            yield from _fields(each.name if prefix == "whole" else name, inner.fields)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A workflow that shows ``covers`` (names, with spaces between); ``URL`` in it is the address of the outside.

    ``output`` is what comes out, or ``code`` what it fails with; ``asked`` the bodies that the outside received.
    """

    covers: str
    text: str
    data: Any = None
    output: Any = None
    code: str | None = None
    asked: Sequence[Any] = field(default_factory=tuple)


ORDERS = [
    {"id": 1, "by": "ann", "n": 5, "lines": ["x", "y"]},
    {"id": 2, "by": "bob", "n": 7, "lines": []},
    {"id": 3, "by": "ann", "n": 2, "lines": ["z"]},
]
LISTS = 'nodes: {{t: {{type: transform, input: "{{{{ trigger.data }}}}", steps: [{}]}}}}'.format
CALL = 'type: connector, use: http.request, with: {method: POST, url: "URL", json: "{{ input }}"}'
FAILING = 'type: transform, value: "{{ 1 / 0 }}"'

TRANSFORMS = [
    Case(
        covers="transform transform.value whole.nodes whole.name",
        text='nodes: {a: {type: transform, value: "{{ trigger.data.n + 1 }}"}}',
        data={"n": 1},
        output=2,
    ),
    Case(
        covers="transform.set whole.edges whole.description whole.layout node.name node.description",
        text="description: It shows.\n"
        'nodes: {a: {type: transform, value: 3, name: Three, description: 3}, b: {type: transform, set: {n: "{{ input }}"}}}'
        "\nedges: [a -> b]\nlayout: {a: {x: 1}}".replace("description: 3", "description: It is three."),
        output={"n": 3},
    ),
    Case(
        covers="transform.steps step.filter step.sort step.descending step.limit step.from",
        text=LISTS("{filter: item.n > 1}, {sort: item.n, descending: true}, {limit: 1, from: 1}"),
        data=ORDERS,
        output=[ORDERS[0]],
    ),
    Case(
        covers="step.unique step.group step.aggregate",
        text=LISTS("{unique: item.id}, {group: item.by, aggregate: {n: \"{{ items | sum('n') }}\"}}"),
        data=[*ORDERS, ORDERS[0]],
        output=[{"key": "ann", "n": 7}, {"key": "bob", "n": 7}],
    ),
    Case(
        covers="step.split step.as",
        text=LISTS("{split: item.lines, as: line}, {aggregate: {lines: \"{{ items | map('line') }}\"}}"),
        data=ORDERS,
        output={"lines": ["x", "y", "z"]},
    ),
    Case(
        covers="step.join step.on step.to step.matches step.unmatched",
        text=LISTS(
            "{join: \"[{'key': 'bob', 'no': 1}, {'key': 'bob', 'no': 2}]\", on: item.by, to: item.key, as: found,"
            " matches: all, unmatched: drop}, {split: item.found}"
        ),
        data=ORDERS,
        output=[{"key": "bob", "no": 1}, {"key": "bob", "no": 2}],
    ),
]

CHOICES = [
    Case(
        covers="condition condition.if",
        text="nodes: {a: {type: condition, if: trigger.data > 1}, b: {type: transform, value: more},"
        " c: {type: transform, value: less}}\nedges: [a.true -> b, a.false -> c]",
        data=2,
        output="more",
    ),
    Case(
        covers="switch switch.cases switch.mode case.when case.port",
        text="nodes: {a: {type: switch, mode: all, cases: [{when: trigger.data > 1, port: one}, {when: trigger.data > 2,"
        " port: two}]}, b: {type: transform, value: 1}, c: {type: transform, value: 2}, d: {type: merge}}\n"
        "edges: [a.one -> b, a.two -> c, b -> d, c -> d]",
        data=3,
        output=[1, 2],
    ),
    Case(
        covers="merge merge.combine",
        text="nodes: {a: {type: transform, set: {x: 1}}, b: {type: transform, set: {y: 2}},"
        " c: {type: merge, combine: object}}\nedges: [a -> c, b -> c]",
        output={"x": 1, "y": 2},
    ),
    Case(
        covers="node.join node.join.count",
        text="variables: {n: {default: 0, merge: add}}\nnodes: {a: {type: transform, value: 1},"
        ' b: {type: transform, value: 2}, each: {type: transform, value: "{{ input }}", join: each, assign: {n: 1}},'
        " any: {type: transform, value: 1, join: any, assign: {n: 10}},"
        " two: {type: transform, value: 1, join: {count: 2}, assign: {n: 100}}}\n"
        "edges: [a -> each, b -> each, a -> any, b -> any, a -> two, b -> two]\n"
        'finally: {nodes: {tell: {type: connector, use: http.request, with: {method: POST, url: "URL", json: "{{ vars.n }}"}}}}',
        output={"each": 1, "each#2": 2, "any": 1, "two": 1},
        asked=(112,),
    ),
    Case(
        covers="stop stop.as stop.message",
        text='nodes: {a: {type: stop, as: failed, message: "no {{ trigger.data }}"}}',
        data=7,
        code="stopped",
    ),
    Case(covers="stop.output", text='nodes: {a: {type: stop, output: "{{ trigger.data }}"}}', data=7, output=7),
]

TIMES = [
    Case(covers="delay delay.for", text="nodes: {a: {type: delay, for: 5ms}}", data=1, output=1),
    Case(
        covers="delay.until",
        text="nodes: {a: {type: delay, until: trigger.data.at}, b: {type: transform, value: past}}\nedges: [a -> b]",
        data={"at": "2020-01-01T00:00:00Z"},
        output="past",
    ),
    Case(
        covers="wait wait.for wait.timeout",
        text="nodes: {a: {type: wait, for: callback, timeout: 5ms}, b: {type: transform, value: late}}\n"
        "edges: [a.timeout -> b]",
        output="late",
    ),
    Case(
        covers="approval approval.assignees approval.timeout approval.on_timeout",
        text="nodes: {a: {type: approval, assignees: [ann], timeout: 5ms, on_timeout: approved},"
        ' b: {type: transform, value: "{{ steps.a.decision }}"}}\nedges: [a.approved -> b]',
        output="approved",
    ),
    Case(
        covers="settings.timeout whole.settings",
        text="nodes: {a: {type: delay, for: 1h}}\nsettings: {timeout: 50ms}",
        code="execution_timeout",
    ),
    Case(
        covers="settings.max_iterations",
        text="nodes: {a: {type: transform, value: 1}, b: {type: condition, if: 1 == 1}}\n"
        "edges: [a -> b, b.true -> a]\nsettings: {max_iterations: 3}",
        code="limit_exceeded",
    ),
]

BODIES = [
    Case(
        covers="loop loop.over loop.as loop.body",
        text='nodes: {l: {type: loop, over: "{{ trigger.data }}", as: n, body: {nodes: {'
        'a: {type: transform, value: "{{ n * 2 + index }}"}}}}}',
        data=[1, 2],
        output=[2, 5],
    ),
    Case(
        covers="loop.times loop.batch",
        text='nodes: {l: {type: loop, over: "{{ trigger.data }}", batch: 2, body: {nodes: {'
        'm: {type: loop, times: "{{ item | length }}", body: {nodes: {a: {type: transform, value: "{{ index }}"}}}}}}}}',
        data=[1, 2, 3],
        output=[[0, 1], [0]],
    ),
    Case(
        covers="loop.while",
        text="variables: {left: {default: 2}}\nnodes: {l: {type: loop, while: vars.left > 0, body: {nodes: {"
        'a: {type: transform, value: "{{ vars.left }}", assign: {left: "{{ vars.left - 1 }}"}}}}}}',
        output=[2, 1],
    ),
    Case(
        covers="loop.on_item_error",
        text="nodes: {l: {type: loop, over: [1, 0, 2], on_item_error: skip, body: {nodes: {"
        'a: {type: transform, value: "{{ 2 / item }}"}}}}}',
        output=[2.0, 1.0],
    ),
    Case(
        covers="loop.wait_for loop.wait_for.count",
        text="nodes: {l: {type: loop, over: [1, 2, 3], wait_for: {count: 2}, body: {nodes: {"
        'a: {type: transform, value: "{{ item }}"}}}}}',
        output=[1, 2],
    ),
    Case(
        covers="loop.spread_over",
        text="nodes: {l: {type: loop, over: [5, 6, 7], spread_over: 2, body: {nodes: {"
        'a: {type: transform, value: "{{ item * 10 + index }}"}}}}}',
        output=[50, 61, 72],
    ),
    Case(
        covers="loop.timeout",
        text="nodes: {l: {type: loop, times: 2, timeout: 20ms, body: {nodes: {a: {type: delay, for: 1h}}}}}",
        code="step_timeout",
    ),
    Case(
        covers="parallel parallel.branches",
        text="nodes: {p: {type: parallel, branches: {x: {nodes: {a: {type: transform, value: 1}}},"
        " y: {nodes: {b: {type: transform, value: 2}}}}}}",
        output={"x": 1, "y": 2},
    ),
    Case(
        covers="parallel.wait_for parallel.wait_for.count",
        text="nodes: {p: {type: parallel, wait_for: {count: 1}, branches: {x: {nodes: {a: {type: delay, for: 1h}}},"
        " y: {nodes: {b: {type: transform, value: 2}}}}}}",
        output={"y": 2},
    ),
    Case(
        covers="parallel.timeout",
        text="nodes: {p: {type: parallel, timeout: 20ms, branches: {x: {nodes: {a: {type: delay, for: 1h}}}}}}",
        code="step_timeout",
    ),
    Case(
        covers="whole.finally",
        text="nodes: {a: {type: stop, as: failed, message: no}}\nfinally: {nodes: {tell: {type: connector,"
        ' use: http.request, with: {method: POST, url: "URL", json: "{{ outcome.error.code }}"}}}}',
        code="stopped",
        asked=("stopped",),
    ),
]

COMMON = [
    Case(
        covers="node.input connector connector.use connector.with",
        text="nodes: {a: {"
        + CALL
        + ', input: {n: "{{ trigger.data }}"}}, b: {type: transform, value: "{{ input.status }}"}}'
        "\nedges: [a -> b]",
        data=4,
        output=200,
        asked=({"n": 4},),
    ),
    Case(
        covers="node.assign whole.variables variable.type variable.default variable.merge",
        text="variables: {seen: {type: list, default: [0], merge: append}}\nnodes: {a: {type: transform, value: 1,"
        ' assign: {seen: "{{ steps.a }}"}}, b: {type: transform, value: "{{ vars.seen }}"}}\nedges: [a -> b]',
        output=[0, 1],
    ),
    Case(
        covers="node.strict",
        text='nodes: {a: {type: transform, strict: true, value: "{{ trigger.data.nothing }}"}}',
        data={},
        code="invalid_expression",
    ),
    Case(
        covers="node.on_error",
        text="nodes: {a: {" + FAILING + ", on_error: continue}, b: {" + FAILING + ", on_error: route},"
        ' c: {type: transform, value: ["{{ steps.a.error.code }}", "{{ input.error.code }}"]}}\n'
        "edges: [a -> b, b.error -> c]",
        output=["invalid_expression", "invalid_expression"],
    ),
    Case(covers="node.disabled", text="nodes: {a: {" + CALL + ", disabled: true}}", data=5, output=5),
    Case(covers="node.pin", text="nodes: {a: {" + CALL + ", pin: {x: 1}}}", output={"x": 1}),
    Case(
        covers="node.input_schema",
        text="nodes: {a: {" + CALL + ", input_schema: {type: integer}}}",
        data="x",
        code="invalid_input",
    ),
    Case(
        covers="node.output_schema",
        text="nodes: {a: {type: transform, value: x, output_schema: {type: integer}}}",
        code="invalid_output",
    ),
    Case(
        covers="code code.language code.source code.limits",
        text="nodes: {a: {type: code, language: javascript, source: return input + 1, limits: {time: 5s}},"
        " b: {type: code, language: python, source: input * 2}}\nedges: [a -> b]",
        data=1,
        output=4,
    ),
    Case(
        covers="code.limits.output",
        text="nodes: {a: {type: code, language: python, source: \"'x' * 1000\", limits: {output: 100}}}",
        code="limit_exceeded",
    ),
    Case(
        covers="connector.undo connector.undo.use connector.undo.with",
        text="nodes: {a: {" + CALL + ', undo: {use: http.request, with: {method: POST, url: "URL",'
        ' json: {undo: "{{ output.status }}"}}}}, b: {type: stop, as: failed, message: no}}\nedges: [a -> b]',
        data=1,
        code="stopped",
        asked=(1, {"undo": 200}),
    ),
]

CASES = [*TRANSFORMS, *CHOICES, *TIMES, *BODIES, *COMMON]
