"""Every problem of a text is reported at once, with its place, its position and what to write instead."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.definition import Source, load_document, parse_definition
from engine.definition.report import MAX_PROBLEMS
from engine.errors import Category, InvalidDefinition
from engine.model.node import Join, JoinKind, StopSpec
from engine.model.workflow import Lane, RespondWhen, Retention, ScheduleSpec, WebhookSpec, WhilePaused
from tests.unit.engine.definition.texts import STEP, only, problems, workflow

TEN_MISTAKES = """\
name: ten-mistakes
triggers:
  hook:
    type: webhook
  clock:
    type: schedule
    cron: "61 * * * *"
nodes:
  is_big:
    type: condition
    if: trigger.data.amount >
  shape:
    type: transform
    set:
      total: "{{ steps.shap.total }}"
  tell:
    type: connector
    use: http.request
    whit: {url: x}
    timeout: 30
    retry: {max_attempts: 500, on: [transient]}
  again:
    type: agent
edges:
  - is_big.yes -> shape
  - shape -> tel
"""


def test_ten_mistakes_are_reported_together_with_their_lines() -> None:
    found = {(problem.line, problem.place) for problem in problems(TEN_MISTAKES)}

    assert found == {
        (3, "triggers.hook.verify"),
        (7, "triggers.clock.cron"),
        (11, "nodes.is_big.if"),
        (15, "nodes.shape.set.total"),
        (19, "nodes.tell.whit"),
        (20, "nodes.tell.timeout"),
        (21, "nodes.tell.retry.max_attempts"),
        (23, "nodes.again.type"),
        (25, "edges[0]"),
        (26, "edges[1]"),
    }


def test_problems_stand_in_the_order_of_the_text() -> None:
    lines = [problem.line or 0 for problem in problems(TEN_MISTAKES)]
    assert lines == sorted(lines)


def test_the_same_mistakes_are_found_in_json() -> None:
    document = {"name": "x", "nodes": {"a": {"type": "transfrom"}}, "edges": ["a -> b"]}
    text = json.dumps(document, indent="\t")

    assert [(problem.place, problem.line, problem.column) for problem in problems(text)] == [
        ("nodes.a.type", 5, 12),
        ("edges[0]", 9, 3),
    ]


def test_a_source_says_what_its_text_is() -> None:
    assert "expected a value" in only(Source(text="name: x", media="json")).message
    assert problems(Source(text='{"name": x, nodes: {a: {type: stop}}}', media="yaml")) == []


@pytest.mark.parametrize(
    ("text", "place", "message", "fix"),
    [
        (workflow(nods="{}"), "nods", '"nods" is not a field of a workflow', 'did you mean "nodes"?'),
        (workflow(settings="{timeuot: 1h}"), "settings.timeuot", "not a field", 'did you mean "timeout"?'),
        (workflow(settings="{timeout: 30}"), "settings.timeout", "must be a duration", "write 30s for seconds"),
        (workflow(settings="{timeout: 0s}"), "settings.timeout", "too short", "more than 0s"),
        (workflow(settings="{timeout: 99999d}"), "settings.timeout", "too long", "at most 3650d"),
        (workflow(settings="{timeout: P99999999999W}"), "settings.timeout", "not a duration", "PT1H30M"),
        (workflow(settings="{max_iterations: 0}"), "settings.max_iterations", "must be from 1", None),
        (workflow(settings="{priority: hihg}"), "settings.priority", '"hihg" is not one', 'did you mean "high"?'),
        (workflow(settings="{priority: true}"), "settings.priority", "true is not one", "known: high"),
        (workflow(nodes="{}"), "nodes", "there is no node", "at least one"),
        (workflow(nodes="[]"), "nodes", "must be a mapping, not a list", None),
        (workflow(nodes=f"{{Big: {STEP}}}"), "nodes.Big", "cannot be the key of a node", "a to z"),
        (workflow(nodes="{a: {type: transfrom}}"), "nodes.a.type", "not a type of node", 'did you mean "transform"?'),
        (workflow(nodes="{a: {}}"), "nodes.a.type", "missing", "known: connector"),
        (workflow(nodes="{a: 1}"), "nodes.a", "must be a mapping, not 1", "type"),
        (workflow(nodes="{a: {type: transform}}"), "nodes.a", "exactly one of set, value or steps, and has none", None),
        (
            workflow(nodes="{a: {type: transform, set: {}, value: 1}}"),
            "nodes.a",
            "exactly one of set, value or steps, and has both set and value",
            None,
        ),
        (workflow(nodes="{a: {type: condition}}"), "nodes.a.if", "missing", None),
        (
            workflow(nodes='{a: {type: condition, if: "{{ 1 }}"}}'),
            "nodes.a.if",
            "bare expression",
            "leave {{ and }} out",
        ),
        (workflow(nodes="{a: {type: switch, cases: []}}"), "nodes.a.cases", "must have 1 to", None),
        (workflow(nodes="{a: {type: connector, use: http}}"), "nodes.a.use", "is not connector.action", None),
        (workflow(nodes="{a: {type: delay, for: soon}}"), "nodes.a.for", "not a duration", "30s"),
        (workflow(nodes="{a: {type: delay, for: 400d}}"), "nodes.a.for", "too long", "366d"),
        (workflow(nodes="{a: {type: respond, status: 99}}"), "nodes.a.status", "must be from 200 to 599", None),
        (
            workflow(nodes="{a: {type: transform, value: 1, retry: {delay: 1s}}}"),
            "nodes.a.retry.max_attempts",
            "missing",
            "first one included",
        ),
        (
            workflow(nodes="{a: {type: transform, value: 1, retry: {max_attempts: 2, on: [time]}}}"),
            "nodes.a.retry.on[0]",
            "not one of the words",
            'did you mean "timeout"?',
        ),
        (
            workflow(nodes="{a: {type: transform, value: 1, strict: yes}}"),
            "nodes.a.strict",
            "true or false",
            "write true",
        ),
        (workflow(variables="{a: 1}"), "variables.a", "must be a mapping", None),
        (workflow(variables="{a: {type: number, default: x}}"), "variables.a.default", "not of the type number", None),
        (workflow(variables="{a: {type: integer, default: true}}"), "variables.a.default", "not of the type", None),
        (workflow(variables="{a: {type: text, merge: add}}"), "variables.a.merge", "needs the type number", None),
        (workflow(start="{tick: [one]}"), "start.tick", 'there is no trigger "tick"', None),
        (workflow(edges="[one]"), "edges[0]", '"one" is not an edge', "source -> target"),
        (workflow(edges="[{from: one, too: one}]"), "edges[0].too", "not a field of an edge", 'did you mean "to"?'),
        (workflow(layout="[]"), "layout", "must be a mapping", None),
        ("[1]", "document", "a definition is a mapping", None),
        ("just a text", "document", "a definition is a mapping", None),
    ],
)
def test_a_mistake_has_its_place_and_its_fix(text: str, place: str, message: str, fix: str | None) -> None:
    found = next(problem for problem in problems(text) if problem.place == place)

    assert message in found.message
    assert found.line is not None
    assert fix is None or fix in str(found.fix)


@pytest.mark.parametrize(
    ("trigger", "place", "message", "fix"),
    [
        ("{type: webhook}", "verify", "missing", "verify: none"),
        ("{type: webhook, verify: noen}", "verify", "not one of the words", 'did you mean "none"?'),
        ("{type: webhook, verify: {secret: x}}", "verify.scheme", "missing", None),
        ("{type: webhook, verify: none, methods: [post]}", "methods[0]", "not one of", 'did you mean "POST"?'),
        ("{type: webhook, verify: none, methods: POST}", "methods", "must be a list", "write [POST]"),
        ("{type: webhook, verify: none, methods: [PUT, PUT]}", "methods[1]", "stands here twice", None),
        ("{type: webhook, verify: none, path: /a}", "path", "is not a path", None),
        ("{type: webhook, verify: none, path: a/../b}", "path", "is not a path", None),
        ("{type: webhook, verify: none, max_body: 1TB}", "max_body", "is not a size", "1MB"),
        ("{type: webhook, verify: none, max_body: 1GB}", "max_body", "must be from 1 to", None),
        ("{type: webhook, verify: none, dedupe: {}}", "dedupe", "exactly one of header or expression", None),
        ("{type: webhook, verify: none, dedupe: {header: 'a b'}}", "dedupe.header", "name of a header", None),
        ("{type: webhook, verify: none, respond: later}", "respond", "not one of the words", None),
        ("{type: webhook, verify: none, respond: {timeout: 0s}}", "respond.timeout", "too short", None),
        ("{type: webhook, verify: none, enabled: on}", "enabled", "true or false", "write true"),
        ("{type: schedule}", "", "exactly one of cron, every or at", None),
        ("{type: schedule, cron: '* * * * *', every: 1m}", "", "has both cron and every", None),
        ("{type: schedule, cron: '0 9 * *'}", "cron", "wrong number of fields", "weekday"),
        ("{type: schedule, cron: '@daily'}", "cron", "is no cron line", 'write "0 0 * * *"'),
        ("{type: schedule, cron: '0 0 31 2 *'}", "cron", "is no cron line", None),
        ("{type: schedule, cron: '*/90 * * * *'}", "cron", "step of the minute field", None),
        ("{type: schedule, every: 500ms}", "every", "too short", "at least 1s"),
        ("{type: schedule, at: 2027-01-01T08:00:00}", "at", "has no zone", "+01:00"),
        ("{type: schedule, at: 2027-01-01}", "at", "is not a time", None),
        ("{type: schedule, at: []}", "at", "must have 1 to", None),
        (
            "{type: schedule, every: 1m, timezone: europe/berln}",
            "timezone",
            "time zone",
            'did you mean "Europe/Berlin"?',
        ),
        ("{type: schedule, every: 1m, timezone: ../etc/passwd}", "timezone", "time zone", None),
        ("{type: schedule, every: 1m, missed: {within: 1h}}", "missed", '"within" is not yet available', None),
        ("{type: manual, input_schema: {type: objekt}}", "input_schema", "is no JSON Schema", None),
        ("{type: manual, input_schema: {$ref: 'http://localhost/x'}}", "input_schema", "refers to", "#/$defs"),
        ("{type: manual, filter: ''}", "filter", "an empty text", None),
    ],
)
def test_a_mistake_in_a_trigger_has_its_place_and_its_fix(
    trigger: str, place: str, message: str, fix: str | None
) -> None:
    found = only(workflow(triggers=f"{{t: {trigger}}}"))

    assert found.place == f"triggers.t.{place}".rstrip(".")
    assert message in found.message
    assert fix is None or fix in str(found.fix)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        *(
            (workflow(nodes=f"{{a: {{type: {kind}, over: []}}}}"), "nodes.a.type")
            for kind in ("prompt", "task", "agent")
        ),
        *(
            (workflow(triggers=f"{{t: {{type: {kind}, every: 1m}}}}"), "triggers.t.type")
            for kind in ("polling", "chat")
        ),
        (workflow(triggers="{t: {type: schedule, rrule: x}}"), "triggers.t.rrule"),
        (workflow(triggers="{t: {type: webhook, verify: none, allow_ips: []}}"), "triggers.t.allow_ips"),
    ],
)
def test_what_is_planned_is_refused_by_one_clear_message(text: str, place: str) -> None:
    found = only(text)

    assert found.place == place
    assert found.message.endswith("is not yet available in this release")


def test_a_text_that_is_too_long_is_refused() -> None:
    assert "longer than" in only("a: " + "x" * 1_100_000).message


def test_endless_mistakes_end_with_a_count() -> None:
    text = workflow(edges="[" + ", ".join(["x"] * (MAX_PROBLEMS + 10)) + "]")

    found = problems(text)

    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].message == "10 more problems are not shown"


def test_a_whole_node_becomes_the_model() -> None:
    text = """\
name: whole
variables: {n: {type: integer, default: 0, merge: add}}
nodes:
  a: {type: transform, value: 1}
  b: {type: transform, value: 2}
  c:
    type: connector
    name: Call
    description: It calls.
    use: http.request
    connection: acme
    with: {url: "https://example.com"}
    join: {count: 2}
    retry: {max_attempts: 3, delay: 2s, factor: 1.5, max_delay: 1m, jitter: false, on: [timeout]}
    timeout: 45s
    on_error: route
    input: "{{ steps.a }}"
    assign: {n: 1}
    strict: true
  d: {type: stop, as: failed, message: gone}
edges:
  - a -> c
  - b -> c
  - {from: c.error, to: d}
"""
    definition, document = parse_definition(text)
    node = definition.nodes["c"]

    assert (node.name, node.description, node.strict) == ("Call", "It calls.", True)
    assert node.join == Join(kind=JoinKind.COUNT, count=2)
    assert (node.retry.max_attempts, node.retry.delay, node.retry.factor) == (3, timedelta(seconds=2), 1.5)
    assert (node.retry.jitter, node.retry.on) == (False, frozenset({Category.TIMEOUT}))
    assert (node.timeout, node.on_error) == (timedelta(seconds=45), "route")
    assert (node.has_input, node.input, node.assign) == (True, "{{ steps.a }}", {"n": 1})
    assert definition.nodes["d"].spec == StopSpec(succeeded=False, message="gone")
    assert document["edges"] == ["a -> c", "b -> c", "c.error -> d"]


TRIGGERS = """\
name: triggers
triggers:
  hook:
    type: webhook
    verify: {scheme: hmac, secret: s, header: X-Sig}
    methods: [PUT]
    path: a/b
    max_body: 1MB
    dedupe: {expression: trigger.data.id}
    respond: {when: finished, timeout: 5s, status: 201}
    enabled: false
    expect_every: 1h
  open: {type: webhook, verify: none, respond: accepted}
  clock: {type: schedule, at: 2027-01-01T09:00:00+01:00, timezone: Europe/Berlin, missed: all}
nodes:
  one: {type: transform, value: null}
settings: {timeout: 1h, priority: low, retain: 7d, while_paused: reject}
"""


def test_triggers_and_settings_become_the_model() -> None:
    definition, _ = parse_definition(TRIGGERS)

    assert definition.triggers["hook"].spec == WebhookSpec(
        verify={"scheme": "hmac", "secret": "s", "header": "X-Sig"},
        methods=("PUT",),
        path="a/b",
        max_body_bytes=1_000_000,
        dedupe_expression="trigger.data.id",
        respond=RespondWhen.FINISHED,
        respond_timeout=timedelta(seconds=5),
        respond_status=201,
    )
    assert definition.triggers["hook"].enabled is False
    assert definition.triggers["hook"].expect_every == timedelta(hours=1)
    assert definition.triggers["open"].spec == WebhookSpec(verify=None)
    assert definition.triggers["clock"].spec == ScheduleSpec(
        at=(datetime(2027, 1, 1, 8, tzinfo=UTC),), timezone="Europe/Berlin", missed="all"
    )
    assert definition.settings.priority is Lane.LOW
    assert definition.settings.while_paused is WhilePaused.REJECT
    assert definition.settings.retain == Retention(age=timedelta(days=7))


def test_a_condition_may_be_a_plain_boolean() -> None:
    definition, _ = parse_definition(workflow(nodes="{a: {type: condition, if: true}}"))
    assert getattr(definition.nodes["a"].spec, "test", None) == "true"


def test_a_stored_document_gives_the_same_definition() -> None:
    definition, document = parse_definition(workflow(triggers="{t: {type: schedule, every: 1m}}", edges="[]"))

    assert load_document(json.loads(json.dumps(document))) == definition


@pytest.mark.parametrize("document", [{}, {"name": "x", "nodes": {"a": {"type": "gone"}}}, [], None])
def test_a_document_of_another_release_is_refused_without_positions(document: Any) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        load_document(document)
    assert all(problem.line is None for problem in caught.value.problems)
