"""What a definition refers to outside itself is checked against what there is."""

import pytest

from engine.definition import ActionInputs, Outside, check_references, parse_definition
from tests.unit.engine.definition.texts import only, problems, workflow
from webhooks.building import check_scheme

ACTIONS = {
    "http.request": ActionInputs(names=("method", "url", "json"), required=("url",)),
    "desk.open": ActionInputs(needs_connection=True),
}
OUTSIDE = Outside(actions=ACTIONS, check_verify=check_scheme)


def _call(node: str) -> str:
    return workflow(nodes=f"{{n: {{type: connector, {node}}}}}")


def _hook(verify: str) -> str:
    return workflow(triggers=f"{{t: {{type: webhook, verify: {verify}}}}}")


@pytest.mark.parametrize(
    ("text", "place", "message", "fix"),
    [
        (_call("use: http.requst, with: {url: x}"), "nodes.n.use", "no action", 'did you mean "http.request"?'),
        (
            _call("use: http.request, with: {url: x, jsn: 1}"),
            "nodes.n.with.jsn",
            "not an input",
            'did you mean "json"?',
        ),
        (_call("use: http.request"), "nodes.n.with.url", "missing", "add it"),
        (_call("use: desk.open, with: {any: 1}"), "nodes.n.connection", "needs a connection", None),
        (_hook("{scheme: strype, secret: s}"), "triggers.t.verify.scheme", "strype", None),
        (_hook("{scheme: github}"), "triggers.t.verify", "secret", None),
        (_hook("{scheme: github, secret: s, heder: x}"), "triggers.t.verify.heder", "heder", None),
    ],
)
def test_a_reference_to_nothing_is_found(text: str, place: str, message: str, fix: str | None) -> None:
    found = only(text, outside=OUTSIDE)

    assert found.place == place
    assert message in found.message
    assert found.line in {2, 3}
    assert fix is None or fix in str(found.fix)


def test_a_reference_to_something_is_fine() -> None:
    assert problems(_call("use: http.request, with: {url: x}"), outside=OUTSIDE) == []
    assert problems(_call("use: desk.open, connection: c, with: {x: 1}"), outside=OUTSIDE) == []
    assert problems(_hook("{scheme: github, secret: s}"), outside=OUTSIDE) == []
    assert problems(_hook("none"), outside=OUTSIDE) == []


def test_a_value_without_holes_is_checked_by_the_action() -> None:
    outside = Outside(
        actions=ACTIONS,
        check_input=lambda _use, name, value: "must be GET or POST" if (name, value) == ("method", "GTE") else None,
    )

    found = only(_call("use: http.request, with: {url: x, method: GTE, json: {a: ['{{ input }}']}}"), outside=outside)

    assert (found.place, found.message) == ("nodes.n.with.method", "must be GET or POST")
    assert problems(_call("use: http.request, with: {url: x, method: '{{ input }}'}"), outside=outside) == []


def test_nothing_is_checked_without_an_outside() -> None:
    assert problems(_call("use: no.such")) == []


def test_outside_problems_come_together_with_the_others() -> None:
    found = problems(_call("use: no.such, timeuot: 1s"), outside=OUTSIDE)
    assert [problem.place for problem in found] == ["nodes.n.use", "nodes.n.timeuot"]


def test_publishing_checks_secrets_and_connections() -> None:
    text = workflow(
        nodes="{n: {type: connector, use: desk.open, connection: acmee}}",
        triggers="{t: {type: webhook, verify: {scheme: standard, secrets: [new, old]}}}",
    )
    definition, _ = parse_definition(text)

    found = check_references(definition, Outside(secrets={"new"}, connections={"acme"}))

    assert [(problem.place, problem.fix) for problem in found] == [
        ("nodes.n.connection", 'did you mean "acme"?'),
        ("triggers.t.verify", "known: new"),
    ]
    assert check_references(definition, Outside(secrets={"new", "old"}, connections={"acmee"})) == []
