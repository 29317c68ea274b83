"""Signed links: nobody else can make them, keys may change, and what they name is what was signed."""

import pytest

from db.vault import Vault, generate_key
from engine.model.base import ExecutionId, new_id
from gateway.links import CALLBACK, SignedLinks, Target

BASE = "https://hub.example"


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


@pytest.mark.parametrize("path", ["ask", "ask#2", "orders[3].ask", "ä" * 40])
def test_a_link_names_the_execution_and_the_path(path: str) -> None:
    links = SignedLinks(Vault([generate_key()]), BASE)
    execution_id = ExecutionId(new_id())

    link = links.callback(execution_id, path)

    assert link.startswith(f"{BASE}/callbacks/")
    assert link == links.callback(execution_id, path)
    assert links.read(CALLBACK, token_of(link)) == Target(execution_id=execution_id, path=path)


def test_another_hub_another_kind_and_any_change_make_it_worthless() -> None:
    links = SignedLinks(Vault([generate_key()]), BASE)
    token = token_of(links.callback(ExecutionId(new_id()), "ask"))
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token))
    ]

    assert SignedLinks(Vault([generate_key()]), BASE).read(CALLBACK, token) is None
    assert links.read("approvals", token) is None
    assert [links.read(CALLBACK, each) for each in (*changed, "", "é", token + "A", token[:20], "A" * 9000)] == [
        None for _ in range(len(changed) + 5)
    ]


def test_links_made_with_a_key_that_is_no_longer_the_first_still_work() -> None:
    old, new = generate_key(), generate_key()
    link = SignedLinks(Vault([old]), BASE).callback(ExecutionId(new_id()), "ask")

    assert SignedLinks(Vault([new, old]), BASE).read(CALLBACK, token_of(link)) is not None
    assert SignedLinks(Vault([new]), BASE).read(CALLBACK, token_of(link)) is None


def test_a_derived_key_is_not_the_key_and_differs_by_purpose() -> None:
    key = generate_key()
    vault = Vault([key])

    (one,), (other,) = vault.derive(b"one"), vault.derive(b"other")

    assert len(one) == 32
    assert one != other
    assert key.encode() not in (one, other)
