"""Settings about when executions begin that contradict each other are refused when they are saved."""

from datetime import timedelta

import pytest

from engine.definition import parse_definition
from engine.model.admission import AdmissionRules, Batch, Concurrency, Debounce, Mode, Throttle
from tests.unit.engine.definition.texts import only, problems, workflow

FINISHED = "{t: {type: webhook, verify: none, respond: finished}}"


@pytest.mark.parametrize(
    ("settings", "place", "message"),
    [
        ("{debounce: {for: 1s}, batch: {size: 2, for: 1s}}", "settings.batch", "both decide when events become one"),
        ("{concurrency: {mode: parallel, key: a}}", "settings.concurrency.key", "bounds nothing"),
        ("{concurrency: {mode: coalesce}, debounce: {for: 1s}}", "settings.concurrency.mode", "both merge events"),
        ("{concurrency: {mode: skip}, batch: {size: 2, for: 1s}}", "settings.concurrency.mode", "would drop"),
        ("{debounce: {for: 5s, max: 1s}}", "settings.debounce.max", "max is shorter than for"),
        ("{debounce: {for: 1h}, timeout: 10h}", "settings.debounce", "settings.timeout ends the execution"),
        ("{batch: {size: 2, for: 2h}, timeout: 1h}", "settings.batch", "settings.timeout ends the execution"),
        ("{throttle: {limit: 1, per: 2h}, retain: 1h}", "settings.throttle.per", "would be deleted before"),
        ("{throttle: {limit: 1, per: 2h}, retain: {age: 1h}}", "settings.throttle.per", "would be deleted before"),
        ("{throttle: {limit: 9, per: 2h}, retain: {count: 8}}", "settings.throttle.limit", "fewer than `limit`"),
        ("{concurrency: {limit: 0}}", "settings.concurrency.limit", "must be from 1 to 10,000"),
        ("{concurrency: {mode: drop}}", "settings.concurrency.mode", "is not one of the words"),
        ("{batch: {size: 1, for: 1s}}", "settings.batch.size", "must be from 2 to 1,000"),
        ("{batch: {size: 2}}", "settings.batch.for", '"for" is missing'),
        (
            '{throttle: {limit: 1, per: 1m, key: "{{ steps.one }}"}}',
            "settings.throttle.key",
            '"steps" is not known yet',
        ),
        ('{concurrency: {key: "{{ trigger.data. }}"}}', "settings.concurrency.key", ""),
    ],
)
def test_a_contradiction_is_reported_where_it_stands(settings: str, place: str, message: str) -> None:
    found = only(workflow(settings=settings))

    assert found.place == place
    assert message in found.message


@pytest.mark.parametrize(
    "settings", ["{debounce: {for: 1s}}", "{batch: {size: 2, for: 1s}}", "{concurrency: {mode: coalesce}}"]
)
def test_executions_that_share_events_answer_no_caller(settings: str) -> None:
    found = only(workflow(settings=settings, triggers=FINISHED))

    assert (found.place, found.fix) == ("triggers.t.respond", "write respond: accepted")


def test_a_caller_may_wait_for_an_execution_that_waits_for_a_slot() -> None:
    assert problems(workflow(settings="{concurrency: {limit: 1}}", triggers=FINISHED)) == []


def test_the_rules_are_read_with_their_defaults() -> None:
    settings = (
        '{concurrency: {key: "{{ trigger.data.id }}"}, throttle: {limit: 3, per: 1m}, debounce: {for: 2s}, '
        "timeout: 1h, retain: 1d}"
    )
    definition, _ = parse_definition(workflow(settings=settings))
    other, _ = parse_definition(workflow(settings="{concurrency: {mode: parallel}, batch: {size: 9, for: 1m}}"))

    assert definition.settings.admission == AdmissionRules(
        concurrency=Concurrency(limit=1, mode=Mode.QUEUE, key="{{ trigger.data.id }}"),
        throttle=Throttle(limit=3, per=timedelta(minutes=1)),
        debounce=Debounce(quiet=timedelta(seconds=2), longest=timedelta(seconds=20)),
    )
    assert other.settings.admission == AdmissionRules(batch=Batch(size=9, wait=timedelta(minutes=1)))
