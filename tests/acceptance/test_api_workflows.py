"""Workflows over their life: texts, versions, publishing, pausing, archiving, deleting; and their triggers."""

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

YAML = {"content-type": "application/yaml"}
SIMPLE = "name: {name}\nnodes: {{a: {{type: transform, value: {value}}}}}\n"
SCHEDULED = SIMPLE + "triggers: {{tick: {{type: schedule, every: 7d}}}}\n"
WRONG = """
name: wrong
nodse: {}
nodes:
  a: {type: transform, vlaue: 1}
  b: {type: conditoin, if: "1 +"}
  c: {type: delay, for: soon}
edges: [a -> nowhere]
"""


async def test_a_workflow_is_created_as_a_draft_from_yaml_json_or_an_envelope(client: Client) -> None:
    names = [some_name() for _ in range(4)]
    document = {"name": names[1], "nodes": {"a": {"type": "transform", "value": 1}}}

    as_yaml = await client.post("/workflows", expect=201, content=SIMPLE.format(name=names[0], value=1), headers=YAML)
    as_json = await client.post("/workflows", expect=201, json=document)
    as_object = await client.post(
        "/workflows", expect=201, json={"definition": {**document, "name": names[2]}, "note": "first"}
    )
    as_text = await client.post("/workflows", expect=201, json={"definition": SIMPLE.format(name=names[3], value=1)})

    for answer, name in zip((as_yaml, as_json, as_object, as_text), names, strict=True):
        assert answer["workflow"]["name"] == name
        assert answer["workflow"]["status"] == "draft"
        assert answer["workflow"]["published"] is None
        assert answer["version"]["number"] == 1
    assert as_object["version"]["note"] == "first"


async def test_every_problem_of_a_text_is_reported_with_its_place(client: Client) -> None:
    for path in ("/workflows", "/workflows/check"):
        problem = await client.post(path, expect=422, content=WRONG, headers=YAML)

        assert problem["code"] == "invalid_definition"
        places = {place["place"]: place for place in problem["problems"]}
        assert {"nodse", "nodes.a.vlaue", "nodes.b.type", "nodes.c.for"} <= set(places)
        assert places["nodes.a.vlaue"]["line"] == 5
        assert places["nodes.a.vlaue"]["fix"] == 'did you mean "value"?'


async def test_checking_a_text_stores_nothing(client: Client) -> None:
    name = some_name()

    checked = await client.post("/workflows/check", content=SIMPLE.format(name=name, value=1), headers=YAML)

    assert checked["nodes"] == ["a"]
    await client.get(f"/workflows/{name}", expect=404)


async def test_a_name_is_taken_once(client: Client) -> None:
    text = SIMPLE.format(name=some_name(), value=1)
    await client.post("/workflows", expect=201, content=text, headers=YAML)

    problem = await client.post("/workflows", expect=409, content=text, headers=YAML)

    assert problem["code"] == "conflict"


async def test_a_workflow_is_found_by_its_id_and_by_its_name_with_spaces(client: Client) -> None:
    name = f"Big orders: {some_name()}"
    created = await client.post("/workflows", expect=201, json={"definition": {"name": name, "nodes": _one_node()}})

    by_id = await client.get(f"/workflows/{created['workflow']['id']}")
    by_name = await client.get(f"/workflows/{name}")

    assert by_id == by_name


async def test_workflows_are_found_by_part_of_their_name_and_by_status(client: Client) -> None:
    mark = some_name("Mark")
    draft = await client.post("/workflows", expect=201, content=SIMPLE.format(name=f"{mark}-a", value=1))
    active = await client.create(SIMPLE.format(name=f"{mark}-b", value=1))

    both = (await client.get("/workflows", name=mark.lower()))["items"]
    only = (await client.get("/workflows", name=mark, status="active"))["items"]

    assert [item["id"] for item in both] == [active, draft["workflow"]["id"]]
    assert [item["id"] for item in only] == [active]


async def test_saving_makes_versions_and_publishing_an_older_one_rolls_back(client: Client) -> None:
    name = some_name()
    workflow = await client.create(SIMPLE.format(name=name, value=1))

    saved = await client.put(f"/workflows/{workflow}", content=SIMPLE.format(name=name, value=2), headers=YAML)
    same = await client.put(f"/workflows/{workflow}", content=SIMPLE.format(name=name, value=2), headers=YAML)
    before = await client.execute(workflow, expect=200, params={"wait": 20})
    await client.post(f"/workflows/{workflow}/activate")
    after = await client.execute(workflow, expect=200, params={"wait": 20})
    rolled_back = await client.post(f"/workflows/{workflow}/activate", json={"version": 1})
    finally_ = await client.execute(workflow, expect=200, params={"wait": 20})

    assert (saved["created"], saved["version"]["number"]) == (True, 2)
    assert (same["created"], same["version"]["number"]) == (False, 2)
    assert (before, after, finally_) == (1, 2, 1)
    assert (rolled_back["published"], rolled_back["latest"]) == (1, 2)
    versions = (await client.get(f"/workflows/{workflow}/versions"))["items"]
    assert [(version["number"], version["published"]) for version in versions] == [(2, False), (1, True)]
    assert (await client.get(f"/workflows/{workflow}/versions/2"))["text"] == SIMPLE.format(name=name, value=2)
    await client.get(f"/workflows/{workflow}/versions/3", expect=404)
    await client.get(f"/workflows/{workflow}/versions/two", expect=404)


async def test_saving_over_somebody_elses_version_is_a_conflict(client: Client) -> None:
    name = some_name()
    workflow = await client.create(SIMPLE.format(name=name, value=1))
    read = await client.http.get(f"/api/v1/workflows/{workflow}")
    etag = read.headers["etag"]

    first = await client.http.put(
        f"/api/v1/workflows/{workflow}", content=SIMPLE.format(name=name, value=2), headers={"if-match": etag}
    )
    problem = await client.put(
        f"/workflows/{workflow}", expect=409, content=SIMPLE.format(name=name, value=3), headers={"if-match": etag}
    )

    assert etag == '"1"'
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert problem["code"] == "conflict"
    assert (await client.get(f"/workflows/{workflow}"))["latest"] == 2


async def test_publishing_needs_the_secrets_and_connections_that_are_named(client: Client) -> None:
    name, secret = some_name(), some_name("secret")
    text = SIMPLE.format(name=name, value=1) + (
        f"triggers: {{paid: {{type: webhook, verify: {{scheme: standard, secret: {secret}}}}}}}\n"
    )
    await client.post("/workflows", expect=201, content=text, headers=YAML)

    problem = await client.post(f"/workflows/{name}/activate", expect=422)
    await client.put(f"/secrets/{secret}", json={"value": "whsec_c2VjcmV0LXZhbHVl"})
    published = await client.post(f"/workflows/{name}/activate")

    assert problem["code"] == "invalid_definition"
    assert secret in problem["detail"]
    assert published["status"] == "active"


async def test_pausing_archiving_and_deleting_follow_the_lifecycle(client: Client) -> None:
    name = some_name()
    draft = await client.post("/workflows", expect=201, content=SIMPLE.format(name=name, value=1))
    workflow = draft["workflow"]["id"]

    await client.post(f"/workflows/{workflow}/pause", expect=409)
    await client.post(f"/workflows/{workflow}/activate")
    paused = await client.post(f"/workflows/{workflow}/pause")
    resumed = await client.post(f"/workflows/{workflow}/resume")
    in_use = await client.call("DELETE", f"/workflows/{workflow}", expect=409)
    archived = await client.post(f"/workflows/{workflow}/archive")
    await client.execute(workflow, expect=409)
    await client.delete(f"/workflows/{workflow}")
    await client.get(f"/workflows/{workflow}", expect=404)

    assert [step["status"] for step in (paused, resumed, archived)] == ["paused", "active", "archived"]
    assert in_use["code"] == "conflict"


async def test_pausing_holds_events_and_resuming_releases_them_in_order(client: Client) -> None:
    name = some_name()
    workflow = await client.create(SIMPLE.format(name=name, value='"{{ trigger.data }}"'))
    await client.post(f"/workflows/{workflow}/pause")

    held = [await client.execute(workflow, n) for n in range(3)]
    executions_while_paused = (await client.get("/executions", workflow=workflow))["items"]
    await client.post(f"/workflows/{workflow}/activate")
    executions = await client.until(
        f"/executions?workflow={workflow}",
        lambda answer: [item["status"] for item in answer["items"]] == ["succeeded"] * 3,
    )

    assert [(answer["fate"], answer["execution_id"]) for answer in held] == [("held", None)] * 3
    assert executions_while_paused == []
    assert [item["output"] for item in executions["items"]] == [2, 1, 0]
    event = await client.get(f"/events/{held[0]['event_id']}")
    assert (event["fate"], event["data"]) == ("started", 0)


async def test_a_trigger_shows_its_definition_and_state(client: Client) -> None:
    workflow = await client.create(SCHEDULED.format(name=some_name(), value=1))

    triggers = {item["key"]: item for item in (await client.get(f"/workflows/{workflow}/triggers"))["items"]}
    detail = await client.get(f"/triggers/{triggers['tick']['id']}")
    implicit = await client.get(f"/triggers/{triggers['manual']['id']}")

    assert set(triggers) == {"tick", "manual"}
    assert detail["definition"] == {"type": "schedule", "every": "7d"}
    assert detail["active"] is True
    assert detail["hook_url"] is None
    assert implicit["definition"] is None
    listed = (await client.get("/triggers", workflow=workflow, type="schedule"))["items"]
    assert [item["id"] for item in listed] == [detail["id"]]


async def test_replacing_a_trigger_makes_and_publishes_a_new_version(client: Client) -> None:
    workflow = await client.create(SCHEDULED.format(name=some_name(), value=1))
    (tick,) = (await client.get("/triggers", workflow=workflow, type="schedule"))["items"]

    changed = await client.put(f"/triggers/{tick['id']}", json={"type": "schedule", "every": "2d"})
    wrong = await client.put(f"/triggers/{tick['id']}", expect=422, json={"type": "schedule", "evry": "2d"})

    assert changed["id"] == tick["id"]
    assert changed["definition"] == {"type": "schedule", "every": "2d"}
    assert changed["version"] == 2
    assert wrong["problems"][0]["place"].startswith("triggers.tick")
    shown = await client.get(f"/workflows/{workflow}")
    assert (shown["published"], shown["latest"]) == (2, 2)


async def test_replacing_a_trigger_does_not_publish_what_somebody_saved_meanwhile(client: Client) -> None:
    name = some_name()
    workflow = await client.create(SCHEDULED.format(name=name, value=1))
    (tick,) = (await client.get("/triggers", workflow=workflow, type="schedule"))["items"]
    await client.put(f"/workflows/{workflow}", content=SCHEDULED.format(name=name, value=2))

    problem = await client.put(f"/triggers/{tick['id']}", expect=409, json={"type": "schedule", "every": "2d"})

    assert problem["code"] == "conflict"
    shown = await client.get(f"/workflows/{workflow}")
    assert (shown["published"], shown["latest"]) == (1, 2)


async def test_changing_a_trigger_of_a_paused_workflow_leaves_it_paused(client: Client) -> None:
    workflow = await client.create(SCHEDULED.format(name=some_name(), value=1))
    (tick,) = (await client.get("/triggers", workflow=workflow, type="schedule"))["items"]
    await client.post(f"/workflows/{workflow}/pause")

    await client.put(f"/triggers/{tick['id']}", json={"type": "schedule", "every": "2d"})

    shown = await client.get(f"/workflows/{workflow}")
    assert (shown["status"], shown["published"]) == ("paused", 2)


async def test_a_removed_trigger_stays_with_its_events_and_is_not_active(client: Client) -> None:
    workflow = await client.create(SCHEDULED.format(name=some_name(), value=1))
    triggers = {item["key"]: item for item in (await client.get(f"/workflows/{workflow}/triggers"))["items"]}

    await client.delete(f"/triggers/{triggers['tick']['id']}")
    implicit = await client.call("DELETE", f"/triggers/{triggers['manual']['id']}", expect=409)
    again = await client.call("DELETE", f"/triggers/{triggers['tick']['id']}", expect=409)

    detail = await client.get(f"/triggers/{triggers['tick']['id']}")
    assert detail["active"] is False
    assert implicit["code"] == again["code"] == "conflict"
    assert (await client.get(f"/workflows/{workflow}"))["published"] == 2


def _one_node() -> dict[str, object]:
    return {"a": {"type": "transform", "value": 1}}
