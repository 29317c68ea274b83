"""The versions of a workflow: what differs between two of them."""

import pytest

from tests.acceptance.client import Client, some_name

pytestmark = pytest.mark.acceptance

YAML = {"content-type": "application/yaml"}
TEXT = """
name: {name}
nodes:
  charge: {{type: connector, use: http.request, with: {{url: "https://shop.example"}}, retry: {{max_attempts: {tries}}}}}
  shape: {{type: transform, value: 1}}
edges: [{edge}]
"""


def text(name: str, *, tries: int = 3, edge: str = "") -> str:
    return TEXT.format(name=name, tries=tries, edge=edge)


async def with_versions(client: Client, *texts: str) -> str:
    """A workflow whose first version is published."""
    workflow = await client.create(texts[0])
    for later in texts[1:]:
        await client.put(f"/workflows/{workflow}", content=later, headers=YAML)
    return workflow


async def test_a_diff_says_in_words_what_changed_and_where(client: Client) -> None:
    name = some_name()
    workflow = await with_versions(client, text(name), text(name, tries=5, edge="charge -> shape"))

    there = await client.get(f"/workflows/{workflow}/versions/1/diff", to="2")
    back = await client.get(f"/workflows/{workflow}/versions/1/diff", against="latest")

    assert (there["before"], there["after"], there["summary"], there["runs_alike"]) == (1, 2, "2 changes", False)
    assert [(change["place"], change["kind"], change["text"]) for change in there["changes"]] == [
        ("nodes.charge.retry.max_attempts", "changed", "retry of `charge` went from 3 to 5 attempts"),
        ("edges[0]", "added", "edge charge -> shape added"),
    ]
    assert (back["before"], back["after"]) == (2, 1)
    assert back["changes"][1] == {
        "place": "edges[0]",
        "kind": "removed",
        "text": "edge charge -> shape removed",
        "runs": True,
    }


async def test_a_text_is_compared_before_it_is_saved(client: Client) -> None:
    name = some_name()
    workflow = await with_versions(client, text(name), text(name, tries=4))
    described = f"{text(name)}description: new\n"

    latest = await client.post(f"/workflows/{workflow}/diff", content=text(name), headers=YAML)
    published = await client.post(
        f"/workflows/{workflow}/diff", content=described, headers=YAML, params={"against": "published"}
    )
    wrong = await client.post(f"/workflows/{workflow}/diff", expect=422, content="name: x\nnodse: {}", headers=YAML)

    assert (latest["before"], latest["after"]) == (2, None)
    assert [change["text"] for change in latest["changes"]] == ["retry of `charge` went from 4 to 3 attempts"]
    assert (published["before"], published["summary"]) == (1, "only layout or texts changed")
    assert published["runs_alike"] is True
    assert wrong["code"] == "invalid_definition"
    assert (await client.get(f"/workflows/{workflow}"))["latest"] == 2


async def test_a_diff_needs_two_versions_that_are_there(client: Client) -> None:
    name = some_name()
    await client.post("/workflows", expect=201, content=text(name), headers=YAML)
    path = f"/workflows/{name}/versions/1/diff"

    neither = await client.get(path, expect=400)
    both = await client.get(path, expect=400, to="1", against="1")
    unpublished = await client.get(path, expect=409, against="published")
    await client.get(path, expect=404, to="2")
    await client.get(path, expect=404, to="no-such-thing")

    assert neither["detail"] == both["detail"] == "name the other version, with one of to and against"
    assert "has no published version" in unpublished["detail"]


async def test_a_rollback_publishes_what_was_published_before_and_says_who_and_why(client: Client) -> None:
    name = some_name()
    workflow = await with_versions(client, text(name), text(name, tries=4), text(name, tries=5))
    await client.post(f"/workflows/{workflow}/activate", json={"note": "more patience"})

    back = await client.post(f"/workflows/{workflow}/rollback", json={"note": "too slow"})
    nothing_before = await client.post(f"/workflows/{workflow}/rollback", expect=409)
    chosen = await client.post(f"/workflows/{workflow}/rollback", json={"to": "2"})

    assert (back["published"], back["latest"], chosen["published"]) == (1, 3, 2)
    assert "before version 1 was ever published" in nothing_before["detail"]
    versions = {
        version["number"]: version for version in (await client.get(f"/workflows/{workflow}/versions"))["items"]
    }
    assert [versions[number]["publish_note"] for number in (1, 2, 3)] == ["too slow", "", "more patience"]
    assert all(version["published_by"].startswith("key:") for version in versions.values())
    assert versions[1]["published_at"] < versions[2]["published_at"]
    acts = [entry for entry in (await client.get("/audit"))["items"] if entry["target"] == workflow]
    assert [entry["details"] for entry in acts[:2]] == [
        {"version": 2, "before": 1, "note": "", "split_ended": False},
        {"version": 1, "before": 3, "note": "too slow", "split_ended": False},
    ]


async def test_a_version_that_was_never_published_says_so(client: Client) -> None:
    created = await client.post("/workflows", expect=201, content=text(some_name()), headers=YAML)

    version = created["version"]
    assert (version["published_at"], version["published_by"], version["publish_note"]) == (None, None, None)
    assert version["labels"] == []


async def test_a_label_names_one_version_of_a_workflow_wherever_a_version_is_named(client: Client) -> None:
    name = some_name()
    workflow = await with_versions(client, text(name), text(name, tries=4), text(name, tries=5))
    path = f"/workflows/{workflow}/versions"

    await client.put(f"{path}/1/labels/stable")
    await client.put(f"{path}/1/labels/audited")
    moved = await client.put(f"{path}/2/labels/stable")
    published = await client.post(f"/workflows/{workflow}/activate", json={"label": "stable"})
    compared = await client.get(f"{path}/audited/diff", to="stable")

    assert moved["labels"] == ["stable"]
    assert published["published"] == 2
    assert (await client.get(f"{path}/audited"))["labels"] == ["audited"]
    assert compared["changes"][0]["text"] == "retry of `charge` went from 3 to 4 attempts"
    await client.delete(f"{path}/1/labels/stable", expect=404)
    await client.delete(f"{path}/2/labels/stable")
    await client.post(f"/workflows/{workflow}/activate", expect=404, json={"label": "stable"})
    listed = (await client.get(path))["items"]
    assert [version["labels"] for version in listed] == [[], [], ["audited"]]


async def test_a_label_cannot_look_like_something_else(client: Client) -> None:
    workflow = await client.create(text(some_name()))

    for name in ("3", "latest", "published", "previous", "Stable", "a b", "-x", "a" * 64):
        problem = await client.put(f"/workflows/{workflow}/versions/1/labels/{name}", expect=400)
        assert "cannot be a label" in problem["detail"]
    await client.put(f"/workflows/{workflow}/versions/2/labels/stable", expect=404)
    both = await client.post(f"/workflows/{workflow}/activate", expect=400, json={"version": 1, "label": "stable"})

    assert "not by both" in both["detail"]
