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
