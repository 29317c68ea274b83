"""Many executions are replayed as a job, over HTTP: a dry run, one first, then the rest, and a result for each."""

from typing import Any

import pytest

from tests.acceptance.client import Client, some_name
from tests.acceptance.outside import Outside

pytestmark = pytest.mark.acceptance

CALL = """
name: {name}
nodes:
  call: {{type: connector, use: http.request, with: {{method: POST, url: "{url}", json: {{n: "{{{{ trigger.data }}}}"}}}}}}
"""


async def broken(client: Client, outside: Outside, count: int) -> tuple[str, list[str]]:
    """A workflow, and executions of it that failed because the service outside is broken; it is well again then."""
    workflow = await client.create(CALL.format(name=some_name(), url=outside.url))
    outside.status = 400
    started = [await client.execute(workflow, number) for number in range(count)]
    ids = [one["execution_id"] for one in started]
    for each in ids:
        assert (await client.finished(each))["status"] == "failed"
    outside.status = 200
    outside.asked.clear()
    return workflow, ids


async def over(client: Client, job: str) -> Any:
    return await client.until(f"/replays/{job}", lambda answer: answer["status"] in {"finished", "paused", "aborted"})


async def test_all_that_failed_for_one_reason_are_put_back_once_each(client: Client, outside: Outside) -> None:
    workflow, ids = await broken(client, outside, 5)
    order = {"workflow": workflow, "code": "remote_rejected", "rate": "100/s"}

    preview = await client.post("/replays/preview", json=order)
    nothing = await client.post("/replays/preview", json={**order, "code": "another"})
    job = await client.post("/replays", expect=202, json=order)
    ended = await over(client, job["id"])
    items = (await client.get(f"/replays/{job['id']}/items"))["items"]

    assert (preview["count"], {one["id"] for one in preview["sample"]}) == (5, set(ids))
    assert nothing == {"count": 0, "sample": []}
    assert ended["status"] == "finished"
    assert (ended["progress"]["total"], ended["progress"]["succeeded"]) == (5, 5)
    assert sorted(item["n"] for item in outside.asked) == list(range(5))
    assert outside.asked[0] == {"n": 0}, "the oldest goes first"
    assert {item["execution_id"]: item["replayed_as"] for item in items} == {each: each for each in ids}
    for each in ids:
        assert (await client.get(f"/executions/{each}"))["status"] == "succeeded"
    assert (await client.post("/replays/preview", json=order))["count"] == 0


async def test_where_the_first_one_fails_nothing_follows_until_a_person_says_so(
    client: Client, outside: Outside
) -> None:
    workflow, ids = await broken(client, outside, 3)
    outside.status = 400
    job = (await client.post("/replays", expect=202, json={"workflow": workflow, "rate": "100/s"}))["id"]

    stopped = await over(client, job)
    outside.status = 200
    await client.post(f"/replays/{job}/resume")
    ended = await over(client, job)
    again = await client.post(f"/replays/{job}/resume", expect=409)

    assert stopped["status"] == "paused"
    assert stopped["reason"] == "the first one did not succeed: failed"
    assert (stopped["progress"]["failed"], stopped["progress"]["pending"]) == (1, 2)
    assert (ended["status"], ended["progress"]["succeeded"], ended["progress"]["failed"]) == ("finished", 2, 1)
    assert again["code"] == "conflict"
    failed = (await client.get(f"/replays/{job}/items", state="failed"))["items"]
    assert [item["execution_id"] for item in failed] == [ids[0]]


async def test_a_job_is_paused_and_aborted_and_its_acts_are_in_the_audit_log(client: Client, outside: Outside) -> None:
    workflow, _ = await broken(client, outside, 3)
    order = {"workflow": workflow, "rate": "1/h", "one_first": False}
    job = (await client.post("/replays", expect=202, json=order))["id"]
    await client.until(f"/replays/{job}", lambda answer: answer["progress"]["succeeded"] == 1)

    paused = await client.post(f"/replays/{job}/pause")
    still = await client.get(f"/replays/{job}")
    aborted = await client.post(f"/replays/{job}/abort")
    ended = await client.until(f"/replays/{job}", lambda answer: answer["finished_at"] is not None)

    assert (paused["status"], still["status"], aborted["status"]) == ("paused", "paused", "aborted")
    assert ended["progress"]["pending"] == 2
    entries = (await client.get("/audit", limit=50))["items"]
    acts = [entry["action"] for entry in entries if entry["target"] == job]
    assert acts == ["replay_job.abort", "replay_job.pause", "replay_job.create"]
    assert job in {listed["id"] for listed in (await client.get("/replays"))["items"]}


async def test_an_order_that_makes_no_sense_is_refused(client: Client) -> None:
    wrong = [{"rate": "fast"}, {"status": ["running"]}, {"version": "published"}, {"limit": 0}, {"unknown": 1}]

    for order in wrong:
        await client.post("/replays", expect=400, json=order)
    await client.post("/replays", expect=404, json={"workflow": "nobody-knows"})
    await client.get("/replays/nobody", expect=404)
