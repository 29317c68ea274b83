"""Code nodes in a whole hub: their results, their console in the history, and their failures."""

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

COUNTING = """
name: {name}
nodes:
  count:
    type: code
    language: javascript
    source: |
      console.log("given", input);
      return input.words.length + vars.more;
  most:
    type: code
    language: python
    source: |
      print("counted", input)
      {{"double": input * 2, "first": steps["count"], "seen": trigger["data"]["words"]}}
variables: {{more: {{type: number, default: 10}}}}
edges: [count -> most]
"""
FAILING = """
name: {name}
nodes:
  boom:
    type: code
    language: javascript
    source: |
      console.log("before");
      throw new Error("out of order");
    on_error: {on_error}
  after: {{type: transform, value: "{{{{ input.error.message }}}}"}}
edges: [boom -> after]
"""


async def test_code_nodes_run_and_show_their_console(client: Client) -> None:
    workflow = await client.create(COUNTING.format(name=some_name()))

    started = await client.execute(workflow, {"words": ["a", "b"]})
    execution = await client.finished(started["execution_id"])

    assert execution["status"] == "succeeded"
    assert execution["output"] == {"double": 24, "first": 12, "seen": ["a", "b"]}
    assert [step["log"] for step in execution["steps"]] == [['given {"words":["a","b"]}'], ["counted 12"]]
    lines = (await client.get(f"/executions/{execution['id']}/logs"))["items"]
    assert ("count", 'console: given {"words":["a","b"]}') in [(line["step"], line["message"]) for line in lines]


async def test_code_that_throws_fails_its_step_with_line_and_log(client: Client) -> None:
    workflow = await client.create(FAILING.format(name=some_name(), on_error="fail"))

    started = await client.execute(workflow, {})
    execution = await client.finished(started["execution_id"])

    assert execution["status"] == "failed"
    assert execution["error"] == {
        "code": "code_failed",
        "message": "line 2: Error: out of order",
        "category": "permanent",
        "step": "boom",
    }
    assert execution["steps"][0]["log"] == ["before"]


async def test_code_that_throws_can_be_survived(client: Client) -> None:
    workflow = await client.create(FAILING.format(name=some_name(), on_error="continue"))

    started = await client.execute(workflow, {})
    execution = await client.finished(started["execution_id"])

    assert (execution["status"], execution["output"]) == ("succeeded", "line 2: Error: out of order")
