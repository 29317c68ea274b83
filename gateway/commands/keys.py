"""API keys, over the API or beside the database; and the encryption keys of stored secrets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from db.keyring import rotate as rotate_stored
from db.migrate import migrate
from db.session import SqlDatabase, open_database
from db.vault import generate_key
from engine.audit import Act, audit
from engine.errors import NotFound
from engine.model.access import ApiKey, Scope
from engine.model.base import DEFAULT_PROJECT, JsonObject
from gateway.auth import new_key, store_key
from gateway.client import connect, segment
from gateway.clock import SystemClock
from gateway.commands.output import AsJson, moment, print_json, print_table, report
from gateway.encryption import open_vault
from gateway.reaching import named
from gateway.settings import read_settings

app = typer.Typer()
keys = typer.Typer(help="API keys: create, list, revoke. Encryption keys: make, rotate.", no_args_is_help=True)
app.add_typer(keys, name="keys")

ACTOR = "cli"
COLUMNS = ("key", "name", "begins with", "scopes", "created", "ends")

Local = Annotated[
    bool,
    typer.Option(
        "--local", help="Use the database that PATCHBAY_DATABASE_URL or PATCHBAY_DATA_DIR names, with no hub."
    ),
]


@keys.command(epilog="Example: patchbay keys create ci --scope write --scope execute")
def create(
    name: Annotated[str, typer.Argument(help="Whom or what it is for.")],
    *,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it allows; several times. write includes read, admin everything.")
    ] = None,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Make an API key and show it, this once. Without --scope it may do everything."""
    scopes = scope or [Scope.ADMIN]
    if local:
        made = asyncio.run(_create_here(name, scopes))
    else:
        with connect() as hub:
            made = hub.post("/api-keys", {"name": name, "scopes": [one.value for one in scopes]})
    report(made, made["key"], as_json=as_json)


@keys.command("list", epilog="Example: patchbay keys list")
def list_keys(*, local: Local = False, as_json: AsJson = False) -> None:
    """List API keys, revoked ones included."""
    if local:
        found = asyncio.run(_list_here())
    else:
        with connect() as hub:
            found = hub.get("/api-keys")["items"]
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [_row(one) for one in found], empty="no API keys")


@keys.command(epilog="Example: patchbay keys revoke 0198f2c4-…")
def revoke(
    key: Annotated[str, typer.Argument(help="The id of a key, as `keys list` shows it.")],
    *,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key; every process refuses it within a second."""
    if local:
        asyncio.run(_revoke_here(key))
    else:
        with connect() as hub:
            hub.delete(f"/api-keys/{segment(key)}")
    report({"id": key, "revoked": True}, f"revoked {key}", as_json=as_json)


@keys.command("new-encryption-key", epilog="Example: patchbay keys new-encryption-key")
def new_encryption_key(*, as_json: AsJson = False) -> None:
    """Make a key for PATCHBAY_ENCRYPTION_KEYS. Nothing is stored; keep it apart from the database's backups."""
    key = generate_key()
    report({"key": key}, key, as_json=as_json)


@keys.command(epilog="Example: PATCHBAY_ENCRYPTION_KEYS=NEW,OLD patchbay keys rotate")
def rotate(*, as_json: AsJson = False) -> None:
    """Encrypt every stored secret with the first encryption key; the others may be removed afterwards.

    It works on the database itself. First restart all processes with both keys, the new one in front.
    """
    count = asyncio.run(_rotate_here())
    text = f"{count} values encrypted anew; the old keys may be removed from PATCHBAY_ENCRYPTION_KEYS"
    report({"changed": count}, text, as_json=as_json)


@asynccontextmanager
async def _database() -> AsyncIterator[SqlDatabase]:
    settings = read_settings()
    with named(settings):
        if settings.is_embedded:  # a laptop's hub makes its tables by itself, whoever comes first
            await migrate(settings.sql_url)
        async with open_database(settings.sql_url, vault=open_vault(settings), clock=SystemClock()) as database:
            yield database


async def _create_here(name: str, scopes: list[Scope]) -> JsonObject:
    text, key = new_key(project=DEFAULT_PROJECT, name=name, scopes=frozenset(scopes), now=datetime.now(UTC))
    async with _database() as database, database.write() as uow:
        await store_key(uow, SystemClock(), Act(DEFAULT_PROJECT, ACTOR), text, key=key)
        await uow.commit()
    return {**_shown(key), "key": text}


async def _list_here() -> list[JsonObject]:
    async with _database() as database, database.read() as uow:
        return [_shown(key) for key in await uow.access.keys(DEFAULT_PROJECT)]


async def _revoke_here(key_id: str) -> None:
    async with _database() as database, database.write() as uow:
        if not await uow.access.revoke_key(DEFAULT_PROJECT, key_id, now=datetime.now(UTC)):
            raise NotFound(f'there is no API key "{key_id}" that is not revoked')
        await audit(uow, SystemClock(), Act(DEFAULT_PROJECT, ACTOR), "api_key.revoke", target=key_id)
        await uow.commit()


async def _rotate_here() -> int:
    vault = open_vault(read_settings())
    async with _database() as database, database.write() as uow:
        count = await rotate_stored(uow.transaction, vault)
        await uow.commit()
    return count


def _shown(key: ApiKey) -> JsonObject:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _row(key: JsonObject) -> tuple[str, ...]:
    revoked = f"revoked {moment(key['revoked_at'])}" if key["revoked_at"] else moment(key["expires_at"])
    return key["id"], key["name"], key["prefix"], ", ".join(key["scopes"]), moment(key["created_at"]), revoked
