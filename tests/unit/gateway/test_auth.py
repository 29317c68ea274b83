"""Keys over time: the first one, those that expire, and those that another process revokes."""

from datetime import timedelta

import httpx
import pytest

from engine.errors import Forbidden, Unauthenticated
from engine.model.access import Scope
from gateway.auth import TRUSTED_FOR, Keys, create_first_key, create_key, digest_of
from gateway.bootstrap import Hub
from tests.fakes import FakeClock, SwitchedDatabase


async def test_the_first_key_is_made_once_and_may_do_everything(hub: Hub) -> None:
    key = await create_first_key(hub)
    second = await create_first_key(hub)

    assert key is not None
    assert second is None
    caller = await Keys(hub.database, hub.clock).authenticate({"authorization": f"Bearer {key}"})
    for scope in Scope:
        caller.require(scope)


async def test_only_the_digest_of_a_key_is_stored(hub: Hub) -> None:
    key, shown = await create_key(hub, name="ci", scopes=frozenset({Scope.READ}), actor="cli")

    async with hub.database.read() as uow:
        stored = await uow.access.key_by_digest(digest_of(key))

    assert stored == shown
    assert key not in repr(stored)
    assert len(key) == len("pbk_") + 43


async def test_a_key_without_the_scope_is_told_which_one_it_lacks(hub: Hub) -> None:
    key, _ = await create_key(hub, name="ci", scopes=frozenset({Scope.EXECUTE}), actor="cli")
    caller = await Keys(hub.database, hub.clock).authenticate({"x-api-key": key})

    with pytest.raises(Forbidden, match='"write"'):
        caller.require(Scope.WRITE)


async def test_a_key_that_another_process_revoked_is_refused_a_second_later(hub: Hub, clock: FakeClock) -> None:
    key, stored = await create_key(hub, name="ci", scopes=frozenset({Scope.READ}), actor="cli")
    keys, headers = Keys(hub.database, clock), {"authorization": f"bearer {key}"}
    await keys.authenticate(headers)
    async with hub.database.write() as uow:
        await uow.access.revoke_key(stored.project_id, stored.id, now=clock.now())
        await uow.commit()

    clock.advance(TRUSTED_FOR)

    assert timedelta(seconds=1) >= TRUSTED_FOR
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        await keys.authenticate(headers)


async def test_a_key_is_refused_from_the_moment_it_expires(hub: Hub, clock: FakeClock, http: httpx.AsyncClient) -> None:
    expires_at = (clock.now() + timedelta(seconds=60)).isoformat()
    made = await http.post("/api/v1/api-keys", json={"name": "brief", "scopes": ["read"], "expires_at": expires_at})
    keys, headers = Keys(hub.database, clock), {"x-api-key": made.json()["key"]}
    await keys.authenticate(headers)
    clock.advance(59.5)
    await keys.authenticate(headers)

    clock.advance(0.5)

    with pytest.raises(Unauthenticated):
        await keys.authenticate(headers)


async def test_good_keys_are_looked_up_once_a_second(hub: Hub, clock: FakeClock, key: str) -> None:
    database = SwitchedDatabase(hub.database)
    keys = Keys(database, clock)

    for _ in range(10):
        await keys.authenticate({"x-api-key": key})
    clock.advance(1)
    await keys.authenticate({"x-api-key": key})

    assert database.reads == 2
