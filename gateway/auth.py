"""API keys: how they are made, how a request proves that it has one, and what it may then do.

A key is 256 random bits, so its SHA-256 is as good as the key itself is hard to guess: slow password hashes protect
what people think up, and would only cost time here.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.audit import Act, audit
from engine.errors import Forbidden, Unauthenticated
from engine.model.access import ApiKey, Scope
from engine.model.base import DEFAULT_PROJECT, ProjectId, new_id
from engine.ports import Clock, Database, UnitOfWork
from gateway.bootstrap import Hub

PREFIX = "pbk_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43  # 43 letters of 62 hold 256 bits
_SHOWN = len(PREFIX) + 8

TRUSTED_FOR = timedelta(seconds=1)
"""How long a good key is taken for good without asking again, and so how long a revocation may take."""

MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request. ``actor`` is how the audit log names them."""

    project: ProjectId
    actor: str
    key: ApiKey

    def require(self, scope: Scope) -> None:
        """Raises Forbidden: the key lacks the scope; the message names it."""
        if not self.key.allows(scope):
            raise Forbidden(f'this API key lacks the scope "{scope.value}"')

    @property
    def act(self) -> Act:
        """The same, as the audit log takes it."""
        return Act(self.project, self.actor)


class Keys:
    """Recognises API keys; good ones are kept for ``TRUSTED_FOR``, unknown ones are looked up every time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[bytes, tuple[ApiKey, datetime]] = {}

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Return who sends ``Authorization: Bearer pbk_…`` or ``X-API-Key: pbk_…``.

        Raises:
            Unauthenticated: There is no key, or it is unknown, expired or revoked; which of them is not said.
        """
        key = await self._find(digest_of(_given(headers)))
        now = self._clock.now()
        if key is None or key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            raise Unauthenticated("the API key is unknown, expired or revoked")
        return Caller(project=key.project_id, actor=f"key:{key.prefix}", key=key)

    def forget(self) -> None:
        """Ask the database for every key again: one was revoked here."""
        self._known.clear()

    async def _find(self, digest: bytes) -> ApiKey | None:
        now = self._clock.now()
        known = self._known.get(digest)
        if known is not None and now - known[1] < TRUSTED_FOR:
            return known[0]
        async with self._database.read() as uow:
            key = await uow.access.key_by_digest(digest)
        if key is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[digest] = (key, now)
        return key


def digest_of(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def new_key(
    *, project: ProjectId, name: str, scopes: frozenset[Scope], now: datetime, expires_at: datetime | None = None
) -> tuple[str, ApiKey]:
    """Make a key: the text, which is shown once and never again, and what is stored of it."""
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    key = ApiKey(
        id=new_id(),
        project_id=project,
        name=name,
        prefix=text[:_SHOWN],
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return text, key


async def store_key(uow: UnitOfWork, clock: Clock, act: Act, text: str, *, key: ApiKey) -> None:
    """Add a key made by ``new_key``, with its audit row, in the caller's transaction."""
    await uow.access.add_key(key, digest=digest_of(text))
    details = {"name": key.name, "prefix": key.prefix, "scopes": sorted(key.scopes)}
    await audit(uow, clock, act, "api_key.create", target=key.id, details=details)


async def create_key(hub: Hub, *, name: str, scopes: frozenset[Scope], actor: str) -> tuple[str, ApiKey]:
    """Make and store a key of the default project, for the command line."""
    text, key = new_key(project=DEFAULT_PROJECT, name=name, scopes=scopes, now=hub.clock.now())
    async with hub.database.write() as uow:
        await store_key(uow, hub.clock, Act(DEFAULT_PROJECT, actor), text, key=key)
        await uow.commit()
    return text, key


async def create_first_key(hub: Hub) -> str | None:
    """Make a key that may do everything if there was never any; return it, or ``None``."""
    async with hub.database.read() as uow:
        if await uow.access.has_keys():
            return None
    now = hub.clock.now()
    text, key = new_key(project=DEFAULT_PROJECT, name="first key", scopes=frozenset({Scope.ADMIN}), now=now)
    async with hub.database.write() as uow:
        await uow.triggers.touch()  # transactions take turns from here, so two processes do not both find none
        if await uow.access.has_keys():
            return None
        await store_key(uow, hub.clock, Act(DEFAULT_PROJECT, "system"), text, key=key)
        await uow.commit()
    return text


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()
    if not key:
        raise Unauthenticated(f"this needs an API key; send the header Authorization: Bearer {PREFIX}…")
    return key
