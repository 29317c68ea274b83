"""A long history over the API: bounded where all of an execution is asked for, in pages and by place elsewhere."""

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

LOOP = """
name: {name}
nodes:
  prepare: {{type: transform, value: "{{{{ trigger.data.count }}}}"}}
  each:
    type: loop
    times: "{{{{ input }}}}"
    on_item_error: collect
    body:
      nodes:
        odd: {{type: condition, if: index % 2 == 1}}
        part: {{type: transform, value: "{{{{ 1 / (index - 30) }}}}"}}
      edges: [odd.false -> part]
  both:
    type: parallel
    branches:
      left: {{nodes: {{a: {{type: transform, value: 1}}}}}}
      right: {{nodes: {{b: {{type: transform, value: 2}}}}}}
edges: [prepare -> each, each -> both]
"""
OPEN = """
name: {name}
nodes:
  all: {{type: loop, over: "{{{{ trigger.data }}}}", concurrency: 2, body: {{nodes: {{
    fast: {{type: transform, value: 1}}, slow: {{type: condition, if: item == 2}}, rest: {{type: delay, for: 1h}}
  }}, edges: [fast -> slow, slow.true -> rest]}}}}
"""


async def ran(client: Client, count: int) -> str:
    workflow = await client.create(LOOP.format(name=some_name()))
    started = await client.execute(workflow, {"count": count})
    return str((await client.finished(started["execution_id"]))["id"])


async def test_of_a_long_history_the_outermost_steps_come_at_once(client: Client) -> None:
    id = await ran(client, 400)

    execution = await client.get(f"/executions/{id}")

    assert [(step["path"], step["attempt"]) for step in execution["steps"]] == [
        ("prepare", 1),
        ("each", 1),
        ("both", 1),
    ]
    assert execution["more_steps"] == 400 + 200 + 2  # conditions, parts and branches
    assert execution["steps"][1]["inside"] == {"total": 400, "begun": 400, "done": 400, "failed": 1, "first": 0}
    assert execution["steps"][2]["inside"] == {"total": 2, "begun": 2, "done": 2, "failed": 0, "first": 0}
    assert execution["progress"] == {
        "percent": 100,
        "done": ["prepare", "each", "both"],
        "under_way": [],
        "skipped": [],
        "ahead": [],
    }
    logs = await client.get(f"/executions/{id}/logs")
    assert logs["more_steps"] == execution["more_steps"]


async def test_a_short_history_comes_whole_without_openings(client: Client) -> None:
    execution = await client.get(f"/executions/{await ran(client, 2)}")

    assert [step["path"] for step in execution["steps"]] == [
        "prepare",
        "each[0].odd",
        "each[0].part",
        "each[1].odd",
        "each",
        "both.left.a",
        "both.right.b",
        "both",
    ]
    assert execution["more_steps"] == 0
    assert {step["path"]: step["inside"] for step in execution["steps"] if step["inside"]} == {
        "each": {"total": 2, "begun": 2, "done": 2, "failed": 0, "first": 0},
        "both": {"total": 2, "begun": 2, "done": 2, "failed": 0, "first": 0},
    }


async def test_steps_are_read_by_place_by_status_and_in_pages(client: Client) -> None:
    id = await ran(client, 400)

    iteration = await client.get(f"/executions/{id}/steps", within="each[2]")
    failed = await client.get(f"/executions/{id}/steps", within="each", status="failed,unknown")
    one = await client.get(f"/executions/{id}/steps?path=each[30].part")
    paths: list[str] = []
    after = ""
    while True:
        page = await client.get(f"/executions/{id}/steps?limit=100{f'&after={after}' if after else ''}")
        paths += [step["path"] for step in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert [step["path"] for step in iteration["items"]] == ["each[2].odd", "each[2].part"]
    assert [step["path"] for step in failed["items"]] == [step["path"] for step in one["items"]] == ["each[30].part"]
    assert len(paths) == len(set(paths)) == 400 + 200 + 2 + 3
    assert paths == sorted(paths)


async def test_an_open_loop_shows_how_far_it_is(client: Client) -> None:
    workflow = await client.create(OPEN.format(name=some_name()))
    started = await client.execute(workflow, [1, 2, 3])
    waiting = await client.until(f"/executions/{started['execution_id']}", lambda one: one["status"] == "waiting")

    first = waiting["steps"][0]
    assert (first["path"], first["attempt"], first["status"], first["output"]) == ("all", 0, "running", None)
    assert first["inside"] == {"total": 3, "begun": 3, "done": 2, "failed": 0, "first": 0}
    assert waiting["progress"]["percent"] == 66
    assert waiting["progress"]["under_way"] == ["all"]
    paged = await client.get(f"/executions/{started['execution_id']}/steps?path=all")
    assert paged["items"][0]["inside"] == first["inside"]
    await client.post(f"/executions/{started['execution_id']}/cancel")


@pytest.mark.parametrize(
    "query", ["within=a b", "within=a[", "path=A", "after=x", "status=done", "limit=500", "limit=0"]
)
async def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    id = await ran(client, 1)

    problem = await client.get(f"/executions/{id}/steps?{query}", expect=400)

    assert problem["problems"]
