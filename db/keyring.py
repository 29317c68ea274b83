"""The keys the stored secrets need: a canary per key, written at its first use, tried at every start. And rotation."""

from datetime import datetime

from sqlalchemy import delete, insert, select, text, update

from db.tables import connections, encryption_keys, secrets
from db.transaction import Transaction
from db.vault import Vault
from engine.errors import ConfigurationError

_CANARY = b"patchbay canary"
# Any fixed number: processes that start at once take turns, so that no two of them write a first key each.
_KEYS_LOCK = 7_412_001


async def verify_keys(transaction: Transaction, vault: Vault, *, now: datetime) -> None:
    """Check that the vault reads everything stored, and remember its first key if it is new.

    Raises:
        ConfigurationError: Something stored needs a key that the vault lacks; names that key. Nothing was changed.
    """
    if transaction.postgres:
        await transaction.run(text(f"SELECT pg_advisory_xact_lock({_KEYS_LOCK})"))
    stored = {row.id: row.canary for row in await transaction.rows(select(encryption_keys))}
    for key_id, canary in stored.items():
        if key_id not in vault.key_ids or vault.decrypt(canary) != _CANARY:
            raise ConfigurationError(
                f'the stored secrets are encrypted with the key "{key_id}", and are unreadable with the keys set '
                f"({', '.join(sorted(vault.key_ids))}); put that key back into PATCHBAY_ENCRYPTION_KEYS, "
                "or add it after the new one and run `patchbay keys rotate`"
            )
    if vault.primary not in stored:
        await transaction.run(
            insert(encryption_keys).values(id=vault.primary, canary=vault.encrypt(_CANARY), created_at=now)
        )


async def rotate(transaction: Transaction, vault: Vault) -> int:
    """Wrap every secret with the vault's first key and forget the other keys; return how many were changed.

    After the commit the other keys may be taken out of the settings. A crash before it changes nothing.
    """
    count = 0
    ours = f"{vault.primary}:%"
    for row in await transaction.rows(
        select(connections.c.id, connections.c.credentials).where(connections.c.credentials.not_like(ours))
    ):
        fresh = vault.rewrap(row.credentials)
        await transaction.run(update(connections).where(connections.c.id == row.id).values(credentials=fresh))
        count += 1
    for row in await transaction.rows(select(secrets).where(secrets.c.value.not_like(ours))):
        fresh = vault.rewrap(row.value)
        same = (secrets.c.project_id == row.project_id) & (secrets.c.name == row.name)
        await transaction.run(update(secrets).where(same).values(value=fresh))
        count += 1
    await transaction.run(delete(encryption_keys).where(encryption_keys.c.id != vault.primary))
    return count
