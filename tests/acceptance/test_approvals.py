"""Approvals: people answer by a link, over the API or in a terminal; each counts once, and the execution goes on."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.hub_process import serving

pytestmark = pytest.mark.acceptance

TEXT = """
name: {name}
triggers: {{by_hand: {{type: manual}}}}
nodes:
  mail: {{type: transform, value: "{{{{ execution.approvals.ask }}}}"}}
  ask:
    type: approval
    assignees: "{{{{ trigger.data.people }}}}"
    title: "Pay {{{{ trigger.data.sum }}}}?"
    message: "<script>alert(1)</script> {{{{ trigger.data.why }}}}"
    {more}
  paid: {{type: transform, value: "paid by {{{{ steps.ask.by }}}}: {{{{ steps.ask.data }}}}"}}
  refused: {{type: transform, value: "refused: {{{{ steps.ask.comment }}}}"}}
  late: {{type: transform, value: too late}}
edges: [mail -> ask, ask.approved -> paid, ask.rejected -> refused, ask.timeout -> late]
"""
FORM = """form:
      - {key: account, type: choice, options: [main, "<b>other</b>"], required: true}
      - {key: limit, type: integer}
      - {key: urgent, type: boolean}"""
HTML = {"accept": "text/html"}


async def begin(client: Client, *people: str, more: str = "required: any") -> tuple[str, dict[str, str]]:
    """Start an execution that asks; return its id and the path of each one's link."""
    workflow = await client.create(TEXT.format(name=some_name(), more=more))
    data = {"people": list(people), "sum": 120, "why": "& because"}
    id = (await client.execute(workflow, data))["execution_id"]
    told = await client.until(f"/executions/{id}", lambda told: told["status"] == "waiting")
    links = next(step["output"] for step in told["steps"] if step["node"] == "mail")
    return id, {who: httpx.URL(link).raw_path.decode() for who, link in links.items()}


async def open_approval(client: Client, execution: str) -> Any:
    found = (await client.get("/approvals", limit=200))["items"]
    return next(one for one in found if one["execution_id"] == execution)


async def test_a_link_shows_the_question_and_its_form_decides_once(client: Client, visitor: httpx.AsyncClient) -> None:
    id, links = await begin(client, "ann@example.com", more=FORM)

    shown = await visitor.get(links["ann@example.com"], headers=HTML)
    looked = await client.get(f"/executions/{id}")
    answers = {"decision": "approved", "comment": "fine", "field.account": "main", "field.limit": "5"}
    done = await visitor.post(links["ann@example.com"], data=answers)

    assert shown.status_code == 200
    assert "Pay 120?" in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; because" in shown.text
    assert "<script" not in shown.text
    assert "&lt;b&gt;other&lt;/b&gt;" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "script-src" not in shown.headers["content-security-policy"]
    assert looked["status"] == "waiting", "looking decides nothing"
    assert "You have approved this." in done.text
    ended = await client.finished(id)
    assert ended["output"] == 'paid by ann@example.com: {"account":"main","limit":5,"urgent":false}'
    (decision,) = next(step["output"]["decisions"] for step in ended["steps"] if step["node"] == "ask")
    assert (decision["by"], decision["comment"]) == ("link:ann@example.com", "fine")
    again = await visitor.post(links["ann@example.com"], data={"decision": "rejected"})
    assert again.status_code == 410


async def test_a_form_that_is_filled_in_wrongly_is_shown_again_with_what_is_wrong(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    id, links = await begin(client, "ann", more=FORM)

    missing = await visitor.post(links["ann"], data={"decision": "approved", "comment": "<i>well</i>"})
    no_number = await visitor.post(
        links["ann"], data={"decision": "approved", "field.account": "main", "field.limit": "many"}
    )
    neither = await visitor.post(links["ann"], data={"comment": "x"})

    assert [answer.status_code for answer in (missing, no_number, neither)] == [422] * 3
    assert "account" in missing.text
    assert "&lt;i&gt;well&lt;/i&gt;" in missing.text
    assert "cannot be read" in no_number.text
    assert 'value="many"' in no_number.text
    assert (await client.get(f"/executions/{id}"))["status"] == "waiting"


async def test_all_must_approve_where_all_are_required_and_the_first_rejection_rejects(
    client: Client, visitor: httpx.AsyncClient
) -> None:
    id, links = await begin(client, "ann", "bob", more="required: all")
    other, refusing = await begin(client, "ann", "bob", more="required: all")

    one = await visitor.post(links["ann"], data={"decision": "approved"})
    assert "Others are asked as well." in one.text
    assert "given before" in (await visitor.get(links["ann"])).text
    assert (await client.get(f"/executions/{id}"))["status"] == "waiting"
    await visitor.post(links["bob"], data={"decision": "approved"})
    await visitor.post(refusing["bob"], data={"decision": "rejected", "comment": "no"})

    assert (await client.finished(id))["output"].startswith("paid by bob")
    assert (await client.finished(other))["output"] == "refused: no"
    late = await visitor.get(refusing["ann"])
    assert late.status_code == 410


async def test_of_many_answers_at_once_each_person_counts_once(client: Client, visitor: httpx.AsyncClient) -> None:
    people = [f"p{n}" for n in range(5)]
    id, links = await begin(client, *people, more="required: {count: 3}\n    reject_on: impossible")

    posts = [visitor.post(links[who], data={"decision": "approved"}) for who in people for _ in range(2)]
    answers = await asyncio.gather(*posts)

    assert {answer.status_code for answer in answers} <= {200, 410}
    ended = await client.finished(id)
    decisions = next(step["output"]["decisions"] for step in ended["steps"] if step["node"] == "ask")
    assert len({one["assignee"] for one in decisions}) == len(decisions) == 3


async def test_signed_in_people_list_and_decide_over_the_api(client: Client) -> None:
    id, _ = await begin(client, "ann", "bob", more="required: all")
    approval = await open_approval(client, id)
    one = f"/approvals/{approval['id']}"

    assert approval["title"] == "Pay 120?"
    assert approval["id"] in [each["id"] for each in (await client.get("/approvals", assignee="ann"))["items"]]
    assert (await client.post(f"{one}/approve", expect=409, json={}))["code"] == "conflict"
    assert (await client.post(f"{one}/approve", expect=400, json={"as": "eve"}))["code"] == "invalid_request"
    assert (await client.post(f"{one}/approve", json={"as": "ann", "comment": "ok"}))["decision"] is None
    assert approval["id"] not in [each["id"] for each in (await client.get("/approvals", assignee="ann"))["items"]]
    assert (await client.get(one))["answers"][0]["comment"] == "ok"
    assert (await client.post(f"{one}/reject", json={"comment": "no"}))["decision"] == "rejected"
    assert (await client.finished(id))["output"] == "refused: no"
    await client.get(one, expect=404)


@pytest.mark.parametrize(
    ("then", "output"),
    [("timeout", "too late"), ("approved", "paid by : "), ("rejected", "refused: "), ("fail", None)],
)
async def test_when_the_time_is_up_the_node_does_as_it_says(
    client: Client, visitor: httpx.AsyncClient, then: str, output: str | None
) -> None:
    id, links = await begin(client, "ann", more=f"timeout: 300ms\n    on_timeout: {then}")

    ended = await client.finished(id)

    assert ended["output"] == output
    if then == "fail":
        assert ended["error"]["code"] == "step_timeout"
    assert (await visitor.post(links["ann"], data={"decision": "approved"})).status_code == 410
    assert id not in [each["execution_id"] for each in (await client.get("/approvals", limit=200))["items"]]


async def test_a_link_that_is_not_ours_is_like_no_link(client: Client, visitor: httpx.AsyncClient) -> None:
    _, links = await begin(client, "ann", "bob")
    other = links["ann"].replace("/approvals/", "/callbacks/")

    answers = [await visitor.get(path) for path in (other, links["ann"] + "AAAA", "/approvals/x")]

    assert [answer.status_code for answer in answers] == [404] * 3


async def test_a_served_hub_takes_an_answer_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "hub", base_url="http://hub.test") as hub, hub.owner() as client:
        key = hub.key
        id, links = await begin(client, "ann")
    async with serving(tmp_path / "hub", base_url="http://hub.test") as hub, hub.owner(key) as client:
        async with hub.visitor() as visitor:
            assert "Pay 120?" in (await visitor.get(links["ann"])).text
            await visitor.post(links["ann"], data={"decision": "approved"})

        assert (await client.finished(id))["output"].startswith("paid by ann")
