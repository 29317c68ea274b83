"""The settings that any node may have, from a text to what history shows."""

from typing import Any

import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

CALLING = """
name: {name}
nodes:
  tell:
    type: connector
    use: http.request
    with: {{method: POST, url: "{url}", json: {{n: "{{{{ trigger.data.n }}}}"}}}}
    {setting}
  seen: {{type: transform, value: "{{{{ steps.tell }}}}"}}
edges: [tell -> seen]
"""


async def run(client: Client, outside: Outside, setting: str, *inputs: Any) -> list[Any]:
    """Run a workflow whose only call has this setting, once per input; return the executions."""
    workflow = await client.create(CALLING.format(name=some_name(), url=outside.url, setting=setting))
    ended = []
    for value in inputs:
        started = await client.execute(workflow, value)
        ended.append(await client.finished(started["execution_id"]))
    return ended


async def test_a_disabled_node_is_not_run_and_shown_as_such(client: Client, outside: Outside) -> None:
    [ended] = await run(client, outside, "disabled: true", {"n": 1})

    assert outside.asked == []
    assert ended["output"] == {"n": 1}
    assert [(step["path"], step["note"], step["output"]) for step in ended["steps"]] == [
        ("tell", "disabled", {"n": 1}),
        ("seen", None, {"n": 1}),
    ]


async def test_a_pinned_node_is_not_run_and_shown_as_such(client: Client, outside: Outside) -> None:
    [ended] = await run(client, outside, "pin: {body: fixed}", {"n": 1})

    assert outside.asked == []
    assert ended["output"] == {"body": "fixed"}
    assert ended["steps"][0]["note"] == "pinned"
    log = await client.get(f"/executions/{ended['id']}/logs")
    assert "succeeded (pinned, did not run)" in [line["message"] for line in log["items"]]


async def test_an_input_that_does_not_fit_sends_nothing(client: Client, outside: Outside) -> None:
    setting = "input_schema: {required: [n], properties: {n: {type: integer}}}"

    good, bad = await run(client, outside, setting, {"n": 1}, {"n": "one"})

    assert outside.asked == [{"n": 1}]
    assert good["status"] == "succeeded"
    assert bad["error"]["code"] == "invalid_input"
    assert bad["error"]["message"].endswith('input.n: the value is not of type "integer"')


async def test_an_output_that_does_not_fit_fails_the_step(client: Client, outside: Outside) -> None:
    [ended] = await run(client, outside, "output_schema: {properties: {status: {const: 204}}}", {"n": 1})

    assert outside.asked == [{"n": 1}]
    assert ended["error"]["code"] == "invalid_output"
    assert ended["error"]["message"].endswith("output.status: 204 was expected")


async def test_a_cached_result_stands_in_for_the_call(client: Client, outside: Outside) -> None:
    setting = 'cache: {key: "{{ trigger.data.n }}", for: 1h}'

    first, second, other = await run(client, outside, setting, {"n": 1}, {"n": 1}, {"n": 2})

    assert outside.asked == [{"n": 1}, {"n": 2}]
    assert first["output"] == second["output"]
    assert other["output"] != first["output"]
    assert [execution["steps"][0]["note"] for execution in (first, second, other)] == [None, "cached", None]
