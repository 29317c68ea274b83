"""Debugging over HTTP: an execution stops at breakpoints, is looked at, changed, and goes on; on both backends."""

from typing import Any

import pytest

from tests.acceptance.client import FINAL, Client, some_name
from tests.acceptance.conftest import Site
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

TEXT = """
name: {name}
variables: {{limit: {{type: number, default: 100}}}}
nodes:
  shape: {{type: transform, value: {{total: "{{{{ trigger.data.n * 2 }}}}"}}}}
  is_big: {{type: condition, if: "steps.shape.total > vars.limit"}}
  charge: {{type: connector, use: http.request, with: {{url: "{url}", method: POST, json: {{total: "{{{{ steps.shape.total }}}}"}}}}}}
  small: {{type: transform, value: "too small: {{{{ steps.shape.total }}}}"}}
edges: [shape -> is_big, is_big.true -> charge, is_big.false -> small]
"""


async def workflow(client: Client, outside: Outside) -> str:
    return await client.create(TEXT.format(name=some_name(), url=outside.url))


async def started(client: Client, workflow: str, n: int, *breakpoints: Any, step: bool = False) -> str:
    body = {"input": {"n": n}, "breakpoints": list(breakpoints), "step": step}
    return str((await client.post(f"/workflows/{workflow}/debug", expect=202, json=body))["execution_id"])


async def stands(client: Client, execution: str) -> Any:
    """Where it stands, once it does."""
    await client.until(f"/executions/{execution}", lambda one: one["status"] in {*FINAL, "paused"})
    return await client.get(f"/executions/{execution}/debug")


async def go(client: Client, execution: str, how: str) -> Any:
    """Go on, and return where it stands next."""
    await client.post(f"/executions/{execution}/debug/{how}", expect=202)
    return await stands(client, execution)


async def test_an_execution_stops_before_a_call_which_is_made_only_when_it_goes_on(
    client: Client, outside: Outside
) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 60, {"node": "charge"})

    told = await stands(client, execution)
    asked = list(outside.asked)
    await client.post(f"/executions/{execution}/debug/continue", expect=202)
    ended = await client.finished(execution)

    assert told["position"] == {"when": "before", "path": "charge", "node": "charge"}
    assert (told["status"], told["wait_reason"]) == ("paused", "breakpoint")
    assert told["ahead"][0]["inputs"]["json"] == {"total": 120}
    assert (told["outputs"]["shape"], told["vars"]) == ({"total": 120}, {"limit": 100})
    assert asked == []
    assert ended["status"] == "succeeded"
    assert outside.asked == [{"total": 120}]
    assert [step["note"] for step in ended["steps"]].count("stopped") == 1
    assert ended["progress"]["percent"] == 100


async def test_stepping_shows_one_node_after_the_other(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, step=True)

    places = [(await stands(client, execution))["position"]["path"]]
    places += [(await go(client, execution, "step"))["position"]["path"] for _ in range(2)]
    await client.post(f"/executions/{execution}/debug/step", expect=202)
    ended = await client.finished(execution)

    assert places == ["shape", "is_big", "small"]
    assert ended["output"] == "too small: 2"


async def test_what_is_edited_while_it_stands_counts_from_there_on_and_is_shown_with_who_did_it(
    client: Client, outside: Outside
) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, {"node": "is_big"}, {"node": "charge", "when": "after"})
    await stands(client, execution)
    path = f"/executions/{execution}/debug"

    edited = await client.post(f"{path}/edit", json={"steps": {"shape": {"total": 7}}, "vars": {"limit": 5}})
    after = await go(client, execution, "continue")
    await client.post(f"{path}/continue", expect=202)
    ended = await client.finished(execution)

    assert (edited["outputs"]["shape"], edited["vars"]) == ({"total": 7}, {"limit": 5})
    assert after["position"] == {"when": "after", "path": "charge", "node": "charge"}
    assert outside.asked == [{"total": 7}]
    marks = [step for step in ended["steps"] if step["note"] == "edited"]
    assert [mark["log"][0].partition(" edited by ")[0] for mark in marks] == ["output", "variables limit"]
    assert all("edited by key:pbk_" in mark["log"][0] for mark in marks)
    assert next(step for step in ended["steps"] if step["path"] == "shape")["output"] == {"total": 2}


async def test_the_input_of_the_next_node_can_be_replaced(client: Client) -> None:
    name = some_name()
    flow = await client.create(
        f'name: {name}\nnodes:\n  a: {{type: transform, value: 1}}\n  b: {{type: transform, value: "got {{{{ input }}}}"}}\nedges: [a -> b]'
    )
    execution = await started(client, flow, 1, {"node": "b"})
    await stands(client, execution)

    edited = await client.post(f"/executions/{execution}/debug/edit", json={"input": "this"})
    await client.post(f"/executions/{execution}/debug/continue", expect=202)

    assert edited["ahead"][0]["input"] == "this"
    assert (await client.finished(execution))["output"] == "got this"


async def test_a_condition_stops_only_where_it_holds(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    point = {"node": "small", "if": "steps.shape.total > 50"}

    passing = await client.finished(await started(client, flow, 1, point))
    standing = await stands(client, await started(client, flow, 30, point))

    assert passing["status"] == "succeeded"
    assert standing["position"]["node"] == "small"
    assert standing["breakpoints"] == [{"node": "small", "when": "before", "if": "steps.shape.total > 50"}]


async def test_one_that_has_ended_is_debugged_as_a_new_execution_of_its_event(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    old = await client.finished((await client.execute(flow, {"n": 3}))["execution_id"])

    body = {"breakpoints": [{"node": "small"}]}
    fresh = (await client.post(f"/executions/{old['id']}/debug", expect=202, json=body))["execution_id"]
    told = await stands(client, fresh)
    cancelled = await client.post(f"/executions/{fresh}/cancel")

    assert fresh != old["id"]
    assert told["trigger"]["data"] == {"n": 3}
    assert cancelled["status"] == "cancelled"
    assert (await client.get(f"/executions/{fresh}"))["rerun_of"] == old["id"]


async def test_one_that_a_person_paused_can_be_debugged_from_there_and_resumed_like_any_other(client: Client) -> None:
    name = some_name()
    flow = await client.create(
        f"name: {name}\nnodes: {{a: {{type: delay, for: 1h}}, b: {{type: transform, value: 1}}}}\nedges: [a -> b]"
    )
    execution = (await client.execute(flow))["execution_id"]
    await client.until(f"/executions/{execution}", lambda one: one["status"] == "waiting")
    await client.post(f"/executions/{execution}/pause")

    await client.post(f"/executions/{execution}/debug", expect=202, json={"breakpoints": [{"node": "b"}]})
    told = await client.get(f"/executions/{execution}/debug")
    await client.post(f"/executions/{execution}/resume")

    assert told["position"] is None
    assert [(one["path"], one["waits"]) for one in told["ahead"]] == [("a", True)]
    assert (await client.get(f"/executions/{execution}"))["status"] == "waiting"


async def test_resuming_one_that_stands_at_a_breakpoint_goes_on_from_it(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, {"node": "small"})
    await stands(client, execution)

    await client.post(f"/executions/{execution}/resume")

    assert (await client.finished(execution))["status"] == "succeeded"


async def test_breakpoints_are_replaced_while_it_stands(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, step=True)
    await stands(client, execution)
    points = [{"node": "small", "when": "after"}]

    changed = await client.put(f"/executions/{execution}/debug/breakpoints", json={"breakpoints": points})
    told = await go(client, execution, "continue")

    assert changed["breakpoints"] == [{"node": "small", "when": "after", "if": None}]
    assert (told["position"]["when"], told["position"]["path"]) == ("after", "small")


async def test_what_makes_no_sense_is_refused_and_changes_nothing(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    start = f"/workflows/{flow}/debug"
    execution = await started(client, flow, 1, {"node": "small"})
    await stands(client, execution)
    path = f"/executions/{execution}/debug"
    plain = (await client.execute(flow, {"n": 1}))["execution_id"]
    await client.finished(plain)

    node = await client.post(start, expect=400, json={"breakpoints": [{"node": "nobody"}]})
    condition = await client.post(start, expect=400, json={"breakpoints": [{"node": "small", "if": "1 +"}]})
    nothing = await client.post(f"{path}/edit", expect=400, json={})
    output = await client.post(f"{path}/edit", expect=400, json={"steps": {"charge": 1}})
    variable = await client.post(f"{path}/edit", expect=400, json={"vars": {"limit": "much"}})
    unknown = await client.post(f"{path}/edit", expect=400, json={"vars": {"other": 1}})
    where = await client.post(f"{path}/edit", expect=400, json={"input": 1, "at": "charge"})
    debugged = await client.get(f"/executions/{plain}/debug", expect=409)
    going = await client.post(f"/executions/{plain}/debug/continue", expect=409)

    assert '"nobody", which is no node' in node["detail"]
    assert 'the condition of the breakpoint at "small" is wrong' in condition["detail"]
    assert "nothing is edited" in nothing["detail"]
    assert '"charge" has no output' in output["detail"]
    assert "number" in variable["detail"]
    assert 'no variable "other"; declared: limit' in unknown["detail"]
    assert '"charge" is not about to run; about to run or under way: small' in where["detail"]
    assert "nobody debugs this execution" in debugged["detail"] == going["detail"]
    told = await client.get(path)
    assert [step for step in told["steps"] if step["note"] == "edited"] == []


async def test_every_act_is_in_the_audit_log(client: Client, site: Site, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, {"node": "small"})
    await stands(client, execution)
    await client.post(f"/executions/{execution}/debug/edit", json={"input": 1})
    await client.post(f"/executions/{execution}/debug/continue", expect=202)
    await client.finished(execution)

    entries = (await client.get("/audit", limit=200))["items"]

    acts = [entry["action"] for entry in entries if entry["target"] == execution]
    assert acts == ["execution.debug.continue", "execution.debug.edit", "execution.debug.start"]


async def test_a_replay_from_a_step_keeps_what_was_edited_before_it(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, {"node": "is_big"})
    await stands(client, execution)
    await client.post(f"/executions/{execution}/debug/edit", json={"steps": {"shape": {"total": 9}}})
    await client.post(f"/executions/{execution}/debug/continue", expect=202)
    ended = await client.finished(execution)
    mark = next(step["path"] for step in ended["steps"] if step["note"] == "edited")

    again = await client.post(f"/executions/{execution}/replay", expect=202, json={"from": "small"})
    refused = await client.post(f"/executions/{execution}/replay", expect=409, json={"from": mark})

    assert ended["output"] == "too small: 9"
    assert (await client.finished(again["execution_id"]))["output"] == "too small: 9"
    assert "recorded: shape, is_big, small" in refused["detail"]


async def test_the_log_tells_where_it_stood_and_what_was_changed(client: Client, outside: Outside) -> None:
    flow = await workflow(client, outside)
    execution = await started(client, flow, 1, {"node": "small"})
    await stands(client, execution)
    await client.post(f"/executions/{execution}/debug/edit", json={"input": 5})

    lines = (await client.get(f"/executions/{execution}/logs"))["items"]

    told = [line["message"] for line in lines if line["step"] == "small"]
    assert told[0] == "debugger: stopped before it"
    assert told[1].startswith("debugger: input edited by key:pbk_")
