"""Every kind of node and every field of the format works on both backends; each is named here or by a test elsewhere.

tests/architecture/test_every_setting_is_tested.py sees to it that none is forgotten.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import pytest

from tests.acceptance.client import Client, some_name, until
from tests.acceptance.every_setting import CALL, CASES, Case
from tests.acceptance.outside import Outside, open_outside

pytestmark = pytest.mark.acceptance

F = TypeVar("F", bound=Callable[..., Any])
COVERED = {name for case in CASES for name in case.covers.split()}

ELSEWHERE = {
    "approval.form": "test_a_link_shows_the_question_and_its_form_decides_once",
    "approval.message": "test_a_link_shows_the_question_and_its_form_decides_once",
    "approval.title": "test_a_link_shows_the_question_and_its_form_decides_once",
    "approval.reject_on": "test_answers_are_enough_when_so_many_approved_or_not_enough_can",
    "approval.required": "test_all_must_approve_where_all_are_required_and_the_first_rejection_rejects",
    "approval.required.count": "test_of_many_answers_at_once_each_person_counts_once",
    "settings.on_failure": "test_the_workflow_gets_the_failed_execution_once",
    "code.limits.console": "test_too_much_console_output_is_cut",
    "code.limits.memory": "test_a_bomb_ends_at_its_limit_and_the_next_run_succeeds",
    "code.limits.time": "test_a_bomb_ends_at_its_limit_and_the_next_run_succeeds",
    "connector.cache": "test_a_cached_result_stands_in_for_the_call",
    "connector.cache.key": "test_a_cached_result_stands_in_for_the_call",
    "connector.cache.for": "test_a_result_is_not_found_from_the_moment_it_expires",
    "manual": "test_a_workflow_runs_to_its_end_and_shows_what_it_did",
    "manual.input_schema": "test_an_input_that_does_not_fit_is_refused_with_its_path",
    "schedule": "test_schedulers_that_fire_together_make_one_event_per_nominal_time",
    "schedule.every": "test_schedulers_that_fire_together_make_one_event_per_nominal_time",
    "schedule.at": "test_fixed_times_are_due_once_each_in_order_whatever_their_zone",
    "schedule.cron": "test_the_due_times_of_a_cron_line_are_those_of_cronsim",
    "schedule.timezone": "test_on_days_when_clocks_change_cron_means_what_debians_cron_does",
    "schedule.missed": "test_after_a_downtime_the_policy_decides",
    "settings.batch.for": "test_a_batch_begins_when_its_time_has_come_even_with_one_event",
    "settings.batch.key": "test_batches_of_a_key_run_one_at_a_time_in_order",
    "settings.concurrency.key": "test_each_key_has_its_own_limit",
    "settings.concurrency.mode": "test_skip_leaves_out_what_finds_no_slot_and_says_so",
    "settings.debounce.key": "test_debounced_executions_displace_each_other",
    "settings.debounce.max": "test_debounce_waits_no_longer_than_max",
    "settings.retain": "test_expired_ones_are_found_behind_many_that_are_not",
    "settings.retain.age": "test_expired_ones_are_found_behind_many_that_are_not",
    "settings.retain.count": "test_the_newest_final_ones_are_kept_and_the_oldest_of_the_others_go_first",
    "settings.throttle": "test_a_throttle_lets_so_many_begin_in_any_period_and_the_rest_wait_in_order",
    "settings.throttle.key": "test_a_throttle_lets_so_many_begin_in_any_period_and_the_rest_wait_in_order",
    "settings.throttle.limit": "test_a_throttle_lets_so_many_begin_in_any_period_and_the_rest_wait_in_order",
    "settings.throttle.per": "test_a_throttle_lets_so_many_begin_in_any_period_and_the_rest_wait_in_order",
    "settings.while_paused": "test_a_paused_workflow_that_rejects_says_so_and_keeps_the_event",
    "trigger.filter": "test_what_is_not_wanted_is_filtered_and_said_so",
    "webhook.max_body": "test_a_body_that_is_too_large_is_refused",
    "webhook.path": "test_a_hook_with_a_readable_path_answers_with_the_result",
    "webhook.verify": "test_a_signed_webhook_runs_through_to_a_finished_execution",
    "webhook.verify.scheme": "test_a_signed_webhook_runs_through_to_a_finished_execution",
    "webhook.verify.secret": "test_a_new_secret_counts_at_once",
    "wait.trigger": "test_only_the_event_that_matches_resumes_and_it_is_the_output",
    "wait.match": "test_only_the_event_that_matches_resumes_and_it_is_the_output",
    "wait.workflow": "test_an_event_of_another_workflow_can_be_awaited_and_a_missing_one_is_an_error",
    "wait.execution": "test_the_end_of_another_execution_resumes_also_when_it_had_ended_before",
    "workflow.version": "test_a_version_of_the_child_can_be_named",
    "workflow.wait": "test_a_child_that_is_not_waited_for_is_only_started",
    "workflow.timeout": "test_a_child_that_takes_too_long_is_cancelled",
}
"""What has a test of its own, by name."""

WITHOUT_EFFECT = {"trigger.expect_every"}
"""What is read and shown, and changes nothing a workflow does: alerts belong to whoever watches the hub."""


def covers(*covered: str) -> Callable[[F], F]:
    """Say what a test shows."""
    COVERED.update(covered)
    return lambda test: test


async def run(client: Client, text: str, data: Any = None) -> Any:
    """Create a workflow, start it, and return its execution when it has ended."""
    workflow = await client.create(f"name: {some_name()}\n{text}\n")
    started = await client.execute(workflow, data)
    return await client.finished(started["execution_id"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.covers)
async def test_one_small_workflow_shows_it(client: Client, outside: Outside, case: Case) -> None:
    ended = await run(client, case.text.replace("URL", outside.url), case.data)

    code = ended["error"] and ended["error"]["code"]
    assert (ended["output"], code) == (case.output, case.code)
    assert outside.asked == list(case.asked)


@pytest.mark.parametrize("kind", ["prompt", "agent", "task"])
async def test_what_comes_later_is_refused_by_one_clear_message(client: Client, kind: str) -> None:
    text = f"name: {some_name()}\nnodes: {{a: {{type: {kind}}}}}\n"
    refused = await client.post("/workflows", expect=422, content=text)

    (problem,) = refused["problems"]
    assert problem["place"] == "nodes.a.type"
    assert problem["message"] == f'"{kind}" is not yet available in this release'


@covers("node.retry", "node.retry.max_attempts", "node.retry.delay", "node.retry.on")
@covers("node.retry.factor", "node.retry.max_delay", "node.retry.jitter")
async def test_a_call_is_tried_again_as_retry_says(client: Client, outside: Outside) -> None:
    outside.status = 503
    retry = "retry: {max_attempts: 3, delay: 10ms, factor: 4, max_delay: 20ms, jitter: false, on: [%s]}"
    text = f"nodes: {{a: {{{CALL.replace('URL', outside.url)}, {retry}}}}}"

    again = await run(client, text % "transient")
    asked = len(outside.asked)
    never = await run(client, text % "timeout")

    assert [step["status"] for step in again["steps"]] == ["retrying", "retrying", "failed"]
    assert [step["status"] for step in never["steps"]] == ["failed"]
    assert (asked, len(outside.asked)) == (3, 4)


@covers("node.timeout")
async def test_a_call_ends_with_its_time(client: Client, outside: Outside) -> None:
    outside.gate.clear()
    ended = await run(client, f"nodes: {{a: {{{CALL.replace('URL', outside.url)}, timeout: 50ms}}}}")
    outside.gate.set()

    assert ended["error"]["code"] == "step_timeout"


@covers("loop.concurrency")
async def test_so_many_iterations_run_at_once(client: Client, outside: Outside) -> None:
    outside.gate.clear()
    call = CALL.replace("URL", outside.url)
    text = f"nodes: {{l: {{type: loop, times: 3, concurrency: 2, body: {{nodes: {{a: {{{call}}}}}}}}}}}"
    workflow = await client.create(f"name: {some_name()}\n{text}\n")

    started = await client.execute(workflow)
    await until(lambda: _number(outside), lambda number: number == 2)
    outside.gate.set()

    assert (await client.finished(started["execution_id"]))["status"] == "succeeded"
    assert sorted(outside.asked) == [0, 1, 2]


@covers("connector.connection", "connector.undo.connection", "connector.undo.timeout", "connector.undo.retry")
@covers(*(f"connector.undo.retry.{name}" for name in ("max_attempts", "delay", "factor", "max_delay", "jitter", "on")))
async def test_an_undo_has_a_connection_attempts_and_a_time_of_its_own(client: Client, outside: Outside) -> None:
    name = some_name("connection")
    body = {"name": name, "connector": "http", "credentials": {"type": "bearer", "token": "t"}}
    await client.post("/connections", expect=201, json=body)
    async with open_outside() as stuck:
        stuck.gate.clear()
        undo = (
            f"undo: {{use: http.request, connection: {name}, timeout: 50ms, with: {{method: PUT, url: {stuck.url}}},"
            " retry: {max_attempts: 2, delay: 5ms, factor: 2, max_delay: 10ms, jitter: false, on: [timeout]}}"
        )
        call = CALL.replace("URL", outside.url)
        text = f"nodes: {{a: {{{call}, connection: {name}, {undo}}}, b: {{type: stop, as: failed, message: no}}}}"
        ended = await run(client, f"{text}\nedges: [a -> b]")
        stuck.gate.set()

    undos = [(step["path"], step["attempt"], step["status"]) for step in ended["steps"] if step["node"] == "a.undo"]
    assert undos == [("a.undo", 1, "retrying"), ("a.undo", 2, "failed")]
    assert "a.undo failed" in ended["error"]["message"]


@covers("workflow", "workflow.workflow", "workflow.with")
async def test_a_workflow_starts_another(client: Client) -> None:
    child = some_name("child")
    await client.create(f'name: {child}\nnodes: {{a: {{type: transform, value: "{{{{ trigger.data.n * 2 }}}}"}}}}\n')

    ended = await run(client, f"nodes: {{a: {{type: workflow, workflow: {child}, with: {{n: 4}}}}}}")

    assert ended["output"] == 8


async def test_wcp_22_recursion(client: Client) -> None:
    name = some_name("factorial")
    workflow = await client.create(
        f"name: {name}\nnodes: {{more: {{type: condition, if: trigger.data.n > 1}}, one: {{type: transform, value: 1}},"
        f' less: {{type: workflow, workflow: {name}, with: {{n: "{{{{ trigger.data.n - 1 }}}}"}}}},'
        ' times: {type: transform, value: "{{ trigger.data.n * steps.less }}"}}\n'
        "edges: [more.true -> less, more.false -> one, less -> times]\n"
    )

    started = await client.execute(workflow, {"n": 4})

    assert (await client.finished(started["execution_id"]))["output"] == 24


@covers("settings.concurrency", "settings.concurrency.limit")
async def test_wcp_39_critical_section(client: Client, outside: Outside) -> None:
    section, call = some_name("section"), CALL.replace("URL", outside.url)
    await client.create(
        f"name: {section}\nsettings: {{concurrency: {{limit: 1}}}}\n"
        f"nodes: {{begin: {{{call}, input: begin}}, end: {{{call}, input: end}}}}\nedges: [begin -> end]\n"
    )
    branch = f"{{nodes: {{KEY: {{type: workflow, workflow: {section}}}}}}}"
    branches = ", ".join(f"{key}: {branch.replace('KEY', f'call_{key}')}" for key in "abc")

    ended = await run(client, f"nodes: {{both: {{type: parallel, branches: {{{branches}}}}}}}")

    assert ended["status"] == "succeeded"
    assert outside.asked == ["begin", "end"] * 3, "the section is never entered twice at the same time"


@covers("settings.batch", "settings.batch.size")
async def test_several_events_make_one_execution(client: Client) -> None:
    text = 'nodes: {a: {type: transform, value: "{{ trigger.data }}"}}\nsettings: {batch: {size: 2, for: 1h}}'
    workflow = await client.create(f"name: {some_name()}\n{text}\n")

    first = await client.execute(workflow, 1)
    await client.execute(workflow, 2)

    assert (await client.finished(first["execution_id"]))["output"] == [1, 2]


@covers("settings.debounce", "settings.debounce.for")
async def test_an_execution_begins_when_events_have_stopped_coming(client: Client) -> None:
    text = 'nodes: {a: {type: transform, value: "{{ trigger.data }}"}}\nsettings: {debounce: {for: 50ms}}'
    workflow = await client.create(f"name: {some_name()}\n{text}\n")

    started = await client.execute(workflow, 1)

    assert (await client.finished(started["execution_id"]))["output"] == 1


@covers("settings.priority")
async def test_an_execution_has_the_priority_of_its_workflow(client: Client) -> None:
    ended = await run(client, "nodes: {a: {type: transform, value: 1}}\nsettings: {priority: high}")
    assert (ended["status"], ended["lane"]) == ("succeeded", "high")


@covers("whole.start", "whole.triggers")
async def test_a_trigger_starts_its_own_nodes(client: Client) -> None:
    workflow = await client.create(
        f"name: {some_name()}\ntriggers: {{x: {{type: manual}}, y: {{type: manual}}}}\nstart: {{x: [a], y: [b]}}\n"
        "nodes: {a: {type: transform, value: 1}, b: {type: transform, value: 2}}\n"
    )

    outputs = []
    for trigger in ("x", "y"):
        started = await client.execute(workflow, params={"trigger": trigger})
        outputs.append((await client.finished(started["execution_id"]))["output"])

    assert outputs == [1, 2]


@covers("respond", "respond.status", "respond.headers", "respond.body", "webhook", "webhook.respond")
@covers("webhook.respond.when", "webhook.respond.timeout", "trigger.map")
async def test_a_webhook_is_answered_by_a_node(client: Client, visitor: httpx.AsyncClient) -> None:
    workflow = await client.create(
        f"name: {some_name()}\ntriggers: {{h: {{type: webhook, verify: none, respond: {{when: node, timeout: 20s}},"
        ' map: {n: "{{ trigger.data.number }}"}}}\n'
        'nodes: {a: {type: respond, status: "{{ 200 + trigger.data.n }}", headers: {X-N: "{{ trigger.data.n }}"},'
        ' body: {got: "{{ trigger.data }}"}}}\n'
    )

    answer = await visitor.post(await client.hook_url(workflow), json={"number": 1})

    assert (answer.status_code, answer.headers["x-n"], answer.json()) == (201, "1", {"got": {"n": 1}})


@covers("webhook.methods", "webhook.dedupe", "webhook.dedupe.header", "webhook.dedupe.expression")
@covers("webhook.respond.status", "trigger.enabled", "webhook.verify.secrets")
async def test_a_webhook_takes_what_it_says(client: Client, visitor: httpx.AsyncClient) -> None:
    async def hook(more: str) -> str:
        text = f"triggers: {{h: {{type: webhook, {more}}}}}\nnodes: {{a: {{type: transform, value: 1}}}}"
        return await client.hook_url(await client.create(f"name: {some_name()}\n{text}\n"))

    by_header = await hook("verify: none, methods: [PUT], dedupe: {header: X-Id}, respond: {status: 299}")
    by_expression = await hook("verify: none, dedupe: {expression: trigger.data.id}")
    disabled = await hook("verify: none, enabled: false")
    old, new = some_name("secret"), some_name("secret")
    for name in (old, new):
        await client.put(f"/secrets/{name}", json={"value": f"value-of-{name}"})
    either = await hook(f"verify: {{scheme: header, header: X-Token, secrets: [{new}, {old}]}}")

    twice = [await visitor.put(by_header, json={}, headers={"X-Id": "7"}) for _ in range(2)]
    same = [await visitor.post(by_expression, json={"id": 7}) for _ in range(2)]
    tokens = [await visitor.post(either, json={}, headers={"X-Token": f"value-of-{name}"}) for name in (old, new, "no")]

    assert [answer.status_code for answer in twice] == [299, 299]
    assert twice[0].json()["execution_id"] == twice[1].json()["execution_id"]
    assert same[0].json()["execution_id"] == same[1].json()["execution_id"]
    assert (await visitor.post(by_header, json={})).status_code == 405
    assert (await visitor.post(disabled, json={})).status_code == 404
    assert [answer.status_code for answer in tokens] == [202, 202, 401]


async def _number(outside: Outside) -> int:
    return len(outside.asked)
