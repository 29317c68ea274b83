"""The workloads are the promised ones: their definitions hold, and so does the body that starts them."""

import json

import pytest

from benchmarks.workloads import BODY_BYTES, WORKLOADS, body, definitions
from engine.definition import parse_definition
from engine.model.workflow import RespondWhen, WebhookSpec

TEXTS = definitions(echo_url="http://127.0.0.1:9911/")


@pytest.mark.parametrize("text", TEXTS)
def test_a_definition_has_no_mistake(text: str) -> None:
    definition, _ = parse_definition(text)

    assert definition.name in {*(workload.name for workload in WORKLOADS), "loop", "waiting", "slow"}


def test_each_workload_calls_the_hook_of_its_definition() -> None:
    hooks = {}
    for text in TEXTS:
        definition, _ = parse_definition(text)
        for trigger in definition.triggers.values():
            assert isinstance(trigger.spec, WebhookSpec)
            hooks[definition.name] = (f"/hooks/{trigger.spec.path}", trigger.spec.respond)

    assert hooks == {
        "w1": ("/hooks/w1", RespondWhen.ACCEPTED),
        "w2": ("/hooks/w2", RespondWhen.FINISHED),
        "w3": ("/hooks/w3", RespondWhen.ACCEPTED),
        "loop": ("/hooks/loop", RespondWhen.FINISHED),
        "waiting": ("/hooks/waiting", RespondWhen.ACCEPTED),
        "slow": ("/hooks/slow", RespondWhen.ACCEPTED),
    }
    assert all(workload.path == hooks[workload.name][0] for workload in WORKLOADS)


def test_the_body_has_its_size_and_passes_the_condition() -> None:
    assert len(body()) == BODY_BYTES
    assert json.loads(body())["amount"] > 100


def test_the_called_service_is_the_echo() -> None:
    assert "http://127.0.0.1:9911/" in TEXTS[2]
