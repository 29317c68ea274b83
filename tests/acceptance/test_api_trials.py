"""Trying things out over HTTP: one node alone, and a version or a text on a stored event. Nothing is sent or stored."""

from typing import Any

import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.conftest import Site
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

TEXT = """
name: {name}
variables: {{limit: {{type: number, default: 100}}}}
triggers: {{by_hand: {{type: manual}}}}
nodes:
  shape: {{type: transform, value: {{total: "{{{{ trigger.data.amount * {factor} }}}}", who: "{{{{ trigger.data.who }}}}"}}}}
  is_big: {{type: condition, if: "steps.shape.total > vars.limit"}}
  pause: {{type: delay, for: 1ms}}
  charge: {{type: connector, use: http.request, with: {{url: "{url}", method: POST, json: {body}}}}}
  small: {{type: transform, value: "too small"}}
  {more}
edges: [shape -> is_big, is_big.true -> pause, pause -> charge, is_big.false -> small{edges}]
"""


def text(name: str, url: str, *, factor: int = 2, body: str = "", more: str = "", edges: str = "") -> str:
    body = body or '{total: "{{ steps.shape.total }}", at: "{{ now }}"}'
    return TEXT.format(name=name, url=url, factor=factor, body=body, more=more, edges=edges)


async def charged(client: Client, outside: Outside, name: str) -> tuple[str, Any]:
    """A workflow whose published version has charged somebody."""
    workflow = await client.create(text(name, outside.url))
    started = await client.execute(workflow, {"amount": 60, "who": "Ada"})
    ended = await client.finished(started["execution_id"])
    assert ended["status"] == "succeeded", ended
    assert len(outside.asked) == 1
    return workflow, ended


def verdicts(trial: Any) -> dict[str, str]:
    return {step["path"]: step["verdict"] for step in trial["steps"]}


async def test_the_version_that_ran_does_the_same_again_and_calls_nobody(client: Client, outside: Outside) -> None:
    workflow, ended = await charged(client, outside, some_name())
    before = await client.get("/executions", workflow=workflow)

    trial = await client.post(f"/workflows/{workflow}/trials", json={"event_id": ended["event_id"]})

    assert (trial["alike"], trial["summary"]) == (True, "every step is the same")
    assert set(verdicts(trial).values()) == {"same"}
    assert trial["after"] == {
        "status": "succeeded",
        "reason": "",
        "unanswered": [],
        "output": ended["output"],
        "error": None,
    }
    (charge,) = [step for step in trial["steps"] if step["path"] == "charge"]
    assert charge["before"]["inputs"]["json"]["total"] == charge["after"]["inputs"]["json"]["total"] == 120
    assert charge["after"]["answered_by"] == "recorded"
    assert len(outside.asked) == 1
    assert await client.get("/executions", workflow=workflow) == before


async def test_a_draft_shows_which_call_would_have_other_inputs_and_where(client: Client, outside: Outside) -> None:
    name = some_name()
    workflow, ended = await charged(client, outside, name)
    draft = text(name, outside.url, factor=3)

    trial = await client.post(f"/workflows/{workflow}/trials", json={"definition": draft, "execution_id": ended["id"]})

    steps = {step["path"]: step for step in trial["steps"]}
    assert not trial["alike"]
    assert steps["shape"]["output"] == [{"path": "total", "kind": "changed", "before": 120, "after": 180}]
    assert steps["charge"]["verdict"] == "other_inputs"
    assert steps["charge"]["inputs"] == [{"path": "json.total", "kind": "changed", "before": 120, "after": 180}]
    assert steps["charge"]["text"] == "would be called with other inputs: json.total"
    assert len(outside.asked) == 1


async def test_a_draft_that_takes_another_path_no_longer_calls(client: Client, outside: Outside) -> None:
    name = some_name()
    workflow, ended = await charged(client, outside, name)
    draft = text(name, outside.url, factor=1)

    trial = await client.post(
        f"/workflows/{workflow}/trials", json={"definition": draft, "event_id": ended["event_id"]}
    )

    assert verdicts(trial) == {
        "shape": "output_changed",
        "is_big": "other_path",
        "small": "newly_run",
        "pause": "no_longer_run",
        "charge": "no_longer_called",
    }
    assert trial["after"]["output"] == "too small"


async def test_a_new_call_has_no_recorded_answer_unless_one_is_given(client: Client, outside: Outside) -> None:
    name = some_name()
    workflow, ended = await charged(client, outside, name)
    more = f'extra: {{type: connector, use: http.request, with: {{url: "{outside.url}/extra"}}}}\n'
    more += '  last: {type: transform, value: "{{ steps.extra.body.ok }}"}'
    draft = text(name, outside.url, more=more, edges=", charge -> extra, extra -> last")
    path, body = f"/workflows/{workflow}/trials", {"definition": draft, "event_id": ended["event_id"]}

    without = await client.post(path, json=body)
    given = await client.post(path, json={**body, "answers": {"extra": {"output": {"body": {"ok": True}}}}})
    failing = await client.post(path, json={**body, "answers": {"extra": {"error": {"code": "gone"}}}})
    unknown = await client.post(path, json={**body, "answers": {"other": {}}}, expect=400)

    assert without["after"]["status"] == "incomplete"
    assert without["after"]["unanswered"] == ["extra"]
    assert verdicts(without)["extra"] == "newly_called"
    assert "no recorded answer" in without["summary"] or "without a recorded answer" in without["summary"]
    assert (given["after"]["status"], given["after"]["output"]) == ("succeeded", True)
    assert (failing["after"]["status"], failing["after"]["error"]["code"]) == ("failed", "gone")
    assert '"other", which is no node' in unknown["detail"]
    assert len(outside.asked) == 1


async def test_a_filter_that_refuses_the_event_is_said(client: Client, outside: Outside) -> None:
    name = some_name()
    workflow, ended = await charged(client, outside, name)
    draft = text(name, outside.url).replace("{type: manual}", '{type: manual, filter: "trigger.data.amount > 1000"}')

    trial = await client.post(
        f"/workflows/{workflow}/trials", json={"definition": draft, "event_id": ended["event_id"]}
    )

    assert trial["after"]["status"] == "not_started"
    assert trial["summary"] == "the filter is false: trigger.data.amount > 1000"
    assert verdicts(trial)["charge"] == "no_longer_called"


async def test_a_node_runs_alone_on_what_it_is_given(client: Client, outside: Outside) -> None:
    workflow = await client.create(text(some_name(), outside.url))
    path = f"/workflows/{workflow}/nodes"

    shape = await client.post(f"{path}/shape/run", json={"trigger": {"data": {"amount": 4, "who": "Bo"}}})
    big = await client.post(f"{path}/is_big/run", json={"steps": {"shape": {"total": 5}}, "vars": {"limit": 4}})
    small = await client.post(f"{path}/is_big/run", json={"steps": {"shape": {"total": 5}}})

    assert (shape["status"], shape["output"]) == ("succeeded", {"total": 8, "who": "Bo"})
    assert shape["duration_ms"] > 0
    assert (big["ports"], small["ports"]) == (["true"], ["false"])
    assert big["output"] == {"total": 5}


async def test_a_call_is_shown_answered_or_made_as_one_says(client: Client, site: Site, outside: Outside) -> None:
    workflow, ended = await charged(client, outside, some_name())
    path = f"/workflows/{workflow}/nodes/charge/run"
    stored = {"execution_id": ended["id"]}

    shown = await client.post(path, json=stored)
    recorded = await client.post(path, json={**stored, "effects": "recorded"})
    given = await client.post(path, json={**stored, "effects": "recorded", "answer": {"output": "x"}})
    nothing = await client.post(path, json={"effects": "recorded"})
    made_before = len(outside.asked)
    real = await client.post(path, json={"effects": "real", "steps": {"shape": {"total": 7}}})

    assert (shown["status"], shown["inputs"]["json"]["total"]) == ("not_called", 120)
    assert (recorded["status"], recorded["output"]["body"]) == ("succeeded", {"number": 1})
    assert (given["output"], given["answered_by"]) == ("x", "given")
    assert (nothing["status"], nothing["answered_by"]) == ("not_called", "nobody")
    assert made_before == 1
    assert (real["status"], real["output"]["body"]) == ("succeeded", {"number": 2})
    assert outside.asked[-1]["total"] == 7
    entries = [one for one in (await client.get("/audit"))["items"] if one["target"] == workflow]
    assert [one["details"]["node"] for one in entries if one["action"] == "node.run"] == ["charge"]


async def test_a_real_call_from_a_text_needs_to_be_allowed_to_save_it(client: Client, site: Site) -> None:
    name = some_name()
    workflow = await client.create(f"name: {name}\nnodes: {{a: {{type: transform, value: 1}}}}")
    made = await client.post("/api-keys", expect=201, json={"name": name, "scopes": ["read", "execute"]})
    body = {"definition": f"name: {name}\nnodes: {{b: {{type: transform, value: 2}}}}"}

    async with site.client(made["key"]) as http:
        runner = Client(http)
        refused = await runner.post(f"/workflows/{workflow}/nodes/b/run", json={**body, "effects": "real"}, expect=403)
        allowed = await runner.post(f"/workflows/{workflow}/nodes/b/run", json=body)
        missing = await runner.post(f"/workflows/{workflow}/nodes/b/run", json={}, expect=404)

    assert '"write"' in refused["detail"]
    assert allowed["output"] == 2
    assert 'no node "b"; it has a' in missing["detail"]


async def test_a_node_that_fails_says_why_and_code_really_runs_with_its_log(client: Client) -> None:
    name = some_name()
    source = "console.log('seen', input.n); return {twice: input.n * 2}"
    workflow = await client.create(
        f"name: {name}\nnodes:\n  a: {{type: transform, value: '{{{{ 1 / trigger.data.n }}}}'}}\n"
        f'  c: {{type: code, language: javascript, source: "{source}"}}\n'
    )

    failed = await client.post(f"/workflows/{workflow}/nodes/a/run", json={"trigger": {"data": {"n": 0}}})
    code = await client.post(f"/workflows/{workflow}/nodes/c/run", json={"input": {"n": 21}})

    assert (failed["status"], failed["error"]["step"]) == ("failed", "a")
    assert (code["status"], code["output"], code["log"]) == ("succeeded", {"twice": 42}, ["seen 21"])


async def test_a_trial_that_would_never_end_is_stopped_and_says_so(client: Client) -> None:
    name = some_name()
    workflow = await client.create(f"name: {name}\nnodes: {{a: {{type: transform, value: 1}}}}")
    ended = await client.finished((await client.execute(workflow))["execution_id"])
    nodes = "\n".join(f"  n{i}: {{type: delay, for: 1d}}" for i in range(520))
    edges = ", ".join(f"n{i} -> n{i + 1}" for i in range(519))
    draft = f"name: {name}\nnodes:\n{nodes}\nedges: [{edges}]\nsettings: {{timeout: 300d}}"

    trial = await client.post(
        f"/workflows/{workflow}/trials", json={"definition": draft, "event_id": ended["event_id"]}
    )

    assert trial["after"]["status"] in {"stopped", "failed"}
