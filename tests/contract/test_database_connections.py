"""What every database must do with connections, secrets, API keys, dead letters, and the signs of life."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.session import SqlDatabase
from engine.errors import Conflict
from engine.model.access import ApiKey, AuditEntry, Scope
from engine.model.base import ConnectionId, ExecutionId, ExecutorId, WorkflowId, new_id
from engine.model.connection import Connection, Credentials
from engine.model.execution import DeadLetter
from engine.repositories import Page
from tests.contract.database_kits import LATER, ME, OTHER_PROJECT, PROJECT, SHE
from tests.fakes import START

pytestmark = pytest.mark.contract


def connection(**changes: Any) -> Connection:
    whole: dict[str, Any] = {
        "id": ConnectionId(new_id()),
        "project_id": PROJECT,
        "name": "team",
        "connector": "slack",
        "config": {"base": "https://example.com"},
        "created_at": START,
        "updated_at": START,
    }
    return Connection(**whole | changes)


def letter(**changes: Any) -> DeadLetter:
    whole: dict[str, Any] = {
        "id": new_id(),
        "project_id": PROJECT,
        "workflow_id": WorkflowId(new_id()),
        "execution_id": ExecutionId(new_id()),
        "step": "call",
        "code": "permanent",
        "message": "the remote side said no",
        "fingerprint": "f1",
        "created_at": START,
    }
    return DeadLetter(**whole | changes)


async def put(database: SqlDatabase, each: Connection, values: dict[str, str] | None) -> None:
    async with database.write() as work:
        await work.connections.put(each, None if values is None else Credentials(values))
        await work.commit()


async def credentials(database: SqlDatabase, each: Connection) -> dict[str, str]:
    async with database.read() as work:
        return dict(await work.connections.credentials(each))


async def test_a_connection_is_kept_with_its_credentials(database: SqlDatabase) -> None:
    team = connection()
    await put(database, team, {"token": "s3cret", "é": "\U0001f511"})

    async with database.read() as work:
        found = [await work.connections.find(PROJECT, key) for key in (team.id, "team", "other", new_id())]
        elsewhere = await work.connections.find(OTHER_PROJECT, "team")

    assert found == [team, team, None, None]
    assert elsewhere is None
    assert await credentials(database, team) == {"token": "s3cret", "é": "\U0001f511"}


async def test_secrets_are_unreadable_in_the_tables(database: SqlDatabase) -> None:
    await put(database, connection(), {"token": "s3cret"})
    async with database.write() as work:
        await work.connections.put_secret(PROJECT, "signing", b"s3cret", now=START)
        await work.commit()

    async with database.read() as work:
        rows = await work.transaction.rows(
            text("SELECT credentials FROM connections UNION ALL SELECT value FROM secrets")
        )

    assert len(rows) == 2
    assert all("s3cret" not in row[0] and row[0].count(":") == 2 for row in rows)


async def test_putting_a_connection_again_keeps_its_id_and_what_is_not_given(database: SqlDatabase) -> None:
    first = connection()
    await put(database, first, {"token": "a"})

    await put(database, connection(config={}, updated_at=LATER), None)
    assert await credentials(database, first) == {"token": "a"}
    await put(database, connection(config={}, updated_at=LATER), {"token": "b"})

    async with database.read() as work:
        stored = await work.connections.find(PROJECT, "team")
    assert stored == connection(id=first.id, config={}, updated_at=LATER)
    assert await credentials(database, first) == {"token": "b"}


async def test_a_connection_without_credentials_has_empty_ones(database: SqlDatabase) -> None:
    await put(database, connection(), None)

    assert await credentials(database, connection()) == {}


async def test_connections_are_listed_and_deleted(database: SqlDatabase) -> None:
    several = [connection(name=name) for name in ("a", "b", "c")]
    for each in several:
        await put(database, each, None)

    async with database.write() as work:
        await work.connections.delete(several[1])
        await work.commit()

    async with database.read() as work:
        found = await work.connections.list(PROJECT, Page())
        assert await work.connections.list(OTHER_PROJECT, Page()) == []
    assert {each.name for each in found} == {"a", "c"}
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)


async def test_a_secret_is_set_replaced_revealed_and_deleted(database: SqlDatabase) -> None:
    async with database.write() as work:
        await work.connections.put_secret(PROJECT, "b", bytes(range(256)), now=START)
        await work.connections.put_secret(PROJECT, "a", b"old", now=START)
        await work.connections.put_secret(PROJECT, "a", b"new", now=LATER)
        await work.commit()

    async with database.write() as work:
        revealed = await work.connections.reveal(PROJECT, ["a", "b", "missing"])
        names = await work.connections.secret_names(PROJECT)
        nothing = await work.connections.reveal(PROJECT, [])
        deleted = [await work.connections.delete_secret(PROJECT, name) for name in ("a", "a")]
        left = await work.connections.secret_names(PROJECT)

    assert revealed == {"a": b"new", "b": bytes(range(256))}
    assert list(names.items()) == [("a", LATER), ("b", START)]
    assert (nothing, deleted, list(left)) == ({}, [True, False], ["b"])


async def test_an_api_key_is_found_by_its_digest_only(database: SqlDatabase) -> None:
    key = ApiKey(
        id=new_id(), project_id=PROJECT, name="ci", prefix="pb_1234",
        scopes=frozenset({Scope.READ, Scope.EXECUTE}), created_at=START, expires_at=LATER,
    )  # fmt: skip
    async with database.write() as work:
        assert not await work.access.has_keys()
        await work.access.add_key(key, digest=b"\0\xff1")
        await work.commit()

    async with database.read() as work:
        assert await work.access.key_by_digest(b"\0\xff1") == key
        assert await work.access.key_by_digest(b"\0\xff") is None
        assert await work.access.keys(PROJECT) == [key]
        assert await work.access.keys(OTHER_PROJECT) == []
        assert await work.access.has_keys()


async def test_two_keys_of_one_digest_are_a_conflict(database: SqlDatabase) -> None:
    def key() -> ApiKey:
        return ApiKey(
            id=new_id(), project_id=PROJECT, name="ci", prefix="pb", scopes=frozenset({Scope.READ}), created_at=START
        )

    async with database.write() as work:
        await work.access.add_key(key(), digest=b"same")
        with pytest.raises(Conflict):
            await work.access.add_key(key(), digest=b"same")


async def test_a_key_is_revoked_once(database: SqlDatabase) -> None:
    key = ApiKey(
        id=new_id(), project_id=PROJECT, name="ci", prefix="pb", scopes=frozenset({Scope.ADMIN}), created_at=START
    )
    async with database.write() as work:
        await work.access.add_key(key, digest=b"d")
        revoked = [
            await work.access.revoke_key(project, id, now=LATER)
            for project, id in ((OTHER_PROJECT, key.id), (PROJECT, "x"), (PROJECT, key.id), (PROJECT, key.id))
        ]
        await work.commit()

    async with database.read() as work:
        stored = await work.access.key_by_digest(b"d")
    assert revoked == [False, False, True, False]
    assert stored is not None
    assert stored.revoked_at == LATER


async def test_the_audit_log_is_read_newest_first(database: SqlDatabase) -> None:
    entries = [
        AuditEntry(id=new_id(), project_id=PROJECT, at=START, actor="cli", action=f"a{number}", target="t",
                   details={"n": number})
        for number in range(3)
    ]  # fmt: skip
    async with database.write() as work:
        for entry in entries:
            await work.access.audit(entry)
        await work.commit()

    async with database.read() as work:
        first = await work.access.audit_entries(PROJECT, Page(limit=2))
        rest = await work.access.audit_entries(PROJECT, Page(limit=2, after=first[-1].id))
    assert [*first, *rest] == sorted(entries, key=lambda entry: entry.id, reverse=True)


async def test_dead_letters_are_listed_and_resolved_once(database: SqlDatabase) -> None:
    letters = [letter(), letter(fingerprint="f2"), letter(project_id=OTHER_PROJECT)]
    async with database.write() as work:
        await work.dead_letters.add(letters)
        await work.dead_letters.add([])
        done = [
            await work.dead_letters.resolve(letters[0].id, state=state, by="key:pb", now=LATER)
            for state in ("replayed", "discarded")
        ]
        await work.commit()

    async with database.read() as work:
        ids = {each.id for each in await work.dead_letters.list(PROJECT, Page())}
        opened = await work.dead_letters.list(PROJECT, Page(), state="open")
        alike = await work.dead_letters.list(PROJECT, Page(), fingerprint="f1")
        found = [await work.dead_letters.find(PROJECT, id) for id in (letters[1].id, letters[2].id, "x")]
    assert done == [True, False]
    assert ids == {letters[0].id, letters[1].id}
    assert opened == [letters[1]]
    assert (alike[0].state, alike[0].resolved_by, alike[0].resolved_at) == ("replayed", "key:pb", LATER)
    assert found == [letters[1], None, None]


async def test_a_heartbeat_stands_until_the_next_or_until_it_is_removed(database: SqlDatabase) -> None:
    async with database.write() as work:
        await work.liveness.beat(ME, now=START, details={"host": "a"})
        await work.liveness.beat(SHE, now=START - timedelta(seconds=1), details={})
        both = await work.liveness.executors()
        await work.liveness.beat(SHE, now=LATER, details={})
        await work.liveness.remove([ME, ExecutorId("nobody")])
        await work.liveness.remove([])
        left = await work.liveness.executors()

    assert both == {ME: START, SHE: START - timedelta(seconds=1)}
    assert left == {SHE: LATER}


async def test_a_lease_is_held_by_one_until_it_expires_or_is_released(databases: Sequence[SqlDatabase]) -> None:
    async def lease(database: SqlDatabase, holder: str, minutes: int) -> bool:
        now = START + timedelta(minutes=minutes)
        async with database.write() as work:
            taken = await work.liveness.lease("scheduler", holder=holder, now=now, until=now + timedelta(minutes=5))
            await work.commit()
        return taken

    first = await asyncio.gather(lease(databases[0], "a", 0), lease(databases[1], "b", 0))
    assert sorted(first) == [False, True]
    holder, other = ("a", "b") if first[0] else ("b", "a")
    assert await lease(databases[0], holder, 4)
    assert not await lease(databases[1], other, 8)
    assert await lease(databases[1], other, 9)
    assert not await lease(databases[0], holder, 10)

    async with databases[0].write() as work:
        await work.liveness.release("scheduler", holder=holder)
        await work.commit()
    assert not await lease(databases[0], holder, 10)
    async with databases[1].write() as work:
        await work.liveness.release("scheduler", holder=other)
        await work.commit()
    assert await lease(databases[0], holder, 10)


async def test_a_breaker_is_changed_by_one_of_two(databases: Sequence[SqlDatabase]) -> None:
    async def put_breaker(database: SqlDatabase, state: dict[str, Any], seen: dict[str, Any] | None) -> bool:
        async with database.write() as work:
            written = await work.liveness.put_breaker("c1", state, seen=seen)
            await work.commit()
        return written

    closed, opened = {"state": "closed", "n": 1}, {"n": 2, "state": "open", "at": 1.5}
    first = await asyncio.gather(*(put_breaker(database, closed, None) for database in databases))
    second = await asyncio.gather(
        *(put_breaker(database, opened, {"n": 1, "state": "closed"}) for database in databases)
    )

    assert sorted(first) == sorted(second) == [False, True]
    assert not await put_breaker(databases[0], closed, closed)
    async with databases[0].read() as work:
        assert await work.liveness.breaker("c1") == opened
        assert await work.liveness.breaker("c2") is None
